//! `stoker run --local`: one task in this process but for its compilation.

use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::Mutex,
    time::Duration,
};

use stoker_agent_runner::{
    engine::MemoryProfile,
    local::{self, Killer, LocalTask, Mount, OutputMode, Phase, Report},
};
use stoker_types::{ModuleReference, Reason, Resources, TaskInfo, TaskLimits, runner::Outcome};

use crate::program::{self, HELLO, SPIN, bomb, wasm};

pub(crate) const CASES: &[crate::Case] = &[
    (
        "local_runs_a_task_and_captures_its_output",
        runs_a_task_and_captures_its_output,
    ),
    ("local_writes_to_its_own_stdout", writes_to_its_own_stdout),
    (
        "local_tells_a_refusal_as_an_outcome",
        tells_a_refusal_as_an_outcome,
    ),
    (
        "local_gives_the_folders_that_are_mounted",
        gives_the_folders_that_are_mounted,
    ),
    (
        "local_ends_a_task_that_is_killed",
        ends_a_task_that_is_killed,
    ),
    (
        "local_runs_from_within_a_runtime",
        runs_from_within_a_runtime,
    ),
];

fn task(module: &Path) -> LocalTask {
    LocalTask {
        stoker: program::path(),
        wasm: module.to_owned(),
        task: TaskInfo {
            id: "local".parse().unwrap(),
            name: String::new(),
            module: ModuleReference::File(module.to_owned()),
            module_digest: None,
            resources: Resources {
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
        },
        environment: Vec::new(),
        mounts: Vec::new(),
        stdin: None,
        output: OutputMode::Capture { bytes: 3 },
        memory_profile: MemoryProfile::detect(),
    }
}

fn run(task: LocalTask) -> Report {
    local::run(task, &Killer::default(), &|_| ())
}

/// `local MODULE [STDIN]`: runs it with inherited output and exits with its code.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let module = arguments.next().unwrap();
    let mut task = task(Path::new(&module));
    task.output = OutputMode::Inherit;
    task.stdin = arguments.next().map(Into::into);
    match run(task).outcome {
        Outcome::Exited { code } => ExitCode::from(u8::try_from(code).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn runs_a_task_and_captures_its_output() {
    let module = wasm(HELLO);
    let phases = Mutex::new(Vec::new());
    let report = local::run(task(module.path()), &Killer::default(), &|phase| {
        phases.lock().unwrap().push(phase);
    });
    assert_eq!(report.outcome, Outcome::Exited { code: 3 });
    assert_eq!(report.stdout.bytes, b"hel");
    assert!(report.stdout.truncated && !report.stderr.truncated);
    assert!(report.usage.fuel_used > 0 && report.usage.mem_peak == 64 << 10);
    assert_eq!(
        phases.into_inner().unwrap(),
        [Phase::Compiling, Phase::Running]
    );
}

fn writes_to_its_own_stdout() {
    let module = wasm(HELLO);
    let output = Command::new(program::path())
        .arg("local")
        .arg(module.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"hello\n");
    assert_eq!(output.status.code(), Some(3));
}

fn tells_a_refusal_as_an_outcome() {
    let reason = |module: &Path| match run(task(module)).outcome {
        Outcome::Failed { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    let importing = wasm(r#"(module (import "env" "f" (func)) (func (export "_start")))"#);
    assert_eq!(reason(importing.path()), Reason::ImportUnknown);
    assert_eq!(
        reason(Path::new("/no/such/module.wasm")),
        Reason::ModuleNotFound
    );
}

/// Opens `given/file`; exits with the errno.
const OPEN: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1) (data (i32.const 100) "file")
    (func (export "_start")
        (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 4)
            (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 0)))))"#;

fn gives_the_folders_that_are_mounted() {
    let module = wasm(OPEN);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), b"").unwrap();
    let mut mounted = task(module.path());
    mounted.mounts = vec![Mount {
        host: folder.path().to_owned(),
        guest: "given".to_owned(),
        read_only: true,
    }];
    assert_eq!(run(mounted).outcome, Outcome::Exited { code: 0 });
    let mut with_disk = task(module.path());
    with_disk.task.resources.disk = 1;
    assert_eq!(
        run(with_disk).outcome,
        Outcome::Exited { code: 44 },
        "no such file"
    );
    let mut absent = task(module.path());
    absent.mounts = vec![Mount {
        host: "/no/such/folder".into(),
        guest: "given".to_owned(),
        read_only: true,
    }];
    let Outcome::Failed { reason, .. } = run(absent).outcome else {
        panic!("a folder that is not there was mounted");
    };
    assert_eq!(reason, Reason::LaunchFailed);
}

fn ends_a_task_that_is_killed() {
    // While it is compiled, and while it runs.
    for (wat, killed_in) in [
        (bomb(), Phase::Compiling),
        (SPIN.to_owned(), Phase::Running),
    ] {
        let module = wasm(&wat);
        let killer = Killer::default();
        let begun = std::time::Instant::now();
        let report = local::run(task(module.path()), &killer, &|phase| {
            if phase == killed_in {
                killer.kill();
            }
        });
        assert_eq!(report.outcome, Outcome::Killed);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}

fn runs_from_within_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let module = wasm(HELLO);
    let outcome = runtime.block_on(async { run(task(module.path())).outcome });
    assert_eq!(outcome, Outcome::Exited { code: 3 });
}
