//! What is true of an agent between any two inputs.

use std::collections::BTreeMap;

use stoker_types::{Milli, Resources, TaskState, limit, runner::Tenant};

use crate::{
    Agent,
    state::{Phase, RunnerState, Task, Timer},
    stop::Stop,
};

impl Agent {
    /// Checks that the tables agree with each other.
    ///
    /// # Panics
    /// With the task or the runner that they disagree on.
    pub fn check_invariants(&self) {
        if self.stop.as_ref().is_some_and(Stop::is_over) {
            // Nothing happens to it any more: it keeps no timers.
            return;
        }
        self.check_ledger();
        self.check_runners();
        self.check_tenants();
        self.check_timers();
        for task in self.tasks.iter() {
            self.check_task(task);
            check_updates(task);
        }
    }

    /// The ledger is the sum of what the charged tasks take.
    fn check_ledger(&self) {
        let charged = self.tasks.iter().filter(|task| task.is_charged);
        let sum = charged.fold(Resources::default(), |sum, task| {
            sum.checked_add(&task.launch.allocated)
                .expect("charged tasks add up")
        });
        assert_eq!(&sum, self.ledger.used(), "ledger");
    }

    /// A runner has exactly the tasks that say so, and confirms nothing that is not written.
    fn check_runners(&self) {
        for runner in self.runners.iter() {
            for key in &runner.tasks {
                let task = self.tasks.get(key).expect("a runner's task is known");
                assert_eq!(task.runner_id(), Some(runner.id), "{key}");
                assert_eq!(
                    task.tenant(),
                    runner.tenant,
                    "{key} is with another's runner"
                );
            }
            let cpus = runner.tasks.iter().filter_map(|key| self.tasks.get(key));
            let cpus = cpus.map(|task| task.launch.task.resources.cpus);
            let sum = cpus.fold(Milli::ZERO, Milli::saturating_add);
            assert_eq!(sum, runner.cpus, "{} guarantees", runner.id);
            let id = runner.id;
            let logged = runner.logged.as_ref().map_or(0, |(event, _)| *event);
            assert!(runner.confirmed_event <= logged, "{id}");
            assert!(logged <= runner.seen_event, "{id}");
            let is_ready = matches!(runner.state, RunnerState::Ready { .. });
            assert!(
                is_ready || runner.idle_since.is_none(),
                "{id} is idle and not ready"
            );
        }
    }

    /// A tenant's runners are its own, and nobody waits in vain.
    fn check_tenants(&self) {
        let mut live: BTreeMap<Tenant, usize> = BTreeMap::new();
        for task in self.tasks.iter().filter(|task| is_counted(task)) {
            *live.entry(task.tenant()).or_default() += 1;
        }
        assert_eq!(live.values().sum::<usize>(), self.runners.live_tasks());
        for (tenant, entry) in self.runners.tenants() {
            assert_eq!(
                live.remove(tenant).unwrap_or_default(),
                entry.live,
                "{tenant:?}"
            );
            for runner_id in &entry.runners {
                let runner = self.runners.get(*runner_id);
                let runner = runner.expect("a tenant's runner is known");
                assert_eq!(&runner.tenant, tenant);
                let is_stopping = matches!(runner.state, RunnerState::Stopping { .. });
                assert!(!is_stopping, "{runner_id} takes tasks and stops");
            }
        }
        assert!(live.is_empty(), "tasks without a tenant: {live:?}");
    }

    fn check_task(&self, task: &Task) {
        let key = task.key();
        assert!(task.has_ended() || is_counted(task));
        assert_eq!(
            task.has_ended(),
            task.updates.state().is_terminal(),
            "{key}"
        );
        assert!(
            !(task.has_ended() && task.is_charged),
            "{key} is over and charged"
        );
        if let Some(runner_id) = task.runner_id() {
            let runner = self
                .runners
                .get(runner_id)
                .expect("a task's runner is known");
            assert!(runner.tasks.contains(&key), "{key} is not with its runner");
        }
        match &task.phase {
            Phase::Waiting { .. } => {
                let entry = self.runners.tenant(&task.tenant()).expect("its tenant");
                assert!(entry.waiting.contains(&key), "{key} waits in no queue");
                let retry = Timer::RunnerRetry(task.tenant());
                let room = self.config.limits.tasks_per_runner;
                let has_room = self.runners.with_room(&task.tenant(), room).is_some();
                let is_served = self.runners.room_to_come(&task.tenant(), room) > 0;
                assert!(
                    is_served || self.timers.is_set(&retry),
                    "{key} waits in vain"
                );
                assert!(!has_room, "{key} waits for a runner that is ready");
            }
            Phase::Forgetting => assert!(task.updates.is_over(), "{key} is forgotten too early"),
            Phase::Admitting
            | Phase::Preparing { .. }
            | Phase::HandingOver { .. }
            | Phase::HandedOver { .. }
            | Phase::Uploading { .. }
            | Phase::Ended => {}
        }
    }

    /// No timer outlives what it is for.
    fn check_timers(&self) {
        for timer in self.timers.iter() {
            let is_needed = match timer {
                Timer::Adoption | Timer::Stop | Timer::UsageTold => true,
                Timer::Registration => self.session.connection().is_some(),
                Timer::RunnersTold => self.session.registered().is_some(),
                Timer::RunnerIdle(id) => self
                    .runners
                    .get(*id)
                    .is_some_and(|runner| runner.idle_since.is_some()),
                Timer::RunnerRetry(tenant) => self.runners.tenant(tenant).is_some(),
                Timer::PreparePhase(key) => self
                    .tasks
                    .get(key)
                    .is_some_and(|task| matches!(task.phase, Phase::Preparing { .. })),
                Timer::Resend(key) => {
                    self.session.registered().is_some()
                        && self
                            .tasks
                            .get(key)
                            .is_some_and(|task| task.updates.has_in_flight())
                }
            };
            assert!(is_needed, "{timer:?} is set for nothing");
        }
    }
}

/// Whether its tenant counts it among the living.
fn is_counted(task: &Task) -> bool {
    !task.has_ended()
}

/// Updates are numbered upwards, in a possible order, and at most four are under way.
fn check_updates(task: &Task) {
    let key = task.key();
    let updates = &task.updates;
    let mut number = updates.acknowledged();
    let mut state: Option<TaskState> = None;
    for update in updates.unacknowledged() {
        assert!(update.number > number, "{key}");
        number = update.number;
        let may_follow = state.is_none_or(|state| state.may_become(update.state));
        assert!(may_follow, "{key}: {} after {state:?}", update.state);
        state = Some(update.state);
    }
    assert!(number <= updates.latest_number(), "{key}");
    assert!(
        updates.sent() <= updates.written(),
        "{key} told what is not written"
    );
    assert!(
        updates.ever_sent() <= updates.written(),
        "{key} told what is not written"
    );
    assert!(updates.written() <= updates.latest_number(), "{key}");
    let under_way = updates.in_flight().count() as u64;
    assert!(under_way <= limit::UNACKNOWLEDGED_UPDATES_PER_TASK, "{key}");
}
