//! The scheduler's side of the protocol as a state machine without I/O.
//!
//! ```text
//!              Connected, Disconnected,                 Connect, Disconnect, Send,
//!  driver or   Event, Command, Tick     ┌────────────┐  Lost, Stop      driver or
//!  simulator ──────────────────────────▶│   core     │─────────────────▶ simulator
//!              (each with the time)     │ ┌────────┐ │  (in order)
//!                                       │ │ author │ │
//!                                       └─┴────────┴─┘
//!                                  callbacks ▲ ▼ Calls
//! ```
//!
//! Owns what a framework remembers while its scheduler lives: its id, the highest term, open
//! offers, tasks that have not ended, kills and questions that are not answered. It has no clock,
//! no randomness but a seed, and no channel: [`Driver`](crate::Driver) gives it those of a real
//! machine, a simulator its own.

mod backoff;
mod carry_out;
mod connection;
mod demand;
mod kills;
mod local;
mod offers;
mod reconciliation;
mod session;
mod tasks;

use std::time::Duration;

use stoker_types::{
    Epoch, FrameworkId, FrameworkInfo, OfferId, StatusUpdate, TaskId, TaskState, Timestamp,
    scheduler::{Event, NumberedCall},
};

use self::session::{Reception, Session};
use crate::{
    Calls, Registration, Scheduler,
    scheduler::{Ending, Refusal},
};

/// What a [`SchedulerCore`] is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the framework says of itself.
    pub framework: FrameworkInfo,
    /// The id that it was given before, by another process of the same framework.
    pub framework_id: Option<FrameworkId>,
    /// How long to be without a master, at the start or later, before giving up; for ever if none.
    pub wait: Option<Duration>,
    /// Fixes task ids and jitter: to be random in life, and chosen in a simulation.
    pub seed: u64,
}

/// What happens to a scheduler.
#[allow(
    clippy::large_enum_variant,
    reason = "the large one, an update, is the one that comes most often; few exist at once"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<C> {
    /// The stream that [`Output::Connect`] asked for is open.
    Connected,
    /// It could not be opened, or has ended. After [`Output::Disconnect`] this is not awaited.
    Disconnected {
        /// Why.
        message: String,
        /// Whether another attempt may do better.
        retry: bool,
    },
    /// The master says something on the stream.
    Event {
        /// The master's term, which its message carries.
        epoch: Epoch,
        /// What it says.
        event: Event,
    },
    /// The rest of the program says something.
    Command(C),
    /// The rest of the program wants what [`Calls::stop`] does.
    Stop,
    /// [`SchedulerCore::deadline`] has come.
    Tick,
}

/// What a scheduler wants done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Open a stream to a master, the next of the list if there are several. Answered by
    /// [`Input::Connected`] or [`Input::Disconnected`].
    Connect,
    /// Drop the stream, or the attempt to open one: nothing that it still says is an input.
    Disconnect,
    /// Send this on the stream, after all before it.
    Send(NumberedCall),
    /// For people to know: there is no master now, and the next attempt is made after this time.
    Lost {
        /// Why.
        message: String,
        /// How long until the next attempt.
        retry_in: Duration,
    },
    /// It is over: what was to be sent before is to be sent, and nothing more comes.
    Stop(Ending),
}

/// A scheduler and all that it remembers of its conversation with the master.
///
/// Feed it with [`handle`](Self::handle), and with [`Input::Tick`] at its
/// [`deadline`](Self::deadline); a new one is due at once. Framework authors use a
/// [`Driver`](crate::Driver) instead.
#[derive(Debug)]
pub struct SchedulerCore<S> {
    scheduler: S,
    calls: Calls,
    session: Session,
}

impl<S: Scheduler> SchedulerCore<S> {
    /// A scheduler that begins to look for its master at `now`.
    pub fn new(scheduler: S, settings: Settings, now: Timestamp) -> Self {
        Self {
            scheduler,
            calls: Calls::new(settings.seed),
            session: Session::new(settings, now),
        }
    }

    /// Takes one input, and adds what is to be done about it to `outputs`.
    pub fn handle(&mut self, now: Timestamp, input: Input<S::Command>, outputs: &mut Vec<Output>) {
        if self.session.is_over() {
            return;
        }
        match input {
            Input::Connected => self.session.connected(now, outputs),
            Input::Disconnected { message, retry } => self.lose(now, message, retry, outputs),
            Input::Event { epoch, event } => self.hear(now, epoch, event, outputs),
            Input::Command(command) => self.call_back(now, outputs, |scheduler, calls| {
                scheduler.command(now, command, calls);
            }),
            Input::Stop => self.call_back(now, outputs, |_scheduler, calls| calls.stop()),
            Input::Tick => self.tick(now, outputs),
        }
        self.answer_locally(now, outputs);
        self.session.end_if_wished(outputs);
        if cfg!(debug_assertions) && self.session.is_small() {
            self.check_invariants();
        }
    }

