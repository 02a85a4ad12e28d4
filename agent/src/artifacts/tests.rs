//! Preparations from beginning to end, with a shell script in the place of the compiler.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use stoker_agent_core::{PrepareFailure, PreparePhase, Prepared};
use stoker_types::{
    Digest, GuestLimits, IdGenerator, ModuleReference, Reason, Resources, Role, TaskInfo,
    TaskLimits, UnknownImports,
};
use tokio::time::timeout;

use super::*;
use crate::children::{Program, Spawner};

/// Notes each run, and passes what it reads on with a mark.
pub(super) const COMPILER: &str = r#"#!/bin/sh
case "$*" in *--print-key*) echo engine-1; exit;; esac
echo "$*" >> "$0.runs"
echo compiled:
exec cat
"#;

pub(super) struct Bench {
    pub(super) root: tempfile::TempDir,
    pub(super) artifacts: Artifacts,
    inputs: mpsc::Receiver<Input>,
}

impl Bench {
    pub(super) fn new(compiler: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (artifacts, inputs) = Self::start(root.path(), compiler);
        Self {
            root,
            artifacts,
            inputs,
        }
    }

    fn restart(self) -> Self {
        let (artifacts, inputs) = Self::start(self.root.path(), COMPILER);
        Self {
            root: self.root,
            artifacts,
            inputs,
        }
    }

    fn start(root: &Path, compiler: &str) -> (Artifacts, mpsc::Receiver<Input>) {
        let script = root.join("compiler");
        fs::write(&script, compiler).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
        let compile = CompileSettings {
            program: Program::new(Some(script)),
            spawner: Spawner::new(),
            memory_profile: "large",
            cpu: Duration::from_secs(1),
            cpu_per_mib: Duration::from_secs(1),
            memory: 1 << 30,
            max_module: 100,
            limits: GuestLimits::default(),
            parallelism: 1,
            require_hardening: false,
        };
        let settings = ArtifactSettings {
            folder: root.join("artifacts"),
            budget: 1 << 20,
            hostname: "host-1".to_owned(),
            max_module: 100,
            max_input: 100,
            staging: root.join("staging"),
            sandboxes: root.join("sandboxes"),
            compile,
        };
        let (sender, inputs) = mpsc::channel(100);
        (
            Artifacts::open(settings, MasterChannel::fixed(None), sender).unwrap(),
            inputs,
        )
    }

    pub(super) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(super) async fn prepare(&mut self, launch: Launch) -> Result<Prepared, PrepareFailure> {
        self.artifacts
            .prepare(key_of(&launch), Box::new(launch.clone()));
        self.prepared(&launch).await.1
    }

