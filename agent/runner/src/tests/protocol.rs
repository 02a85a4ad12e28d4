//! The whole runner but for its process: frames in, frames out, files on disk.

use std::{
    fs::{self, File},
    os::unix::net::UnixListener,
    path::PathBuf,
    thread::JoinHandle,
    time::Duration,
};

use stoker_proto::convert::runner::RunnerFrame;
use stoker_types::{
    EnvironmentVariable, FrameworkId, Reason, RunnerId, TaskKey,
    runner::{CompiledKey, Event, NumberedEvent, Order, Outcome, RunnerLaunch},
};

use super::{
    daemon::Daemon,
    lab::{Trial, command, sleep, trial},
};
use crate::runner::{Settings, Stage};

const NONCE: u64 = 4711;
const SPIN: &str = "(loop $l (br $l))";

/// A runner in a thread, and the folder of its socket and sandboxes.
struct Runner {
    folder: tempfile::TempDir,
    thread: JoinHandle<wasmtime::Result<()>>,
}

fn runner_id() -> RunnerId {
    RunnerId::from_bits(7)
}

impl Runner {
    fn start() -> Self {
        Self::start_with(|_| ())
    }

    fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut settings = Settings::new(runner_id(), NONCE, folder.path().to_owned());
        settings.workers = 2;
        settings.slots = 4;
        settings.memory_profile = trial("").profile;
        change(&mut settings);
        let thread = std::thread::spawn(move || Stage::set(&settings)?.run(&settings, listener));
        Self { folder, thread }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn connect(&self, confirmed: u64) -> (Daemon, stoker_types::runner::Welcome) {
        Daemon::welcomed(&self.socket(), runner_id(), NONCE, confirmed)
    }

    fn sandbox(&self, task: &str) -> PathBuf {
        self.folder.path().join(task)
    }

    fn launch(&self, task: &str, module: CompiledKey, trial: &Trial) -> Order {
        Order::Launch(Box::new(RunnerLaunch {
            key: key(task),
            module,
            task: trial.task.clone(),
            sandbox: self.sandbox(task).to_str().unwrap().to_owned(),
            has_stdin: false,
            environment: vec![EnvironmentVariable {
                name: "STOKER_TASK_ID".to_owned(),
                value: task.to_owned(),
            }],
        }))
    }

    /// Tells the runner to end and waits until it has.
    fn end(self, mut daemon: Daemon) {
        daemon.order([Order::Shutdown]);
        assert!(daemon.is_closed());
        self.thread.join().unwrap().unwrap();
    }
}

fn key(task: &str) -> TaskKey {
    TaskKey {
        framework_id: FrameworkId::from_bits(1),
        task_id: task.parse().unwrap(),
    }
}

/// Compiles the trial's module and sends it.
fn send_module(daemon: &mut Daemon, trial: &Trial) -> CompiledKey {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &trial.compile().unwrap()).unwrap();
    let key = trial.key();
    daemon.module(key, &File::open(file.path()).unwrap());
    key
}

fn started(number: u64, task: &str) -> NumberedEvent {
    NumberedEvent {
        number,
        event: Event::Started { task: key(task) },
    }
}

/// The task and the outcome of an end with this number.
fn ended(event: &NumberedEvent) -> (u64, &str, &Outcome) {
    match &event.event {
        Event::Ended { task, outcome, .. } => (event.number, task.task_id.as_str(), outcome),
        other => panic!("no end: {other:?}"),
    }
}

fn kill(task: &str) -> Order {
    Order::Kill {
        task: key(task),
        grace: Duration::from_secs(5),
    }
}

