//! Describing a task, and giving it an id.
//!
//! Owns the builder. What the fields mean is said in `stoker-types`; whether they are right is
//! judged by the master.

use std::time::Duration;

use stoker_types::{
    BlobForm, Digest, EnvironmentVariable, FrameworkId, IdGenerator, Input, Milli, ModuleReference,
    Resources, TaskId, TaskInfo, TaskLimits, UnknownImports,
};

/// The most characters of a task's name that its id begins with.
const ID_PREFIX_CHARACTERS: usize = 64;

/// A task to be launched: a module and what it may have.
///
/// Begins with a quarter of a core and 64 MiB, like `stoker run`:
///
/// ```
/// use stoker_sdk_scheduler::Task;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let task = Task::new("file:/srv/modules/wordcount.wasm".parse()?)
///     .name("count chapter 1")
///     .cpu_millis(500)
///     .mem_mib(32)
///     .args(["--top", "10"])
///     .env("LANG", "C");
/// // The same in the words of the command line:
/// let other = Task::new("file:/srv/modules/wordcount.wasm".parse()?)
///     .resources("cpus=0.5;mem=32MiB".parse()?);
/// assert_eq!(task.needs(), other.needs());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    id: Option<TaskId>,
    name: String,
    module: ModuleReference,
    module_digest: Option<Digest>,
    resources: Resources,
    arguments: Vec<String>,
    program_name: String,
    environment: Vec<EnvironmentVariable>,
    stdin: Option<Digest>,
    inputs: Vec<Input>,
    outputs: Vec<String>,
    limits: TaskLimits,
}

impl Task {
    /// A task that runs this module: `blob:sha256:…` or `file:/absolute/path` on the agent.
    #[must_use]
    pub fn new(module: ModuleReference) -> Self {
        Self {
            id: None,
            name: String::new(),
            module,
            module_digest: None,
            resources: Resources {
                cpus: Milli::from_thousandths(250),
                mem: 64 << 20,
                ..Resources::default()
            },
            arguments: Vec::new(),
            program_name: String::new(),
            environment: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            limits: TaskLimits::default(),
        }
    }

    /// Its id, where one was chosen before; otherwise [`launch`](crate::Calls::launch) makes one.
    #[must_use]
    pub fn id(mut self, id: TaskId) -> Self {
        self.id = Some(id);
        self
    }

    /// Its name, for people; the id that it is given begins with it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The digest that the module must have, for references that do not name it themselves.
    #[must_use]
    pub const fn module_digest(mut self, digest: Digest) -> Self {
        self.module_digest = Some(digest);
        self
    }

    /// Its CPU time, in thousandths of a core.
    #[must_use]
    pub const fn cpu_millis(self, millis: u64) -> Self {
        self.cpus(Milli::from_thousandths(millis))
    }

    /// Its CPU time, in cores: `"0.25".parse()?`.
    #[must_use]
    pub const fn cpus(mut self, cpus: Milli) -> Self {
        self.resources.cpus = cpus;
        self
    }

    /// Its memory, in MiB.
    #[must_use]
    pub const fn mem_mib(self, mib: u64) -> Self {
        self.mem(mib.saturating_mul(1 << 20))
    }

    /// Its memory, in bytes.
    #[must_use]
    pub const fn mem(mut self, bytes: u64) -> Self {
        self.resources.mem = bytes;
        self
    }

    /// Its disk, in bytes: a folder that it may write to, in blocks of 4 KiB; past it the guest
    /// gets `ENOSPC` and goes on. None unless set.
    #[must_use]
    pub const fn disk(mut self, bytes: u64) -> Self {
        self.resources.disk = bytes;
        self
    }

    /// The ceiling of its speed, in millions of fuel units a second. None unless set.
    #[must_use]
    pub const fn fuel(mut self, rate: Milli) -> Self {
        self.resources.fuel = rate;
        self
    }

