//! The trait that a framework's author implements, and what its callbacks are told.
//!
//! Owns the vocabulary between an author and the SDK; never calls anything itself.

use std::time::Duration;

use stoker_types::{FrameworkId, MasterInfo, Offer, OfferId, StatusUpdate, TaskId, Timestamp};

use crate::Calls;

/// A framework's scheduler: what it does when something happens.
///
/// Every callback is synchronous, is given the time, and writes what it wants into
/// [`Calls`]; nothing leaves before the callback returns. A scheduler has no clock, no socket and
/// no thread of its own, which is why the same code runs under the [`Driver`](crate::Driver), in a
/// unit test and in a simulation. Whatever takes time (an upload, an HTTP request, waiting for
/// Ctrl-C) happens elsewhere and comes in as a [`Command`](Self::Command).
///
/// Only [`offers`](Self::offers) and [`update`](Self::update) must be written.
///
/// # What the SDK does, so that you need not
///
/// Finding the leading master and coming back to it under the same id; heartbeats; numbering
/// calls; acknowledging each update after `update` returned; dropping what was sent twice and what
/// a deposed master says; asking for the state of tasks after a gap; sending a kill again until the
/// task has ended; unique task ids.
///
/// # What remains yours
///
/// * *Answer every offer.* What you do not use, [decline](Calls::decline_rest): others wait for it.
/// * *Say when you have had enough.* [Suppress](Calls::suppress) offers when nothing waits,
///   [revive](Calls::revive) them when something does.
/// * *Decide what an end means.* `TASK_ERROR` would fail again; `TASK_DROPPED`, `TASK_GONE` and
///   `TASK_FAILED` for a lost runner may be launched again, as a new task.
/// * *Remember.* A scheduler that shall survive its own restart writes down its framework id when
///   it is [`registered`](Self::registered), and its tasks before it launches them.
pub trait Scheduler {
    /// What the rest of the program may tell this scheduler through a
    /// [`Handle`](crate::Handle); [`Infallible`](std::convert::Infallible) if nothing.
    type Command;

    /// Resources are offered: [launch](Calls::launch) on them, or [decline](Calls::decline) them.
    ///
    /// An offer that is neither stays yours until the master takes it back after its timeout (30 s
    /// unless its operator says otherwise), and is lost to everyone else meanwhile.
    fn offers(&mut self, now: Timestamp, offers: Vec<Offer>, calls: &mut Calls);

    /// A task went a step further.
    ///
    /// Called once for each step, in order within a task, and nothing follows a
    /// [terminal](stoker_types::TaskState::is_terminal) state. Two states need thought:
    /// `TASK_UNREACHABLE` means that the task may well be running and may come back;
    /// `TASK_UNKNOWN` that no one in the cluster knows the task (any more).
    ///
    /// After this returned, the update is acknowledged, and is not kept anywhere else: what must
    /// not be forgotten is to be written down here. A step may come again after the scheduler was
    /// restarted between the two.
    fn update(&mut self, now: Timestamp, update: &StatusUpdate, calls: &mut Calls);

    /// The master has taken this framework in, for the first time or again.
    fn registered(&mut self, now: Timestamp, registration: &Registration, calls: &mut Calls) {
        let _unused = (now, registration, calls);
    }

    /// An offer that was neither accepted nor declined is not valid any more.
    fn rescinded(&mut self, now: Timestamp, offer_id: OfferId, calls: &mut Calls) {
        let _unused = (now, offer_id, calls);
    }

    /// The master did not carry out a call; nothing of it was done.
    ///
    /// The tasks of a refused launch also end `TASK_DROPPED`, so a scheduler that looks at
    /// [`update`](Self::update) misses nothing. By default the refusal is logged.
    fn refused(&mut self, now: Timestamp, refusal: &Refusal, calls: &mut Calls) {
        let _unused = (now, calls);
        tracing::warn!(
            call_id = refusal.call_id,
            verb = refusal.verb,
            "the master refused a call: {}",
            refusal.message
        );
    }

    /// The rest of the program says something, through a [`Handle`](crate::Handle).
    fn command(&mut self, now: Timestamp, command: Self::Command, calls: &mut Calls) {
        let _unused = (now, command, calls);
    }

    /// When [`tick`](Self::tick) is to be called next; `None` for never.
    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The [`deadline`](Self::deadline) has come. Move it on, or this is called again at once.
    fn tick(&mut self, now: Timestamp, calls: &mut Calls) {
        let _unused = (now, calls);
    }

    /// The master is gone for now; the SDK looks for it, and for its successor.
    ///
    /// All offers are void ([`rescinded`](Self::rescinded) is called for each that was still
    /// open); tasks go on. What is killed meanwhile is killed when the master is back.
    fn disconnected(&mut self, now: Timestamp, message: &str, calls: &mut Calls) {
        let _unused = (now, message, calls);
    }

    /// It is over, and not by this scheduler's wish: the last callback. The driver's
    /// [`run`](crate::Driver::run) returns the same as an error.
    fn error(&mut self, now: Timestamp, ending: &Ending) {
        let _unused = (now, ending);
    }
}

/// What a master says when it takes a framework in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The framework's id, from now on and for ever: to be written down by a scheduler that
    /// wants to come back after its own restart.
    pub framework_id: FrameworkId,
    /// Who speaks.
    pub master: MasterInfo,
    /// Whether this framework was known before: its tasks may be running, and the SDK asks for the
    /// state of those that it launched since it was started.
    pub is_return: bool,
}

/// A call that the master did not carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The number of the call.
    pub call_id: u64,
    /// What it wanted: `accept`, `kill`, …; empty if it is too long ago.
    pub verb: &'static str,
    /// The tasks that it was to launch and that were not heard of since. Each is also told of by an
    /// update, unless it was refused because its id belongs to another task.
    pub tasks: Vec<TaskId>,
    /// Why, and what would be right.
    pub message: String,
}

/// How the life of a scheduler ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By its own wish: [`Calls::stop`] or [`Calls::teardown`].
    Stopped,
    /// No master took it in within the time that it was ready to wait.
    NoMaster {
        /// How long it waited.
        waited: Duration,
        /// What the last attempt met.
        message: String,
    },
    /// It was taken in, lost its master, and found none within the time that it was ready to wait.
    MasterLost {
        /// How long it waited.
        waited: Duration,
        /// What the last attempt met.
        message: String,
    },
    /// A master refused to take it in, and would again.
    Refused {
        /// Why, and what would be right.
        message: String,
    },
    /// It was taken in, and the master ended that for good: another scheduler came with the same
    /// framework id, or the framework was torn down.
    Ended {
        /// Which of them, in words.
        message: String,
    },
}
