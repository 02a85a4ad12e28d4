//! The master: one entry for everything that happens, one deadline for everything that is due.
//!
//! Owns the order of things within one input: the handler, then the allocator, then what readers
//! see. Never decides what an input means: that is the handlers' business.

use stoker_types::{Epoch, Timestamp};

use crate::{
    agent,
    config::Config,
    effect::Effect,
    input::{ConnectionId, Input, Recovered},
    operator, recover, scheduler,
    state::{Cluster, changes, connections::Peer, registry::Subject},
    tick::tick,
    view::View,
};

/// With more tasks than this, a debug build checks the invariants at every so many inputs only.
const TASKS_CHECKED_AT_EVERY_INPUT: usize = 200;
/// Every so many inputs, then.
const INPUTS_PER_CHECK: u64 = 1024;

/// The master's state machine.
#[derive(Clone, Debug)]
pub struct Master {
    cluster: Cluster,
    inputs: u64,
}

impl Master {
    /// The master of term `epoch` as it starts at `now` with what the registry holds; `seed`
    /// fixes the ids that it makes. What is to be done is appended to `effects`.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a different input that must not be read from the world"
    )]
    #[must_use]
    pub fn new(
        config: Config,
        epoch: Epoch,
        seed: u64,
        now: Timestamp,
        recovered: Recovered,
        effects: &mut Vec<Effect>,
    ) -> Self {
        let mut cluster = Cluster::new(config, epoch, seed);
        recover::recover(&mut cluster, now, recovered, effects);
        changes::flush(&mut cluster, effects);
        Self { cluster, inputs: 0 }
    }

    /// Takes one input at `now`, which is never before an earlier one, and appends what is to be
    /// done to `effects`, in order: what peers are told first, then what readers see.
    pub fn handle(&mut self, now: Timestamp, input: Input, effects: &mut Vec<Effect>) {
        let cluster = &mut self.cluster;
        match input {
            Input::Tick => tick(cluster, now, effects),
            Input::Persisted { sequence } => persisted(cluster, now, sequence, effects),
            Input::Scheduler { connection, call } => {
                scheduler::call(cluster, now, connection, call, effects);
            }
            Input::SchedulerCallInvalid {
                connection,
                call_id,
                message,
            } => scheduler::call_invalid(cluster, connection, call_id, message, effects),
            Input::Agent { connection, call } => {
                agent::call(cluster, now, connection, call, effects);
            }
            Input::SchedulerDisconnected { connection }
            | Input::AgentDisconnected { connection } => {
                disconnected(cluster, now, connection, effects);
            }
            Input::Operator { request, command } => {
                operator::command(cluster, request, command, effects);
            }
        }
        scheduler::offer::allocate_if_due(cluster, now, effects);
        changes::flush(cluster, effects);
        self.inputs = self.inputs.wrapping_add(1);
        if cfg!(debug_assertions) {
            let is_small = self.cluster.tasks.len() <= TASKS_CHECKED_AT_EVERY_INPUT;
            if is_small || self.inputs.is_multiple_of(INPUTS_PER_CHECK) {
                self.check_invariants();
            }
        }
    }

    /// When [`Input::Tick`] is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.cluster.timers.next()
    }

    /// The counts, for metrics.
    #[must_use]
    pub fn view(&self) -> View {
        View::of(&self.cluster)
    }

    /// Checks what must hold after every input; a debug build does so by itself.
    ///
    /// # Panics
    /// If something does not: that is a bug of this crate.
    pub fn check_invariants(&self) {
        self.cluster.check_invariants();
    }
}

/// The registry holds all writes up to `sequence`.
fn persisted(cluster: &mut Cluster, now: Timestamp, sequence: u64, effects: &mut Vec<Effect>) {
    for (number, subject) in cluster.registry.confirm(sequence) {
        match subject {
            Subject::Agent(agent_id) => {
                agent::admit::confirmed(cluster, now, agent_id, number, effects);
            }
            Subject::Framework(framework_id) => {
                scheduler::admit::confirmed(cluster, now, framework_id, number, effects);
                scheduler::remove::confirmed(cluster, framework_id, number, effects);
            }
        }
    }
}

fn disconnected(
    cluster: &mut Cluster,
    now: Timestamp,
    connection: ConnectionId,
    effects: &mut Vec<Effect>,
) {
    match cluster.connections.forget(connection) {
        Some(Peer::Scheduler(framework_id)) => {
            scheduler::disconnect::disconnect(cluster, now, framework_id, effects);
        }
        Some(Peer::Agent(agent_id)) => {
            agent::disconnect::disconnect(cluster, now, agent_id, effects);
        }
        Some(Peer::Closed) | None => {}
    }
}