#[test]
fn a_launch_starts_and_ends_with_its_output_on_disk() {
    let runner = Runner::start();
    let (mut daemon, welcome) = runner.connect(0);
    assert_eq!((welcome.tasks, welcome.last_event), (vec![], 0));
    let hello = trial(format!(
        r#"(module {} (memory (export "memory") 1)
            (data (i32.const 0) "\08\00\00\00\03\00\00\00hi\0a")
            (func (export "_start")
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
                (call $exit (i32.const 5))))"#,
        super::lab::WASI
    ));
    let module = send_module(&mut daemon, &hello);
    daemon.order([runner.launch("a", module, &hello)]);
    let events = daemon.events(2);
    assert_eq!(events[0], started(1, "a"));
    assert_eq!(ended(&events[1]), (2, "a", &Outcome::Exited { code: 5 }));
    assert_eq!(
        fs::read(runner.sandbox("a").join("stdout")).unwrap(),
        b"hi\n"
    );
    assert!(
        !runner.sandbox("a").join("stderr").exists(),
        "made at the first byte"
    );

    let silent = trial(command(""));
    let module = send_module(&mut daemon, &silent);
    daemon.order([runner.launch("b", module, &silent)]);
    daemon.events(2);
    assert!(
        !runner.sandbox("b").exists(),
        "a task that wrote nothing has no sandbox"
    );
    runner.end(daemon);
}

#[test]
fn a_task_with_disk_has_a_folder_of_its_own() {
    let runner = Runner::start();
    let (mut daemon, _) = runner.connect(0);
    let mut guest = trial(command(""));
    guest.task.resources.disk = 1 << 20;
    let module = send_module(&mut daemon, &guest);
    daemon.order([runner.launch("a", module, &guest)]);
    assert_eq!(
        ended(&daemon.events(2)[1]),
        (2, "a", &Outcome::Exited { code: 0 })
    );
    assert!(runner.sandbox("a").join("work").is_dir());
    runner.end(daemon);
}

#[test]
fn what_is_not_confirmed_is_told_again_to_the_next_daemon() {
    let runner = Runner::start();
    let (mut daemon, _) = runner.connect(0);
    let guest = trial(command(""));
    let module = send_module(&mut daemon, &guest);
    daemon.order([runner.launch("a", module, &guest)]);
    let first = daemon.events(2);
    daemon.order([
        Order::Confirm { event: 1 },
        runner.launch("b", module, &guest),
    ]);
    daemon.events(2);
    drop(daemon);

    let (mut daemon, welcome) = runner.connect(1);
    assert_eq!((welcome.tasks, welcome.last_event), (vec![], 4));
    let again = daemon.events(3);
    assert_eq!(again[0], first[1]);
    assert_eq!(again[1], started(3, "b"));
    drop(daemon);

    let (daemon, welcome) = runner.connect(4);
    assert_eq!(welcome.last_event, 4);
    runner.end(daemon);
}

#[test]
fn a_task_outlives_its_daemon_and_is_named_to_the_next() {
    let runner = Runner::start();
    let (mut daemon, _) = runner.connect(0);
    let guest = trial(command(SPIN));
    let module = send_module(&mut daemon, &guest);
    daemon.order([runner.launch("a", module, &guest)]);
    assert_eq!(daemon.events(1), [started(1, "a")]);
    // The old connection is still open: the newest counts.
    let (mut next, welcome) = runner.connect(1);
    assert_eq!((welcome.tasks, welcome.last_event), (vec![key("a")], 1));
    assert!(daemon.is_closed());
    next.order([kill("a"), kill("stranger")]);
    assert_eq!(ended(&next.events(1)[0]), (2, "a", &Outcome::Killed));
    runner.end(next);
}

#[test]
fn whoever_does_not_know_the_nonce_is_refused() {
    let runner = Runner::start();
    for (id, nonce) in [(runner_id(), NONCE + 1), (RunnerId::from_bits(8), NONCE)] {
        let mut stranger = Daemon::connect(&runner.socket());
        stranger.hello(id, nonce, 0);
        let RunnerFrame::Refused { message } = stranger.frame().unwrap() else {
            panic!("the stranger was let in");
        };
        assert!(message.contains(&runner_id().to_string()), "{message}");
        assert!(stranger.is_closed());
    }
    let mut silent = Daemon::connect(&runner.socket());
    silent.order([Order::Shutdown]);
    assert!(silent.is_closed(), "orders before a hello");
    let (daemon, _) = runner.connect(0);
    runner.end(daemon);
}

