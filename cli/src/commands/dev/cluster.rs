//! The master and the agents of `dev`: what each is started with, and what becomes of it.
//!
//! Owns the list of daemons and their restarts; the processes themselves are `children`'s.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, time::Duration};

use anyhow::Context as _;
use rustix::process::{Pid, Signal as ProcessSignal};
use serde::{Deserialize, Serialize};
use stoker_proto::json::AgentState;
use tokio::{
    signal::unix::Signal,
    time::{Instant, sleep, timeout_at},
};

use super::{
    children::{self, Reaped},
    share,
};
use crate::{
    args::{ClusterAddress, OutputFormat, dev::Dev},
    client::Client,
    output,
};

/// The first pause before a daemon that died is started again; doubles up to the longest.
const FIRST_RESTART_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_RESTART_PAUSE: Duration = Duration::from_secs(5);
/// From the signal on: agents have this long to end their tasks, then everything is killed.
const AGENTS_END_WITHIN: Duration = Duration::from_secs(6);
const ALL_END_WITHIN: Duration = Duration::from_secs(8);
/// The agents have this long to register.
const REGISTERED_WITHIN: Duration = Duration::from_secs(20);

/// A daemon and how to start it again.
struct Daemon {
    name: String,
    arguments: Vec<OsString>,
    pid: Option<Pid>,
    started: Instant,
    pause: Duration,
    restart_at: Option<Instant>,
}

/// What a master says first.
#[derive(Debug, Deserialize)]
struct MasterReady {
    url: String,
}

/// What an agent says first, and what `dev` says of it.
#[derive(Debug, Deserialize, Serialize)]
struct AgentReady {
    id: String,
    url: String,
    pid: i32,
}

/// What `dev` says first.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    master: &'a str,
    agents: &'a [AgentReady],
}

/// One master and its agents.
pub(super) struct Cluster {
    data: PathBuf,
    master_url: String,
    agents: Vec<AgentReady>,
    daemons: Vec<Daemon>,
}

impl Cluster {
    /// A cluster whose state is in `data`; nothing runs yet.
    pub(super) const fn new(data: PathBuf) -> Self {
        Self {
            data,
            master_url: String::new(),
            agents: Vec::new(),
            daemons: Vec::new(),
        }
    }

    /// Starts the master, then the agents, and waits until they are registered.
    pub(super) async fn start(&mut self, arguments: &Dev) -> anyhow::Result<()> {
        let listen = arguments.listen.to_string();
        let ready: MasterReady = self
            .start_daemon("the master", self.master_arguments(&listen))
            .await?;
        // A restarted master must be where everyone looks for it, so the port is fixed from now on.
        if let (Some(address), Some(master)) = (
            ready.url.strip_prefix("http://").map(str::to_owned),
            self.daemons.first_mut(),
        ) {
            master.arguments = master_arguments(&self.data, &address);
        }
        self.master_url = ready.url;
        let machine = stoker_agent::machine::detect(&self.data)
            .context("cannot tell what this machine has")?;
        for (index, part) in share::divide(&machine, arguments.agents).iter().enumerate() {
            let number = index + 1;
            let arguments = self.agent_arguments(number, part);
            let agent = self
                .start_daemon(&format!("agent {number}"), arguments)
                .await?;
            self.agents.push(agent);
        }
        self.wait_until_registered().await
    }

    /// Says where everything is.
    pub(super) fn announce(&self, format: OutputFormat) -> anyhow::Result<()> {
        if format != OutputFormat::Table {
            return output::document(&Ready {
                master: &self.master_url,
                agents: &self.agents,
            });
        }
        let mut text = format!("master  {}\n", self.master_url);
        for agent in &self.agents {
            text.push_str(&format!("agent   {}  {}\n", agent.url, agent.id));
        }
        let hint = if self.master_url == "http://127.0.0.1:5050" {
            "stoker run MODULE.wasm -- ARGUMENTS".to_owned()
        } else {
            format!(
                "stoker run --master {} MODULE.wasm -- ARGUMENTS",
                self.master_url
            )
        };
        text.push_str(&format!("\nRun a task:  {hint}\nCtrl-C ends everything.\n"));
        output::data(&text)
    }

    /// Takes notice of what is over, and plans its restart.
    pub(super) fn reap(&mut self) {
        while let Reaped::One(ended) = children::reap() {
            let Some(daemon) = self
                .daemons
                .iter_mut()
                .find(|daemon| daemon.pid == Some(ended.pid))
            else {
                continue;
            };
            daemon.pid = None;
            // One that lived for a while has not failed to start: its next pause is short again.
            if daemon.started.elapsed() > LONGEST_RESTART_PAUSE {
                daemon.pause = FIRST_RESTART_PAUSE;
            }
            output::note(&format!(
                "stoker dev: {} is over ({}); starting it again on its folder",
                daemon.name, ended.how
            ));
            daemon.restart_at = Some(Instant::now() + daemon.pause);
            daemon.pause = (daemon.pause * 2).min(LONGEST_RESTART_PAUSE);
        }
    }

