//! A supervisor, a process that only waits, and a runner's side of the socket played by the test.

use std::{collections::VecDeque, fs, path::PathBuf};

use bytes::BytesMut;
use stoker_proto::{convert::runner::DaemonFrame, frame, v1};
use stoker_types::{
    AgentId, GuestLimits, IdGenerator, TaskKey,
    runner::{BUDGET_WINDOW, Budget, Event, Load, NumberedEvent},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

use super::*;
use crate::{
    children::{Program, Spawner},
    clock::Clock,
    governor::Governor,
    runners::{Settings, sockets::SocketFolder},
};

const NONCE: u64 = 77;
/// Another runner of the same agent.
const NEIGHBOUR: RunnerId = RunnerId::from_bits(8);

struct Bench {
    _root: tempfile::TempDir,
    context: Arc<Context>,
    inputs: mpsc::Receiver<Input>,
    listener: UnixListener,
    commands: mpsc::UnboundedSender<Command>,
    supervisor: Option<Supervisor>,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let settings = Settings {
            agent_id: AgentId::from_bits(1),
            program: Program::new(Some(PathBuf::from("/bin/false"))),
            spawner: Spawner::new(),
            memory_profile: "large",
            slots: 1000,
            limits: GuestLimits::default(),
            orphan_timeout: Duration::from_secs(900),
            run: root.path().to_owned(),
            logs: root.path().to_owned(),
            inherit_stderr: false,
            sandboxes: root.path().join("sandboxes"),
            spare_runners: 0,
            require_hardening: false,
        };
        let (sender, inputs) = mpsc::channel(100);
        let sockets = SocketFolder::open(root.path().to_owned()).unwrap();
        let listener = sockets.listen(runner_id()).unwrap();
        listener.set_nonblocking(true).unwrap();
        let context = Arc::new(Context {
            settings,
            sockets,
            governor: Governor::start(2, Clock::start()),
            inputs: sender,
            spares: crate::runners::Spares::default(),
        });
        let (commands, receiver) = mpsc::unbounded_channel();
        let supervisor = Supervisor::new(Arc::clone(&context), runner_id(), NONCE, receiver);
        Self {
            _root: root,
            context,
            inputs,
            listener: UnixListener::from_std(listener).unwrap(),
            commands,
            supervisor: Some(supervisor),
        }
    }

    /// Has the supervisor look after a process that an earlier daemon started.
    async fn adopt(&mut self, script: &str) -> JoinHandle<()> {
        let process = self.spawn(script).await;
        self.look_after(process)
    }

    async fn spawn(&self, script: &str) -> Process {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", script]);
        let process = self.context.settings.spawner.spawn(command).await.unwrap();
        self.context
            .sockets
            .note_process(runner_id(), &process.identity().unwrap())
            .unwrap();
        process
    }

    fn look_after(&mut self, process: Process) -> JoinHandle<()> {
        tokio::spawn(self.supervisor.take().unwrap().adopt(3));
        // Somebody has to reap it; this also says when it is over.
        tokio::spawn(async move {
            let mut process = process;
            process.ended().await;
        })
    }

    /// The runner's side, up to its welcome.
    async fn welcome(&self) -> Runner {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut runner = Runner {
            stream,
            buffer: BytesMut::new(),
            orders: VecDeque::new(),
        };
        let hello = runner.frame().await;
        assert_eq!(
            hello,
            DaemonFrame::Hello(Hello {
                runner_id: runner_id(),
                nonce: NONCE,
                protocol_version: PROTOCOL_VERSION,
                confirmed_event: 3,
            })
        );
        runner
            .say(RunnerFrame::Welcome(Welcome {
                runner_id: runner_id(),
                pid: 1,
                protocol_version: PROTOCOL_VERSION,
                tasks: vec![task()],
                last_event: 5,
                slots: 1000,
            }))
            .await;
        runner
    }

    async fn input(&mut self) -> Input {
        timeout(Duration::from_secs(30), self.inputs.recv())
            .await
            .unwrap()
            .unwrap()
    }

    async fn ready(&mut self) {
        match self.input().await {
            Input::RunnerReady { welcome } => assert_eq!(welcome.tasks, [task()]),
            other => panic!("{other:?}"),
        }
    }

    async fn lost(&mut self) -> String {
        match self.input().await {
            Input::RunnerLost {
                runner_id: id,
                message,
            } => {
                assert_eq!(id, runner_id());
                message
            }
            other => panic!("{other:?}"),
        }
    }
}

struct Runner {
    stream: UnixStream,
    buffer: BytesMut,
    orders: VecDeque<Order>,
}