    /// All its resources at once; any may be in there, ports and custom ones too.
    #[must_use]
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = resources;
        self
    }

    /// One more argument, behind `argv[0]` and those before.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// More arguments, behind `argv[0]` and those before.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// `argv[0]`; the module's file name unless set.
    #[must_use]
    pub fn program_name(mut self, name: impl Into<String>) -> Self {
        self.program_name = name.into();
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push(EnvironmentVariable {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// A blob to read on standard input; end of file at once unless set.
    #[must_use]
    pub const fn stdin(mut self, blob: Digest) -> Self {
        self.stdin = Some(blob);
        self
    }

    /// One more file to find in its sandbox, at `path`, read-only.
    ///
    /// `path` lies in a folder that holds nothing but read-only inputs: `in/words.txt`. What
    /// inputs take counts as [`disk`](Self::disk).
    #[must_use]
    pub fn input(self, blob: Digest, path: impl Into<String>) -> Self {
        self.any_input(blob, path.into(), BlobForm::File, true)
    }

    /// One more directory to find in its sandbox, at `path`, read-only: the blob is a tar of what
    /// is in it.
    ///
    /// The first folder of `path` holds nothing but read-only inputs; `path` may be that folder.
    #[must_use]
    pub fn input_directory(self, blob: Digest, path: impl Into<String>) -> Self {
        self.any_input(blob, path.into(), BlobForm::Tar, true)
    }

    /// One more file to find in its sandbox, at `path`: its own copy, which it may change.
    #[must_use]
    pub fn writable_input(self, blob: Digest, path: impl Into<String>) -> Self {
        self.any_input(blob, path.into(), BlobForm::File, false)
    }

    /// One more directory to find in its sandbox, at `path`: its own copy, which it may change.
    #[must_use]
    pub fn writable_input_directory(self, blob: Digest, path: impl Into<String>) -> Self {
        self.any_input(blob, path.into(), BlobForm::Tar, false)
    }

    fn any_input(mut self, blob: Digest, path: String, form: BlobForm, read_only: bool) -> Self {
        self.inputs.push(Input {
            blob,
            path,
            form,
            read_only,
        });
        self
    }

    /// One more file or directory of its sandbox to upload when it has finished; a directory is
    /// uploaded as a tar of what is in it.
    #[must_use]
    pub fn output(mut self, path: impl Into<String>) -> Self {
        self.outputs.push(path.into());
        self
    }

    /// The fuel that it may use in all, in units; then it fails with `FUEL_EXHAUSTED`.
    #[must_use]
    pub const fn fuel_budget(mut self, units: u64) -> Self {
        self.limits.fuel_budget = Some(units);
        self
    }

    /// The wall time that it may take from its instantiation; then it fails with `DEADLINE`.
    #[must_use]
    pub const fn timeout(mut self, wall_time: Duration) -> Self {
        self.limits.wall_time = Some(wall_time);
        self
    }

    /// What it may write to stdout and stderr together, in bytes; then it fails with
    /// `OUTPUT_LIMIT`, and up to then all is kept. Unless set, it may write for ever, and its agent
    /// keeps the end (64 MiB).
    #[must_use]
    pub const fn output_limit(mut self, bytes: u64) -> Self {
        self.limits.output = Some(bytes);
        self
    }

    /// Its `cpus` are a ceiling too: it is lent no idle capacity.
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.limits.strict = true;
        self
    }

    /// What becomes of imports that Stoker does not provide; refused unless set.
    #[must_use]
    pub const fn unknown_imports(mut self, unknown_imports: UnknownImports) -> Self {
        self.limits.unknown_imports = unknown_imports;
        self
    }

    /// The resources that it asks for.
    #[must_use]
    pub const fn needs(&self) -> &Resources {
        &self.resources
    }

    /// The task as the master is told of it, with a new id if it has none.
    pub(crate) fn into_info(self, ids: &mut IdGenerator) -> TaskInfo {
        let id = self.id.unwrap_or_else(|| new_id(ids, &self.name));
        TaskInfo {
            id,
            name: self.name,
            module: self.module,
            module_digest: self.module_digest,
            resources: self.resources,
            arguments: self.arguments,
            program_name: self.program_name,
            environment: self.environment,
            stdin: self.stdin,
            inputs: self.inputs,
            outputs: self.outputs,
            limits: self.limits,
        }
    }
}

impl From<TaskInfo> for Task {
    /// The same task under the same id; a second launch needs another id.
    fn from(info: TaskInfo) -> Self {
        Self {
            id: Some(info.id),
            name: info.name,
            module: info.module,
            module_digest: info.module_digest,
            resources: info.resources,
            arguments: info.arguments,
            program_name: info.program_name,
            environment: info.environment,
            stdin: info.stdin,
            inputs: info.inputs,
            outputs: info.outputs,
            limits: info.limits,
        }
    }
}

/// A task id that no one else makes: what may stand in an id of `prefix`, and 64 random bits.
pub(crate) fn new_id(ids: &mut IdGenerator, prefix: &str) -> TaskId {
    let is_allowed = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | ':' | '-')
    };
    let prefix: String = prefix
        .trim_start_matches('.')
        .chars()
        .take(ID_PREFIX_CHARACTERS)
        .map(|character| {
            if is_allowed(character) {
                character
            } else {
                '-'
            }
        })
        .collect();
    let prefix = if prefix.is_empty() { "task" } else { &prefix };
    // The ids of `stoker-types` own the one way of writing 64 bits in base32.
    let bits = FrameworkId::from_bits(ids.next_u64()).to_string();
    let digits = bits.trim_start_matches("framework-");
    format!("{prefix}-{digits}")
        .parse()
        .expect("allowed characters, and no more than 78 of them, make a task id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_what_of_the_name_may_stand_in_it() {
        let mut ids = IdGenerator::from_seed(1);
        for (name, prefix) in [
            ("hello", "hello-"),
            ("", "task-"),
            ("..", "task-"),
            ("../etc passwd", "-etc-passwd-"),
            ("größe", "gr--e-"),
            (&"ä".repeat(200), &format!("{}-", "-".repeat(64))),
        ] {
            let id = new_id(&mut ids, name);
            let random = id.as_str().strip_prefix(prefix);
            assert_eq!(random.map(str::len), Some(13), "{name}: {id}");
        }
    }

    #[test]
    fn two_tasks_of_one_name_have_two_ids_and_one_seed_gives_them_again() {
        let both = |seed| {
            let mut ids = IdGenerator::from_seed(seed);
            [new_id(&mut ids, "map"), new_id(&mut ids, "map")]
        };
        let [first, second] = both(7);
        assert_ne!(first, second);
        assert_eq!(both(7), [first, second]);
    }
}
