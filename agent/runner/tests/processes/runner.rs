//! `stoker runner`: what it makes of its process, and when it ends.

use std::{
    fs::{self, File},
    io::Write as _,
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use stoker_agent_runner::{compile::Settings, engine::MemoryProfile, local::compile_in_child};
use stoker_types::{
    Digest, FrameworkId, ModuleReference, Resources, RunnerId, TaskInfo, TaskKey, TaskLimits,
    UnknownImports,
    runner::{BUDGET_WINDOW, Budget, CompiledKey, Load, Order, Outcome, RunnerLaunch},
};

use crate::{
    daemon::{Daemon, PATIENCE},
    program::{self, HELLO, SPIN, wasm},
};

pub(crate) const CASES: &[crate::Case] = &[
    (
        "runner_hosts_tasks_in_a_process_apart",
        hosts_tasks_in_a_process_apart,
    ),
    (
        "runner_tells_its_load_and_keeps_its_budget",
        tells_its_load_and_keeps_its_budget,
    ),
    ("runner_gives_a_grace", gives_a_grace),
    (
        "runner_has_its_memory_back_when_a_task_is_killed",
        has_its_memory_back_when_a_task_is_killed,
    ),
    (
        "runner_is_a_spare_until_it_has_a_tenant",
        is_a_spare_until_it_has_a_tenant,
    ),
    ("runner_ends_when_it_is_orphaned", ends_when_it_is_orphaned),
    (
        "runner_dies_with_its_parent_if_told",
        dies_with_its_parent_if_told,
    ),
    (
        "runner_says_what_is_wrong_with_its_start",
        says_what_is_wrong_with_its_start,
    ),
];

pub(crate) const NONCE: u64 = 1 << 63;

pub(crate) fn runner_id() -> RunnerId {
    RunnerId::from_bits(9)
}

pub(crate) fn command(socket: &Path, arguments: &[&str]) -> Command {
    let listener = UnixListener::bind(socket).unwrap();
    let mut command = Command::new(program::path());
    command
        .args(["runner", "--runner-id", &runner_id().to_string()])
        .args([
            "--nonce",
            &NONCE.to_string(),
            "--memory-profile",
            "small",
            "--workers",
            "1",
        ])
        .arg("--folder")
        .arg(socket.parent().unwrap())
        .args(arguments)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(listener)));
    command
}

pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let give_up = Instant::now() + PATIENCE;
    while Instant::now() < give_up {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    panic!("the runner never ended");
}

fn hosts_tasks_in_a_process_apart() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let mut child = command(&socket, &[]).spawn().unwrap();
    let (mut daemon, welcome) = Daemon::welcomed(&socket, runner_id(), NONCE, 0);
    assert_eq!(welcome.pid, child.id());
    is_apart(&PathBuf::from(format!("/proc/{}", child.id())), child.id());

    let module = CompiledKey::new(Digest::from_bytes([1; 32]), UnknownImports::Refuse);
    daemon.module(module, &artifact(HELLO));
    daemon.order([launch(module, &folder.path().join("sandbox"))]);
    assert_eq!(daemon.end(), (2, Outcome::Exited { code: 3 }));
    assert_eq!(
        fs::read(folder.path().join("sandbox/stdout")).unwrap(),
        b"hello\n"
    );
    daemon.order([Order::Shutdown]);
    assert_eq!(wait(&mut child), Some(0));
}