impl Runner {
    async fn frame(&mut self) -> DaemonFrame {
        loop {
            if let Some(message) = frame::take::<v1::DaemonFrame>(&mut self.buffer).unwrap() {
                return message.try_into().unwrap();
            }
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0);
        }
    }

    /// The next order that is no budget.
    async fn order(&mut self) -> Order {
        loop {
            match self.any_order().await {
                Order::Budget(_) => {}
                order => return order,
            }
        }
    }

    /// The next budget.
    async fn budget(&mut self) -> Budget {
        loop {
            if let Order::Budget(budget) = self.any_order().await {
                return budget;
            }
        }
    }

    async fn any_order(&mut self) -> Order {
        loop {
            if let Some(order) = self.orders.pop_front() {
                return order;
            }
            match self.frame().await {
                DaemonFrame::Orders(orders) => self.orders.extend(orders),
                DaemonFrame::Hello(hello) => panic!("{hello:?}"),
            }
        }
    }

    async fn say(&mut self, message: RunnerFrame) {
        let mut bytes = BytesMut::new();
        frame::write(&v1::RunnerFrame::from(message), &mut bytes).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
    }
}

fn kill() -> Order {
    Order::Kill {
        task: task(),
        grace: Duration::from_secs(5),
    }
}

fn runner_id() -> RunnerId {
    RunnerId::from_bits(9)
}

fn task() -> TaskKey {
    TaskKey {
        framework_id: IdGenerator::from_seed(1).framework_id(),
        task_id: "task-1".parse().unwrap(),
    }
}

fn event(number: u64) -> NumberedEvent {
    NumberedEvent {
        number,
        event: Event::Started { task: task() },
    }
}

