//! The cluster that is measured: a master and one agent, each a process of its own, on free ports
//! of this machine and on a real disk.
//!
//! Owns the processes, their folders and their end. Knows nothing of what is measured.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

use crate::cpu::{self, CpuTimes};

/// How long a daemon may take to say where it listens.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(15);
/// A cluster that has used no more CPU time than this for a while has nothing left to do.
const QUIET: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(150));
/// It is looked at so often at most.
const QUIET_LOOKS: usize = 20;
/// How much of a log is shown when something fails.
const SHOWN_LOG_BYTES: usize = 4096;

/// What must be on the disk before it has effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// What production does: identities and terminal updates are synced, the rest is written.
    Classes,
    /// Every record of the agent is synced.
    AllSynced,
}

/// A master and one agent, which end when this is dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    // Ended in this order.
    agent: Daemon,
    master: Daemon,
    _folder: TempDir,
}

/// The first line of a daemon.
#[derive(Debug, Deserialize)]
struct Ready {
    url: String,
}

impl Cluster {
    /// Starts both, of the program `stoker`, with their data in a new folder in `place`. The agent
    /// sells `resources`, and gets `more` flags.
    pub(crate) fn start(
        (stoker, place): (&Path, &Path),
        resources: &str,
        durability: Durability,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let folder = TempDir::new_in(place)
            .with_context(|| format!("cannot make a folder in {}", place.display()))?;
        let config = folder.path().join("agent.toml");
        let extra = match durability {
            Durability::Classes => "",
            Durability::AllSynced => "sync_everything = true\n",
        };
        fs::write(&config, extra).context("cannot write the agent's configuration")?;
        let master = Daemon::start(stoker, "master", folder.path(), &[])?;
        let config = config.to_string_lossy().into_owned();
        let flags = [
            "--config",
            &config,
            "--master",
            &master.url,
            "--resources",
            resources,
        ];
        let flags = [&flags, more].concat();
        let agent = Daemon::start(stoker, "agent", folder.path(), &flags)?;
        Ok(Self {
            agent,
            master,
            _folder: folder,
        })
    }

    /// The master's address.
    pub(crate) fn master(&self) -> &str {
        &self.master.url
    }

    /// The process of the agent's daemon.
    pub(crate) fn daemon(&self) -> u32 {
        self.agent.process.id()
    }

    /// The processes of its runners.
    pub(crate) fn runners(&self) -> anyhow::Result<Vec<u32>> {
        cpu::children(self.daemon(), "runner")
    }

    /// Waits until it has nothing left to do; what each part has used until then.
    pub(crate) fn settled(&self) -> anyhow::Result<CpuTimes> {
        let (little, pause) = QUIET;
        let mut before = self.cpu()?;
        for _ in 0..QUIET_LOOKS {
            thread::sleep(pause);
            let now = self.cpu()?;
            if now.since(before).total() <= little {
                return Ok(now);
            }
            before = now;
        }
        Ok(before)
    }

    /// The CPU time that each part has used until now; the scheduler is this process.
    pub(crate) fn cpu(&self) -> anyhow::Result<CpuTimes> {
        let daemon = self.daemon();
        let runner = self
            .runners()?
            .into_iter()
            .map(cpu::of_process)
            .sum::<anyhow::Result<Duration>>()?;
        Ok(CpuTimes {
            scheduler: cpu::own(),
            master: cpu::of_process(self.master.process.id())?,
            daemon: cpu::of_process(daemon)?,
            runner,
        })
    }

    /// The last words of both daemons.
    pub(crate) fn last_words(&self) -> String {
        format!("{}\n{}", self.master.last_words(), self.agent.last_words())
    }
}

/// One process.
#[derive(Debug)]
struct Daemon {
    process: Child,
    url: String,
    log: PathBuf,
}

impl Daemon {
    fn start(stoker: &Path, kind: &str, folder: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let log = folder.join(format!("{kind}.log"));
        let errors = File::create(&log).context("cannot make a log")?;
        let mut process = Command::new(stoker)
            .args(["start", kind, "-o", "json", "--listen", "127.0.0.1:0"])
            // It ends with this process, however that ends.
            .args(["--under-dev", "--data"])
            .arg(folder.join(kind))
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {}", stoker.display()))?;
        let stdout = process.stdout.take().context("no stdout");
        let ready = stdout.and_then(first_line);
        let mut daemon = Self {
            process,
            url: String::new(),
            log,
        };
        let ready =
            ready.with_context(|| format!("the {kind} did not start: {}", daemon.last_words()))?;
        daemon.url = ready.url.trim_end_matches('/').to_owned();
        Ok(daemon)
    }

    fn last_words(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let tail = bytes.len().saturating_sub(SHOWN_LOG_BYTES);
        String::from_utf8_lossy(&bytes[tail..]).into_owned()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        kill_process(pid.context("a process id is positive")?, Signal::TERM)?;
        let start = Instant::now();
        while start.elapsed() < END_TIMEOUT {
            if self.process.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.process.kill()?;
        self.process.wait()?;
        bail!("it did not end within {END_TIMEOUT:?}")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None))
            && let Err(error) = self.end()
        {
            crate::say(&format!("a daemon was killed: {error:#}"));
        }
    }
}

/// What a daemon says first; what follows is read and forgotten.
fn first_line(stdout: ChildStdout) -> anyhow::Result<Ready> {
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
        .with_context(|| format!("it said nothing within {START_TIMEOUT:?}"))??;
    serde_json::from_str(&line).with_context(|| format!("its first line is {line:?}"))
}