    /// When the next restart is due; far away if none is.
    pub(super) fn next_restart(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3600);
        self.daemons
            .iter()
            .filter_map(|daemon| daemon.restart_at)
            .min()
            .unwrap_or(far)
    }

    /// Starts again what is due.
    pub(super) fn restart_due(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        for daemon in &mut self.daemons {
            if daemon.restart_at.is_some_and(|due| due <= now) {
                // Its first line is not wanted any more: the addresses are known.
                let (pid, _) = children::start(&daemon.arguments)?;
                daemon.pid = Some(pid);
                daemon.started = now;
                daemon.restart_at = None;
            }
        }
        Ok(())
    }

    /// Ends everything: agents first, so that their tasks' ends reach the master; then the master;
    /// then, by force, whatever is left. Returns when no process is left.
    pub(super) async fn stop(&mut self, child_ended: &mut Signal) {
        let start = Instant::now();
        self.signal(1.., ProcessSignal::TERM);
        let agents: Vec<Pid> = self
            .daemons
            .iter()
            .skip(1)
            .filter_map(|daemon| daemon.pid)
            .collect();
        self.reap_until(child_ended, start + AGENTS_END_WITHIN, &agents)
            .await;
        self.signal(..1, ProcessSignal::TERM);
        if !self
            .reap_until(child_ended, start + ALL_END_WITHIN, &[])
            .await
        {
            children::kill_descendants();
            self.reap_until(child_ended, start + ALL_END_WITHIN * 2, &[])
                .await;
        }
    }

    fn signal(
        &self,
        range: impl std::slice::SliceIndex<[Daemon], Output = [Daemon]>,
        signal: ProcessSignal,
    ) {
        let daemons = self.daemons.get(range).unwrap_or_default();
        daemons
            .iter()
            .filter_map(|daemon| daemon.pid)
            .for_each(|pid| children::signal(pid, signal));
    }

    /// Reaps until all of `awaited` (or, if empty, all processes) are over. False if `end` came first.
    async fn reap_until(
        &mut self,
        child_ended: &mut Signal,
        end: Instant,
        awaited: &[Pid],
    ) -> bool {
        let mut left: BTreeMap<i32, ()> = awaited
            .iter()
            .map(|pid| (pid.as_raw_nonzero().get(), ()))
            .collect();
        loop {
            match children::reap() {
                Reaped::NoneLeft => return true,
                Reaped::One(ended) => {
                    left.remove(&ended.pid.as_raw_nonzero().get());
                    for daemon in &mut self.daemons {
                        daemon.pid = daemon.pid.filter(|pid| *pid != ended.pid);
                    }
                }
                Reaped::NoneYet if left.is_empty() && !awaited.is_empty() => return true,
                Reaped::NoneYet => {
                    if timeout_at(end, child_ended.recv()).await.is_err() {
                        return false;
                    }
                }
            }
        }
    }

    async fn start_daemon<T: serde::de::DeserializeOwned>(
        &mut self,
        name: &str,
        arguments: Vec<OsString>,
    ) -> anyhow::Result<T> {
        let (pid, stdout) = children::start(&arguments)?;
        self.daemons.push(Daemon {
            name: name.to_owned(),
            arguments,
            pid: Some(pid),
            started: Instant::now(),
            pause: FIRST_RESTART_PAUSE,
            restart_at: None,
        });
        children::first_line(stdout)
            .await
            .with_context(|| format!("{name} did not start"))
    }

    async fn wait_until_registered(&self) -> anyhow::Result<()> {
        let client = Client::new(&ClusterAddress {
            master: self.master_url.clone(),
        })?;
        let end = Instant::now() + REGISTERED_WITHIN;
        loop {
            let active = match client.agents().await {
                Ok(agents) => agents
                    .iter()
                    .filter(|agent| agent.state == AgentState::Active)
                    .count(),
                Err(error) if Instant::now() > end => return Err(error),
                Err(_) => 0,
            };
            if active >= self.agents.len() {
                return Ok(());
            }
            anyhow::ensure!(
                Instant::now() < end,
                "{active} of {} agents registered within 20 seconds; their own words are above",
                self.agents.len()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn master_arguments(&self, listen: &str) -> Vec<OsString> {
        master_arguments(&self.data, listen)
    }

    fn agent_arguments(&self, number: usize, part: &stoker_types::Resources) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = [
            "start",
            "agent",
            "-o",
            "json",
            "--under-dev",
            "--listen",
            "127.0.0.1:0",
            "--master",
        ]
        .map(OsString::from)
        .to_vec();
        arguments.push(self.master_url.clone().into());
        arguments.push("--data".into());
        arguments.push(self.data.join(format!("agent-{number}")).into());
        arguments.push("--resources".into());
        arguments.push(share::as_argument(part).into());
        arguments
    }
}

fn master_arguments(data: &std::path::Path, listen: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["start", "master", "-o", "json", "--under-dev", "--listen"]
        .map(OsString::from)
        .to_vec();
    arguments.push(listen.into());
    arguments.push("--data".into());
    arguments.push(data.join("master").into());
    arguments
}
