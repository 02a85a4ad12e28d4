//! The agent introduces itself and tells all that it has, in chunks.

use stoker_types::{
    ModuleReference, TaskInfo, TaskState, Timestamp,
    agent::{AgentCall, AgentInfo, TaskSnapshot},
    limit,
};

use super::Stream;
use crate::{
    Agent, Effect, recovery,
    state::{Phase, Task, Timer},
};

/// Registers if a stream waits for it and nothing stands in the way any more: every runner of an
/// earlier daemon has answered or is lost, and what was begun before the stream opened is written.
pub(crate) fn when_ready(agent: &mut Agent, now: Timestamp, effects: &mut Vec<Effect>) {
    let Stream::Recovering {
        connection,
        written,
    } = agent.session.stream
    else {
        return;
    };
    if !agent.log.is_persisted(written)
        || recovery::adopt::is_under_way(agent)
        || agent
            .stop
            .as_ref()
            .is_some_and(|stop| stop.failure.is_some())
    {
        return;
    }
    let mut call = |call| effects.push(Effect::ToMaster { connection, call });
    call(introduction(agent));
    let mut chunks = chunks(agent).into_iter().peekable();
    while let Some(tasks) = chunks.next() {
        let last = chunks.peek().is_none();
        call(AgentCall::Snapshot { tasks, last });
    }
    agent.session.stream = Stream::Registering { connection };
    let at = now.after(agent.config.timeouts.registration);
    agent.timers.set(Timer::Registration, at);
}

fn introduction(agent: &Agent) -> AgentCall {
    let config = &agent.config;
    AgentCall::Register {
        agent: AgentInfo {
            id: agent.id,
            hostname: config.hostname.clone(),
            resources: agent.ledger.total().clone(),
            attributes: config.attributes.clone(),
            version: config.version.clone(),
            url: config.url.clone(),
            hardening: config.hardening,
        },
        boot_id: config.boot_id.clone(),
    }
}

/// The tasks that are not forgotten, in batches that a control stream carries; at least one.
fn chunks(agent: &Agent) -> Vec<Vec<TaskSnapshot>> {
    let mut chunks = vec![Vec::new()];
    let mut bytes = 0;
    for task in agent.tasks.iter().filter(|task| is_told(task)) {
        let size = estimated_bytes(&task.launch.task);
        let is_full = chunks.last().is_some_and(|chunk| {
            chunk.len() == limit::BATCH_ITEMS
                || (!chunk.is_empty() && bytes + size > limit::BATCH_BYTES)
        });
        if is_full {
            chunks.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(snapshot(task));
        }
    }
    chunks
}

fn is_told(task: &Task) -> bool {
    task.is_written && task.phase != Phase::Forgetting
}

fn snapshot(task: &Task) -> TaskSnapshot {
    let told = task.updates.told();
    let usage = if task.has_ended() {
        told.map(|told| told.usage).unwrap_or_default()
    } else {
        task.usage
    };
    TaskSnapshot {
        launch: (*task.launch).clone(),
        state: told.map_or(TaskState::Staging, |told| told.state),
        reason: told.and_then(|told| told.reason),
        latest_number: task.updates.written(),
        acknowledged_number: task.updates.acknowledged(),
        usage,
    }
}

/// What a task takes on the wire, rather too much than too little.
fn estimated_bytes(task: &TaskInfo) -> usize {
    const FIXED: usize = 512;
    const PER_ITEM: usize = 64;
    let arguments: usize = task
        .arguments
        .iter()
        .map(|text| text.len() + PER_ITEM)
        .sum();
    let environment: usize = task
        .environment
        .iter()
        .map(|variable| variable.name.len() + variable.value.len() + PER_ITEM)
        .sum();
    let inputs: usize = task
        .inputs
        .iter()
        .map(|input| input.path.len() + 2 * PER_ITEM)
        .sum();
    let outputs: usize = task.outputs.iter().map(|path| path.len() + PER_ITEM).sum();
    let ranges = task.resources.ports.ranges().len() + task.resources.custom.len();
    let module = match &task.module {
        ModuleReference::Blob(_) => 0,
        ModuleReference::File(path) => path.as_os_str().len(),
    };
    let texts = task.name.len() + task.program_name.len() + module;
    FIXED + texts + arguments + environment + inputs + outputs + 2 * PER_ITEM * ranges
}
