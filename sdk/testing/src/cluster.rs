//! A whole cluster for a test: the real `stoker dev` on a free port.
//!
//! Owns the process and its end. Knows nothing of what the cluster does beyond its first line.

use std::{
    ffi::OsString,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::{http, programs::stoker_binary};

/// How long a cluster may take to print its addresses.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a cluster may take to end after SIGTERM, as it promises.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of its error output is shown when it does not start.
const SHOWN_LOG_BYTES: usize = 4096;

/// A cluster of one master and some agents, which ends when this is dropped.
///
/// ```no_run
/// # fn main() -> anyhow::Result<()> {
/// let cluster = stoker_sdk_testing::DevCluster::start()?;
/// let agents = cluster.get_json("/api/v1/agents")?;
/// assert_eq!(agents.as_array().map(Vec::len), Some(2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DevCluster {
    process: Child,
    addresses: Addresses,
    folder: tempfile::TempDir,
}

/// One agent of a [`DevCluster`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DevAgent {
    /// Its id.
    pub id: String,
    /// The address of its health and metrics page.
    pub url: String,
    /// Its process.
    pub pid: u32,
}

/// The first line of `stoker dev -o json`.
#[derive(Debug, Deserialize)]
struct Addresses {
    master: String,
    agents: Vec<DevAgent>,
}

/// Chooses what a [`DevCluster`] is like.
#[derive(Clone, Debug)]
pub struct DevClusterBuilder {
    agents: usize,
    listen: String,
    data: Option<PathBuf>,
    more: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    /// Kibibytes.
    address_space: Option<u64>,
}

impl DevCluster {
    /// Starts a master and two agents on free ports, with their data in a temporary folder.
    ///
    /// # Errors
    /// If the `stoker` binary is not there, or does not come up: with its last words.
    pub fn start() -> anyhow::Result<Self> {
        Self::builder().start()
    }

    /// Begins to choose what it is like: two agents, free ports and a temporary folder unless set.
    #[must_use]
    pub fn builder() -> DevClusterBuilder {
        DevClusterBuilder {
            agents: 2,
            listen: "127.0.0.1:0".to_owned(),
            data: None,
            more: Vec::new(),
            variables: Vec::new(),
            address_space: None,
        }
    }

    /// The master's address, for gRPC and HTTP: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn master(&self) -> &str {
        self.addresses.master.trim_end_matches('/')
    }

    /// The agents, as they were at the start.
    #[must_use]
    pub fn agents(&self) -> &[DevAgent] {
        &self.addresses.agents
    }

    /// The process of `stoker dev` itself.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A GET of the master's HTTP API: the status and the body of `/healthz`, `/metrics`, ….
    ///
    /// # Errors
    /// If the master does not answer.
    pub fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        http::get(&format!("{}{path}", self.master()))
    }

    /// The JSON at `/api/v1/agents` and the like.
    ///
    /// # Errors
    /// If the master does not answer, answers with another status than 200, or no JSON.
    pub fn get_json(&self, path: &str) -> anyhow::Result<serde_json::Value> {
        let (status, body) = self.get(path)?;
        if status != 200 {
            bail!("{path} answered {status}: {body}");
        }
        serde_json::from_str(&body).with_context(|| format!("{path} answered no JSON: {body}"))
    }

    /// All that the cluster has written to its error output until now.
    #[must_use]
    pub fn log(&self) -> String {
        read_log(self.folder.path())
    }

    /// Ends the cluster in order and says how it exited; dropping does the same without a word.
    ///
    /// # Errors
    /// If it did not end within 10 seconds after SIGTERM, and had to be killed.
    pub fn stop(mut self) -> anyhow::Result<Option<i32>> {
        let log = self.folder.path().to_owned();
        end(&mut self.process).with_context(|| tail(&read_log(&log)))
    }
}

impl Drop for DevCluster {
    fn drop(&mut self) {
        if let Err(error) = end(&mut self.process)
            && !thread::panicking()
        {
            panic!("{error:#}\n{}", tail(&self.log()));
        }
    }
}

