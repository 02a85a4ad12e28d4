//! From the command line to a task: the description that the cluster and `--local` share.
//!
//! Owns what `stoker run` asks for beside its flags; reads nothing but the files' metadata.

use std::path::Path;

use stoker_types::{ModuleReference, Reason, Resources, TaskId, TaskInfo, TaskLimits};

use super::RunError;
use crate::args::run::Run;

/// What stdout and stderr of a task of `stoker run` may hold together: the terminal keeps nothing,
/// so this only ends what would never end.
const OUTPUT_BYTES: u64 = 1 << 30;

/// The task that the arguments describe, with a module that is already known.
pub(super) fn task(arguments: &Run, module: ModuleReference, id: TaskId) -> TaskInfo {
    let program_name = file_name(&arguments.module);
    TaskInfo {
        id,
        name: arguments
            .name
            .clone()
            .unwrap_or_else(|| program_name.clone()),
        module,
        module_digest: None,
        resources: resources(arguments),
        arguments: arguments.arguments.clone(),
        program_name,
        environment: arguments.env.clone(),
        stdin: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        limits: TaskLimits {
            fuel_budget: arguments.fuel_budget,
            wall_time: arguments.timeout,
            output: Some(OUTPUT_BYTES),
            unknown_imports: arguments.unknown_imports.into(),
            strict: arguments.strict,
        },
    }
}

fn resources(arguments: &Run) -> Resources {
    Resources {
        cpus: arguments.cpus,
        mem: arguments.mem,
        disk: arguments.disk,
        fuel: arguments.fuel.unwrap_or_default(),
        ..Resources::default()
    }
}

/// The last part of a path, as text.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Checks that `path` is a file that can be read, before anything is set in motion.
pub(super) fn readable_file(path: &Path, what: &str) -> Result<(), RunError> {
    let refused = |problem: String| {
        RunError::refused(
            Reason::ModuleNotFound,
            format!("{what} {} {problem}", path.display()),
        )
    };
    let metadata = std::fs::metadata(path)
        .map_err(|error| refused(format!("cannot be read: {error}; check the path")))?;
    if !metadata.is_file() {
        return Err(refused("is no file; name a file".to_owned()));
    }
    std::fs::File::open(path).map_err(|error| refused(format!("cannot be opened: {error}")))?;
    Ok(())
}
