//! Admit: a framework is there as soon as the registry holds what it must.
//!
//! Owns the wait between a subscription and `Subscribed`. An ephemeral framework does not wait; a
//! returning one waits only if what the registry holds of it changes (its failover deadline must
//! be gone before it may rely on being back).

use std::collections::BTreeSet;

use stoker_types::{
    AgentId, FrameworkId, MasterInfo, TaskKey, Timestamp, agent::AgentEvent, scheduler::Event,
};

use crate::{
    effect::{Effect, RegistryOperation},
    input::ConnectionId,
    state::{Cluster, connections::Peer, frameworks::FrameworkPhase, life, timers::Timer},
};

/// Admits the framework on this stream, at once or when the registry has confirmed it.
pub(crate) fn admit(
    cluster: &mut Cluster,
    now: Timestamp,
    framework_id: FrameworkId,
    connection: ConnectionId,
    effects: &mut Vec<Effect>,
) {
    cluster
        .connections
        .open(connection, Peer::Scheduler(framework_id));
    let Some(framework) = cluster.frameworks.get_mut(framework_id) else {
        return;
    };
    let (is_return, pending) = match framework.phase {
        FrameworkPhase::Admitting {
            is_return: false, ..
        } => (false, None),
        FrameworkPhase::Admitting { sequence, .. } => (true, Some(sequence)),
        FrameworkPhase::Active { .. }
        | FrameworkPhase::Disconnected
        | FrameworkPhase::Orphaned
        | FrameworkPhase::Removing { .. }
        | FrameworkPhase::Completed => (true, None),
    };
    let wanted = framework.record(None);
    let awaited = if framework.in_registry == wanted {
        pending
    } else {
        let operation = wanted.clone().map_or(
            RegistryOperation::RemoveFramework(framework_id),
            RegistryOperation::PutFramework,
        );
        framework.in_registry = wanted;
        Some(cluster.registry.persist(operation, effects))
    };
    let Some(sequence) = awaited else {
        welcome(cluster, now, framework_id, connection, effects);
        return;
    };
    framework.phase = FrameworkPhase::Admitting {
        connection,
        sequence,
        is_return,
    };
    if is_return {
        framework.disconnected_at = framework.disconnected_at.or(Some(now));
        cluster.allocator.want(framework_id, &BTreeSet::new());
        cluster.changes.framework(framework_id);
    }
}

/// The registry confirmed a write about a framework that is being admitted.
pub(crate) fn confirmed(
    cluster: &mut Cluster,
    now: Timestamp,
    framework_id: FrameworkId,
    confirmed: u64,
    effects: &mut Vec<Effect>,
) {
    let phase = cluster
        .frameworks
        .get(framework_id)
        .map(|framework| &framework.phase);
    if let Some(&FrameworkPhase::Admitting {
        connection,
        sequence,
        ..
    }) = phase
        && sequence == confirmed
    {
        welcome(cluster, now, framework_id, connection, effects);
    }
}

fn welcome(
    cluster: &mut Cluster,
    now: Timestamp,
    framework_id: FrameworkId,
    connection: ConnectionId,
    effects: &mut Vec<Effect>,
) {
    let Some(framework) = cluster.frameworks.get_mut(framework_id) else {
        return;
    };
    framework.phase = FrameworkPhase::Active { connection };
    framework.disconnected_at = None;
    cluster
        .allocator
        .want(framework_id, &framework.wanted_roles());
    cluster.changes.framework(framework_id);
    let heartbeat = cluster.config.timeouts.heartbeat;
    cluster
        .timers
        .set(Timer::Heartbeat(framework_id), now.after(heartbeat));
    let event = Event::Subscribed {
        framework_id,
        heartbeat_interval: heartbeat,
        master: MasterInfo {
            epoch: cluster.epoch,
            version: cluster.config.version.clone(),
        },
    };
    effects.push(Effect::ToScheduler { connection, event });
    tell_anew(cluster, framework_id);
    for agent_id in agents_of(cluster, framework_id) {
        let event = AgentEvent::ResendUpdates { framework_id };
        life::tell_agent(cluster, agent_id, event, effects);
    }
}

/// A scheduler has come, or come back: it was told nothing yet.
fn tell_anew(cluster: &mut Cluster, framework_id: FrameworkId) {
    let framework = cluster.frameworks.get(framework_id);
    let task_ids = framework.into_iter().flat_map(|framework| &framework.tasks);
    for task_id in task_ids {
        let key = TaskKey {
            framework_id,
            task_id: task_id.clone(),
        };
        if let Some(task) = cluster.tasks.get_mut(&key) {
            task.told_number = task.acknowledged_number;
        }
    }
}

/// The agents that have tasks of this framework which are not over.
pub(crate) fn agents_of(cluster: &Cluster, framework_id: FrameworkId) -> BTreeSet<AgentId> {
    let framework = cluster.frameworks.get(framework_id);
    let task_ids = framework.into_iter().flat_map(|framework| &framework.tasks);
    task_ids
        .filter_map(|task_id| {
            let key = TaskKey {
                framework_id,
                task_id: task_id.clone(),
            };
            cluster.tasks.get(&key).map(|task| task.agent_id)
        })
        .collect()
}
