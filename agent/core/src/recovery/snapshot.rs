//! The shortest log that says what the agent is: for the compaction of the checkpoint log.

use stoker_types::TaskKey;

use crate::{
    Agent, Record,
    state::{Phase, Runner, Task},
};

impl Agent {
    /// Records that, in this order and alone, stand for all records given out so far by this
    /// agent and found in the log at its start. Replayed, they give the same [`crate::Replayed`],
    /// but that a task is not with a runner that surely never got it.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Record> {
        let mut records = vec![Record::Identity {
            agent_id: self.id,
            boot_id: self.config.boot_id.clone(),
        }];
        for runner in self.runners.iter() {
            push_runner(runner, &mut records);
        }
        for task in self
            .tasks
            .iter()
            .filter(|task| task.phase != Phase::Forgetting)
        {
            push_task(task, &mut records);
        }
        records
    }
}

fn push_runner(runner: &Runner, records: &mut Vec<Record>) {
    records.push(Record::RunnerStarted {
        runner_id: runner.id,
        nonce: runner.nonce,
        tenant: runner.tenant.clone(),
    });
    // For the event's number alone: no task is known yet, and this one's may be forgotten.
    if let Some((_, record)) = &runner.logged {
        records.push((**record).clone());
    }
}

fn push_task(task: &Task, records: &mut Vec<Record>) {
    let key: TaskKey = task.key();
    records.push(Record::Launched(task.launch.clone()));
    if let Some(runner_id) = task.runner_id() {
        let task = key.clone();
        records.push(Record::HandedOver { task, runner_id });
    }
    if let Some(kill) = task.kill {
        records.push(Record::KillRequested {
            task: key.clone(),
            reason: kill.reason,
            grace: kill.grace,
        });
    }
    if let Phase::Uploading { usage } = task.phase {
        records.push(Record::OutputsPending {
            task: key.clone(),
            usage,
            runner_event: None,
        });
    }
    let update = |update: &stoker_types::StatusUpdate| Record::Update {
        update: Box::new(update.clone()),
        runner_event: None,
    };
    let is_acknowledged = task.updates.unacknowledged().next().is_none();
    if is_acknowledged {
        records.extend(task.updates.latest().map(update));
    }
    records.extend(task.updates.unacknowledged().map(update));
    if task.updates.acknowledged() > 0 {
        records.push(Record::Acknowledged {
            task: key,
            number: task.updates.acknowledged(),
        });
    }
}
