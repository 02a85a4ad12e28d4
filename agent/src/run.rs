//! From a configuration to a running agent.
//!
//! Owns the order of the start: first all that can be refused (configuration, folder, port, log),
//! then what is told to others. Never decides anything about tasks.

use std::{io, sync::Arc};

use rand::{TryRng as _, rngs::SysRng};
use stoker_agent_core::{Agent, Config, Input, Limits, Recovered, Timeouts, replay};
use stoker_types::{AgentId, Hardening, IdGenerator, TaskKey};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::AbortHandle,
};

use crate::{
    AgentConfig, AgentError, StopRequest,
    artifacts::{ArtifactSettings, Artifacts, CompileSettings},
    checkpoint,
    children::{Program, Spawner},
    clock::Clock,
    config::Checked,
    data_directory::DataDirectory,
    driver::{Driver, Parts},
    governor::Governor,
    hardening, http,
    known_tasks::KnownTasks,
    machine,
    master_client::MasterClient,
    metrics::Sources,
    outputs::Uploads,
    runners::{self, Runners},
    sandboxes::Collector,
    transfer::Transfers,
};

/// The inputs that may wait for the core; whoever has more waits itself.
const QUEUED_INPUTS: usize = 8192;

/// What an agent is when it has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its id.
    pub agent_id: AgentId,
    /// Where its health and metrics are: `http://ADDRESS`.
    pub url: String,
}

/// Runs an agent until a stop is requested, a master refuses it for good, or it cannot go on.
/// Calls `ready` once, when all that can be refused has been accepted; it may not be registered
/// yet then.
///
/// Needs a tokio runtime with all drivers enabled, and a thread that lives as long as this call.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(
    config: AgentConfig,
    stops: mpsc::Receiver<StopRequest>,
    ready: impl FnOnce(&Ready),
) -> Result<(), AgentError> {
    let checked = config.check()?;
    if config.die_with_parent {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
            .map_err(|error| AgentError::io("watch the parent of", "/proc/self")(error.into()))?;
    }
    let data = DataDirectory::open(&config.data)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|cause| AgentError::Listen {
            address: config.listen,
            cause,
        })?;
    let (program, spawner) = (Program::new(config.program.clone()), Spawner::new());
    let hardening = hardening::check(&program, &spawner, config.require_hardening).await?;
    let (agent, driver, inputs) = Start {
        config: &config,
        checked,
        data: &data,
        program,
        spawner,
        hardening,
    }
    .open(&listener)?;
    ready(&agent);
    let Prepared {
        driver,
        effects,
        sources,
        view,
        collector,
    } = driver;
    let _collector = AbortOnDrop(tokio::spawn(collector.run()).abort_handle());
    let page = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, http::app(view, sources)).await {
            tracing::error!(%error, "the health and metrics page is gone");
        }
    });
    let _page = AbortOnDrop(page.abort_handle());
    driver.run(effects, inputs, stops).await
}

/// Ends a background task with its owner.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What is to be started.
struct Start<'a> {
    config: &'a AgentConfig,
    checked: Checked,
    data: &'a DataDirectory,
    program: Program,
    spawner: Spawner,
    hardening: Hardening,
}

/// All that runs.
struct Prepared {
    driver: Driver,
    effects: Vec<stoker_agent_core::Effect>,
    sources: Sources,
    view: watch::Receiver<stoker_agent_core::View>,
    collector: Collector,
}

