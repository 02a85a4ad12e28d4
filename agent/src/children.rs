//! The daemon's child processes: which program they run, which thread starts them, how they end.
//!
//! Owns starting, waiting and killing, for runners and compilations alike, and for runners that
//! an earlier daemon started. Never decides when.

use std::{
    fs, io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{fs::MetadataExt as _, process::ExitStatusExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    sync::mpsc,
    time::Duration,
};

use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::oneshot,
};
use wait4::Wait4 as _;

/// This program, for children to run: also after its file was replaced.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    /// Whether the path was set, and is to be taken as it is.
    is_given: bool,
}

/// What ends a process that makes a system call which is deadly to it.
const SIGSYS: i32 = Signal::SYS.as_raw();
/// The one after stdin, stdout and stderr, which each child is given anew.
const FIRST_OWN_DESCRIPTOR: i32 = 3;
const OWN_PROGRAM: &str = "/proc/self/exe";

impl Program {
    /// The program at `given`, or this one.
    pub(crate) fn new(given: Option<PathBuf>) -> Self {
        let is_given = given.is_some();
        let path = given
            .or_else(|| std::env::current_exe().ok())
            .unwrap_or_else(|| PathBuf::from(OWN_PROGRAM));
        Self { path, is_given }
    }

    /// A command of the program with an empty environment.
    pub(crate) fn command(&self) -> Command {
        use std::os::unix::process::CommandExt as _;
        let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        let is_still_there =
            self.is_given || identity(&self.path) == identity(Path::new(OWN_PROGRAM));
        // The path makes for the better process name; the link is right in any case.
        let path = if is_still_there {
            self.path.as_path()
        } else {
            Path::new(OWN_PROGRAM)
        };
        let mut command = Command::new(path);
        command.env_clear().current_dir("/");
        if !self.is_given {
            command.arg0("stoker");
        }
        command
    }
}

/// Starts children from one thread that lives as long as the daemon: a child that is to die with
/// its parent dies with the *thread* that started it.
#[derive(Clone, Debug)]
pub(crate) struct Spawner {
    requests: mpsc::Sender<Request>,
}

struct Request {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    /// Starts the thread. From now on children get no descriptor that this process was given by
    /// whoever started it; its own they never get.
    pub(crate) fn new() -> Self {
        close_fds::set_fds_cloexec_threadsafe(FIRST_OWN_DESCRIPTOR, &[]);
        let (requests, receiver) = mpsc::channel::<Request>();
        std::thread::spawn(move || {
            for mut request in receiver {
                let result = request.command.spawn();
                // The command may hold descriptors that only the child is to have.
                drop(request.command);
                if let Err(Ok(mut orphan)) = request.reply.send(result) {
                    // Nobody wants it any more.
                    drop(orphan.kill().and_then(|()| orphan.wait()));
                }
            }
        });
        Self { requests }
    }

    /// Starts a child.
    pub(crate) async fn spawn(&self, command: Command) -> io::Result<Process> {
        let (reply, answer) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts processes is gone");
        self.requests
            .send(Request { command, reply })
            .map_err(|_| gone())?;
        let child = answer.await.map_err(|_| gone())??;
        Process::of_child(child)
    }
}

/// A process that is, or was, a child of a daemon of this agent.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    handle: AsyncFd<OwnedFd>,
    /// Until it is reaped.
    child: Option<Child>,
    ended: Ended,
}