/// Its own session, no core files, nothing on fd 0, the first to go when memory is short, and
/// confined by two filters.
fn is_apart(proc: &Path, pid: u32) {
    let stat = fs::read_to_string(proc.join("stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    assert_eq!(fields[3], pid.to_string(), "the session");
    assert_eq!(
        fs::read_link(proc.join("fd/0")).unwrap(),
        Path::new("/dev/null")
    );
    assert_eq!(
        fs::read_to_string(proc.join("oom_score_adj"))
            .unwrap()
            .trim(),
        "500"
    );
    let limits = fs::read_to_string(proc.join("limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    let status = fs::read_to_string(proc.join("status")).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t2"] {
        assert!(status.contains(line), "{line} is not in {status}");
    }
}

pub(crate) fn artifact(wat: &str) -> File {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let module = wasm(wat);
    let settings = Settings::new(MemoryProfile::Small);
    let stoker = program::path();
    let compile = compile_in_child(&stoker, module.path(), &settings);
    runtime.block_on(compile).unwrap()
}

fn task() -> TaskKey {
    TaskKey {
        framework_id: FrameworkId::from_bits(1),
        task_id: "hello".parse().unwrap(),
    }
}

fn launch(module: CompiledKey, sandbox: &Path) -> Order {
    Order::Launch(Box::new(launch_of(task(), module, sandbox)))
}

pub(crate) fn launch_of(key: TaskKey, module: CompiledKey, sandbox: &Path) -> RunnerLaunch {
    RunnerLaunch {
        module,
        task: TaskInfo {
            id: key.task_id.clone(),
            name: String::new(),
            module: ModuleReference::Blob(module.wasm),
            module_digest: None,
            resources: Resources {
                mem: 1 << 20,
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
        key,
        sandbox: sandbox.to_str().unwrap().to_owned(),
        has_stdin: false,
        environment: Vec::new(),
    }
}

fn tells_its_load_and_keeps_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let mut child = command(&socket, &[]).spawn().unwrap();
    let (mut daemon, _) = Daemon::welcomed(&socket, runner_id(), NONCE, 0);
    let module = CompiledKey::new(Digest::from_bytes([1; 32]), UnknownImports::Refuse);
    daemon.module(module, &artifact(SPIN));
    let launch = launch(module, &folder.path().join("sandbox"));
    daemon.order([launch]);
    daemon.events(1);

    // It could use all of its worker, and on a machine with room to spare it does.
    let part = |time: Duration, load: &Load| time.as_secs_f64() / load.interval.as_secs_f64();
    daemon.load_with("wants its worker", |load| part(load.wanted, load) > 0.9);
    daemon.load_with("uses much of it", |load| part(load.used, load) > 0.4);

    // A tenth of a core: 5 ms in each window of 50 ms.
    let budget = Duration::from_millis(5);
    let own = Budget {
        cpu: Some(budget),
        alone: Some(budget),
        offset: BUDGET_WINDOW / 2,
    };
    daemon.order([Order::Budget(own)]);
    let first = daemon.load_with("pauses", |load| load.used < load.interval / 4);
    let begun = Instant::now();
    let enough = first.used_in_all + budget * 20;
    let last = daemon.load_with("goes on", |load| load.used_in_all >= enough);
    // A window at either end, and what of the last report was used before it came.
    let windows = begun.elapsed().as_secs_f64() / BUDGET_WINDOW.as_secs_f64() + 3.0;
    let used = (last.used_in_all - first.used_in_all).as_secs_f64();
    let most = windows * budget.as_secs_f64();
    assert!(used < most * 1.1, "{used} s in {windows} windows");
    assert!(part(last.wanted, &last) > 0.9, "{last:?}");

    assert!(last.throttled_windows > first.throttled_windows, "{last:?}");

    // Also for the next daemon, which is told at once and says otherwise then.
    drop(daemon);
    let (mut daemon, _) = Daemon::welcomed(&socket, runner_id(), NONCE, 1);
    let told = daemon.load();
    assert!(!told.wanted.is_zero(), "{told:?}");
    daemon.load_with("still pauses", |load| load.used < load.interval / 4);
    let lent = Budget {
        cpu: None,
        alone: Some(budget),
        offset: Duration::ZERO,
    };
    daemon.order([Order::Budget(lent)]);
    daemon.load_with("runs free", |load| part(load.used, load) > 0.4);

    // What was lent is taken back when the daemon is gone.
    drop(daemon);
    let (mut daemon, _) = Daemon::welcomed(&socket, runner_id(), NONCE, 1);
    daemon.load_with("pauses again", |load| load.used < load.interval / 4);
    daemon.order([Order::Budget(Budget::default())]);
    daemon.load_with("runs free again", |load| part(load.used, load) > 0.4);

    daemon.order([Order::Kill {
        task: task(),
        grace: Duration::from_secs(600),
    }]);
    assert_eq!(daemon.end(), (2, Outcome::Killed));
    daemon.load_with("is idle", |load| load.wanted.is_zero());
    daemon.order([Order::Shutdown]);
    assert_eq!(wait(&mut child), Some(0));
}

/// Spins until it is told to end, says `bye`, and ends; says nothing and spins on if it is told with
/// an argument.
const GRACEFUL: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 0) "\08\00\00\00\04\00\00\00bye\0a")
    (global $told (mut i32) (i32.const 0))
    (func (export "stoker_stop")
        (drop (call $args (i32.const 32) (i32.const 36)))
        (global.set $told (i32.eq (i32.load (i32.const 32)) (i32.const 1))))
    (func (export "_start")
        (loop $again (br_if $again (i32.eqz (global.get $told))))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))"#;

fn gives_a_grace() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let mut child = command(&socket, &[]).spawn().unwrap();
    let (mut daemon, _) = Daemon::welcomed(&socket, runner_id(), NONCE, 0);
    let module = CompiledKey::new(Digest::from_bytes([1; 32]), UnknownImports::Refuse);
    daemon.module(module, &artifact(GRACEFUL));
    let sandbox = folder.path().join("sandbox");
    let kill = |grace| Order::Kill {
        task: task(),
        grace,
    };
    // Far longer than it needs.
    let long = Duration::from_secs(600);
    daemon.order([launch(module, &sandbox)]);
    daemon.events(1);
    daemon.order([kill(long)]);
    assert_eq!(daemon.end(), (2, Outcome::Killed));
    assert_eq!(fs::read(sandbox.join("stdout")).unwrap(), b"bye\n");

    // One that goes on is ended when the earliest of its graces is over, or at once.
    for grace in [Duration::from_millis(20), Duration::ZERO] {
        let mut ignores = launch_of(task(), module, &sandbox);
        ignores.task.arguments = vec!["on".to_owned()];
        daemon.order([Order::Launch(Box::new(ignores))]);
        daemon.events(1);
        daemon.order([kill(long), kill(grace), kill(long)]);
        assert_eq!(daemon.end().1, Outcome::Killed);
    }
    assert_eq!(fs::read(sandbox.join("stdout")).unwrap(), b"bye\n");
    daemon.order([Order::Shutdown]);
    assert_eq!(wait(&mut child), Some(0));
}

