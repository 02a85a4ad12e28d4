//! The scheduler that is measured with: launches what has arrived on whatever is offered, and notes when.
//!
//! Owns the tasks that wait and those that run. A scheduler as the SDK's front page shows one; only the
//! clock that it reads is for the measurement.

use std::{
    collections::{HashMap, VecDeque},
    sync::mpsc::Sender,
    time::{Duration, Instant},
};

use stoker_sdk_scheduler::{
    Calls, Ending, Offer, OfferId, Refusal, Scheduler, StatusUpdate, Task, TaskId, TaskState,
    Timestamp, take_fitting,
};

/// What the measurement tells the scheduler.
#[derive(Debug)]
pub(super) enum Order {
    /// So many tasks arrive at once, and no others.
    Burst(usize),
    /// One arrives, and was due at this time.
    Arrival(Instant),
    /// No more arrive.
    Last,
}

/// What the scheduler tells the measurement.
#[derive(Debug)]
pub(super) enum Said {
    /// All that arrived has ended, and the master has every acknowledgement.
    Done(Run),
    /// It cannot go on.
    Failed(String),
}

/// How it went, from the first order to the end.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The times of every task.
    pub(crate) times: Vec<Times>,
    /// How many tasks each accept launched.
    pub(super) accepts: Vec<usize>,
    /// When the first accept was written.
    begin: Option<Instant>,
    /// When the master was known to have every acknowledgement.
    end: Option<Instant>,
}

impl Run {
    pub(super) fn took(&self) -> Duration {
        let [begin, end] = [self.begin, self.end];
        end.zip(begin)
            .map_or(Duration::ZERO, |(end, begin)| end - begin)
    }
}

/// One task's times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// When it was due to arrive.
    pub(crate) due: Instant,
    /// When it was accepted.
    pub(crate) accepted: Instant,
    /// When the scheduler heard that it runs.
    pub(crate) running: Option<Instant>,
}

/// The scheduler.
#[derive(Debug)]
pub(super) struct Launcher {
    task: Task,
    said: Sender<Said>,
    /// Those that can be used, in the order in which they came.
    offers: Vec<Offer>,
    waiting: VecDeque<Task>,
    /// When each of those was due.
    due: VecDeque<Instant>,
    /// The tasks that have not ended, and their places in `run.times`.
    live: HashMap<TaskId, usize>,
    /// Whether more may arrive.
    is_open: bool,
    /// A task that is not there: the answer to a question about it comes after all that was said before.
    fence: Option<TaskId>,
    run: Run,
}

impl Launcher {
    pub(super) fn new(task: Task, said: Sender<Said>) -> Self {
        Self {
            task,
            said,
            offers: Vec::new(),
            waiting: VecDeque::new(),
            due: VecDeque::new(),
            live: HashMap::new(),
            is_open: false,
            fence: None,
            run: Run::default(),
        }
    }

    fn arrive(&mut self, count: usize, due: Instant) {
        let tasks = std::iter::repeat_n(&self.task, count).cloned();
        self.waiting.extend(tasks);
        self.due.extend(std::iter::repeat_n(due, count));
    }

    /// Launches what fits, on the smallest offers first: the large one is worth keeping at hand, because
    /// the rest of it is away for a moment after each use.
    fn launch(&mut self, calls: &mut Calls) {
        self.offers
            .sort_by_key(|offer| std::cmp::Reverse(offer.resources.cpus));
        while !self.waiting.is_empty()
            && let Some(offer) = self.offers.pop()
        {
            let tasks = take_fitting(&offer.resources, &mut self.waiting);
            let now = Instant::now();
            if !tasks.is_empty() {
                self.run.begin.get_or_insert(now);
                self.run.accepts.push(tasks.len());
            }
            let ids = calls.accept_for([offer.id], tasks, Duration::ZERO);
            let due: Vec<Instant> = self.due.drain(..ids.len()).collect();
            for (id, due) in ids.into_iter().zip(due) {
                self.live.insert(id, self.run.times.len());
                self.run.times.push(Times {
                    due,
                    accepted: now,
                    running: None,
                });
            }
        }
    }

    /// With nothing left, asks for the answer that comes last.
    fn end_if_over(&mut self, calls: &mut Calls) {
        if self.live.is_empty() && self.waiting.is_empty() && !self.is_open && self.fence.is_none()
        {
            let fence = calls.new_task_id("fence");
            calls.reconcile([fence.clone()]);
            self.fence = Some(fence);
        }
    }

