//! The scheduler of `stoker run`: takes the first offer that the task fits, launches it once, and
//! tells the rest of the command what happens. Pure, like every scheduler on the SDK.
//!
//! A launch that was dropped on the way (its offer had just been withdrawn, its agent had just
//! gone) never ran, so it is tried again; nothing else is.

use std::time::Duration;

use stoker_sdk_scheduler::{
    Calls, Ending, FrameworkId, Offer, OfferId, Refusal, Registration, Scheduler, StatusUpdate,
    TaskId, TaskInfo, TaskState, Timestamp,
};
use tokio::sync::mpsc::UnboundedSender;

/// How often a launch that never reached its agent is tried again.
const LAUNCHES: u32 = 5;

/// What the rest of the command hears. Few: a handful for each task.
#[derive(Debug)]
pub(super) enum Told {
    /// The master took the framework in.
    Registered(FrameworkId),
    /// The task is on its way to an agent.
    Launched,
    /// The task went a step further.
    Update(Box<StatusUpdate>),
    /// The master is gone for now.
    Disconnected,
}

/// What the rest of the command wants.
#[derive(Debug)]
pub(super) enum Wish {
    /// End the task; it has its grace.
    Kill,
    /// End the task at once.
    KillAtOnce,
    /// Leave.
    Leave,
}

/// One task and whom to tell.
#[derive(Debug)]
pub(super) struct RunScheduler {
    task: TaskInfo,
    launched: Option<TaskId>,
    launches: u32,
    killed: bool,
    tell: UnboundedSender<Told>,
}

impl RunScheduler {
    /// A scheduler for this task.
    pub(super) const fn new(task: TaskInfo, tell: UnboundedSender<Told>) -> Self {
        Self {
            task,
            launched: None,
            launches: 0,
            killed: false,
            tell,
        }
    }

    fn tell(&self, told: Told) {
        // Where nobody listens any more, the command is about to leave.
        drop(self.tell.send(told));
    }
}

impl Scheduler for RunScheduler {
    type Command = Wish;

    fn registered(&mut self, _: Timestamp, registration: &Registration, calls: &mut Calls) {
        if self.launched.is_some() {
            calls.suppress();
        }
        self.tell(Told::Registered(registration.framework_id));
    }

    fn offers(&mut self, _: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        let fitting = offers
            .iter()
            .find(|offer| offer.resources.contains(&self.task.resources));
        if let (None, false, Some(offer)) = (&self.launched, self.killed, fitting) {
            self.launches += 1;
            // A new id for each launch: one that was dropped is not used again.
            self.task.id = calls.new_task_id(&self.task.name);
            let launched = calls.launch(offer, [self.task.clone()]).into_iter().next();
            calls.suppress();
            self.launched = launched;
            self.tell(Told::Launched);
        }
        calls.decline_rest();
    }

    fn update(&mut self, _: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        let never_ran = update.state == TaskState::Dropped;
        if never_ran && !self.killed && self.launches < LAUNCHES {
            self.launched = None;
            calls.revive();
            return;
        }
        self.tell(Told::Update(Box::new(update.clone())));
    }

    fn rescinded(&mut self, _: Timestamp, _: OfferId, _: &mut Calls) {}

    fn refused(&mut self, _: Timestamp, refusal: &Refusal, _: &mut Calls) {
        // A refused launch also comes as an update of its task.
        tracing::debug!(call = refusal.verb, message = refusal.message, "refused");
    }

    fn command(&mut self, _: Timestamp, wish: Wish, calls: &mut Calls) {
        match (wish, &self.launched) {
            (Wish::Kill, launched) => {
                self.killed = true;
                if let Some(task_id) = launched {
                    calls.kill(task_id);
                }
            }
            (Wish::KillAtOnce, launched) => {
                self.killed = true;
                if let Some(task_id) = launched {
                    calls.kill_within(task_id, Duration::ZERO);
                }
            }
            (Wish::Leave, _) => calls.stop(),
        }
    }

    fn disconnected(&mut self, _: Timestamp, _: &str, _: &mut Calls) {
        self.tell(Told::Disconnected);
    }

    fn error(&mut self, _: Timestamp, ending: &Ending) {
        tracing::debug!(?ending, "the framework is over");
    }
}
