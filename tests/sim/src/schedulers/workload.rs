//! The schedulers of the simulation: small, but written against the SDK as any framework's.
//!
//! Owns what each style of them wants. All write down what they must remember before a callback
//! returns, ask for their open tasks when they come back, and launch again what did not succeed.

use std::time::Duration;

use stoker_sdk_scheduler::{
    Calls, Ending, Offer, Outcome, Registration, Resources, Role, Scheduler, StatusUpdate, Task,
    TaskId, TaskState, Timestamp,
};

use super::notes::Notes;
use crate::{
    machine::Behaviour,
    random::{Random, Span},
};

/// How long a task runs, mostly.
const RUNS: Span = Span::millis(1, 60_000);
/// From one whim of a killer to the next.
const WHIMS: Span = Span::millis(300, 12_000);
/// How many open tasks a scheduler has at most.
const MOST_OPEN: usize = 10;

/// What a scheduler is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Wants so many tasks finished, and launches until they are.
    Farm,
    /// Wants so many tasks ended, however; kills some, asks often, changes its mind, and ends its
    /// framework itself. In two roles.
    Killer,
    /// Like a farm, but its framework ends with its connection.
    Ephemeral,
}

impl Style {
    /// The style of the scheduler with this index: of the first three each has one.
    pub(crate) const fn of(index: usize) -> Self {
        match index % 3 {
            0 => Self::Farm,
            1 => Self::Killer,
            _ => Self::Ephemeral,
        }
    }

    pub(crate) fn roles(self) -> Vec<Role> {
        let roles = match self {
            Self::Farm => &["default"][..],
            Self::Killer => &["default", "whims"],
            Self::Ephemeral => &["short"],
        };
        roles.iter().filter_map(|role| role.parse().ok()).collect()
    }
}

/// A scheduler of one life.
#[derive(Debug)]
pub(crate) struct Workload {
    style: Style,
    wanted: u32,
    random: Random,
    pub(crate) notes: Notes,
    /// The updates that its callback heard, for the checker.
    pub(crate) heard: Vec<StatusUpdate>,
    next_whim: Option<Timestamp>,
    is_suppressed: bool,
    is_calm: bool,
}

/// The simulation's word that trouble is over: what never ends by itself is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calm;

impl Workload {
    pub(crate) fn new(style: Style, wanted: u32, random: Random, notes: Notes) -> Self {
        Self {
            style,
            wanted,
            random,
            notes,
            heard: Vec::new(),
            next_whim: None,
            is_suppressed: false,
            is_calm: false,
        }
    }

    /// Whether it has what it wanted, and nothing of it is left.
    pub(crate) fn is_done(&self) -> bool {
        self.notes.done >= self.wanted && self.notes.open.is_empty()
    }

    /// How many more tasks to launch now.
    fn missing(&self) -> usize {
        let open = self.notes.open.len();
        let to_do = self.wanted.saturating_sub(self.notes.done);
        let to_do = usize::try_from(to_do).unwrap_or(usize::MAX);
        to_do.min(MOST_OPEN).saturating_sub(open)
    }

    fn draw_task(&mut self, id: TaskId) -> Task {
        let millis = self.random.pick(&[100, 250, 500, 1000]).unwrap_or(250);
        let mem = self.random.pick(&[32, 64, 256]).unwrap_or(64);
        let runs = self.random.pause(RUNS);
        let is_endless = self.style == Style::Killer && !self.is_calm && self.random.percent(40);
        let end = match self.random.below(12) {
            0 => "trap",
            1 => "1",
            _ => "0",
        };
        let arguments = Behaviour::arguments((!is_endless).then_some(runs), end);
        let module = stoker_sdk_scheduler::ModuleReference::File("/sim/guest.wasm".into());
        let task = Task::new(module)
            .id(id)
            .cpu_millis(millis)
            .mem_mib(mem)
            .args(arguments);
        if self.random.percent(30) {
            task.disk(16 << 20).output("result")
        } else {
            task
        }
    }