    /// Waits for a task's answer; the phases before it come along.
    async fn prepared(
        &mut self,
        launch: &Launch,
    ) -> (Vec<PreparePhase>, Result<Prepared, PrepareFailure>) {
        let mut phases = Vec::new();
        loop {
            match timeout(Duration::from_secs(30), self.inputs.recv())
                .await
                .unwrap()
                .unwrap()
            {
                Input::Preparing { phase, .. } => phases.push(phase),
                Input::Prepared { task, result, .. } if task == key_of(launch) => {
                    self.artifacts.prepared(&task);
                    return (phases, result);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn compiled(&self, launch: &Launch) -> String {
        let module = self.artifacts.module(&key_of(launch)).unwrap();
        std::io::read_to_string(fs::File::from(module.open().unwrap())).unwrap()
    }

    /// The flags of each compilation.
    fn runs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.root.path().join("compiler.runs")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

pub(super) fn launch(id: &str, module: ModuleReference) -> Launch {
    Launch {
        framework_id: IdGenerator::from_seed(1).framework_id(),
        role: Role::default(),
        task: TaskInfo {
            id: id.parse().unwrap(),
            name: String::new(),
            module,
            module_digest: None,
            resources: Resources::default(),
            arguments: Vec::new(),
            program_name: String::new(),
            environment: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            limits: TaskLimits::default(),
        },
        allocated: Resources::default(),
    }
}

pub(super) fn key_of(launch: &Launch) -> TaskKey {
    TaskKey {
        framework_id: launch.framework_id,
        task_id: launch.task.id.clone(),
    }
}

#[tokio::test]
async fn a_module_is_compiled_once_whoever_asks_for_it_and_whenever() {
    let mut bench = Bench::new(COMPILER);
    let path = bench.file("a.wasm", "wasm a");
    let copy = bench.file("copy-of-a.wasm", "wasm a");
    let first = launch("1", ModuleReference::File(path.clone()));
    let prepared = bench.prepare(first.clone()).await.unwrap();
    assert_eq!(prepared.module.wasm, Digest::of(b"wasm a"));
    assert_eq!(prepared.stdin, None);
    assert_eq!(bench.compiled(&first), "compiled:\nwasm a");
    let flags = bench.runs().remove(0);
    assert_eq!(
        flags,
        "compile --profile large --unknown-imports refuse --module-bytes 100 --cpu-seconds 2 \
         --address-space-bytes 1073742208 --die-with-parent"
    );

    bench
        .prepare(launch("2", ModuleReference::File(copy)))
        .await
        .unwrap();
    bench
        .prepare(launch("3", ModuleReference::Blob(Digest::of(b"wasm a"))))
        .await
        .unwrap();
    let mut bench = bench.restart();
    let again = launch("4", ModuleReference::File(path.clone()));
    bench.prepare(again.clone()).await.unwrap();
    assert_eq!(bench.compiled(&again), "compiled:\nwasm a");
    assert_eq!(bench.runs().len(), 1);

    // Where unknown imports trap, the code is another one.
    let mut trapping = launch("5", ModuleReference::File(path));
    trapping.task.limits.unknown_imports = UnknownImports::Trap;
    assert!(
        bench
            .prepare(trapping)
            .await
            .unwrap()
            .module
            .traps_unknown_imports
    );
    assert!(bench.runs()[1].contains("--unknown-imports trap"));
}

#[tokio::test]
async fn many_tasks_at_once_share_one_compilation() {
    let mut bench = Bench::new(COMPILER);
    let path = bench.file("a.wasm", "wasm a");
    let launches: Vec<Launch> = (0..20)
        .map(|number| launch(&number.to_string(), ModuleReference::File(path.clone())))
        .collect();
    for launch in &launches {
        bench
            .artifacts
            .prepare(key_of(launch), Box::new(launch.clone()));
    }
    let mut left: std::collections::HashSet<TaskKey> = launches.iter().map(key_of).collect();
    while !left.is_empty() {
        if let Input::Prepared { task, result, .. } = bench.inputs.recv().await.unwrap() {
            result.unwrap();
            left.remove(&task);
        }
    }
    assert_eq!(bench.runs().len(), 1);
}

#[tokio::test]
async fn a_compiled_module_that_was_tampered_with_is_compiled_again() {
    let mut bench = Bench::new(COMPILER);
    let path = bench.file("a.wasm", "wasm a");
    bench
        .prepare(launch("1", ModuleReference::File(path.clone())))
        .await
        .unwrap();
    let stored = bench
        .artifacts
        .module(&key_of(&launch("1", ModuleReference::File(path.clone()))));
    let stored = stored.unwrap().path().to_owned();
    fs::set_permissions(&stored, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&stored, "evil code").unwrap();

    let mut bench = bench.restart();
    let again = launch("2", ModuleReference::File(path));
    bench.prepare(again.clone()).await.unwrap();
    assert_eq!(bench.compiled(&again), "compiled:\nwasm a");
    assert_eq!(bench.runs().len(), 2);
}

#[tokio::test]
async fn a_wrong_digest_and_a_large_or_missing_file_are_refused() {
    let mut bench = Bench::new(COMPILER);
    let path = bench.file("a.wasm", "wasm a");
    let mut wrong = launch("1", ModuleReference::File(path));
    wrong.task.module_digest = Some(Digest::of(b"wasm b"));
    let failure = bench.prepare(wrong).await.unwrap_err();
    assert_eq!(failure.reason, Reason::DigestMismatch);
    assert!(
        failure.message.contains(&Digest::of(b"wasm a").to_string()),
        "{}",
        failure.message
    );

    let mut wrong = launch("2", ModuleReference::Blob(Digest::of(b"wasm a")));
    wrong.task.module_digest = Some(Digest::of(b"wasm b"));
    assert_eq!(
        bench.prepare(wrong).await.unwrap_err().reason,
        Reason::DigestMismatch
    );

    let large = bench.file("large.wasm", &"x".repeat(101));
    let failure = bench
        .prepare(launch("3", ModuleReference::File(large)))
        .await
        .unwrap_err();
    assert_eq!(failure.reason, Reason::ModuleTooLarge);
    let missing = ModuleReference::File("/nonexistent/a.wasm".into());
    let failure = bench.prepare(launch("4", missing)).await.unwrap_err();
    assert_eq!(failure.reason, Reason::ModuleNotFound);
    assert_eq!(bench.runs().len(), 0);
}

#[tokio::test]
async fn the_compilers_refusal_reaches_the_task() {
    let mut bench = Bench::new(
        "#!/bin/sh\ncase \"$*\" in *--print-key*) echo engine-1; exit;; esac\ncat > /dev/null\n\
         echo '{\"reason\":\"IMPORT_UNKNOWN\",\"message\":\"no env.f\"}' >&2\nexit 1\n",
    );
    let path = bench.file("a.wasm", "wasm a");
    let failure = bench
        .prepare(launch("1", ModuleReference::File(path)))
        .await
        .unwrap_err();
    assert_eq!(
        (failure.reason, failure.message.as_str()),
        (Reason::ImportUnknown, "no env.f")
    );
}

#[tokio::test]
async fn a_compiler_that_meets_a_limit_or_breaks_is_told_apart() {
    for (script, reason, word) in [
        ("kill -XCPU $$", Reason::CompileLimit, "compile_cpu"),
        ("kill -ABRT $$", Reason::CompileLimit, "compile_memory"),
        ("echo oops >&2; exit 3", Reason::LaunchFailed, "oops"),
    ] {
        let key = r#"case "$*" in *--print-key*) echo engine-1; exit;; esac"#;
        let mut bench = Bench::new(&format!("#!/bin/sh\n{key}\n{script}\n"));
        let path = bench.file("a.wasm", "wasm a");
        let failure = bench
            .prepare(launch("1", ModuleReference::File(path)))
            .await
            .unwrap_err();
        assert_eq!(failure.reason, reason, "{script}: {}", failure.message);
        assert!(failure.message.contains(word), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_cancelled_preparation_ends_its_compiler_and_is_not_answered() {
    let key = r#"case "$*" in *--print-key*) echo engine-1; exit;; esac"#;
    let mut bench = Bench::new(&format!(
        "#!/bin/sh\n{key}\necho $$ > \"$0.pid\"\nexec sleep 1000\n"
    ));
    let path = bench.file("a.wasm", "wasm a");
    let launch = launch("1", ModuleReference::File(path));
    bench
        .artifacts
        .prepare(key_of(&launch), Box::new(launch.clone()));
    let pid_file = bench.root.path().join("compiler.pid");
    let pid = wait_for(|| {
        let text = fs::read_to_string(&pid_file).ok()?;
        text.trim().parse::<u32>().ok()
    })
    .await;
    bench.artifacts.cancel(&key_of(&launch));
    wait_for(|| (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())).await;
    while let Ok(input) = bench.inputs.try_recv() {
        assert!(matches!(input, Input::Preparing { .. }), "{input:?}");
    }
}

/// Looks again and again until there is something.
pub(super) async fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), looking).await.unwrap()
}
