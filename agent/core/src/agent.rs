//! The agent: its tables, and the one door through which things happen to it.

use stoker_types::{AgentId, IdGenerator, Timestamp};

use crate::{
    Config, Effect, Input, Recovered, launch, outputs, persisted, recovery, runners,
    session::{self, Session},
    state::{Ledger, Log, RemovedFrameworks, Runners, Tasks, Timers},
    stop::{self, Stop},
    tick,
    usage::{self, UsageNews},
};

/// An agent's decisions. It is told what happens and says what to do; see the crate's first page.
#[derive(Debug)]
pub struct Agent {
    pub(crate) config: Config,
    pub(crate) id: AgentId,
    pub(crate) generator: IdGenerator,
    pub(crate) timers: Timers,
    pub(crate) log: Log,
    pub(crate) ledger: Ledger,
    pub(crate) tasks: Tasks,
    pub(crate) runners: Runners,
    pub(crate) removed_frameworks: RemovedFrameworks,
    pub(crate) session: Session,
    pub(crate) stop: Option<Stop>,
    pub(crate) usage_news: UsageNews,
    /// How many inputs were handled, for the sampling of invariants.
    handled: u64,
}

impl Agent {
    /// An agent with what the checkpoint log holds. Its ids and its jitter follow from `seed`.
    pub fn new(
        config: Config,
        seed: u64,
        now: Timestamp,
        recovered: Recovered,
        effects: &mut Vec<Effect>,
    ) -> Self {
        let mut agent = Self {
            id: recovered.agent_id,
            generator: IdGenerator::from_seed(seed),
            timers: Timers::default(),
            log: Log::default(),
            ledger: Ledger::new(config.resources.clone()),
            tasks: Tasks::default(),
            runners: Runners::default(),
            removed_frameworks: RemovedFrameworks::default(),
            session: Session::default(),
            stop: None,
            usage_news: UsageNews::default(),
            handled: 0,
            config,
        };
        recovery::restore::restore(&mut agent, now, recovered, effects);
        runners::guarantee::tell(&mut agent, effects);
        agent.check_in_debug();
        agent
    }

    /// Takes what has happened, and adds what is to be done to `effects`, in order.
    pub fn handle(&mut self, now: Timestamp, input: Input, effects: &mut Vec<Effect>) {
        if self.stop.as_ref().is_some_and(Stop::is_over) {
            return;
        }
        self.dispatch(now, input, effects);
        session::register::when_ready(self, now, effects);
        runners::guarantee::tell(self, effects);
        stop::advance(self, now, effects);
        self.check_in_debug();
    }

    /// When [`Input::Tick`] is due next, if ever.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    fn dispatch(&mut self, now: Timestamp, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Tick => tick::tick(self, now, effects),
            Input::Persisted { sequence } => persisted::persisted(self, now, sequence, effects),
            Input::Written { sequence } => persisted::written(self, now, sequence, effects),
            Input::Connected { connection } => {
                session::connection::connected(self, connection, effects);
            }
            Input::Disconnected { connection } => {
                session::connection::disconnected(self, connection);
            }
            Input::Master {
                connection,
                epoch,
                event,
            } => session::event::event(self, now, (connection, epoch), event, effects),
            Input::Preparing { task, phase } => {
                launch::prepare::preparing(self, now, &task, phase);
            }
            Input::Prepared {
                task,
                result,
                compile_time,
            } => {
                usage::compiled(self, &task, compile_time);
                launch::prepare::prepared(self, now, &task, result, effects);
            }
            Input::OutputsUploaded { task, result } => {
                outputs::uploaded(self, now, &task, result, effects);
            }
            Input::RunnerReady { welcome } => {
                runners::ready::ready(self, now, welcome, effects);
            }
            Input::Runner { runner_id, event } => {
                runners::event::event(self, now, runner_id, event, effects);
            }
            Input::Usages { runner_id, usages } => usage::told(self, now, runner_id, usages),
            Input::RunnerLost { runner_id, message } => {
                runners::lost::lost(self, now, runner_id, &message, effects);
            }
            Input::Stop { kill_tasks } => stop::stop(self, now, kill_tasks, effects),
        }
    }

    /// Checks the invariants in debug builds: after each input while the agent is small, and now
    /// and then when it is not.
    fn check_in_debug(&mut self) {
        const SMALL: usize = 64;
        const SAMPLE: u64 = 256;
        if cfg!(debug_assertions) {
            self.handled += 1;
            if self.tasks.len() <= SMALL || self.handled.is_multiple_of(SAMPLE) {
                self.check_invariants();
            }
        }
    }
}
