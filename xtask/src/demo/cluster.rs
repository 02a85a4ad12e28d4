//! The demo's cluster: `stoker dev` from its first line of output to the last of its processes. It never
//! outlives the demo, whichever way that ends.

use super::process_tree::{self, Process};
use crate::failure::{Failure, Result, While};
use crate::{cargo, files, processes, screen};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// How long the cluster may take until it says where it is.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked at while it starts.
const START_POLL: Duration = Duration::from_millis(50);
/// How long it may take to end after a signal.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    dev: Child,
    addresses: Addresses,
}

/// The first line that `stoker dev -o json` prints.
#[derive(Debug, Default, PartialEq, Eq)]
struct Addresses {
    master: String,
    agents: Vec<Agent>,
}

#[derive(Debug, PartialEq, Eq)]
struct Agent {
    id: String,
    process: u32,
}

impl Cluster {
    /// Starts it on a free port. What it says goes to the file `log`.
    pub(crate) fn start(stoker: &Path, log: &Path) -> Result<Self> {
        let log_file = File::create(log).while_doing(|| format!("write {}", log.display()))?;
        screen::line("  $ stoker dev");
        let mut dev = Command::new(stoker)
            .args(["dev", "--listen", "127.0.0.1:0", "-o", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .while_doing(|| format!("start {}", stoker.display()))?;
        let lines = read_beside(dev.stdout.take());
        // From here on whatever fails stops what was started.
        let mut cluster = Self {
            dev,
            addresses: Addresses::default(),
        };
        let first_line = first_line(&mut cluster.dev, &lines);
        cluster.addresses = first_line
            .and_then(|line| parse(&line))
            .map_err(|failure| {
                let said = files::read_text(log).unwrap_or_default();
                Failure::new(format!("{failure}; it said:\n{}", said.trim_end()))
            })?;
        for agent in &cluster.addresses.agents {
            screen::line(&format!("  {} (process {})", agent.id, agent.process));
        }
        screen::line(&format!("  master at {}", cluster.master()));
        Ok(cluster)
    }

    /// The address for `--master`.
    pub(crate) fn master(&self) -> &str {
        &self.addresses.master
    }

    /// The ids of its agents.
    pub(crate) fn agents(&self) -> impl Iterator<Item = &str> {
        self.addresses.agents.iter().map(|agent| &*agent.id)
    }

    /// Asks it to end, and checks that all of it did. What did not is killed, and is a failure.
    pub(crate) fn stop(mut self) -> Result<()> {
        let members = self.members()?;
        let started = Instant::now();
        processes::signal("TERM", &[self.dev.id()])?;
        let status = processes::wait_within(&mut self.dev, STOP_LIMIT)?;
        let alive = |process: &&Process| process_tree::is_alive(process);
        let left: Vec<u32> = members
            .iter()
            .filter(alive)
            .map(|process| process.id)
            .collect();
        if !left.is_empty() {
            processes::signal("KILL", &left)?;
        }
        judge(status, &left)?;
        let (count, took) = (members.len(), screen::duration(started.elapsed()));
        screen::line(&format!("  {count} processes, all gone after {took}"));
        Ok(())
    }

    /// All processes of the cluster. An agent that is not among them would not end with it.
    fn members(&self) -> Result<Vec<Process>> {
        let members = process_tree::below(self.dev.id())?;
        for agent in &self.addresses.agents {
            if !members.iter().any(|process| process.id == agent.process) {
                let Agent { id, process } = agent;
                return Err(Failure::new(format!(
                    "{id} (process {process}) is not running"
                )));
            }
        }
        Ok(members)
    }
}

/// How a cluster ends that was asked to: in time, whole, and with exit code 0.
fn judge(status: Option<ExitStatus>, left: &[u32]) -> Result<()> {
    let Some(status) = status else {
        let limit = STOP_LIMIT.as_secs();
        return Err(Failure::new(format!(
            "`stoker dev` is still there {limit} s after SIGTERM"
        )));
    };
    if !left.is_empty() {
        return Err(Failure::new(format!(
            "`stoker dev` ended and left processes: {left:?}"
        )));
    }
    if !status.success() {
        return Err(Failure::new(format!("`stoker dev` ended with {status}")));
    }
    Ok(())
}

impl Drop for Cluster {
    /// For every way out that is not [`Cluster::stop`]. There is nobody left to tell of an error.
    fn drop(&mut self) {
        if matches!(self.dev.try_wait(), Ok(None)) {
            drop(processes::signal("TERM", &[self.dev.id()]));
            if !matches!(
                processes::wait_within(&mut self.dev, STOP_LIMIT),
                Ok(Some(_))
            ) {
                drop(processes::kill_and_reap(&mut self.dev));
            }
        }
    }
}

/// Reads lines to the end, so that the cluster never waits for a reader. Only the first is waited for.
fn read_beside(stdout: Option<ChildStdout>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in stdout
            .into_iter()
            .flat_map(|stdout| BufReader::new(stdout).lines())
        {
            match line {
                Ok(line) => drop(sender.send(line)),
                Err(_) => break,
            }
        }
    });
    receiver
}

/// Waits for the first line, as long as there is someone to say it.
fn first_line(dev: &mut Child, lines: &Receiver<String>) -> Result<String> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let ended = dev
            .try_wait()
            .while_doing(|| "wait for `stoker dev`".to_owned())?;
        if let Ok(line) = lines.recv_timeout(START_POLL) {
            return Ok(line);
        }
        if let Some(status) = ended {
            return Err(Failure::new(format!(
                "`stoker dev` ended at its start, with {status}"
            )));
        }
        if Instant::now() >= deadline {
            let limit = START_LIMIT.as_secs();
            return Err(Failure::new(format!(
                "`stoker dev` did not say where it is in {limit} s"
            )));
        }
    }
}

fn parse(line: &str) -> Result<Addresses> {
    let document: Value = serde_json::from_str(line)
        .while_doing(|| format!("read the first line of `stoker dev`, `{line}`"))?;
    let addresses = parse_addresses(&document);
    addresses.ok_or_else(|| Failure::new(format!("`{line}` does not name a master and agents")))
}

fn parse_addresses(document: &Value) -> Option<Addresses> {
    let agent = |agent: &Value| {
        let process = u32::try_from(agent["pid"].as_u64()?).ok()?;
        Some(Agent {
            id: cargo::text(agent, "id"),
            process,
        })
    };
    let agents: Vec<Agent> = document["agents"]
        .as_array()?
        .iter()
        .map(agent)
        .collect::<Option<_>>()?;
    let master = document["master"].as_str()?.to_owned();
    (!agents.is_empty()).then_some(Addresses { master, agents })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_cluster() {
        let line =
            r#"{"master":"http://127.0.0.1:1","agents":[{"id":"agent-a","url":"u","pid":7}]}"#;
        let agents = vec![Agent {
            id: "agent-a".to_owned(),
            process: 7,
        }];
        assert_eq!(
            parse(line),
            Ok(Addresses {
                master: "http://127.0.0.1:1".to_owned(),
                agents
            })
        );
    }

    #[test]
    fn a_line_without_agents_is_refused() {
        assert!(parse(r#"{"master":"http://127.0.0.1:1","agents":[]}"#).is_err());
        assert!(parse("listening").is_err());
    }
}
