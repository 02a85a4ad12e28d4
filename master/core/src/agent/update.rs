//! Update: a task went a step further.
//!
//! | the number is | then |
//! | --- | --- |
//! | acknowledged already, or the task is over | the agent is told again that it is |
//! | known | only passed on again |
//! | the next one | the step is taken, and passed on |
//! | further ahead | not looked at: the agent sends those before it again |
//!
//! Owns that table. A step that the transition table forbids is passed on and not taken. The
//! updates of a framework that is over are acknowledged here: nobody else will.

use stoker_types::{
    AgentId, OutputFile, StatusUpdate, TaskKey, TaskState, Timestamp, Usage, agent::AgentEvent,
    scheduler::Event,
};

use super::reject;
use crate::{
    effect::Effect,
    state::{Cluster, frameworks::FrameworkPhase, ledger, life},
    validation::Refusal,
};

/// Takes an update of a registered agent.
pub(crate) fn update(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    mut update: StatusUpdate,
    effects: &mut Vec<Effect>,
) {
    if let Err(refusal) = judge(agent_id, &update) {
        reject(cluster, now, agent_id, ("update", &refusal), effects);
        return;
    }
    update.agent_id = Some(agent_id);
    match place(cluster, agent_id, &update) {
        Place::Stray => update_stray(cluster, agent_id, &update, effects),
        Place::Settled => tell_settled(cluster, agent_id, &update, effects),
        Place::Known => {
            fill_in(cluster, &update);
            pass_on(cluster, update, effects);
        }
        Place::Next => {
            take_step(cluster, &update);
            pass_on(cluster, update, effects);
        }
        Place::Early => {
            tracing::debug!(%agent_id, task = %update.task, "an update before its predecessor");
        }
        Place::Unknown => {
            let refusal = Refusal::UpdateOfUnknownTask {
                task: update.task.to_string(),
            };
            reject(cluster, now, agent_id, ("update", &refusal), effects);
        }
    }
}

fn judge(agent_id: AgentId, update: &StatusUpdate) -> Result<(), Refusal> {
    let problem = if update.number == 0 {
        "number 0"
    } else if update.agent_id.is_some_and(|named| named != agent_id) {
        "the id of another agent"
    } else if is_masters_word(update.state) {
        "a state that no agent can know"
    } else {
        return Ok(());
    };
    let task = update.task.to_string();
    Err(Refusal::UpdateNonsense { task, problem })
}

/// Whether only a master can say so.
const fn is_masters_word(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Staging | TaskState::Unreachable | TaskState::Unknown
    )
}

/// What an update is to the master.
enum Place {
    /// Of a task that is not the master's.
    Stray,
    /// Acknowledged already.
    Settled,
    /// Seen already.
    Known,
    /// The next step.
    Next,
    /// There are steps before it that were not seen.
    Early,
    /// Of a task that the master knows nothing of.
    Unknown,
}

fn place(cluster: &Cluster, agent_id: AgentId, update: &StatusUpdate) -> Place {
    let agent = cluster.agents.get(agent_id);
    if agent.is_some_and(|agent| agent.strays.contains_key(&update.task)) {
        return Place::Stray;
    }
    let Some(task) = cluster.tasks.get(&update.task) else {
        let framework_id = update.task.framework_id;
        let framework = cluster.frameworks.get(framework_id);
        let is_used_up = cluster.frameworks.is_removed(framework_id)
            || framework
                .is_some_and(|framework| framework.ended_task_ids.contains(&update.task.task_id));
        return if is_used_up {
            Place::Settled
        } else {
            Place::Unknown
        };
    };
    let is_here = task.agent_id == agent_id;
    if is_here && update.number <= task.acknowledged_number {
        return Place::Settled;
    }
    if task.is_over || !is_here {
        // The master declared an end itself. A task that runs all the same is to be told with all
        // others, so that what it holds is known.
        return if update.state.is_terminal() {
            Place::Settled
        } else {
            Place::Unknown
        };
    }
    if update.number <= task.latest_number {
        Place::Known
    } else if update.number == task.latest_number.saturating_add(1) {
        Place::Next
    } else {
        Place::Early
    }
}

