//! Recover: what the registry holds when a master starts.
//!
//! Owns the first state of a new term: the registry's agents are away and have a time to return;
//! its frameworks are away and have what is left of their failover timeout. Tasks are not here:
//! agents tell them.

use stoker_types::Timestamp;

use crate::{
    effect::{AgentRecord, Effect, FrameworkRecord},
    input::Recovered,
    scheduler::disconnect,
    state::{
        Cluster,
        agents::{Agent, AgentPhase},
        frameworks::{Framework, FrameworkPhase},
        timers::Timer,
    },
};

/// Fills the tables with what the registry holds.
pub(crate) fn recover(
    cluster: &mut Cluster,
    now: Timestamp,
    recovered: Recovered,
    effects: &mut Vec<Effect>,
) {
    for record in recovered.agents {
        recover_agent(cluster, now, record);
    }
    for record in recovered.frameworks {
        recover_framework(cluster, now, record, effects);
    }
}

fn recover_agent(cluster: &mut Cluster, now: Timestamp, record: AgentRecord) {
    let agent_id = record.agent.id;
    let phase = if record.unreachable_since.is_some() {
        AgentPhase::Unreachable
    } else {
        let deadline = now.after(cluster.config.timeouts.reregister);
        cluster.timers.set(Timer::AgentReturn(agent_id), deadline);
        AgentPhase::Disconnected
    };
    let mut agent = Agent::new(record.agent.clone(), phase, now);
    agent.is_admitted = true;
    agent.in_registry = Some(record);
    cluster.agents.insert(agent);
    cluster.changes.agent(agent_id);
}

fn recover_framework(
    cluster: &mut Cluster,
    now: Timestamp,
    record: FrameworkRecord,
    effects: &mut Vec<Effect>,
) {
    let framework_id = record.id;
    let deadline = record
        .failover_deadline
        .unwrap_or_else(|| now.after(record.framework.failover_timeout));
    let limits = &cluster.config.limits;
    let info = record.framework.clone();
    let mut framework = Framework::new(
        framework_id,
        info,
        FrameworkPhase::Disconnected,
        now,
        limits,
    );
    framework.disconnected_at = Some(now);
    framework.in_registry = Some(record);
    cluster.frameworks.insert(framework);
    cluster.changes.framework(framework_id);
    disconnect::await_return(cluster, framework_id, deadline, effects);
}
