//! A small scheduler as an author writes one, tested as an author tests it.

use std::time::Duration;

use stoker_sdk_scheduler::{
    Calls, Offer, Outcome, Reason, Refusal, Registration, Scheduler, StatusUpdate, Task, TaskId,
    TaskState, Timestamp,
};
use stoker_sdk_testing::ScriptedMaster;

/// How long to rest before a lost task is launched again.
const REST: Duration = Duration::from_secs(10);

/// Keeps one copy of a task running for as long as it is told to, like a service with one
/// instance.
struct Keeper {
    task: Task,
    running: Option<TaskId>,
    rests_until: Option<Timestamp>,
    is_leaving: bool,
    notes: Vec<String>,
}

enum Order {
    Leave,
}

impl Scheduler for Keeper {
    type Command = Order;

    fn registered(&mut self, _: Timestamp, registration: &Registration, _: &mut Calls) {
        self.notes
            .push(format!("registered {}", registration.is_return));
    }

    fn offers(&mut self, _: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        let fits = |offer: &&Offer| offer.resources.contains(self.task.needs());
        let wants_one = self.running.is_none() && self.rests_until.is_none() && !self.is_leaving;
        if let Some(offer) = offers.iter().find(fits).filter(|_| wants_one) {
            self.running = calls.launch(offer, [self.task.clone()]).pop();
            calls.suppress();
        }
        calls.decline_rest_for(Duration::from_secs(3600));
    }

    fn update(&mut self, now: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        if !update.state.is_terminal() || self.running.as_ref() != Some(&update.task.task_id) {
            return;
        }
        self.running = None;
        if self.is_leaving {
            return calls.teardown();
        }
        match Outcome::of(update) {
            Outcome::Lost => calls.revive(),
            _ => self.rests_until = Some(now.after(REST)),
        }
    }

    fn refused(&mut self, _: Timestamp, refusal: &Refusal, _: &mut Calls) {
        self.notes.push(format!("refused {}", refusal.verb));
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.rests_until
    }

    fn tick(&mut self, _: Timestamp, calls: &mut Calls) {
        self.rests_until = None;
        calls.revive();
    }

    fn command(&mut self, _: Timestamp, Order::Leave: Order, calls: &mut Calls) {
        self.is_leaving = true;
        match &self.running {
            Some(task_id) => calls.kill(task_id),
            None => calls.teardown(),
        }
    }
}

fn keeper() -> ScriptedMaster<Keeper> {
    let task = Task::new("file:/service.wasm".parse().unwrap()).name("service");
    ScriptedMaster::new(Keeper {
        task,
        running: None,
        rests_until: None,
        is_leaving: false,
        notes: Vec::new(),
    })
}

/// A keeper whose task runs.
fn with_a_running_task() -> (ScriptedMaster<Keeper>, TaskId) {
    let mut master = keeper();
    let offers = master.offers(&["cpus=0.1;mem=1GiB", "cpus=1;mem=1GiB"]);
    let launch = master.expect_launch();
    assert_eq!(
        launch.offer_ids,
        [offers[1].id],
        "the one that it fits into"
    );
    master.expect_suppress();
    let (declined, refuse) = master.expect_decline();
    assert_eq!(
        (declined, refuse),
        (vec![offers[0].id], Duration::from_secs(3600))
    );
    master.expect_nothing();
    let task_id = launch.tasks[0].id.clone();
    assert!(task_id.as_str().starts_with("service-"));
    master.update(&task_id, TaskState::Starting);
    master.update(&task_id, TaskState::Running);
    assert_eq!(master.acknowledged(&task_id), 2);
    (master, task_id)
}

#[test]
fn a_task_that_was_lost_is_launched_again_at_once() {
    let (mut master, task_id) = with_a_running_task();
    master.update_because(&task_id, TaskState::Failed, Reason::RunnerLost);
    master.expect_revive();
    master.offer("cpus=1;mem=1GiB");
    assert_ne!(master.expect_launch().tasks[0].id, task_id);
}

#[test]
fn a_task_that_failed_is_launched_again_after_a_rest() {
    let (mut master, task_id) = with_a_running_task();
    master.update_because(&task_id, TaskState::Failed, Reason::Trap);
    master.advance(REST - Duration::from_micros(1));
    master.expect_nothing();
    master.advance(Duration::from_micros(1));
    master.expect_revive();
}

#[test]
fn leaving_ends_the_task_first_and_insists() {
    let (mut master, task_id) = with_a_running_task();
    master.command(Order::Leave);
    assert_eq!(master.expect_kill(), task_id);
    master.advance(Duration::from_secs(5));
    assert_eq!(master.expect_kill(), task_id, "again");
    master.update(&task_id, TaskState::Killed);
    assert_eq!(master.expect_call("a teardown").call.verb(), "teardown");
    master.expect_stopped();
}

#[test]
fn a_new_master_changes_nothing_for_tasks() {
    let (mut master, task_id) = with_a_running_task();
    master.fail_over();
    master.expect_nothing();
    assert_eq!(
        master.scheduler().notes,
        ["registered false", "registered true"]
    );
    master.update(&task_id, TaskState::Finished);
    assert_eq!(master.acknowledged(&task_id), 3);
}

#[test]
fn a_refused_launch_is_a_lost_task() {
    let mut master = keeper();
    master.offer("cpus=1;mem=1GiB");
    let launch = master.expect_launch();
    master.expect_suppress();
    master.refuse(launch.call_id, "no");
    master.expect_revive();
    assert_eq!(
        master.scheduler().notes,
        ["registered false", "refused accept"]
    );
}
