//! An agent that does what it is told, loses what it may lose, and resends until acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{
    AgentId, FrameworkId, Reason, StatusUpdate, TaskId, TaskKey, TaskState, Timestamp, Usage,
    agent::{AgentCall, AgentEvent, Launch, TaskSnapshot},
};

use super::{super::fixture, scheduler::SimScheduler};

/// The updates of one task that may be unacknowledged.
const WINDOW: u64 = 4;

#[derive(Clone, Debug)]
struct SimTask {
    launch: Launch,
    state: TaskState,
    updates: Vec<StatusUpdate>,
    acknowledged: u64,
    /// Its end, once the window has room for it.
    end: Option<(TaskState, Reason)>,
}

impl SimTask {
    const fn latest(&self) -> u64 {
        self.updates.len() as u64
    }
}

#[derive(Clone, Debug)]
pub(super) struct SimAgent {
    number: u64,
    pub(super) stream: Option<u64>,
    /// Whether it may send updates: it was told that it is registered.
    is_registered: bool,
    boot: u64,
    tasks: BTreeMap<TaskKey, SimTask>,
    shut_down: BTreeSet<FrameworkId>,
}

impl SimAgent {
    pub(super) const fn new(number: u64) -> Self {
        Self {
            number,
            stream: None,
            is_registered: false,
            boot: 1,
            tasks: BTreeMap::new(),
            shut_down: BTreeSet::new(),
        }
    }

    fn id(&self) -> AgentId {
        AgentId::from_bits(self.number)
    }

    pub(super) fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    pub(super) fn reboot(&mut self) {
        self.boot += 1;
        self.tasks.clear();
        self.shut_down.clear();
    }

    /// Opens a stream and tells everything, in chunks of two.
    pub(super) fn register(&mut self, stream: u64) -> Vec<AgentCall> {
        self.stream = Some(stream);
        self.is_registered = false;
        let mut calls = vec![AgentCall::Register {
            agent: fixture::agent_info(self.number),
            boot_id: format!("boot-{}", self.boot),
        }];
        let told: Vec<TaskSnapshot> = self.tasks.values().map(snapshot).collect();
        for chunk in told.chunks(2) {
            calls.push(AgentCall::Snapshot {
                tasks: chunk.to_vec(),
                last: false,
            });
        }
        calls.push(fixture::snapshot(Vec::new()));
        calls
    }

    pub(super) fn hear(
        &mut self,
        event: AgentEvent,
        now: Timestamp,
        started: &mut BTreeSet<TaskKey>,
    ) -> Vec<AgentCall> {
        match event {
            AgentEvent::Registered { agent_id, .. } => {
                assert_eq!(agent_id, self.id());
                self.is_registered = true;
                self.resend()
            }
            AgentEvent::Launch(launch) => self.launch(*launch, now, started),
            AgentEvent::Kill { task, reason, .. } => {
                self.end(&task, (TaskState::Killed, reason));
                self.say_what_fits(now)
            }
            AgentEvent::ShutdownFramework { framework_id } => {
                self.shut_down.insert(framework_id);
                let tasks: Vec<TaskKey> = self.tasks.keys().cloned().collect();
                for task in tasks {
                    if task.framework_id == framework_id {
                        self.end(&task, (TaskState::Killed, Reason::FrameworkRemoved));
                    }
                }
                self.say_what_fits(now)
            }
            AgentEvent::Acknowledge { task, number } => {
                self.acknowledge(&task, number);
                self.say_what_fits(now)
            }
            AgentEvent::ResendUpdates { .. } => self.resend(),
            AgentEvent::Ping => vec![AgentCall::Pong],
            AgentEvent::Transfer(_) => Vec::new(),
            AgentEvent::Refused { retry, message } => {
                assert!(retry, "{} is turned away for good: {message}", self.id());
                Vec::new()
            }
        }
    }

    fn launch(
        &mut self,
        launch: Launch,
        now: Timestamp,
        started: &mut BTreeSet<TaskKey>,
    ) -> Vec<AgentCall> {
        let key = TaskKey {
            framework_id: launch.framework_id,
            task_id: launch.task.id.clone(),
        };
        // Invariant 2: a launch is executed at most once.
        assert!(started.insert(key.clone()), "{key} is launched twice");
        let task = SimTask {
            launch,
            state: TaskState::Staging,
            updates: Vec::new(),
            acknowledged: 0,
            end: None,
        };
        self.tasks.insert(key.clone(), task);
        if self.shut_down.contains(&key.framework_id) {
            self.end(&key, (TaskState::Killed, Reason::FrameworkRemoved));
        }
        self.say_what_fits(now)
    }

