//! An agent's effects, carried out in order.

use std::collections::VecDeque;

use stoker_agent_core::{
    ConnectionId, Effect, Input, PrepareFailure, PreparePhase, Prepared, UploadFailure,
};
use stoker_types::{
    BlobForm, Digest, OutputFile, Reason, TaskKey, UnknownImports,
    agent::{AgentCall, Launch},
    runner::CompiledKey,
};

use super::{
    Behaviour, Machine,
    daemon::{Preparation, Upload},
    log::Entry,
    runner::Order,
};
use crate::{
    describe,
    events::OfDaemon,
    network::{self, Message, Side},
    scene::Scene,
};

/// How many preparations of a hundred fail, while there is trouble.
const FAILED_PERCENT: u64 = 4;
/// How many need neither be fetched nor compiled.
const CACHED_PERCENT: u64 = 40;
/// How many that are cancelled are told all the same, because that was on its way.
const TOO_LATE_PERCENT: u64 = 30;

impl Machine {
    pub(super) fn carry_out(&mut self, scene: &mut Scene, effects: Vec<Effect>) {
        for effect in effects {
            scene.note(self.who(), || describe::agent_effect(&effect));
            self.carry_out_one(scene, effect);
        }
    }

    fn carry_out_one(&mut self, scene: &mut Scene, effect: Effect) {
        match effect {
            Effect::ToMaster { connection, call } => self.say(scene, connection, call),
            Effect::Disconnect { connection } => self.hang_up(scene, connection.0),
            Effect::Persist {
                sequence,
                record,
                durability,
            } => {
                if let Some(daemon) = &mut self.daemon {
                    daemon.group.push(Entry {
                        sequence,
                        record,
                        durability,
                    });
                }
            }
            Effect::Prepare { task, launch } => self.prepare(scene, task, &launch),
            Effect::CancelPrepare { task } => self.cancel(scene, &task),
            Effect::UploadOutputs { task, paths } => self.upload(scene, task, paths),
            Effect::CancelUpload { task } => {
                if let Some(daemon) = &mut self.daemon {
                    daemon.uploads.remove(&task);
                }
            }
            Effect::StartRunner { runner_id, .. } => self.start_runner(scene, runner_id),
            Effect::AdoptRunner {
                runner_id,
                confirmed_event,
                ..
            } => self.adopt_runner(scene, runner_id, confirmed_event),
            Effect::Launch {
                runner_id, launch, ..
            } => {
                let order = Order::Launch {
                    key: key_of(&launch),
                    behaviour: Behaviour::of(&launch.task),
                };
                self.order(scene, runner_id, order);
            }
            Effect::Kill {
                runner_id, task, ..
            } => {
                scene.checker.kill_ordered(&task);
                self.order(scene, runner_id, Order::Kill(task));
            }
            Effect::ConfirmEvent { runner_id, event } => {
                self.order(scene, runner_id, Order::Confirm(event));
            }
            Effect::StopRunner { runner_id } => self.stop_runner(scene, runner_id),
            Effect::Guarantee { .. } | Effect::Transfer(_) => {}
            Effect::Forgotten { task } => scene.checker.task_forgotten(&task),
            Effect::Exit { failure } => {
                if let Some(daemon) = &mut self.daemon {
                    daemon.exit = Some(daemon.ends_tasks || failure.is_some());
                }
            }
        }
    }

    fn say(&self, scene: &mut Scene, connection: ConnectionId, call: AgentCall) {
        let daemon = self.daemon.as_ref();
        if daemon.is_some_and(|daemon| daemon.connection == Some(connection.0)) {
            network::send(scene, connection.0, Side::Server, Message::AgentCall(call));
        }
    }

    // ---- Preparations. ----

    fn prepare(&mut self, scene: &mut Scene, task: TaskKey, launch: &Launch) {
        let steps = draw_steps(scene, &task, launch);
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        daemon.latest_errand += 1;
        let number = daemon.latest_errand;
        daemon
            .preparations
            .insert(task.clone(), Preparation { number, steps });
        self.prepare_on(scene, task, number);
    }

    fn prepare_on(&self, scene: &mut Scene, task: TaskKey, number: u64) {
        let event = self.of_daemon(OfDaemon::Prepared { task, number });
        scene.sometime(scene.plan.times.prepare, event);
    }

