//! A framework that holds tasks: launches copies of one and says when all of them run.

use std::{
    collections::{BTreeSet, VecDeque},
    convert::Infallible,
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use anyhow::bail;
use stoker_sdk_scheduler::{
    Calls, Driver, Offer, Refusal, Scheduler, StatusUpdate, Task, TaskId, TaskState, Timestamp,
    take_fitting,
};

use crate::on_thread::OnThread;

/// How long until all run.
const PATIENCE: Duration = Duration::from_secs(300);

/// A framework whose tasks run, until it is ended.
#[derive(Debug)]
pub(super) struct Holder(OnThread<Infallible>);

impl Holder {
    /// Launches `count` copies of `task`; returns when all run.
    pub(super) fn start(master: &str, task: &Task, count: usize) -> anyhow::Result<Self> {
        let (said, heard) = channel();
        let scheduler = Launches {
            waiting: vec![task.clone(); count].into(),
            starting: BTreeSet::new(),
            said,
        };
        let driver = Driver::builder(scheduler)
            .master(master)
            .name("holder")
            .ephemeral()
            .wait(PATIENCE)
            .build()?;
        let scheduler = OnThread::start(driver)?;
        await_all(&heard)?;
        Ok(Self(scheduler))
    }

    /// Ends its tasks, and leaves.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.0.stop()
    }
}

fn await_all(heard: &Receiver<Said>) -> anyhow::Result<()> {
    match heard.recv_timeout(PATIENCE) {
        Ok(Said::AllRun) => Ok(()),
        Ok(Said::Failed(message)) => bail!("the scheduler: {message}"),
        Err(_) => bail!("not all tasks ran within {PATIENCE:?}"),
    }
}

#[derive(Debug)]
enum Said {
    AllRun,
    Failed(String),
}

#[derive(Debug)]
struct Launches {
    waiting: VecDeque<Task>,
    starting: BTreeSet<TaskId>,
    said: Sender<Said>,
}

impl Launches {
    fn say(&self, said: Said) {
        // A measurement that is gone wants nothing.
        drop(self.said.send(said));
    }
}

impl Scheduler for Launches {
    type Command = Infallible;

    fn offers(&mut self, _now: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            let tasks = take_fitting(&offer.resources, &mut self.waiting);
            let ids = calls.accept_for([offer.id], tasks, Duration::ZERO);
            self.starting.extend(ids);
        }
        if self.waiting.is_empty() {
            calls.suppress();
        }
    }

    fn update(&mut self, _now: Timestamp, update: &StatusUpdate, _calls: &mut Calls) {
        let task_id = &update.task.task_id;
        match update.state {
            TaskState::Starting => {}
            TaskState::Running => {
                self.starting.remove(task_id);
                if self.starting.is_empty() && self.waiting.is_empty() {
                    self.say(Said::AllRun);
                }
            }
            other => self.say(Said::Failed(format!(
                "{task_id} is {other}: {}",
                update.message
            ))),
        }
    }

    fn refused(&mut self, _now: Timestamp, refusal: &Refusal, _calls: &mut Calls) {
        self.say(Said::Failed(format!(
            "{} was refused: {}",
            refusal.verb, refusal.message
        )));
    }
}