    fn end(&mut self, key: &TaskKey, end: (TaskState, Reason)) {
        if let Some(task) = self.tasks.get_mut(key)
            && !task.state.is_terminal()
        {
            task.end = task.end.or(Some(end));
        }
    }

    fn acknowledge(&mut self, key: &TaskKey, number: u64) {
        let Some(task) = self.tasks.get_mut(key) else {
            return;
        };
        assert!(number <= task.latest(), "{key}#{number} was never sent");
        task.acknowledged = task.acknowledged.max(number);
        if task.state.is_terminal() && task.acknowledged == task.latest() {
            self.tasks.remove(key);
        }
    }

    /// Ends what is to end and has room for its last update.
    fn say_what_fits(&mut self, now: Timestamp) -> Vec<AgentCall> {
        let keys: Vec<TaskKey> = self.tasks.keys().cloned().collect();
        let mut calls = Vec::new();
        for key in keys {
            if let Some(end) = self.tasks[&key].end {
                calls.extend(self.update(&key, end.0, Some(end.1), now));
            }
        }
        calls
    }

    fn update(
        &mut self,
        key: &TaskKey,
        state: TaskState,
        reason: Option<Reason>,
        now: Timestamp,
    ) -> Option<AgentCall> {
        let agent_id = self.id();
        let task = self.tasks.get_mut(key)?;
        let has_room = task.latest() - task.acknowledged < WINDOW;
        if !has_room || !task.state.may_become(state) {
            return None;
        }
        task.state = state;
        if state.is_terminal() {
            task.end = None;
        }
        let update = StatusUpdate {
            agent_id: Some(agent_id),
            reason,
            at: now,
            ..fixture::status(
                key.framework_id,
                key.task_id.as_str(),
                task.latest() + 1,
                state,
            )
        };
        task.updates.push(update.clone());
        self.is_registered.then_some(AgentCall::Update(update))
    }

    /// One of its tasks goes a step further.
    pub(super) fn step(&mut self, how: u8, now: Timestamp) -> Vec<AgentCall> {
        let position = usize::from(how) % self.tasks.len().max(1);
        let Some(key) = self.tasks.keys().nth(position).cloned() else {
            return Vec::new();
        };
        let state = match how % 7 {
            0 | 1 => TaskState::Starting,
            2..=4 => TaskState::Running,
            5 => TaskState::Finished,
            _ => TaskState::Failed,
        };
        self.update(&key, state, None, now).into_iter().collect()
    }

    /// All its tasks end, as far as the window allows.
    pub(super) fn finish(&mut self, now: Timestamp) -> Vec<AgentCall> {
        let keys: Vec<TaskKey> = self.tasks.keys().cloned().collect();
        let mut calls = self.resend();
        for key in keys {
            calls.extend(self.update(&key, TaskState::Finished, None, now));
        }
        calls
    }

    /// All that is not acknowledged, in order.
    pub(super) fn resend(&self) -> Vec<AgentCall> {
        if !self.is_registered {
            return Vec::new();
        }
        let unacknowledged = self.tasks.values().flat_map(|task| {
            let acknowledged = task.acknowledged;
            let updates = task.updates.iter();
            updates.filter(move |update| update.number > acknowledged)
        });
        unacknowledged.cloned().map(AgentCall::Update).collect()
    }

    /// What no agent should say.
    pub(super) fn talk_nonsense(
        &self,
        how: u8,
        now: Timestamp,
        schedulers: &[SimScheduler],
    ) -> Vec<AgentCall> {
        let framework_id = schedulers[usize::from(how) % schedulers.len()].id;
        let Some(framework_id) = framework_id else {
            return vec![fixture::register(self.number)];
        };
        let unknown: TaskId = "never".parse().unwrap();
        let mut update = fixture::status(framework_id, unknown.as_str(), 1, TaskState::Running);
        update.at = now;
        update.usage = Usage::default();
        match how % 5 {
            0 => update.number = 0,
            1 => update.state = TaskState::Unknown,
            2 => update.agent_id = Some(AgentId::from_bits(77)),
            3 => {
                return vec![
                    fixture::snapshot(Vec::new()),
                    AgentCall::Runners(Vec::new()),
                ];
            }
            _ => {}
        }
        vec![AgentCall::Update(update)]
    }
}

fn snapshot(task: &SimTask) -> TaskSnapshot {
    TaskSnapshot {
        launch: task.launch.clone(),
        state: task.state,
        reason: None,
        latest_number: task.latest(),
        acknowledged_number: task.acknowledged,
        usage: Usage::default(),
    }
}
