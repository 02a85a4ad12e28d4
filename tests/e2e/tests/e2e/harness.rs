//! What all tests need: the binary, the guests, a cluster, and commands that cannot hang.
//!
//! Owns processes and their ends; asserts nothing by itself.

use std::{
    ffi::OsStr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use stoker_sdk_testing::DevCluster;

/// How long a command may take on a busy machine before the test gives up on it.
pub(crate) const COMMAND_WITHIN: Duration = Duration::from_secs(120);

/// The binary under test.
pub(crate) fn stoker_binary() -> PathBuf {
    stoker_sdk_testing::stoker_binary().expect("STOKER_BIN, or a built `stoker`")
}

/// A guest of `examples/guests`, compiled.
pub(crate) fn guest(name: &str) -> PathBuf {
    let folder = stoker_sdk_testing::guests_dir().expect("STOKER_GUESTS_DIR, or built guests");
    folder.join(format!("{name}.wasm"))
}

/// A module written as text, compiled into a file that lives as long as the result.
pub(crate) fn module(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".wasm").tempfile().unwrap();
    std::fs::write(file.path(), wat::parse_str(text).unwrap()).unwrap();
    file
}

/// The cluster that all tests share. It ends when this process does: `stoker dev` watches its
/// parent.
pub(crate) fn shared_cluster() -> &'static DevCluster {
    static CLUSTER: OnceLock<DevCluster> = OnceLock::new();
    CLUSTER.get_or_init(|| DevCluster::start().expect("a cluster"))
}

/// The address of the cluster that all tests share.
pub(crate) fn shared_master() -> &'static str {
    shared_cluster().master()
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    /// Its exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained.
    pub(crate) stderr: String,
}

impl Done {
    /// Its output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it failed with `code` and one line on stderr that has all of `parts`.
    pub(crate) fn assert_refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let complaint: Vec<&str> = self
            .stderr
            .lines()
            .filter(|line| !is_progress(line))
            .collect();
        assert_eq!(complaint.len(), 1, "one line says what is wrong: {self:?}");
        for part in parts {
            assert!(
                complaint[0].contains(part),
                "{part:?} is not in {:?}",
                complaint[0]
            );
        }
    }
}

/// The lines that say where `stoker run` is.
pub(crate) fn is_progress(line: &str) -> bool {
    ["uploading", "waiting", "launched", "fetching", "compiling"]
        .iter()
        .any(|phase| line.starts_with(&format!("stoker: {phase}")))
}

/// `stoker ARGUMENTS`, with the shared cluster as its own.
pub(crate) fn stoker<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Done {
    let mut command = Command::new(stoker_binary());
    command
        .env("STOKER_MASTER", shared_master())
        .args(arguments);
    run(command)
}

/// `stoker ARGUMENTS`, without a cluster.
pub(crate) fn stoker_alone<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Done {
    let mut command = Command::new(stoker_binary());
    command.env_remove("STOKER_MASTER").args(arguments);
    run(command)
}

/// `stoker ARGUMENTS`, with the cluster at `master` as its own.
pub(crate) fn run_with_master<A: AsRef<OsStr>>(
    master: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Done {
    let mut command = Command::new(stoker_binary());
    command.env("STOKER_MASTER", master).args(arguments);
    run(command)
}

/// Runs a command to its end; panics if it takes too long.
pub(crate) fn run(command: Command) -> Done {
    Running::start(command).wait()
}

/// A command that is under way.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Reader,
    stderr: Reader,
}

/// All that a stream brings, while it comes.
#[derive(Debug)]
struct Reader {
    so_far: Arc<Mutex<Vec<u8>>>,
    thread: thread::JoinHandle<()>,
}

impl Running {
    /// Starts it, with nothing on stdin.
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Reader::of(child.stdout.take().unwrap());
        let stderr = Reader::of(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// `stoker ARGUMENTS` on the shared cluster.
    pub(crate) fn stoker<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(stoker_binary());
        command
            .env("STOKER_MASTER", shared_master())
            .args(arguments);
        Self::start(command)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Whether it has a handler for SIGINT, by its `/proc` entry.
    pub(crate) fn has_caught_interrupts(&self) -> bool {
        const SIGINT: u32 = 2;
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let caught = status
            .unwrap_or_default()
            .lines()
            .find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
        caught.is_some_and(|mask| mask >> (SIGINT - 1) & 1 == 1)
    }

    /// Whether this is in what it has printed so far.
    pub(crate) fn has_printed(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.stdout.so_far.lock().unwrap()).contains(text)
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Done {
        let end = Instant::now() + COMMAND_WITHIN;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                self.child.kill().unwrap();
                panic!("it takes over {COMMAND_WITHIN:?}: {:?}", self.stderr.end());
            }
            thread::sleep(Duration::from_millis(5));
        };
        Done {
            code: status.code(),
            stdout: self.stdout.end(),
            stderr: self.stderr.end(),
        }
    }
}

impl Reader {
    fn of(mut stream: impl std::io::Read + Send + 'static) -> Self {
        let so_far = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&so_far);
        let thread = thread::spawn(move || {
            let mut chunk = [0; 4096];
            loop {
                match stream.read(&mut chunk).unwrap() {
                    0 => return,
                    length => kept.lock().unwrap().extend_from_slice(&chunk[..length]),
                }
            }
        });
        Self { so_far, thread }
    }

    /// All of it, when it has ended.
    fn end(self) -> String {
        self.thread.join().unwrap();
        String::from_utf8_lossy(&self.so_far.lock().unwrap()).into_owned()
    }
}

/// Waits until `look` gives something; panics with what `tell` says otherwise.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "no {what} within 60 seconds");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A document of the shared cluster's HTTP side.
pub(crate) fn get(path: &str) -> Value {
    let url = format!("{}{path}", shared_master());
    reqwest::blocking::get(url)
        .unwrap()
        .error_for_status()
        .unwrap()
        .json()
        .unwrap()
}

/// The processes below `root`, with their command lines.
pub(crate) fn descendants(root: u32) -> Vec<(u32, String)> {
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent_of(pid)?)))
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    found
        .iter()
        .skip(1)
        .map(|pid| (*pid, command_line(*pid)))
        .collect()
}

/// The processes below `root` whose command line holds `part`.
pub(crate) fn command_lines(part: &str, root: u32) -> Vec<(u32, String)> {
    descendants(root)
        .into_iter()
        .filter(|(_, line)| line.contains(part))
        .collect()
}

/// Sends a signal to a process of a cluster.
pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// Kills a runner in the middle of its tasks: it is halted first, and goes on if it has none.
pub(crate) fn kill_a_busy_runner(cluster: &DevCluster) {
    let runner = wait_for("a runner with tasks", || {
        let runner = *busy_runners(cluster).first()?;
        signal(runner, Signal::STOP);
        // What it has sent before may still be on its way.
        thread::sleep(Duration::from_millis(300));
        let is_busy = busy_runners(cluster).contains(&runner);
        if !is_busy {
            signal(runner, Signal::CONT);
        }
        is_busy.then_some(runner)
    });
    signal(runner, Signal::KILL);
}

/// The processes that run tasks, by what the agents say.
pub(crate) fn busy_runners(cluster: &DevCluster) -> Vec<u32> {
    let agents = cluster.get_json("/api/v1/agents").unwrap();
    let runners = agents.as_array().unwrap().iter();
    let runners = runners.filter_map(|agent| agent["runners"].as_array());
    let busy = runners.flatten().filter(|runner| runner["tasks"] != 0);
    busy.map(|runner| u32::try_from(runner["pid"].as_u64().unwrap()).unwrap())
        .collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

fn command_line(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
