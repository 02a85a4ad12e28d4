//! Measures how much fuel a core of this machine burns in a second: in a real runner, with all cores
//! busy, as it will be in earnest.
//!
//! Owns a folder that is gone afterwards, a runner and what that runs. Decides nothing about what an
//! agent sells.

mod kernels;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use stoker_agent_core::Input;
use stoker_types::{
    AgentId, FrameworkId, ModuleReference, Resources, Role, RunnerId, TaskId, TaskInfo, TaskKey,
    TaskLimits, Usage,
    agent::Launch,
    runner::{CompiledKey, Event, NumberedEvent, Tenant},
};
use tokio::{
    sync::mpsc,
    time::{Instant as Deadline, timeout},
};

use self::kernels::{KERNELS, Kernel};
use crate::{
    AgentConfig, AgentError,
    artifacts::{Artifacts, CompiledModule},
    children::{Program, Spawner},
    clock::Clock,
    data_directory::DataDirectory,
    governor::Governor,
    machine,
    master_client::MasterChannel,
    run,
    runners::Runners,
};

/// Nothing here takes so long on a machine that works.
const STEP_WITHIN: Duration = Duration::from_secs(120);
/// The ends of the runner and of what it left.
const END_WITHIN: Duration = Duration::from_secs(10);
/// A runner that outlives this program, because somebody killed it, ends after this.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(10);
const RUNNER: RunnerId = RunnerId::from_bits(1);
const NONCE: u64 = 1;

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The cores that were busy.
    pub cores: u32,
    /// One for each kind of work.
    pub kernels: Vec<KernelRate>,
}

/// How fast one kind of work burns fuel.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelRate {
    /// The kind of work.
    pub name: &'static str,
    /// For people: what that does.
    pub what: &'static str,
    /// The fuel that all cores burnt, in units.
    pub fuel: u64,
    /// The CPU time that they took for it.
    pub cpu_time: Duration,
}

impl KernelRate {
    /// Millions of units a second, for one core.
    #[must_use]
    pub fn mfuel_per_second(&self) -> u64 {
        let per_second = u128::from(self.fuel) * 1000 / self.cpu_time.as_nanos().max(1);
        u64::try_from(per_second).unwrap_or(u64::MAX)
    }
}

impl Calibration {
    /// What all cores can burn together of any of the kinds of work, in millions of units a second.
    #[must_use]
    pub fn lowest_mfuel_per_second(&self) -> u64 {
        let rates = self.kernels.iter().map(KernelRate::mfuel_per_second);
        rates
            .min()
            .unwrap_or(0)
            .saturating_mul(u64::from(self.cores))
    }
}

/// Measures each kind of work for `time`, as an agent with this configuration would run it. Says
/// what it is doing to `progress`, a few words a step. Needs what [`run`](crate::run) needs.
///
/// # Errors
/// If no runner can be started, or what runs in it does not end as it should.
pub async fn calibrate(
    config: &AgentConfig,
    time: Duration,
    progress: impl Fn(&str),
) -> Result<Calibration, AgentError> {
    let folder = tempfile::Builder::new()
        .prefix("stoker-calibrate-")
        .tempdir()
        .map_err(AgentError::io("make a folder in", std::env::temp_dir()))?;
    let data = DataDirectory::open(&folder.path().join("agent"))?;
    let mut lab = Lab::open(config, &data)?;
    let cores = machine::cores();
    progress("starting a runner");
    lab.start_runner().await?;
    let mut kernels = Vec::new();
    for (index, kernel) in KERNELS.iter().enumerate() {
        let of = format!("{} of {}: {}", index + 1, KERNELS.len(), kernel.name);
        progress(&format!("{of}, compiling"));
        let prepared = lab.prepare(kernel, folder.path()).await?;
        progress(&format!("{of}, {cores} cores for {time:?}"));
        let usage = lab.run(kernel, &prepared, cores, time).await?;
        kernels.push(KernelRate {
            name: kernel.name,
            what: kernel.what,
            fuel: usage.fuel_used,
            cpu_time: usage.cpu_time,
        });
    }
    lab.runners.kill_all(Deadline::now() + END_WITHIN).await;
    Ok(Calibration { cores, kernels })
}

/// An agent's parts without an agent.
struct Lab {
    artifacts: Artifacts,
    runners: Runners,
    inputs: mpsc::Receiver<Input>,
}

/// A kernel that can be launched.
struct Prepared {
    launch: Launch,
    key: CompiledKey,
    module: Option<Arc<CompiledModule>>,
}

