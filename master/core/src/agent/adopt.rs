//! Adopt: the master takes a task as its agent tells it.
//!
//! Owns what becomes of a told task, known or new, and the place of a framework that only agents
//! know of. Never doubts the agent: it owns its tasks.

use stoker_types::{
    AgentId, FrameworkId, FrameworkInfo, Reason, Role, TaskKey, TaskState, Timestamp, Usage,
    agent::TaskSnapshot, scheduler::Event,
};

use crate::{
    effect::Effect,
    state::{
        Cluster,
        frameworks::{Framework, FrameworkPhase},
        life,
        tasks::Task,
        timers::Timer,
    },
};

/// A task that the master knows is as its agent says.
pub(super) fn believe(
    cluster: &mut Cluster,
    now: Timestamp,
    key: &TaskKey,
    snapshot: &TaskSnapshot,
    effects: &mut Vec<Effect>,
) {
    let Some(task) = cluster.tasks.get_mut(key) else {
        return;
    };
    let (was, agent_id, kill) = (task.state, task.agent_id, task.kill);
    let acknowledged = task.acknowledged_number.min(snapshot.latest_number);
    task.latest_number = snapshot.latest_number;
    // What it still has comes again, from the first; the rest is lost.
    task.seen_numbers.clear();
    task.told_number = task.told_number.min(snapshot.latest_number);
    task.acknowledged_number = acknowledged.max(snapshot.acknowledged_number);
    task.usage = task.usage.or_more(snapshot.usage);
    let has_ended = snapshot.state.is_terminal();
    let is_back = was == TaskState::Unreachable && !has_ended;
    let reason = if is_back {
        Some(Reason::AgentReregistered)
    } else {
        snapshot.reason
    };
    if was != snapshot.state {
        life::step(cluster, key, snapshot.state, reason, now);
    }
    if is_back {
        let status = (snapshot.state, Reason::AgentReregistered);
        let update = life::masters_update(key.clone(), Some(agent_id), status, "", now);
        life::tell_scheduler(cluster, key.framework_id, Event::Update(update), effects);
    }
    // Nobody takes care of the updates of a framework that is over.
    let settled = if is_completed(cluster, key.framework_id) {
        snapshot.latest_number
    } else {
        acknowledged
    };
    if settled > snapshot.acknowledged_number {
        life::acknowledge(cluster, key, settled, effects);
    } else if has_ended && snapshot.acknowledged_number >= snapshot.latest_number {
        life::conclude(cluster, key);
    }
    if let Some(kill) = kill.filter(|_| !has_ended) {
        let event = kill.event(key.clone());
        life::tell_agent(cluster, agent_id, event, effects);
    }
}

fn is_completed(cluster: &Cluster, framework_id: FrameworkId) -> bool {
    let framework = cluster.frameworks.get(framework_id);
    framework.is_some_and(|framework| framework.phase == FrameworkPhase::Completed)
}

/// A task that the master did not know is taken as its agent says.
pub(super) fn adopt(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    (key, snapshot): (TaskKey, TaskSnapshot),
) {
    let role = snapshot.launch.role.clone();
    give_place(cluster, now, key.framework_id, role);
    let has_ended = snapshot.state.is_terminal();
    let ran = snapshot.usage != Usage::default() || snapshot.state == TaskState::Running;
    let wall_micros = u64::try_from(snapshot.usage.wall_time.as_micros()).unwrap_or(u64::MAX);
    let started_at = Timestamp::from_micros(now.as_micros().saturating_sub(wall_micros));
    let task = Task {
        key: key.clone(),
        role: snapshot.launch.role,
        agent_id,
        info: snapshot.launch.task,
        allocated: snapshot.launch.allocated,
        state: snapshot.state,
        reason: snapshot.reason,
        message: String::new(),
        exit_code: None,
        usage: snapshot.usage,
        outputs: Vec::new(),
        latest_number: snapshot.latest_number,
        acknowledged_number: snapshot.acknowledged_number,
        seen_numbers: Vec::new(),
        told_number: snapshot.acknowledged_number,
        kill: None,
        is_over: false,
        created_at: now,
        started_at: ran.then_some(started_at),
        ended_at: has_ended.then_some(now),
    };
    let is_settled = task.acknowledged_number >= task.latest_number;
    life::begin(cluster, task);
    if has_ended && is_settled {
        life::conclude(cluster, &key);
    }
}

/// A framework that nobody here knows was an ephemeral one, before this master's start. It may
/// subscribe with its id for a while; then it is over.
fn give_place(cluster: &mut Cluster, now: Timestamp, framework_id: FrameworkId, role: Role) {
    if let Some(framework) = cluster.frameworks.get_mut(framework_id) {
        let is_orphan = framework.phase == FrameworkPhase::Orphaned;
        if is_orphan && !framework.info.roles.contains(&role) {
            framework.info.roles.push(role);
            cluster.changes.framework(framework_id);
        }
        return;
    }
    let info = FrameworkInfo {
        name: format!("{framework_id} (known from its tasks)"),
        principal: String::new(),
        roles: vec![role],
        failover_timeout: std::time::Duration::ZERO,
    };
    let limits = &cluster.config.limits;
    let mut framework = Framework::new(framework_id, info, FrameworkPhase::Orphaned, now, limits);
    framework.disconnected_at = Some(now);
    cluster.frameworks.insert(framework);
    cluster.changes.framework(framework_id);
    let deadline = now.after(cluster.config.timeouts.orphaned_framework);
    cluster.timers.set(Timer::Orphan(framework_id), deadline);
}