    /// A preparation is a step further.
    pub(super) fn prepared(&mut self, scene: &mut Scene, task: TaskKey, number: u64) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        let Some(preparation) = daemon.preparations.get_mut(&task) else {
            return;
        };
        if preparation.number != number {
            return;
        }
        let step = preparation.steps.pop_front();
        if preparation.steps.is_empty() {
            daemon.preparations.remove(&task);
        } else {
            self.prepare_on(scene, task, number);
        }
        self.turn(scene, step.into_iter().collect());
    }

    fn cancel(&mut self, scene: &mut Scene, task: &TaskKey) {
        if let Some(daemon) = &mut self.daemon
            && !scene.random.percent(TOO_LATE_PERCENT)
        {
            daemon.preparations.remove(task);
        }
    }
}

// ---- Uploads. ----

impl Machine {
    fn upload(&mut self, scene: &mut Scene, task: TaskKey, paths: Vec<String>) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        daemon.latest_errand += 1;
        let number = daemon.latest_errand;
        daemon
            .uploads
            .insert(task.clone(), Upload { number, paths });
        self.upload_on(scene, task, number);
    }

    fn upload_on(&self, scene: &mut Scene, task: TaskKey, number: u64) {
        let event = self.of_daemon(OfDaemon::Uploaded { task, number });
        scene.sometime(scene.plan.times.prepare, event);
    }

    /// An upload is over, or must be tried again because there is no master.
    pub(super) fn uploaded(&mut self, scene: &mut Scene, task: TaskKey, number: u64) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        let upload = daemon.uploads.get(&task);
        let Some(upload) = upload.filter(|upload| upload.number == number).cloned() else {
            return;
        };
        if daemon.connection.is_none() {
            return self.upload_on(scene, task, number);
        }
        daemon.uploads.remove(&task);
        let result = draw_upload(scene, upload.paths);
        self.turn(scene, vec![Input::OutputsUploaded { task, result }]);
    }
}

fn draw_upload(scene: &mut Scene, paths: Vec<String>) -> Result<Vec<OutputFile>, UploadFailure> {
    if scene.is_unlucky(FAILED_PERCENT) {
        let reasons = [Reason::OutputMissing, Reason::OutputRefused];
        return Err(UploadFailure {
            reason: scene.random.pick(&reasons).unwrap_or(Reason::OutputMissing),
            message: "as the simulation wants it".to_owned(),
        });
    }
    let file = |path: String| OutputFile {
        digest: Digest::of(path.as_bytes()),
        path,
        form: BlobForm::File,
        size: 3,
        content: Some(vec![1, 2, 3]),
    };
    Ok(paths.into_iter().map(file).collect())
}

fn key_of(launch: &Launch) -> TaskKey {
    TaskKey {
        framework_id: launch.framework_id,
        task_id: launch.task.id.clone(),
    }
}

/// What happens on the way to a prepared task.
fn draw_steps(scene: &mut Scene, task: &TaskKey, launch: &Launch) -> VecDeque<Input> {
    let mut steps = VecDeque::new();
    if !scene.random.percent(CACHED_PERCENT) {
        for phase in [PreparePhase::Fetching, PreparePhase::Compiling] {
            let task = task.clone();
            steps.push_back(Input::Preparing { task, phase });
        }
    }
    let result = if scene.is_unlucky(FAILED_PERCENT) {
        let reasons = [
            Reason::ModuleInvalid,
            Reason::LaunchFailed,
            Reason::CompileLimit,
        ];
        Err(PrepareFailure {
            reason: scene.random.pick(&reasons).unwrap_or(Reason::LaunchFailed),
            message: "as the simulation wants it".to_owned(),
        })
    } else {
        let wasm = Digest::from_bytes([7; 32]);
        Ok(Prepared {
            module: CompiledKey::new(wasm, UnknownImports::Refuse),
            stdin: launch.task.stdin.map(|digest| digest.to_string()),
        })
    };
    let task = task.clone();
    steps.push_back(Input::Prepared {
        task,
        result,
        compile_time: std::time::Duration::ZERO,
    });
    steps
}