    /// Launches what fits into an offer and is missing; what that is is written down first.
    fn launch_on(&mut self, offer: &Offer, calls: &mut Calls) {
        let mut left = offer.resources.clone();
        let mut tasks = Vec::new();
        for _ in 0..self.missing() {
            let id = calls.new_task_id("t");
            let task = self.draw_task(id.clone());
            let Some(rest) = left.checked_sub(task.needs()) else {
                break;
            };
            // Fuel goes with cpus where a task names none.
            left = without_fuel(rest);
            self.notes.open.insert(id);
            tasks.push(task);
        }
        if tasks.is_empty() {
            calls.decline(offer.id);
        } else {
            let refuse = Duration::from_millis(self.random.below(5_000));
            calls.accept_for([offer.id], tasks, refuse);
        }
    }

    fn want_more_or_less(&mut self, calls: &mut Calls) {
        let is_full = self.missing() == 0;
        if is_full && !self.is_suppressed {
            calls.suppress();
        } else if !is_full && self.is_suppressed {
            calls.revive();
        }
        self.is_suppressed = is_full;
    }

    fn end_if_done(&mut self, calls: &mut Calls) {
        if self.is_done() {
            match self.style {
                Style::Farm => {}
                Style::Killer => calls.teardown(),
                Style::Ephemeral => calls.stop(),
            }
        }
    }

    /// Whether an end is what was wanted of a task.
    fn is_success(&self, update: &StatusUpdate) -> bool {
        match self.style {
            Style::Killer => Outcome::of(update) != Outcome::Lost,
            Style::Farm | Style::Ephemeral => Outcome::of(update) == Outcome::Succeeded,
        }
    }

    // ---- A killer's whims. ----

    fn follow_whim(&mut self, now: Timestamp, calls: &mut Calls) {
        let open: Vec<TaskId> = self.notes.open.iter().cloned().collect();
        let one = open.get(self.random.index(open.len()));
        match self.random.below(8) {
            0 => calls.reconcile_all(),
            1 => calls.reconcile(open.iter().take(3).cloned()),
            2 => {
                calls.suppress();
                calls.revive();
            }
            3 => calls.revive_roles(self.style.roles().into_iter().take(1)),
            _ => one.into_iter().for_each(|task_id| calls.kill(task_id)),
        }
        if self.is_calm {
            open.iter().for_each(|task_id| calls.kill(task_id));
        }
        self.next_whim = Some(now.after(self.random.pause(WHIMS)));
    }
}

impl Scheduler for Workload {
    type Command = Calm;

    fn registered(&mut self, now: Timestamp, registration: &Registration, calls: &mut Calls) {
        self.notes.framework_id = Some(registration.framework_id);
        calls.reconcile(self.notes.open.iter().cloned());
        if self.style == Style::Killer {
            self.next_whim = Some(now.after(self.random.pause(WHIMS)));
        }
        self.want_more_or_less(calls);
        self.end_if_done(calls);
    }

    fn offers(&mut self, _now: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            let sleeps = self.style == Style::Killer && self.random.percent(5);
            if !sleeps {
                self.launch_on(&offer, calls);
            }
        }
        self.want_more_or_less(calls);
    }

    fn update(&mut self, _now: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        self.heard.push(update.clone());
        let task_id = &update.task.task_id;
        if update.state.is_terminal() {
            self.notes.given_up.remove(task_id);
            if self.notes.open.remove(task_id) && self.is_success(update) {
                self.notes.done += 1;
            }
        } else if update.state == TaskState::Unknown {
            if self.notes.open.remove(task_id) {
                self.notes.given_up.insert(task_id.clone());
            }
        } else if !self.notes.open.contains(task_id) {
            // Not, or no longer, one of those that are waited for.
            calls.kill(task_id);
        }
        self.want_more_or_less(calls);
        self.end_if_done(calls);
    }

    fn command(&mut self, _now: Timestamp, _calm: Calm, _calls: &mut Calls) {
        self.is_calm = true;
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.next_whim
    }

    fn tick(&mut self, now: Timestamp, calls: &mut Calls) {
        self.follow_whim(now, calls);
    }

    fn error(&mut self, _now: Timestamp, _ending: &Ending) {
        self.next_whim = None;
    }
}

fn without_fuel(resources: Resources) -> Resources {
    Resources {
        fuel: stoker_sdk_scheduler::Milli::ZERO,
        ..resources
    }
}