    fn say(&self, said: Said) {
        // A measurement that is gone wants nothing.
        drop(self.said.send(said));
    }

    fn fail(&self, message: String) {
        self.say(Said::Failed(message));
    }
}

impl Scheduler for Launcher {
    type Command = Order;

    fn offers(&mut self, _now: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        self.offers.extend(offers);
        self.launch(calls);
    }

    fn update(&mut self, _now: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        let task_id = &update.task.task_id;
        if self.fence.as_ref() == Some(task_id) {
            self.fence = None;
            self.run.end = Some(Instant::now());
            let run = std::mem::take(&mut self.run);
            return self.say(Said::Done(run));
        }
        let Some(&place) = self.live.get(task_id) else {
            return self.fail(format!("{task_id} is {} and not known", update.state));
        };
        match update.state {
            TaskState::Running => {
                self.run.times[place].running = Some(Instant::now());
            }
            TaskState::Finished => {
                self.live.remove(task_id);
                self.end_if_over(calls);
            }
            TaskState::Starting => {}
            other => self.fail(format!("{task_id} is {other}: {}", update.message)),
        }
    }

    fn command(&mut self, _now: Timestamp, order: Order, calls: &mut Calls) {
        match order {
            Order::Burst(count) => {
                self.arrive(count, Instant::now());
                self.launch(calls);
            }
            Order::Arrival(due) => {
                self.is_open = true;
                self.arrive(1, due);
                self.launch(calls);
            }
            Order::Last => {
                self.is_open = false;
                self.end_if_over(calls);
            }
        }
    }

    fn rescinded(&mut self, _now: Timestamp, offer_id: OfferId, _calls: &mut Calls) {
        self.offers.retain(|offer| offer.id != offer_id);
    }

    fn refused(&mut self, _now: Timestamp, refusal: &Refusal, _calls: &mut Calls) {
        self.fail(format!("{} was refused: {}", refusal.verb, refusal.message));
    }

    fn disconnected(&mut self, _now: Timestamp, message: &str, _calls: &mut Calls) {
        self.fail(format!("the master is gone: {message}"));
    }

    fn error(&mut self, _now: Timestamp, ending: &Ending) {
        self.fail(format!("it is over: {ending:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use stoker_sdk_testing::ScriptedMaster;

    use super::*;

    fn scripted() -> (ScriptedMaster<Launcher>, Receiver<Said>) {
        let task = Task::new("file:/noop.wasm".parse().unwrap())
            .cpu_millis(10)
            .mem_mib(8);
        let (said, heard) = channel();
        (ScriptedMaster::new(Launcher::new(task, said)), heard)
    }

    #[test]
    fn a_burst_fills_what_is_offered_and_is_done_after_the_last_answer() {
        let (mut master, heard) = scripted();
        master.offer("cpus=0.02;mem=1GiB");
        master.command(Order::Burst(3));
        let first = master.expect_launch();
        assert_eq!(first.tasks.len(), 2);
        for task in &first.tasks {
            master.update(&task.id, TaskState::Running);
            master.update(&task.id, TaskState::Finished);
        }
        assert!(heard.try_recv().is_err());
        master.offer("cpus=0.02;mem=1GiB");
        let second = master.expect_launch();
        assert_eq!(second.tasks.len(), 1);
        master.update(&second.tasks[0].id, TaskState::Running);
        master.update(&second.tasks[0].id, TaskState::Finished);
        assert!(heard.try_recv().is_err());
        let fence = master.scheduler().fence.clone().unwrap();
        master.answer(&fence, TaskState::Unknown);
        let Said::Done(run) = heard.try_recv().unwrap() else {
            panic!("failed");
        };
        assert_eq!(run.accepts, [2, 1]);
        assert!(run.times.iter().all(|times| times.running.is_some()));
    }

    #[test]
    fn a_task_that_fails_fails_the_measurement() {
        let (mut master, heard) = scripted();
        master.offer("cpus=1;mem=1GiB");
        master.command(Order::Burst(1));
        let launch = master.expect_launch();
        master.update(&launch.tasks[0].id, TaskState::Failed);
        assert!(matches!(heard.try_recv(), Ok(Said::Failed(_))));
    }
}