fn tell_settled(
    cluster: &Cluster,
    agent_id: AgentId,
    update: &StatusUpdate,
    effects: &mut Vec<Effect>,
) {
    let event = AgentEvent::Acknowledge {
        task: update.task.clone(),
        number: update.number,
    };
    life::tell_agent(cluster, agent_id, event, effects);
}

fn update_stray(
    cluster: &mut Cluster,
    agent_id: AgentId,
    update: &StatusUpdate,
    effects: &mut Vec<Effect>,
) {
    tell_settled(cluster, agent_id, update, effects);
    if !update.state.is_terminal() {
        return;
    }
    let agent = cluster.agents.get_mut(agent_id);
    if let Some(stray) = agent.and_then(|agent| agent.strays.remove(&update.task)) {
        ledger::give_back(cluster, &stray.tenant, agent_id, &stray.allocated);
    }
}

/// The master knew of the step, from the agent's own telling, but not all of it.
fn fill_in(cluster: &mut Cluster, update: &StatusUpdate) {
    let Some(task) = cluster.tasks.get_mut(&update.task) else {
        return;
    };
    let is_latest = update.number == task.latest_number && update.state == task.state;
    let is_complete = task.message == update.message
        && task.exit_code == update.exit_code
        && task.usage == known_of(task.usage, update)
        && task.outputs.len() == update.outputs.len();
    if !is_latest || is_complete {
        return;
    }
    describe(cluster, update);
    if let Some(task) = cluster.tasks.get_mut(&update.task) {
        task.reason = update.reason;
        if update.state.is_terminal() {
            task.ended_at = Some(update.at);
        }
    }
    cluster.changes.task(update.task.clone());
}

fn take_step(cluster: &mut Cluster, update: &StatusUpdate) {
    let Some(task) = cluster.tasks.get_mut(&update.task) else {
        return;
    };
    task.latest_number = update.number;
    let from = task.state;
    if from.may_become(update.state) {
        describe(cluster, update);
        life::step(
            cluster,
            &update.task,
            update.state,
            update.reason,
            update.at,
        );
    } else {
        tracing::warn!(task = %update.task, %from, to = %update.state, "a step that cannot be");
    }
}

fn describe(cluster: &mut Cluster, update: &StatusUpdate) {
    if let Some(task) = cluster.tasks.get_mut(&update.task) {
        task.message.clone_from(&update.message);
        task.exit_code = update.exit_code;
        task.usage = known_of(task.usage, update);
        let without_content = |output: &OutputFile| OutputFile {
            content: None,
            ..output.clone()
        };
        task.outputs = update.outputs.iter().map(without_content).collect();
    }
}

/// What a task has used that was known to have used `before`: an update that is sent again is older
/// than what was told meanwhile.
fn known_of(before: Usage, update: &StatusUpdate) -> Usage {
    let usage = before.or_more(update.usage);
    let mem = if update.state.is_terminal() {
        usage.mem
    } else {
        before.mem.max(usage.mem)
    };
    Usage { mem, ..usage }
}

/// To the framework, if it is there and was told all before; otherwise its agent sends it again, in
/// order: a scheduler that comes back while one is on its way would hear that one first.
fn pass_on(cluster: &mut Cluster, update: StatusUpdate, effects: &mut Vec<Effect>) {
    let TaskKey { framework_id, .. } = update.task;
    let Some(framework) = cluster.frameworks.get(framework_id) else {
        return;
    };
    if framework.phase == FrameworkPhase::Completed {
        return life::acknowledge(cluster, &update.task, update.number, effects);
    }
    let is_there = framework.listener().is_some();
    if let Some(task) = cluster.tasks.get_mut(&update.task) {
        task.saw(update.number);
        if is_there && task.has_untold_before(update.number) {
            tracing::debug!(task = %update.task, update.number, "told when those before are");
            return;
        }
        if is_there {
            task.told_number = task.told_number.max(update.number);
        }
    }
    life::tell_scheduler(cluster, framework_id, Event::Update(update), effects);
}