impl Process {
    fn of_child(mut child: Child) -> io::Result<Self> {
        let pid = Pid::from_child(&child);
        match handle(pid) {
            Ok(handle) => Ok(Self {
                pid,
                handle,
                child: Some(child),
                ended: Ended::default(),
            }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// The process that `identity` names, if it still lives.
    pub(crate) fn find(identity: &str) -> Option<Self> {
        let pid = Pid::from_raw(identity.split_whitespace().next()?.parse().ok()?)?;
        // Opened first: the handle stays with that process, and then it is checked to be the one.
        let handle = handle(pid).ok()?;
        let process = Self {
            pid,
            handle,
            child: None,
            ended: Ended::default(),
        };
        (process.identity()? == identity.trim()).then_some(process)
    }

    /// Tells this process from any other, also from a later one of the same number: its number
    /// and when it was started. `None` if it is over.
    pub(crate) fn identity(&self) -> Option<String> {
        let start = Stat::read(self.pid)?.start;
        Some(format!("{} {start}", self.pid.as_raw_nonzero()))
    }

    /// What another part of the daemon needs to watch and to pace it. `None` if it is over.
    ///
    /// # Errors
    /// If there are no more descriptors.
    pub(crate) fn reins(&self) -> io::Result<Option<Reins>> {
        let Some(Stat { start, .. }) = Stat::read(self.pid) else {
            return Ok(None);
        };
        Ok(Some(Reins {
            pid: self.pid,
            start,
            handle: self.handle.get_ref().try_clone()?,
        }))
    }

    /// Lets it go on, should an earlier daemon have paused it.
    pub(crate) fn go_on(&self) {
        let _is_over_already = pidfd_send_signal(self.handle.get_ref().as_fd(), Signal::CONT);
    }

    /// Its child's stderr, if that is a pipe; once.
    pub(crate) fn take_stderr(&mut self) -> Option<std::process::ChildStderr> {
        self.child.as_mut()?.stderr.take()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> Ended {
        // A handle becomes readable when the process is over. It cannot fail while it is open.
        drop(self.handle.ready(Interest::READABLE).await);
        if let Some(child) = self.child.take()
            && let Ok(reaped) = child.wait4()
        {
            self.ended = Ended {
                status: Some(reaped.status),
                cpu_time: reaped.rusage.utime + reaped.rusage.stime,
            };
        }
        self.ended
    }

    /// Kills it. One that is over needs none.
    pub(crate) fn kill(&self) {
        let _is_over_already = pidfd_send_signal(self.handle.get_ref().as_fd(), Signal::KILL);
    }
}

/// Watches a process and paces it, beside whoever waits for its end.
#[derive(Debug)]
pub(crate) struct Reins {
    pid: Pid,
    start: u64,
    handle: OwnedFd,
}

impl Reins {
    /// The CPU time of all its threads since it began, to a hundredth of a second. `None` if it is
    /// over.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        let stat = Stat::read(self.pid)?;
        // Another process may have its number by now.
        if stat.start != self.start {
            return None;
        }
        Some(time_of(stat.cpu_ticks))
    }

    /// Stops it until it is to go on.
    pub(crate) fn pause(&self) {
        let _is_over_already = pidfd_send_signal(self.handle.as_fd(), Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        let _is_over_already = pidfd_send_signal(self.handle.as_fd(), Signal::CONT);
    }
}

/// The time that all cores of the machine together were idle since its boot.
pub(crate) fn idle_time() -> Option<Duration> {
    idle_ticks(&fs::read_to_string("/proc/stat").ok()?).map(time_of)
}

/// Of `/proc/stat`: the ticks without anything to do, also for want of a disk.
fn idle_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace();
    let mut number = |skipped| fields.nth(skipped)?.parse::<u64>().ok();
    let (idle, waiting) = (number(3)?, number(0)?);
    Some(idle.saturating_add(waiting))
}

/// The kernel counts in these.
fn time_of(ticks: u64) -> Duration {
    let per_second = u128::from(clock_ticks_per_second().max(1));
    let nanos = u128::from(ticks) * 1_000_000_000 / per_second;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// What the kernel tells of a process.
struct Stat {
    /// When it was started, in ticks since the boot.
    start: u64,
    /// Its CPU time, in user mode and in the kernel, in ticks.
    cpu_ticks: u64,
}

impl Stat {
    fn read(pid: Pid) -> Option<Self> {
        let pid = pid.as_raw_nonzero();
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // The name, in parentheses, may hold anything; `utime` and `stime` are the 12th and the 13th
        // field behind it, the start is the 20th.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let mut number = |skipped| fields.nth(skipped)?.parse::<u64>().ok();
        let (user, system, start) = (number(11)?, number(0)?, number(6)?);
        Some(Self {
            start,
            cpu_ticks: user.saturating_add(system),
        })
    }
}

#[allow(
    deprecated,
    reason = "its replacement is unsafe for types that do not own their descriptor; this one does"
)]
fn handle(pid: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd_open(pid, PidfdFlags::NONBLOCK)?, Interest::READABLE)
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ended {
    /// Known for children of this daemon.
    pub(crate) status: Option<ExitStatus>,
    /// The CPU time that it used, where that is known: of children of this daemon.
    pub(crate) cpu_time: Duration,
}

impl Ended {
    /// Whether it did what it was to do.
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// The signal that ended it, if one did.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.and_then(|status| status.signal())
    }

    /// For people: `ended with exit code 1`.
    pub(crate) fn describe(&self) -> String {
        match (self.signal(), self.status.and_then(|status| status.code())) {
            (Some(9), _) => "was killed (signal 9; by the system if memory ran out)".to_owned(),
            (Some(SIGSYS), _) => {
                "was ended by signal 31 (SIGSYS): it made a system call that it may not make, as \
                 only code that has broken out of Wasm does"
                    .to_owned()
            }
            (Some(signal), _) => format!("was ended by signal {signal}"),
            (None, Some(code)) => format!("ended with exit code {code}"),
            (None, None) => "ended".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_child_is_started_found_killed_and_reaped() {
        let spawner = Spawner::new();
        let mut child = spawner.spawn(shell("exec sleep 1000")).await.unwrap();
        let identity = child.identity().unwrap();
        let mut found = Process::find(&identity).unwrap();
        assert!(Process::find(&format!("{identity}1")).is_none());
        found.kill();
        assert_eq!(child.ended().await.signal(), Some(9));
        assert!(found.ended().await.status.is_none());
        assert!(Process::find(&identity).is_none());
    }

    #[tokio::test]
    async fn a_child_has_no_descriptor_but_its_three() {
        let left_open = fs::File::open("/dev/null").unwrap();
        rustix::io::fcntl_setfd(&left_open, rustix::io::FdFlags::empty()).unwrap();
        let spawner = Spawner::new();
        // The list is made through one more.
        let script = "set -- /proc/self/fd/*; exit $#";
        let mut child = spawner.spawn(shell(script)).await.unwrap();
        let ended = child.ended().await;
        assert_eq!(ended.status.and_then(|status| status.code()), Some(4));
    }

    #[tokio::test]
    async fn a_child_is_watched_and_paced() {
        let spawner = Spawner::new();
        let mut child = spawner.spawn(shell("while :; do :; done")).await.unwrap();
        let reins = child.reins().unwrap().unwrap();
        let give_up = tokio::time::Instant::now() + Duration::from_secs(60);
        let has_state = |states: &str| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", reins.pid.as_raw_nonzero()));
            let stat = stat.unwrap();
            let state = stat.rsplit_once(") ").unwrap().1.chars().next().unwrap();
            states.contains(state)
        };
        let wait = async |is_done: &dyn Fn() -> bool| {
            while !is_done() {
                assert!(tokio::time::Instant::now() < give_up);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        wait(&|| reins.cpu_time().unwrap() >= Duration::from_millis(50)).await;
        reins.pause();
        wait(&|| has_state("T")).await;
        reins.go_on();
        wait(&|| has_state("R")).await;
        reins.pause();
        wait(&|| has_state("T")).await;
        child.go_on();
        wait(&|| has_state("R")).await;
        child.kill();
        child.ended().await;
        assert_eq!(reins.cpu_time(), None);
    }

    #[test]
    fn the_kernels_figures_are_read() {
        let stat = "12 (a) b (c) R 1 12 12 0 -1 4194304 2 0 0 0 170 30 0 0 20 0 3 0 4711 9 9";
        let stat = Stat::parse(stat).unwrap();
        assert_eq!((stat.start, stat.cpu_ticks), (4711, 200));
        assert!(Stat::parse("12 (a) R 1").is_none());
        let machine = "cpu  100 20 30 4000 50 0 6 7 0 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n";
        assert_eq!(idle_ticks(machine), Some(4050));
        assert!(idle_time().unwrap() > Duration::ZERO);
    }

    #[tokio::test]
    async fn an_end_is_described() {
        let spawner = Spawner::new();
        let mut child = spawner.spawn(shell("exit 3")).await.unwrap();
        assert_eq!(child.ended().await.describe(), "ended with exit code 3");
        let mut child = spawner.spawn(shell("kill -SYS $$")).await.unwrap();
        let described = child.ended().await.describe();
        assert!(described.contains("SIGSYS"), "{described}");
        let error = spawner
            .spawn(Command::new("/nonexistent"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn this_program_is_run_by_its_path() {
        let own = std::env::current_exe().unwrap();
        assert_eq!(Program::new(None).command().get_program(), own);
        let given = Program::new(Some("/bin/true".into()));
        assert_eq!(given.command().get_program(), "/bin/true");
    }
}
