//! Merge: an agent told all its tasks and is admitted; now it and the master agree.
//!
//! | the task | then |
//! | --- | --- |
//! | both know it, and it goes on or its end is not acknowledged | the agent is believed |
//! | only the master: never confirmed, same boot | `TASK_DROPPED` / `AGENT_DISCONNECTED` |
//! | only the master: otherwise | `TASK_GONE` / `AGENT_RESTARTED` |
//! | only the agent | adopted; a framework that nobody knows gets a place and a deadline |
//! | only the agent, of a framework that is over, or an id that is used up | a *stray*: ended |
//!
//! Owns that table. What the agent has not heard since it left (kills, acknowledgements, ends of
//! frameworks) is told again.

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{
    AgentId, FrameworkId, Reason, TaskKey, TaskState, Timestamp,
    agent::{AgentEvent, TaskSnapshot},
    scheduler::Event,
};

use super::{adopt, turn_away, unreachable};
use crate::{
    allocator::Tenant,
    effect::Effect,
    state::{
        Cluster,
        agents::{AgentPhase, Registration, Stray},
        ledger, life,
    },
    validation,
};

/// Registers an agent with the tasks that it told.
pub(super) fn merge(
    cluster: &mut Cluster,
    now: Timestamp,
    registration: Registration,
    effects: &mut Vec<Effect>,
) {
    let Registration {
        connection,
        info,
        boot_id,
        told,
    } = registration;
    let agent_id = info.id;
    let told = match validation::snapshot::check(&info.resources, told) {
        Ok(told) => told,
        Err(refusal) => {
            let verdict = ("snapshot", &refusal, false);
            turn_away(cluster, now, agent_id, verdict, effects);
            return;
        }
    };
    let Some(agent) = cluster.agents.get_mut(agent_id) else {
        return;
    };
    let same_boot = agent.boot_id.as_ref() == Some(&boot_id);
    agent.info = info;
    agent.boot_id = Some(boot_id);
    agent.registered_at = Some(now);
    agent.phase = AgentPhase::Active { connection };
    let total = agent.info.resources.clone();
    tracing::info!(%agent_id, tasks = told.len(), "an agent is registered");
    effects.push(Effect::ToAgent {
        connection,
        event: AgentEvent::Registered {
            agent_id,
            epoch: cluster.epoch,
        },
    });
    cluster.changes.agent(agent_id);
    cluster.allocator.set_agent(agent_id, &total, true);
    unreachable::forget_strays(cluster, agent_id);
    settle_missing(cluster, now, agent_id, (&told, same_boot), effects);
    settle_told(cluster, now, agent_id, told, effects);
}

/// The tasks that the agent does not know any more.
fn settle_missing(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    (told, same_boot): (&BTreeMap<TaskKey, TaskSnapshot>, bool),
    effects: &mut Vec<Effect>,
) {
    let Some(agent) = cluster.agents.get(agent_id) else {
        return;
    };
    let tasks = agent.tasks.iter();
    let missing: Vec<TaskKey> = tasks
        .filter(|key| !told.contains_key(*key))
        .cloned()
        .collect();
    for key in missing {
        let Some(task) = cluster.tasks.get(&key) else {
            continue;
        };
        let framework_id = key.framework_id;
        let (status, message) = if task.state.is_terminal() {
            let status = (task.state, Reason::AgentReregistered);
            (status, "its agent has forgotten it; this is how it ended")
        } else if same_boot && task.latest_number == 0 {
            let status = (TaskState::Dropped, Reason::AgentDisconnected);
            (status, "its agent was lost before it heard of the launch")
        } else {
            let status = (TaskState::Gone, Reason::AgentRestarted);
            (status, "its agent is back without it")
        };
        if !task.state.is_terminal() {
            life::step(cluster, &key, status.0, Some(status.1), now);
        }
        life::conclude(cluster, &key);
        let update = life::masters_update(key, Some(agent_id), status, message, now);
        life::tell_scheduler(cluster, framework_id, Event::Update(update), effects);
    }
}

/// What a told task is to the master.
enum Place {
    /// It is the master's, on this agent, and not over.
    Known,
    /// The master is to take it as told.
    New,
    /// It is over for everyone; the agent only has to hear of it.
    Settled,
    /// It runs, and is not to.
    Stray,
}

fn settle_told(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    told: BTreeMap<TaskKey, TaskSnapshot>,
    effects: &mut Vec<Effect>,
) {
    let mut over = BTreeSet::new();
    for (key, snapshot) in told {
        if cluster.frameworks.is_removed(key.framework_id) {
            over.insert(key.framework_id);
        }
        match place(cluster, agent_id, &key, &snapshot) {
            Place::Known => adopt::believe(cluster, now, &key, &snapshot, effects),
            Place::New => adopt::adopt(cluster, now, agent_id, (key, snapshot)),
            Place::Settled => acknowledge(cluster, agent_id, key, snapshot.latest_number, effects),
            Place::Stray => stray(cluster, agent_id, (key, snapshot), effects),
        }
    }
    for framework_id in over {
        let event = AgentEvent::ShutdownFramework { framework_id };
        life::tell_agent(cluster, agent_id, event, effects);
    }
}

fn place(
    cluster: &mut Cluster,
    agent_id: AgentId,
    key: &TaskKey,
    snapshot: &TaskSnapshot,
) -> Place {
    let has_ended = snapshot.state.is_terminal();
    let if_foreign = if has_ended {
        Place::Settled
    } else {
        Place::Stray
    };
    let Some(task) = cluster.tasks.get(key) else {
        let framework = cluster.frameworks.get(key.framework_id);
        let is_used_up =
            framework.is_some_and(|framework| framework.ended_task_ids.contains(&key.task_id));
        return if is_used_up || cluster.frameworks.is_removed(key.framework_id) {
            if_foreign
        } else {
            Place::New
        };
    };
    if task.is_over || task.agent_id != agent_id {
        return if_foreign;
    }
    if task.state.is_terminal() && !has_ended {
        // An end is final, even if the agent has lost it. Nobody can acknowledge it any more.
        life::conclude(cluster, key);
        return if_foreign;
    }
    Place::Known
}

fn acknowledge(
    cluster: &Cluster,
    agent_id: AgentId,
    task: TaskKey,
    number: u64,
    effects: &mut Vec<Effect>,
) {
    let event = AgentEvent::Acknowledge { task, number };
    life::tell_agent(cluster, agent_id, event, effects);
}

fn stray(
    cluster: &mut Cluster,
    agent_id: AgentId,
    (key, snapshot): (TaskKey, TaskSnapshot),
    effects: &mut Vec<Effect>,
) {
    tracing::warn!(%agent_id, task = %key, "a task runs that is over for the master: it is ended");
    let stray = Stray {
        tenant: Tenant {
            framework_id: key.framework_id,
            role: snapshot.launch.role,
        },
        allocated: snapshot.launch.allocated,
    };
    ledger::use_resources(cluster, &stray.tenant, agent_id, &stray.allocated);
    if let Some(agent) = cluster.agents.get_mut(agent_id) {
        agent.strays.insert(key.clone(), stray);
    }
    let reason = kill_reason(cluster, key.framework_id);
    let event = AgentEvent::Kill {
        task: key,
        reason,
        grace: None,
    };
    life::tell_agent(cluster, agent_id, event, effects);
}

fn kill_reason(cluster: &Cluster, framework_id: FrameworkId) -> Reason {
    if cluster.frameworks.is_removed(framework_id) {
        Reason::FrameworkRemoved
    } else {
        Reason::AgentReregistered
    }
}
