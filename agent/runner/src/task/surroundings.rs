//! What a guest is told at its start: arguments and environment.

use stoker_types::{EnvironmentVariable, ModuleReference, TaskInfo};

/// `argv[0]` of a module that has no file name.
const NAMELESS: &str = "module.wasm";

/// All arguments, `argv[0]` first.
pub(crate) fn arguments(task: &TaskInfo) -> Vec<String> {
    let program_name = if task.program_name.is_empty() {
        module_name(&task.module)
    } else {
        task.program_name.clone()
    };
    let mut arguments = Vec::with_capacity(1 + task.arguments.len());
    arguments.push(program_name);
    arguments.extend_from_slice(&task.arguments);
    arguments
}

/// The file name of a module, where its reference has one.
fn module_name(module: &ModuleReference) -> String {
    let name = match module {
        ModuleReference::File(path) => path.file_name(),
        ModuleReference::Blob(_) => None,
    };
    name.map_or_else(
        || NAMELESS.to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The task's variables, then Stoker's.
pub(crate) fn environment(
    task: &TaskInfo,
    stoker: &[EnvironmentVariable],
) -> Vec<(String, String)> {
    let pair = |variable: &EnvironmentVariable| (variable.name.clone(), variable.value.clone());
    task.environment.iter().chain(stoker).map(pair).collect()
}