#[test]
fn what_cannot_be_launched_is_told_as_an_end() {
    let runner = Runner::start();
    let (mut daemon, _) = runner.connect(0);
    let spinner = trial(command(SPIN));
    let unmapped = spinner.key();
    daemon.order([runner.launch("early", unmapped, &spinner)]);
    let (_, outcome) = daemon.end();
    let Outcome::Failed { reason, message } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(reason, Reason::LaunchFailed);
    assert!(message.contains("does not have the module"), "{message}");

    let module = send_module(&mut daemon, &spinner);
    for slot in 0..4 {
        daemon.order([runner.launch(&format!("slot-{slot}"), module, &spinner)]);
    }
    daemon.events(4);
    daemon.order([runner.launch("fifth", module, &spinner)]);
    let (_, outcome) = daemon.end();
    let Outcome::Failed { reason, message } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(reason, Reason::LaunchFailed);
    assert!(message.contains("all 4 slots"), "{message}");

    // A slot is free again when the end is told.
    daemon.order([kill("slot-0")]);
    assert_eq!(daemon.end().1, Outcome::Killed);
    daemon.order([runner.launch("sixth", module, &spinner)]);
    assert!(matches!(daemon.events(1)[0].event, Event::Started { .. }));
    runner.end(daemon);
}

#[test]
fn a_file_that_is_no_artifact_fails_the_tasks_that_want_it() {
    let runner = Runner::start();
    let (mut daemon, _) = runner.connect(0);
    let guest = trial(command(""));
    let junk = tempfile::NamedTempFile::new().unwrap();
    fs::write(junk.path(), b"junk").unwrap();
    daemon.module(guest.key(), &File::open(junk.path()).unwrap());
    daemon.order([runner.launch("a", guest.key(), &guest)]);
    let (_, outcome) = daemon.end();
    assert!(
        matches!(
            outcome,
            Outcome::Failed {
                reason: Reason::ModuleInvalid,
                ..
            }
        ),
        "{outcome:?}"
    );
    runner.end(daemon);
}

#[test]
fn a_shutdown_ends_all_tasks_and_tells_it() {
    let runner = Runner::start();
    let (mut daemon, _) = runner.connect(0);
    let (spinner, sleeper) = (trial(command(SPIN)), trial(command(&sleep(u64::MAX / 4))));
    for (name, guest) in [("spinner", &spinner), ("sleeper", &sleeper)] {
        let module = send_module(&mut daemon, guest);
        daemon.order([runner.launch(name, module, guest)]);
        daemon.events(1);
    }
    daemon.order([Order::Shutdown]);
    for event in daemon.events(2) {
        assert_eq!(ended(&event).2, &Outcome::Killed);
    }
    assert!(daemon.is_closed());
    runner.thread.join().unwrap().unwrap();
}

#[test]
fn a_runner_without_a_daemon_ends_after_its_timeout() {
    let runner = Runner::start_with(|settings| {
        settings.orphan_timeout = Duration::from_millis(50);
    });
    let thread = runner.thread;
    thread.join().unwrap().unwrap();
}

#[test]
fn a_daemon_that_sends_nonsense_is_cut_off_and_the_tasks_live() {
    let runner = Runner::start();
    let (mut daemon, _) = runner.connect(0);
    let guest = trial(command(SPIN));
    let module = send_module(&mut daemon, &guest);
    daemon.order([runner.launch("a", module, &guest)]);
    daemon.events(1);
    daemon.nonsense();
    assert!(daemon.is_closed());
    let (daemon, welcome) = runner.connect(1);
    assert_eq!(welcome.tasks, [key("a")]);
    runner.end(daemon);
}

#[test]
fn five_hundred_launches_give_a_thousand_events_in_order() {
    let runner = Runner::start_with(|settings| settings.slots = 500);
    let (mut daemon, _) = runner.connect(0);
    let guest = trial(command(""));
    let module = send_module(&mut daemon, &guest);
    let launches = (0..500).map(|index| runner.launch(&format!("task-{index}"), module, &guest));
    daemon.order(launches.collect::<Vec<_>>());
    let events = daemon.events(1000);
    let numbers: Vec<u64> = events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=1000).collect::<Vec<u64>>());
    let ends = events
        .iter()
        .filter(|event| matches!(event.event, Event::Ended { .. }));
    assert_eq!(ends.count(), 500);
    daemon.order([Order::Confirm { event: 1000 }]);
    drop(daemon);
    let (daemon, welcome) = runner.connect(1000);
    assert_eq!(welcome.tasks, []);
    runner.end(daemon);
}