    /// When [`Input::Tick`] is due; `None` when the core waits for other inputs only.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.session.is_over() {
            return None;
        }
        let own = self.session.deadline();
        own.into_iter().chain(self.scheduler.deadline()).min()
    }

    /// The author's scheduler.
    pub const fn scheduler(&self) -> &S {
        &self.scheduler
    }

    /// Takes the author's scheduler out.
    pub fn into_scheduler(self) -> S {
        self.scheduler
    }

    /// The framework's id, once a master has given it one.
    pub const fn framework_id(&self) -> Option<FrameworkId> {
        self.session.framework_id
    }

    /// The highest term of a master that it has heard of.
    pub const fn epoch(&self) -> Epoch {
        self.session.epoch
    }

    /// Whether a master has taken it in and is still heard.
    pub const fn is_subscribed(&self) -> bool {
        self.session.connection.is_subscribed()
    }

    /// The offers that are open: neither accepted, declined nor rescinded.
    pub fn open_offers(&self) -> impl Iterator<Item = OfferId> {
        self.session.offers.iter()
    }

    /// The tasks that were launched, or heard of, and have not ended.
    pub fn live_tasks(&self) -> impl Iterator<Item = (&TaskId, TaskState)> {
        self.session.tasks.live()
    }

    /// Panics if what is remembered contradicts itself. Called after
    /// each input in debug builds, while there is not much to check.
    pub fn check_invariants(&self) {
        self.session.check_invariants();
    }

    /// Runs a callback and carries out what it wrote.
    fn call_back(
        &mut self,
        now: Timestamp,
        outputs: &mut Vec<Output>,
        callback: impl FnOnce(&mut S, &mut Calls),
    ) {
        callback(&mut self.scheduler, &mut self.calls);
        self.session.carry_out(now, &mut self.calls, outputs);
    }

    fn hear(&mut self, now: Timestamp, epoch: Epoch, event: Event, outputs: &mut Vec<Output>) {
        match self.session.receive(now, epoch, &event) {
            Reception::Taken => {}
            Reception::Ignored => return,
            Reception::Deposed(message) => {
                outputs.push(Output::Disconnect);
                return self.lose(now, message, true, outputs);
            }
        }
        match event {
            Event::Subscribed {
                framework_id,
                master,
                ..
            } => {
                let is_return = self.session.subscribed(now, framework_id, outputs);
                let registration = Registration {
                    framework_id,
                    master,
                    is_return,
                };
                self.call_back(now, outputs, |scheduler, calls| {
                    scheduler.registered(now, &registration, calls);
                });
            }
            Event::Offers(offers) => {
                self.session.offers.open(&offers);
                self.calls.open = offers.iter().map(|offer| offer.id).collect();
                self.call_back(now, outputs, |scheduler, calls| {
                    scheduler.offers(now, offers, calls);
                });
            }
            Event::Rescind { offer_id } => {
                if self.session.offers.close(offer_id).is_some() {
                    self.rescinded(now, offer_id, outputs);
                }
            }
            Event::Update(update) => self.update(now, update, outputs),
            Event::Refused { call_id, message } => {
                let refusal = self.session.refused(now, call_id, message);
                self.refused(now, &refusal, outputs);
            }
            Event::Heartbeat => {}
            Event::Error { message, retry } => {
                outputs.push(Output::Disconnect);
                self.lose(now, message, retry, outputs);
            }
        }
    }

    /// Shows the author what is new in an update, and acknowledges it either way.
    fn update(&mut self, now: Timestamp, mut update: StatusUpdate, outputs: &mut Vec<Output>) {
        if self.session.observe(now, &mut update, outputs) {
            self.call_back(now, outputs, |scheduler, calls| {
                scheduler.update(now, &update, calls);
            });
        }
        self.session.acknowledge(&update, outputs);
    }

    fn refused(&mut self, now: Timestamp, refusal: &Refusal, outputs: &mut Vec<Output>) {
        self.call_back(now, outputs, |scheduler, calls| {
            scheduler.refused(now, refusal, calls);
        });
    }

    fn rescinded(&mut self, now: Timestamp, offer_id: OfferId, outputs: &mut Vec<Output>) {
        self.call_back(now, outputs, |scheduler, calls| {
            scheduler.rescinded(now, offer_id, calls);
        });
    }

    /// The stream has ended, or could not be opened.
    fn lose(&mut self, now: Timestamp, message: String, retry: bool, outputs: &mut Vec<Output>) {
        let was_subscribed = self.session.connection.is_subscribed();
        if !retry && self.session.connection.is_open() {
            let ending = if was_subscribed {
                Ending::Ended { message }
            } else {
                Ending::Refused { message }
            };
            return self.give_up(now, ending, outputs);
        }
        let Some(retry_in) = self.session.lose(now, &message) else {
            return; // No stream was open or being opened.
        };
        outputs.push(Output::Lost {
            message: message.clone(),
            retry_in,
        });
        if was_subscribed {
            let void = self.session.offers.close_all();
            self.call_back(now, outputs, |scheduler, calls| {
                scheduler.disconnected(now, &message, calls);
            });
            for offer_id in void {
                self.rescinded(now, offer_id, outputs);
            }
        }
    }

    fn tick(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        match self.session.connection.overdue(now) {
            None => {}
            Some(connection::Overdue::Attempt) => {
                self.session.connection.dial(now);
                outputs.push(Output::Connect);
            }
            Some(connection::Overdue::Silence(message)) => {
                outputs.push(Output::Disconnect);
                self.lose(now, message, true, outputs);
            }
            Some(connection::Overdue::Wait(ending)) => {
                outputs.push(Output::Disconnect);
                return self.give_up(now, ending, outputs);
            }
        }
        self.session.resend(now, outputs);
        if self.scheduler.deadline().is_some_and(|due| due <= now) {
            self.call_back(now, outputs, |scheduler, calls| scheduler.tick(now, calls));
        }
    }

    /// Tells the author of tasks that never left, as the master would have.
    fn answer_locally(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        for refusal in self.session.local.take_refusals() {
            self.refused(now, &refusal, outputs);
        }
        for update in self.session.take_dropped(now) {
            self.call_back(now, outputs, |scheduler, calls| {
                scheduler.update(now, &update, calls);
            });
        }
    }

    fn give_up(&mut self, now: Timestamp, ending: Ending, outputs: &mut Vec<Output>) {
        self.scheduler.error(now, &ending);
        self.session.end(ending, outputs);
    }
}