impl Start<'_> {
    /// Opens the log and all parts, and makes the core.
    fn open(
        self,
        listener: &TcpListener,
    ) -> Result<(Ready, Prepared, mpsc::Receiver<Input>), AgentError> {
        let data = self.data;
        let proc_error = |error| AgentError::io("read", "/proc/sys/kernel/random/boot_id")(error);
        let boot_id = machine::boot_id().map_err(proc_error)?;
        let log_error = |error: checkpoint::CheckpointError| AgentError::Checkpoint {
            message: error.to_string(),
        };
        let opened = checkpoint::open(&data.checkpoint(), &boot_id).map_err(log_error)?;
        let log = opened.log.syncing_everything(self.config.sync_everything);
        let mut generator = IdGenerator::from_seed(
            seed().map_err(AgentError::io("ask for randomness", "/dev/urandom"))?,
        );
        let replayed = replay(opened.records);
        let agent_id = replayed.agent_id.unwrap_or_else(|| generator.agent_id());
        let recovered = replayed.recovered(agent_id, &boot_id);

        let address = listener
            .local_addr()
            .map_err(AgentError::io("look at", "the listening socket"))?;
        let ready = Ready {
            agent_id,
            url: format!("http://{address}"),
        };
        let core_config = self.core_config(boot_id, &ready.url)?;
        let (sender, inputs) = mpsc::channel(QUEUED_INPUTS);
        let clock = Clock::start();
        let governor = Governor::start(machine::cores(), clock);
        let figures = governor.figures();
        let parts = self.parts((log, governor), &recovered, sender)?;
        let sources = Sources {
            log: parts.log.counters(),
            master: parts.master.counters(),
            artifacts: parts.artifacts.counters(),
            artifact_bytes: Arc::new(parts.artifacts.bytes()),
            sandboxes: Arc::default(),
            governor: figures,
        };
        let collector = Collector {
            sandboxes: data.sandboxes(),
            removed: data.staging(),
            known_tasks: Arc::clone(&parts.known_tasks),
            retention: self.config.sandbox_retention,
            min_free: self.config.sandbox_min_free,
            counters: Arc::clone(&sources.sandboxes),
        };
        let mut effects = Vec::new();
        let agent = Agent::new(
            core_config,
            generator.next_u64(),
            clock.now(),
            recovered,
            &mut effects,
        );
        let (view_sender, view) = watch::channel(agent.view());
        let driver = Driver::new(agent, clock, parts, view_sender);
        Ok((
            ready,
            Prepared {
                driver,
                effects,
                sources,
                view,
                collector,
            },
            inputs,
        ))
    }

    fn core_config(&self, boot_id: String, url: &str) -> Result<Config, AgentError> {
        let found = machine::detect(&self.config.data).map_err(AgentError::io(
            "find out what this machine has, under",
            &self.config.data,
        ))?;
        let resources = machine::apply(&self.checked.overrides, found);
        tracing::info!(%resources, "this agent sells");
        Ok(Config {
            hostname: hostname(self.config),
            resources,
            attributes: self.checked.attributes.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            url: url.to_owned(),
            hardening: self.hardening,
            boot_id,
            timeouts: Timeouts {
                runner_idle: self.config.idle_runner_timeout,
                ..Timeouts::default()
            },
            limits: Limits {
                tasks_per_runner: usize::try_from(self.config.tasks_per_runner)
                    .unwrap_or(usize::MAX),
                ..Limits::default()
            },
        })
    }

    fn parts(
        &self,
        (log, governor): (checkpoint::CheckpointLog, Governor),
        recovered: &Recovered,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Parts, AgentError> {
        let data = self.data;
        let master = MasterClient::start(self.checked.masters.clone(), inputs.clone());
        let (program, spawner) = (self.program.clone(), self.spawner.clone());
        let artifacts = Artifacts::open(
            artifact_settings(self.config, data, (program.clone(), spawner.clone())),
            master.channel(),
            inputs.clone(),
        )
        .map_err(AgentError::io("open", data.artifacts()))?;
        let settings = runner_settings(self.config, data, recovered.agent_id, (program, spawner));
        let uploads = Uploads::new(master.channel(), data.sandboxes(), inputs.clone());
        let runners =
            Runners::new(settings, governor, inputs).map_err(AgentError::io("open", data.run()))?;
        runners.clear_strays(&recovered.runners.iter().map(|runner| runner.id).collect());
        let known_tasks = Arc::new(KnownTasks::default());
        for runner in &recovered.runners {
            known_tasks.recover_runner(runner);
        }
        for task in &recovered.tasks {
            known_tasks.recover(task);
            let key = TaskKey {
                framework_id: task.launch.framework_id,
                task_id: task.launch.task.id.clone(),
            };
            artifacts.hold(key, &task.launch);
        }
        let transfers =
            Transfers::new(master.channel(), Arc::clone(&known_tasks), data.sandboxes());
        Ok(Parts {
            log,
            master,
            artifacts,
            uploads,
            runners,
            transfers,
            known_tasks,
        })
    }
}

/// How an agent with this configuration fetches and compiles.
pub(crate) fn artifact_settings(
    config: &AgentConfig,
    data: &DataDirectory,
    (program, spawner): (Program, Spawner),
) -> ArtifactSettings {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let parallelism = match usize::try_from(config.compile_parallelism) {
        Ok(0) | Err(_) => cpus,
        Ok(parallelism) => parallelism,
    };
    ArtifactSettings {
        folder: data.artifacts(),
        budget: config.artifact_cache,
        hostname: hostname(config),
        max_module: config.max_module,
        max_input: config.max_input,
        staging: data.staging(),
        sandboxes: data.sandboxes(),
        compile: CompileSettings {
            program,
            spawner,
            memory_profile: machine::memory_profile(config.memory_profile),
            cpu: config.compile_cpu,
            cpu_per_mib: config.compile_cpu_per_mib,
            memory: config.compile_memory,
            max_module: config.max_module,
            limits: config.limits,
            parallelism,
            require_hardening: config.require_hardening,
        },
    }
}

/// How an agent with this configuration starts its runners.
pub(crate) fn runner_settings(
    config: &AgentConfig,
    data: &DataDirectory,
    agent_id: AgentId,
    (program, spawner): (Program, Spawner),
) -> runners::Settings {
    runners::Settings {
        agent_id,
        program,
        spawner,
        memory_profile: machine::memory_profile(config.memory_profile),
        slots: config.tasks_per_runner,
        limits: config.limits,
        orphan_timeout: config.orphan_timeout,
        run: data.run(),
        logs: data.logs(),
        inherit_stderr: config.inherit_runner_stderr,
        sandboxes: data.sandboxes(),
        spare_runners: config.spare_runners,
        require_hardening: config.require_hardening,
    }
}

fn hostname(config: &AgentConfig) -> String {
    config.hostname.clone().unwrap_or_else(machine::hostname)
}

/// What ids and jitter come from.
fn seed() -> io::Result<u64> {
    SysRng.try_next_u64().map_err(io::Error::other)
}
