//! Remove: a framework ends, because it or an operator said so, or because it did not return.
//!
//! Owns that end. What the registry holds of a framework is removed there first; only then are its
//! tasks ended and its id is used up. Never waits for the tasks: their agents tell when they are
//! over, and nobody else has to hear of it.

use std::collections::BTreeSet;

use stoker_types::{FrameworkId, TaskKey, agent::AgentEvent, scheduler::Event};

use super::{admit, rescind};
use crate::{
    effect::{Effect, RegistryOperation},
    input::RequestId,
    state::{
        Cluster, forget,
        frameworks::{Framework, FrameworkPhase},
        life,
        timers::Timer,
    },
};

/// Why a framework ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its scheduler wants it.
    TornDown,
    /// An operator wants it, and waits for the answer.
    TornDownByOperator(RequestId),
    /// It was ephemeral and its scheduler left, or its time to return is over.
    Left,
}

/// Ends a framework, as soon as the registry has confirmed it.
pub(crate) fn remove(
    cluster: &mut Cluster,
    framework_id: FrameworkId,
    cause: Cause,
    effects: &mut Vec<Effect>,
) {
    rescind::withdraw_all(cluster, framework_id);
    for key in cluster.allocator.forget_framework(framework_id) {
        cluster.timers.cancel(&Timer::Filter(key));
    }
    cluster.timers.cancel(&Timer::Heartbeat(framework_id));
    cluster.timers.cancel(&Timer::Failover(framework_id));
    cluster.timers.cancel(&Timer::Orphan(framework_id));
    let Some(framework) = cluster.frameworks.get_mut(framework_id) else {
        return;
    };
    let (farewell, request) = match cause {
        Cause::TornDown | Cause::Left => (None, None),
        Cause::TornDownByOperator(request) => {
            let farewell = format!("framework {framework_id} was torn down by an operator");
            (Some(farewell), Some(request))
        }
    };
    if let FrameworkPhase::Removing { requests, .. } = &mut framework.phase {
        requests.extend(request);
        return;
    }
    tracing::info!(%framework_id, ?cause, "a framework is removed");
    let connection = framework.connection();
    let was_written = framework.in_registry.take().is_some();
    let sequence = if was_written {
        let operation = RegistryOperation::RemoveFramework(framework_id);
        cluster.registry.persist(operation, effects)
    } else {
        0
    };
    framework.phase = FrameworkPhase::Removing {
        connection,
        sequence,
        farewell,
        requests: request.into_iter().collect(),
    };
    if !was_written {
        complete(cluster, framework_id, effects);
    }
}

/// A framework's first scheduler left before anyone was told of the framework.
pub(crate) fn remove_unseen(
    cluster: &mut Cluster,
    framework_id: FrameworkId,
    effects: &mut Vec<Effect>,
) {
    if cluster.frameworks.remove(framework_id).is_some() {
        cluster.frameworks.removed_ids.insert(framework_id);
        let operation = RegistryOperation::RemoveFramework(framework_id);
        cluster.registry.persist(operation, effects);
    }
}

/// The registry confirmed a write about a framework that is being removed.
pub(crate) fn confirmed(
    cluster: &mut Cluster,
    framework_id: FrameworkId,
    confirmed: u64,
    effects: &mut Vec<Effect>,
) {
    let phase = cluster
        .frameworks
        .get(framework_id)
        .map(|framework| &framework.phase);
    if let Some(FrameworkPhase::Removing { sequence, .. }) = phase
        && *sequence == confirmed
    {
        complete(cluster, framework_id, effects);
    }
}

fn complete(cluster: &mut Cluster, framework_id: FrameworkId, effects: &mut Vec<Effect>) {
    let agents = admit::agents_of(cluster, framework_id);
    let Some(framework) = cluster.frameworks.get_mut(framework_id) else {
        return;
    };
    let phase = std::mem::replace(&mut framework.phase, FrameworkPhase::Completed);
    cluster.frameworks.completed.push_back(framework_id);
    cluster.frameworks.removed_ids.insert(framework_id);
    cluster.changes.framework(framework_id);
    for agent_id in agents {
        let event = AgentEvent::ShutdownFramework { framework_id };
        life::tell_agent(cluster, agent_id, event, effects);
    }
    acknowledge_all(cluster, framework_id, effects);
    if let FrameworkPhase::Removing {
        connection,
        farewell,
        requests,
        ..
    } = phase
    {
        if let Some(connection) = connection {
            effects.extend(farewell.map(|message| {
                let retry = false;
                let event = Event::Error { message, retry };
                Effect::ToScheduler { connection, event }
            }));
            cluster.connections.close(connection, effects);
        }
        let result = Ok(());
        effects.extend(requests.into_iter().map(|request| Effect::Reply {
            request,
            result: result.clone(),
        }));
    }
    forget::completed_frameworks(cluster);
}

/// Nobody is left to take care of the updates of a framework's tasks: the master does.
fn acknowledge_all(cluster: &mut Cluster, framework_id: FrameworkId, effects: &mut Vec<Effect>) {
    let framework = cluster.frameworks.get(framework_id);
    let task_ids: BTreeSet<_> = framework.map_or_else(BTreeSet::new, |framework: &Framework| {
        framework.tasks.clone()
    });
    for task_id in task_ids {
        let key = TaskKey {
            framework_id,
            task_id,
        };
        let latest = cluster.tasks.get(&key).map(|task| task.latest_number);
        if let Some(latest) = latest.filter(|latest| *latest > 0) {
            life::acknowledge(cluster, &key, latest, effects);
        }
    }
}
