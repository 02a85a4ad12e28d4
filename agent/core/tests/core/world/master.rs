//! The master: what it hears, what it says, how it comes and goes.

use stoker_agent_core::{ConnectionId, Input, Record};
use stoker_types::{
    Epoch, FrameworkId, Reason, StatusUpdate, TaskKey, TaskState,
    agent::{AgentCall, AgentEvent},
};

use super::{Known, World};
use crate::support::{AGENT, OUTPUT, launch_of, outputs};

impl World {
    /// The master hears something.
    pub(super) fn hear(&mut self, call: AgentCall) {
        match call {
            AgentCall::Register { .. } => {
                self.told.clear();
                self.has_told_all = false;
            }
            AgentCall::Snapshot { tasks, last } => {
                assert!(tasks.len() <= 1000);
                for task in tasks {
                    let key = TaskKey {
                        framework_id: task.launch.framework_id,
                        task_id: task.launch.task.id,
                    };
                    assert!(!self.tasks[&key].is_gone, "{key} came back from the dead");
                    self.told.insert(key);
                }
                if last {
                    self.has_told_all = true;
                    for (key, known) in &mut self.tasks {
                        known.is_gone |= !known.is_over() && !self.told.contains(key);
                    }
                }
            }
            AgentCall::Update(update) => self.hear_update(update),
            AgentCall::Pong => {}
            AgentCall::Runners(runners) => {
                assert!(self.is_admitted);
                for runner in runners {
                    assert_ne!(runner.pid, 0);
                }
            }
            AgentCall::Usages(_) => {}
            AgentCall::Unregister => panic!("the agent unregistered"),
        }
    }

    pub(super) fn hear_update(&mut self, update: StatusUpdate) {
        assert!(self.is_admitted, "an update before the admission");
        let is_it = |record: &Record| matches!(record, Record::Update { update: on_disk, .. } if **on_disk == update);
        let Some(position) = self.disk.iter().position(is_it) else {
            panic!("told before it was written: {update:?}");
        };
        let is_synced = position < self.synced;
        assert!(
            is_synced || !update.state.is_terminal(),
            "told before it was synced"
        );
        let Some(known) = self.tasks.get_mut(&update.task) else {
            panic!("an update of a task that nobody launched: {update:?}");
        };
        if let Some(before) = known.updates.get(&update.number) {
            assert_eq!(*before, update, "one number says two things");
            return;
        }
        let latest = known.updates.keys().next_back().copied().unwrap_or(0);
        assert!(
            update.number == latest + 1 || (known.may_skip && update.number > latest),
            "out of order: {update:?} after {latest}"
        );
        let is_finished = update.state == TaskState::Finished;
        let has_outputs = is_finished && self.with_outputs.contains(&update.task);
        let expected = if has_outputs { outputs() } else { Vec::new() };
        assert_eq!(update.outputs, expected, "{update:?}");
        let before = known.state().unwrap_or(TaskState::Staging);
        assert!(before.may_become(update.state), "{before} to {update:?}");
        known.updates.insert(update.number, update);
    }

    pub(super) fn master(&mut self, event: AgentEvent) {
        if let (Some(connection), true) = (self.connection, self.is_admitted) {
            self.input(Input::Master {
                connection,
                epoch: Epoch::new(self.epoch),
                event,
            });
        }
    }

    pub(super) fn launch(&mut self, framework_number: u64) {
        if self.connection.is_none() || !self.is_admitted {
            return;
        }
        let name = format!("task-{}", self.tasks.len());
        let mut launch = launch_of(framework_number, &name, "cpus=0.1;mem=1MiB");
        let key = TaskKey {
            framework_id: launch.framework_id,
            task_id: launch.task.id.clone(),
        };
        if self.tasks.len() % 2 == 1 {
            launch.task.outputs = vec![OUTPUT.to_owned()];
            self.with_outputs.insert(key.clone());
        }
        self.tasks.insert(key, Known::default());
        self.master(AgentEvent::Launch(Box::new(launch)));
    }

    pub(super) fn task(&self, n: u8) -> Option<TaskKey> {
        let index = usize::from(n) % self.tasks.len().max(1);
        self.tasks.keys().nth(index).cloned()
    }

    pub(super) fn with_task(&mut self, n: u8, event: impl FnOnce(TaskKey) -> AgentEvent) {
        if let Some(task) = self.task(n).filter(|task| !self.tasks[task].is_over()) {
            self.master(event(task));
        }
    }

    pub(super) fn acknowledge(&mut self, n: u8) {
        if let Some(task) = self.task(n) {
            let heard: Vec<u64> = self.tasks[&task].updates.keys().copied().collect();
            if let Some(number) = heard.get(usize::from(n) % heard.len().max(1)) {
                let number = *number;
                self.master(AgentEvent::Acknowledge { task, number });
            }
        }
    }

    /// Acknowledges what was never told, or long ago.
    pub(super) fn acknowledge_nonsense(&mut self, n: u8, number: u64) {
        if let Some(task) = self.task(n) {
            let heard = self.tasks[&task].updates.keys().next_back().copied();
            let number = match number {
                0..=3 => number.min(heard.unwrap_or(0)),
                _ => 5000 + number,
            };
            self.master(AgentEvent::Acknowledge { task, number });
        }
    }

    pub(super) fn shutdown(&mut self, framework_id: FrameworkId) {
        if self.connection.is_some() && self.is_admitted {
            self.removed.insert(framework_id);
            self.master(AgentEvent::ShutdownFramework { framework_id });
        }
    }

    pub(super) fn connect(&mut self) {
        if self.connection.is_some() {
            return;
        }
        self.last_connection += 1;
        let connection = ConnectionId(self.last_connection);
        self.connection = Some(connection);
        self.is_admitted = false;
        self.has_told_all = false;
        self.input(Input::Connected { connection });
    }

    pub(super) fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.input(Input::Disconnected { connection });
        }
    }

    pub(super) fn admit(&mut self) {
        let (Some(connection), true, false) =
            (self.connection, self.has_told_all, self.is_admitted)
        else {
            return;
        };
        self.is_admitted = true;
        let epoch = Epoch::new(self.epoch);
        self.input(Input::Master {
            connection,
            epoch,
            event: AgentEvent::Registered {
                agent_id: AGENT,
                epoch,
            },
        });
        let removed: Vec<FrameworkId> = self.removed.iter().copied().collect();
        for framework_id in removed {
            self.master(AgentEvent::ShutdownFramework { framework_id });
        }
    }

    /// A master of an earlier term speaks.
    pub(super) fn deposed(&mut self) {
        if let (Some(connection), Some(task), true) =
            (self.connection, self.task(0), self.epoch > 1)
        {
            self.input(Input::Master {
                connection,
                epoch: Epoch::new(self.epoch - 1),
                event: AgentEvent::Kill {
                    task,
                    reason: Reason::KilledByOperator,
                    grace: None,
                },
            });
        }
    }
}
