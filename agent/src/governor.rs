//! The governor's edge: what runners tell and what the kernel counts goes in; budgets, signals and
//! ends come out.
//!
//! A task of its own, beside the driver: a share must not wait for the checkpoint log. Nobody who
//! tells it something waits. What it decides is the core's business
//! ([`stoker_agent_core::governor`]).

use std::{
    collections::BTreeMap,
    future::pending,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use stoker_agent_core::governor::{
    Governor as Core, GovernorEffect, GovernorInput, GovernorView, Sight,
};
use stoker_types::{
    Milli, RunnerId,
    runner::{Budget, Load},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::{
    children::{Process, Reins, idle_time},
    clock::Clock,
};

/// What readers see is at most this old, while anything happens.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);

/// What the governor says of one runner; only the latest counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It may use so much.
    Budget(Budget),
    /// It is to be ended.
    Kill {
        /// For people: what it did.
        message: String,
    },
}

/// Where one runner's supervisor hears the rulings.
#[derive(Debug)]
pub(crate) struct Rulings(watch::Receiver<Option<Ruling>>);

impl Rulings {
    /// The latest ruling, if it is another; waits for one. Cancelling loses none.
    pub(crate) async fn next(&mut self) -> Ruling {
        loop {
            if self.0.changed().await.is_err() {
                // The daemon leaves.
                return pending().await;
            }
            if let Some(ruling) = self.0.borrow_and_update().clone() {
                return ruling;
            }
        }
    }
}

/// Tells the governor; a handle to clone.
#[derive(Clone, Debug)]
pub(crate) struct Governor {
    /// Unbounded, because the driver must never wait: a few for each task.
    facts: mpsc::UnboundedSender<Fact>,
    loads: Arc<Loads>,
    figures: watch::Receiver<GovernorView>,
}

/// What the daemon itself tells.
#[derive(Debug)]
enum Fact {
    Joined {
        runner_id: RunnerId,
        is_new: bool,
        seat: Seat,
    },
    Guarantee {
        runner_id: RunnerId,
        cpus: Milli,
    },
    Left {
        runner_id: RunnerId,
    },
}

/// The latest load of each runner that told one: a runner that tells thousands fills nothing.
#[derive(Debug, Default)]
struct Loads {
    latest: Mutex<BTreeMap<RunnerId, Load>>,
    arrived: Notify,
}

impl Loads {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunnerId, Load>> {
        // Nothing that runs under the lock can leave it half changed.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Governor {
    /// Starts the governor of a machine with so many cores.
    pub(crate) fn start(cores: u32, clock: Clock) -> Self {
        let (facts, receiver) = mpsc::unbounded_channel();
        let (publisher, figures) = watch::channel(GovernorView::default());
        let loads = Arc::<Loads>::default();
        let edge = Edge {
            core: Core::new(cores),
            clock,
            seats: BTreeMap::new(),
            publisher,
            published: Instant::now(),
        };
        // It ends with the last handle.
        drop(tokio::spawn(edge.run(receiver, Arc::clone(&loads))));
        Self {
            facts,
            loads,
            figures,
        }
    }

    /// The governor in figures, about as they are.
    pub(crate) fn figures(&self) -> watch::Receiver<GovernorView> {
        self.figures.clone()
    }

    /// A runner has answered. One whose process is over already gets no rulings.
    pub(crate) fn join(&self, runner_id: RunnerId, process: &Process, is_new: bool) -> Rulings {
        let (rulings, receiver) = watch::channel(None);
        match process.reins() {
            Ok(Some(reins)) => {
                let seat = Seat {
                    reins,
                    rulings,
                    is_paused: false,
                    is_over: false,
                };
                self.tell(Fact::Joined {
                    runner_id,
                    is_new,
                    seat,
                });
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%runner_id, %error, "a runner cannot be watched; it gets no CPU budget");
            }
        }
        Rulings(receiver)
    }

    /// The tasks of a runner have so many cpus together.
    pub(crate) fn guarantee(&self, runner_id: RunnerId, cpus: Milli) {
        self.tell(Fact::Guarantee { runner_id, cpus });
    }

    /// A runner tells how busy it is.
    pub(crate) fn load(&self, runner_id: RunnerId, load: Load) {
        self.loads.lock().insert(runner_id, load);
        self.loads.arrived.notify_one();
    }

    /// A runner is over, and nothing more is told of it.
    pub(crate) fn left(&self, runner_id: RunnerId) {
        self.tell(Fact::Left { runner_id });
    }

    fn tell(&self, fact: Fact) {
        // It is gone when the daemon leaves.
        drop(self.facts.send(fact));
    }
}

/// What the governor holds of one runner.
#[derive(Debug)]
struct Seat {
    reins: Reins,
    rulings: watch::Sender<Option<Ruling>>,
    is_paused: bool,
    /// It is to be ended: no later ruling may take the place of that.
    is_over: bool,
}

impl Seat {
    fn rule(&mut self, ruling: Ruling) {
        if !self.is_over {
            self.is_over = matches!(ruling, Ruling::Kill { .. });
            self.rulings.send_replace(Some(ruling));
        }
    }

    fn pause(&mut self) {
        self.is_paused = true;
        self.reins.pause();
    }

    fn go_on(&mut self) {
        self.is_paused = false;
        self.reins.go_on();
    }
}

impl Drop for Seat {
    /// A daemon that leaves does not leave a runner stopped.
    fn drop(&mut self) {
        if self.is_paused {
            self.go_on();
        }
    }
}

/// The task that owns the core.
struct Edge {
    core: Core,
    clock: Clock,
    seats: BTreeMap<RunnerId, Seat>,
    publisher: watch::Sender<GovernorView>,
    published: Instant,
}

impl Edge {
    async fn run(mut self, mut facts: mpsc::UnboundedReceiver<Fact>, loads: Arc<Loads>) {
        loop {
            let deadline = self
                .core
                .deadline()
                .map(|deadline| self.clock.instant(deadline));
            tokio::select! {
                biased;
                fact = facts.recv() => match fact {
                    Some(fact) => self.fact(fact),
                    None => return,
                },
                () = at(deadline) => self.handle(GovernorInput::Tick),
                () = loads.arrived.notified() => {
                    let latest = mem::take(&mut *loads.lock());
                    for (runner_id, load) in latest {
                        self.handle(GovernorInput::Load { runner_id, load });
                    }
                }
            }
            if self.published.elapsed() >= PUBLISH_EVERY {
                self.publisher.send_replace(self.core.view());
                self.published = Instant::now();
            }
        }
    }

    fn fact(&mut self, fact: Fact) {
        let input = match fact {
            Fact::Joined {
                runner_id,
                is_new,
                seat,
            } => {
                self.seats.insert(runner_id, seat);
                GovernorInput::Joined { runner_id, is_new }
            }
            Fact::Guarantee { runner_id, cpus } => GovernorInput::Guarantee { runner_id, cpus },
            Fact::Left { runner_id } => {
                self.seats.remove(&runner_id);
                GovernorInput::Left { runner_id }
            }
        };
        self.handle(input);
    }

    fn handle(&mut self, input: GovernorInput) {
        let mut effects = Vec::new();
        self.core.handle(self.clock.now(), input, &mut effects);
        // The answers to looks, which lead to no further ones.
        while !effects.is_empty() {
            for effect in mem::take(&mut effects) {
                if let Some(answer) = self.carry_out(effect) {
                    self.core.handle(self.clock.now(), answer, &mut effects);
                }
            }
        }
    }

    fn carry_out(&mut self, effect: GovernorEffect) -> Option<GovernorInput> {
        let (runner_id, ruling) = match effect {
            GovernorEffect::Look => return self.look(),
            GovernorEffect::Budget { runner_id, budget } => (runner_id, Ruling::Budget(budget)),
            GovernorEffect::Kill { runner_id, message } => (runner_id, Ruling::Kill { message }),
            GovernorEffect::Pause { runner_id } => {
                self.seats.get_mut(&runner_id)?.pause();
                return None;
            }
            GovernorEffect::Continue { runner_id } => {
                self.seats.get_mut(&runner_id)?.go_on();
                return None;
            }
        };
        self.seats.get_mut(&runner_id)?.rule(ruling);
        None
    }

    fn look(&self) -> Option<GovernorInput> {
        let seats = self.seats.iter();
        let used = seats.filter_map(|(runner_id, seat)| Some((*runner_id, seat.reins.cpu_time()?)));
        Some(GovernorInput::Seen(Sight {
            used: used.collect(),
            idle: idle_time()?,
        }))
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}