/// Fills 64 MiB, and spins.
const FILLS: &str = r#"(module (memory (export "memory") 1025)
    (func (export "_start")
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 67108864))
        (i32.store (i32.const 67108864) (i32.const 1))
        (loop $l (br $l))))"#;

fn has_its_memory_back_when_a_task_is_killed() {
    const MIB: u64 = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let mut child = command(&socket, &[]).spawn().unwrap();
    let (mut daemon, _) = Daemon::welcomed(&socket, runner_id(), NONCE, 0);
    let module = CompiledKey::new(Digest::from_bytes([1; 32]), UnknownImports::Refuse);
    daemon.module(module, &artifact(FILLS));
    let resident = || {
        let statm = fs::read_to_string(format!("/proc/{}/statm", child.id())).unwrap();
        let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
        pages * u64::try_from(rustix::param::page_size()).unwrap()
    };
    let before = resident();
    let mut fills = launch_of(task(), module, &folder.path().join("sandbox"));
    fills.task.resources.mem = 128 * MIB;
    daemon.order([Order::Launch(Box::new(fills))]);
    daemon.events(1);
    let give_up = Instant::now() + PATIENCE;
    while resident() < before + 60 * MIB {
        assert!(Instant::now() < give_up, "it never filled its memory");
        thread::sleep(Duration::from_millis(5));
    }
    daemon.order([Order::Kill {
        task: task(),
        grace: Duration::ZERO,
    }]);
    assert_eq!(daemon.end(), (2, Outcome::Killed));
    // Whoever hears of the end finds the memory free.
    let after = resident();
    assert!(after < before + 16 * MIB, "{before} before, {after} after");
    daemon.order([Order::Shutdown]);
    assert_eq!(wait(&mut child), Some(0));
}

fn is_a_spare_until_it_has_a_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut child = Command::new(program::path())
        .args([
            "runner",
            "--spare",
            "--memory-profile",
            "small",
            "--workers",
            "1",
        ])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .spawn()
        .unwrap();
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    let threads = fs::read_dir(proc.join("task")).unwrap().count();
    assert_eq!(threads, 1, "it has its threads when it has a tenant");
    let status = fs::read_to_string(proc.join("status")).unwrap();
    assert!(status.contains("Seccomp:\t0\n"), "{status}");

    let flags = format!(
        "--runner-id\0{}\0--nonce\0{NONCE}\0--folder\0{}\0",
        runner_id(),
        folder.path().display()
    );
    UnixStream::connect(&socket)
        .unwrap()
        .write_all(flags.as_bytes())
        .unwrap();
    let (mut daemon, welcome) = Daemon::welcomed(&socket, runner_id(), NONCE, 0);
    assert_eq!(welcome.pid, child.id());
    is_apart(&proc, child.id());
    daemon.order([Order::Shutdown]);
    assert_eq!(wait(&mut child), Some(0));
}

fn ends_when_it_is_orphaned() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let mut child = command(&socket, &["--orphan-timeout", "50ms"])
        .spawn()
        .unwrap();
    assert_eq!(wait(&mut child), Some(0));
}

/// `parent SOCKET`: starts a runner that is to die with this process, tells its pid, and ends.
#[allow(
    clippy::zombie_processes,
    reason = "that the runner outlives its parent is the point"
)]
pub(crate) fn parent(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let socket = arguments.next().unwrap();
    let child = command(Path::new(&socket), &["--die-with-parent"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Up and running once it says welcome.
    let (_daemon, _) = Daemon::welcomed(Path::new(&socket), runner_id(), NONCE, 0);
    println!("{}", child.id());
    std::io::stdout().flush().unwrap();
    ExitCode::SUCCESS
}

fn dies_with_its_parent_if_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let output = Command::new(program::path())
        .arg("parent")
        .arg(&socket)
        .output()
        .unwrap();
    let pid = String::from_utf8(output.stdout).unwrap();
    let proc = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
    let give_up = Instant::now() + PATIENCE;
    // Gone, or a zombie that nobody has waited for yet.
    while fs::read_to_string(&proc).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < give_up, "the runner outlives its parent");
        thread::sleep(Duration::from_millis(5));
    }
}

fn says_what_is_wrong_with_its_start() {
    let flags = [
        "runner",
        "--runner-id",
        "runner-aaaaaaaaaaaaj",
        "--folder",
        "/",
    ];
    let output = Command::new(program::path())
        .args(flags)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--nonce is missing"));
    let output = Command::new(program::path())
        .args(flags)
        .args(["--nonce", "1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "fd 0 is no socket");
}