fn number_of(input: &Input) -> u64 {
    match input {
        Input::Runner {
            runner_id: id,
            event,
        } if *id == runner_id() => event.number,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn orders_and_events_pass_and_the_last_events_come_before_the_loss() {
    let mut bench = Bench::new();
    let process = bench.adopt("read line < \"$0\"; exit 5").await;
    drop(process);
    // That script ends at once, so this one is told lost.
    let message = bench.lost().await;
    assert!(message.contains("ended"), "{message}");

    let mut bench = Bench::new();
    bench.adopt("exec sleep 1000").await;
    let mut runner = bench.welcome().await;
    bench.ready().await;
    bench.commands.send(Command::Order(kill())).unwrap();
    assert_eq!(runner.order().await, kill());
    bench
        .commands
        .send(Command::Order(Order::Confirm { event: 4 }))
        .unwrap();
    bench
        .commands
        .send(Command::Order(Order::Confirm { event: 5 }))
        .unwrap();
    while runner.order().await != (Order::Confirm { event: 5 }) {}
    runner
        .say(RunnerFrame::Events((6..50).map(event).collect()))
        .await;
    bench.commands.send(Command::KillProcess).unwrap();
    for number in 6..50 {
        assert_eq!(number_of(&bench.input().await), number);
    }
    bench.lost().await;
}

#[tokio::test]
async fn a_runner_that_breaks_the_rules_is_killed_before_it_is_told_lost() {
    let mut bench = Bench::new();
    let process = bench.adopt("exec sleep 1000").await;
    let mut runner = bench.welcome().await;
    bench.ready().await;
    runner.stream.write_all(&[1, 0, 0, 0, 0xff]).await.unwrap();
    let message = bench.lost().await;
    assert!(message.contains("sent what is no frame"), "{message}");
    timeout(Duration::from_secs(30), process)
        .await
        .unwrap()
        .unwrap();
    assert!(
        fs::read_dir(&bench.context.settings.run)
            .unwrap()
            .next()
            .is_none(),
        "files are left"
    );
}

#[tokio::test]
async fn a_runner_of_another_version_or_one_that_refuses_is_ended() {
    for (answer, word) in [
        (
            RunnerFrame::Welcome(Welcome {
                runner_id: runner_id(),
                pid: 1,
                protocol_version: PROTOCOL_VERSION + 1,
                tasks: Vec::new(),
                last_event: 0,
                slots: 1000,
            }),
            "another version",
        ),
        (
            RunnerFrame::Refused {
                message: "wrong nonce".to_owned(),
            },
            "wrong nonce",
        ),
    ] {
        let mut bench = Bench::new();
        bench.adopt("exec sleep 1000").await;
        let (stream, _) = bench.listener.accept().await.unwrap();
        let mut runner = Runner {
            stream,
            buffer: BytesMut::new(),
            orders: VecDeque::new(),
        };
        runner.frame().await;
        runner.say(answer).await;
        let message = bench.lost().await;
        assert!(message.contains(word), "{message}");
    }
}

/// Two cores, of which this one is due a tenth of one: another weighs the rest, and wants all.
async fn contend(bench: &Bench) -> Process {
    let governor = &bench.context.governor;
    let mut command = std::process::Command::new("/bin/sleep");
    command.arg("1000");
    let process = bench.context.settings.spawner.spawn(command).await.unwrap();
    drop(governor.join(NEIGHBOUR, &process, true));
    governor.guarantee(NEIGHBOUR, "19".parse().unwrap());
    governor.guarantee(runner_id(), "1".parse().unwrap());
    let wants_all = Load {
        interval: Duration::from_millis(25),
        wanted: Duration::from_millis(50),
        ..Load::default()
    };
    governor.load(NEIGHBOUR, wants_all);
    process
}

#[tokio::test]
async fn a_runner_hears_its_budget_from_what_it_tells() {
    let mut bench = Bench::new();
    bench.adopt("exec sleep 1000").await;
    let mut runner = bench.welcome().await;
    bench.ready().await;
    let process = contend(&bench).await;
    let tenth = BUDGET_WINDOW / 10;
    loop {
        let budget = runner.budget().await;
        // Less than a tenth if other programs keep the machine busy.
        if budget.cpu.is_some_and(|cpu| cpu <= tenth) && budget.alone == Some(tenth) {
            break;
        }
    }
    // Now nobody wants anything.
    let idle = Budget {
        cpu: None,
        alone: Some(tenth),
        offset: Duration::ZERO,
    };
    runner.say(RunnerFrame::Load(Load::default())).await;
    bench.context.governor.load(NEIGHBOUR, Load::default());
    while runner.budget().await != idle {}
    process.kill();
}

#[tokio::test]
async fn a_runner_that_ignores_its_budget_is_paced_then_ended() {
    let mut bench = Bench::new();
    // In a session of its own, as a runner is: the kernel may share by sessions.
    let script = "exec setsid sh -c 'while :; do :; done'";
    let spinner = bench.spawn(script).await;
    let stat = stat_of(&spinner);
    let spinner = bench.look_after(spinner);
    let _runner = bench.welcome().await;
    bench.ready().await;
    let neighbour = contend(&bench).await;
    let mut was_stopped = false;
    let message = loop {
        tokio::select! {
            message = bench.lost() => break message,
            () = tokio::time::sleep(Duration::from_millis(3)) => was_stopped |= is_stopped(&stat),
        }
    };
    assert!(was_stopped, "{message}");
    // A tenth of a core, or less if other programs keep the machine busy.
    let budget = "cores where its budget was 0.";
    assert!(message.contains(budget), "{message}");
    assert_eq!(bench.context.governor.figures().borrow().paced, 1);
    spinner.await.unwrap();
    neighbour.kill();
}

#[tokio::test]
async fn a_runner_that_an_earlier_daemon_left_stopped_goes_on() {
    let mut bench = Bench::new();
    let process = bench.spawn("kill -STOP $$; exec sleep 1000").await;
    let stat = stat_of(&process);
    let wait = async |stopped: bool| {
        while is_stopped(&stat) != stopped {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    let within = Duration::from_secs(30);
    timeout(within, wait(true)).await.unwrap();
    bench.look_after(process);
    timeout(within, wait(false)).await.unwrap();
    process::find(&bench.context, runner_id()).unwrap().kill();
    bench.lost().await;
}

fn stat_of(process: &Process) -> String {
    let identity = process.identity().unwrap();
    format!("/proc/{}/stat", identity.split_once(' ').unwrap().0)
}

fn is_stopped(stat: &str) -> bool {
    fs::read_to_string(stat).is_ok_and(|stat| stat.contains(") T "))
}

#[tokio::test]
async fn a_runner_that_is_to_end_before_it_answered_is_ended() {
    let mut bench = Bench::new();
    bench.adopt("exec sleep 1000").await;
    bench
        .commands
        .send(Command::Order(Order::Shutdown))
        .unwrap();
    let message = bench.lost().await;
    assert!(message.contains("before it had answered"), "{message}");
}

#[tokio::test]
async fn a_runner_that_was_told_to_end_may_take_its_time() {
    let mut bench = Bench::new();
    bench.adopt("exec sleep 1000").await;
    let mut runner = bench.welcome().await;
    bench.ready().await;
    bench
        .commands
        .send(Command::Order(Order::Shutdown))
        .unwrap();
    assert_eq!(runner.order().await, Order::Shutdown);
    runner.say(RunnerFrame::Events(vec![event(6)])).await;
    assert_eq!(number_of(&bench.input().await), 6);
    process::find(&bench.context, runner_id()).unwrap().kill();
    bench.lost().await;
}

#[tokio::test]
async fn a_runner_that_ended_without_a_daemon_is_told_lost() {
    let mut bench = Bench::new();
    tokio::spawn(bench.supervisor.take().unwrap().adopt(0));
    assert!(bench.lost().await.contains("while no agent was running"));
}

#[tokio::test]
async fn a_runner_that_cannot_start_is_told_lost_with_its_last_words() {
    let mut bench = Bench::new();
    // Listening again at the same place is what the start does first.
    bench.context.sockets.remove(runner_id());
    fs::write(
        bench
            .context
            .settings
            .logs
            .join(format!("{}.log", runner_id())),
        "bad luck\n",
    )
    .unwrap();
    let tenant = Tenant {
        framework_id: task().framework_id,
        role: stoker_types::Role::default(),
    };
    tokio::spawn(bench.supervisor.take().unwrap().start(tenant));
    let message = bench.lost().await;
    assert!(
        message.contains("exit code 1 before it was ready; its last words: bad luck"),
        "{message}"
    );
}