impl Lab {
    fn open(config: &AgentConfig, data: &DataDirectory) -> Result<Self, AgentError> {
        let config = AgentConfig {
            orphan_timeout: ORPHAN_TIMEOUT,
            ..config.clone()
        };
        let (sender, inputs) = mpsc::channel(1024);
        let (program, spawner) = (Program::new(config.program.clone()), Spawner::new());
        let settings = run::artifact_settings(&config, data, (program.clone(), spawner.clone()));
        let artifacts = Artifacts::open(settings, MasterChannel::none(), sender.clone())
            .map_err(AgentError::io("open", data.artifacts()))?;
        let mut settings =
            run::runner_settings(&config, data, AgentId::from_bits(0), (program, spawner));
        // There is one tenant, and nothing is to start beside what is measured.
        settings.spare_runners = 0;
        let governor = Governor::start(machine::cores(), Clock::start());
        let runners =
            Runners::new(settings, governor, sender).map_err(AgentError::io("open", data.run()))?;
        Ok(Self {
            artifacts,
            runners,
            inputs,
        })
    }

    async fn start_runner(&mut self) -> Result<(), AgentError> {
        let tenant = Tenant {
            framework_id: FrameworkId::from_bits(0),
            role: Role::default(),
        };
        self.runners.start(RUNNER, NONCE, tenant);
        match self.next().await? {
            Input::RunnerReady { .. } => Ok(()),
            other => Err(unexpected("start a runner", &other)),
        }
    }

    async fn prepare(&mut self, kernel: &Kernel, folder: &Path) -> Result<Prepared, AgentError> {
        let path = folder.join(format!("{}.wasm", kernel.name));
        std::fs::write(&path, kernel.wasm()).map_err(AgentError::io("write", &path))?;
        let launch = launch(kernel.name, ModuleReference::File(path))?;
        let task = key_of(&launch);
        self.artifacts
            .prepare(task.clone(), Box::new(launch.clone()));
        loop {
            match self.next().await? {
                Input::Preparing { .. } => {}
                Input::Prepared {
                    result: Ok(prepared),
                    ..
                } => {
                    let module = self.artifacts.module(&task);
                    self.artifacts.prepared(&task);
                    return Ok(Prepared {
                        launch,
                        key: prepared.module,
                        module,
                    });
                }
                Input::Prepared {
                    result: Err(failure),
                    ..
                } => {
                    let message = format!("failed to compile a kernel: {}", failure.message);
                    return Err(AgentError::Ended { message });
                }
                other => return Err(unexpected("compile a kernel", &other)),
            }
        }
    }

    /// Runs a copy on each core, and sums up what they used.
    async fn run(
        &mut self,
        kernel: &Kernel,
        prepared: &Prepared,
        cores: u32,
        time: Duration,
    ) -> Result<Usage, AgentError> {
        for core in 0..cores {
            let mut launch = prepared.launch.clone();
            launch.task.id = task_id(&format!("{}-{core}", kernel.name))?;
            launch.task.limits.wall_time = Some(time);
            let module = (prepared.key, prepared.module.clone());
            self.runners.launch(RUNNER, Box::new(launch), module, None);
        }
        let give_up = Instant::now() + time + STEP_WITHIN;
        let mut sum = Usage::default();
        let mut left = cores;
        while left > 0 && Instant::now() < give_up {
            let input = self.next().await?;
            let Input::Runner {
                event: NumberedEvent { number, event },
                ..
            } = input
            else {
                match input {
                    Input::RunnerLost { .. } => return Err(unexpected("run a kernel", &input)),
                    _ => continue,
                }
            };
            self.runners.confirm(RUNNER, number);
            if let Event::Ended { usage, .. } = event {
                sum.fuel_used = sum.fuel_used.saturating_add(usage.fuel_used);
                sum.cpu_time += usage.cpu_time;
                left -= 1;
            }
        }
        Ok(sum)
    }

    async fn next(&mut self) -> Result<Input, AgentError> {
        let input = timeout(STEP_WITHIN, self.inputs.recv()).await;
        input.ok().flatten().ok_or_else(|| AgentError::Ended {
            message: format!("the runner did not answer within {STEP_WITHIN:?}"),
        })
    }
}

fn unexpected(operation: &str, input: &Input) -> AgentError {
    let message = match input {
        Input::RunnerLost { message, .. } => message.clone(),
        other => format!("{other:?} came instead"),
    };
    AgentError::Ended {
        message: format!("failed to {operation}: {message}"),
    }
}

fn launch(name: &str, module: ModuleReference) -> Result<Launch, AgentError> {
    let resources = Resources {
        cpus: stoker_types::Milli::from_whole(1),
        mem: 8 << 20,
        ..Resources::default()
    };
    Ok(Launch {
        framework_id: FrameworkId::from_bits(0),
        role: Role::default(),
        allocated: resources.clone(),
        task: TaskInfo {
            id: task_id(name)?,
            name: String::new(),
            module,
            module_digest: None,
            resources,
            arguments: Vec::new(),
            program_name: String::new(),
            environment: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            limits: TaskLimits::default(),
        },
    })
}

fn task_id(name: &str) -> Result<TaskId, AgentError> {
    name.parse().map_err(|error| AgentError::Ended {
        message: format!("failed to name a kernel: {error}"),
    })
}

fn key_of(launch: &Launch) -> TaskKey {
    TaskKey {
        framework_id: launch.framework_id,
        task_id: launch.task.id.clone(),
    }
}