impl DevClusterBuilder {
    /// How many agents share the machine.
    #[must_use]
    pub const fn agents(mut self, agents: usize) -> Self {
        self.agents = agents;
        self
    }

    /// Where the master listens, for a test that starts a cluster again at the same place.
    #[must_use]
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// Where its data is, for a test that starts it again on the same.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// One more argument for `stoker dev`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.more.push(argument.into());
        self
    }

    /// One more environment variable for it.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Bounds the address space of each of its processes, as `ulimit -v` does: so many KiB.
    #[must_use]
    pub const fn address_space_kib(mut self, kibibytes: u64) -> Self {
        self.address_space = Some(kibibytes);
        self
    }

    /// Starts it, and returns when it has printed its addresses.
    ///
    /// # Errors
    /// If the `stoker` binary is not there, or does not come up: with its last words.
    pub fn start(self) -> anyhow::Result<DevCluster> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let data = self.data.unwrap_or_else(|| folder.path().join("data"));
        let log = File::create(folder.path().join("log")).context("cannot make the log")?;
        let binary = stoker_binary()?;
        let mut command = match self.address_space {
            None => Command::new(&binary),
            Some(kibibytes) => {
                let mut shell = Command::new("sh");
                shell
                    .args([
                        "-c",
                        &format!("ulimit -v {kibibytes} && exec \"$0\" \"$@\""),
                    ])
                    .arg(&binary);
                shell
            }
        };
        let mut process = command
            .args(["dev", "-o", "json", "--listen", &self.listen])
            .args(["--agents", &self.agents.to_string(), "--data"])
            .arg(data)
            .args(self.more)
            .envs(self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        match process
            .stdout
            .take()
            .context("no stdout")
            .and_then(first_line)
        {
            Ok(addresses) => Ok(DevCluster {
                process,
                addresses,
                folder,
            }),
            Err(error) => {
                let ended = end(&mut process);
                Err(error.context(format!(
                    "stoker dev did not start (exit: {ended:?}): {}",
                    tail(&read_log(folder.path()))
                )))
            }
        }
    }
}

/// The addresses in the first line; what follows is read and forgotten, so that the cluster never
/// waits for a reader.
fn first_line(stdout: ChildStdout) -> anyhow::Result<Addresses> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        let read = reader.read_line(&mut line).map(|_| line);
        if sender.send(read).is_ok() {
            drop(reader.read_to_end(&mut Vec::new()));
        }
    });
    let line = receiver
        .recv_timeout(START_TIMEOUT)
        .with_context(|| format!("it printed no line within {START_TIMEOUT:?}"))??;
    serde_json::from_str(&line).with_context(|| format!("its first line is {line:?}"))
}

/// Asks the process to end, waits, and kills it if it does not. Gives its exit code.
fn end(process: &mut Child) -> anyhow::Result<Option<i32>> {
    if let Some(status) = process.try_wait()? {
        return Ok(status.code());
    }
    ask_to_end(process)?;
    let start = Instant::now();
    while start.elapsed() < END_TIMEOUT {
        if let Some(status) = process.try_wait()? {
            return Ok(status.code());
        }
        thread::sleep(Duration::from_millis(10));
    }
    process.kill()?;
    process.wait()?;
    bail!("stoker dev did not end within {END_TIMEOUT:?} after SIGTERM and was killed")
}

#[cfg(unix)]
fn ask_to_end(process: &Child) -> anyhow::Result<()> {
    let pid = i32::try_from(process.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .context("a process id is a positive number")?;
    Ok(rustix::process::kill_process(
        pid,
        rustix::process::Signal::TERM,
    )?)
}

#[cfg(not(unix))]
fn ask_to_end(process: &mut Child) -> anyhow::Result<()> {
    Ok(process.kill()?)
}

fn read_log(folder: &Path) -> String {
    let bytes = std::fs::read(folder.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn tail(log: &str) -> String {
    let mut start = log.len().saturating_sub(SHOWN_LOG_BYTES);
    while !log.is_char_boundary(start) {
        start += 1;
    }
    log[start..].to_owned()
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
