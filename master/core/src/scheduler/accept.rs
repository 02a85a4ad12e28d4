//! Accept: a scheduler uses offers. **This file decides what happens when an offer is accepted.**
//!
//! In order: are the offers usable together (`validation::offers`)? Is each task well described,
//! new, and within what they hold (`validation::task`)? Then the offers are used up, each task
//! that passed is charged and launched, each other one is answered, and what is left over goes
//! back with the filter.
//!
//! Owns that sequence. Never refuses half of it silently: every task named in the call is either
//! launched or answered by an update.

use stoker_types::{
    AgentId, OfferFilter, OfferId, Reason, Resources, TaskInfo, TaskKey, TaskState, Timestamp,
    Usage,
    agent::{AgentEvent, Launch},
    scheduler::{Event, Operation},
};

use super::{Caller, decline, offer, refuse};
use crate::{
    allocator::FilterKey,
    effect::Effect,
    state::{Cluster, ledger, life, tasks::Task},
    validation::{
        self, Refusal,
        offers::UsableOffers,
        task::{Known, Verdict},
    },
};

/// What is used, for what, and what becomes of the rest.
#[derive(Clone, Debug)]
pub(crate) struct Accept {
    pub(crate) offer_ids: Vec<OfferId>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) filter: OfferFilter,
}

/// Launches tasks on the caller's offers.
pub(crate) fn accept(
    cluster: &mut Cluster,
    now: Timestamp,
    caller: &Caller,
    accept: Accept,
    effects: &mut Vec<Effect>,
) {
    let Accept {
        offer_ids,
        operations,
        filter,
    } = accept;
    let tasks: Vec<TaskInfo> = operations
        .into_iter()
        .flat_map(|operation| match operation {
            Operation::Launch { tasks } => tasks,
        })
        .collect();
    let within_bounds = validation::offers::within_bounds(offer_ids.len(), tasks.len())
        .and_then(|()| decline::has_room_for_filters(cluster, caller, 1));
    if let Err(refusal) = within_bounds {
        refuse(cluster, caller, &refusal, effects);
        return;
    }
    match validation::offers::judge(&cluster.offers, caller.framework_id, &offer_ids) {
        Ok(usable) => {
            let known = cluster.frameworks.get(caller.framework_id);
            let Some(framework) = known else {
                return;
            };
            let known = Known {
                tasks: &cluster.tasks,
                framework,
                tasks_per_framework: cluster.config.limits.tasks_per_framework,
            };
            let offered = usable.resources.clone();
            let (verdicts, left) = validation::task::judge(known, tasks, offered);
            if is_used_a_little(&usable.resources, &left) {
                offer::hurry(cluster);
            }
            use_up(cluster, caller, &offer_ids);
            for verdict in verdicts {
                carry_out(cluster, now, (caller, &usable), verdict, effects);
            }
            give_rest_back(cluster, now, caller, &usable, (left, filter));
        }
        Err(refusal) => {
            use_up(cluster, caller, &offer_ids);
            for task in tasks {
                drop_task(cluster, now, (caller, &refusal), task, effects);
            }
            refuse(cluster, caller, &refusal, effects);
        }
    }
}

/// Whether tasks were launched and took less than half: who launches a little is likely to launch
/// again soon, and should not find the rest away.
fn is_used_a_little(offered: &Resources, left: &Resources) -> bool {
    left != offered && left.cpus.saturating_mul(2) >= offered.cpus && left.mem >= offered.mem / 2
}

/// The offers are used up, each that is the caller's, whatever becomes of the operations.
fn use_up(cluster: &mut Cluster, caller: &Caller, offer_ids: &[OfferId]) {
    for &offer_id in offer_ids {
        let own = validation::offers::own(&cluster.offers, caller.framework_id, offer_id);
        if own.is_ok() {
            ledger::end_offer(cluster, offer_id, None);
        }
    }
}

fn carry_out(
    cluster: &mut Cluster,
    now: Timestamp,
    (caller, usable): (&Caller, &UsableOffers),
    verdict: Verdict,
    effects: &mut Vec<Effect>,
) {
    match verdict {
        Verdict::Launch { task, allocated } => {
            let launch = Launch {
                framework_id: caller.framework_id,
                role: usable.role.clone(),
                task: *task,
                allocated,
            };
            life::begin(cluster, staging(&launch, usable.agent_id, now));
            let event = AgentEvent::Launch(Box::new(launch));
            // Offers are of agents that are there: where one is lost, its offers are.
            life::tell_agent(cluster, usable.agent_id, event, effects);
        }
        Verdict::TurnAway {
            task_id,
            state,
            reason,
            message,
        } => {
            let key = TaskKey {
                framework_id: caller.framework_id,
                task_id,
            };
            let agent_id = Some(usable.agent_id);
            let update = life::masters_update(key, agent_id, (state, reason), &message, now);
            life::tell_scheduler(cluster, caller.framework_id, Event::Update(update), effects);
        }
    }
}

fn staging(launch: &Launch, agent_id: AgentId, now: Timestamp) -> Task {
    Task {
        key: TaskKey {
            framework_id: launch.framework_id,
            task_id: launch.task.id.clone(),
        },
        role: launch.role.clone(),
        agent_id,
        info: launch.task.clone(),
        allocated: launch.allocated.clone(),
        state: TaskState::Staging,
        reason: None,
        message: String::new(),
        exit_code: None,
        usage: Usage::default(),
        outputs: Vec::new(),
        latest_number: 0,
        acknowledged_number: 0,
        seen_numbers: Vec::new(),
        told_number: 0,
        kill: None,
        is_over: false,
        created_at: now,
        started_at: None,
        ended_at: None,
    }
}

fn give_rest_back(
    cluster: &mut Cluster,
    now: Timestamp,
    caller: &Caller,
    usable: &UsableOffers,
    rest: (Resources, OfferFilter),
) {
    let key = FilterKey {
        framework_id: caller.framework_id,
        role: usable.role.clone(),
        agent_id: usable.agent_id,
    };
    decline::leave_filter(cluster, now, key, rest);
}

/// The offers are not usable: the task was never launched, and may well be on others.
fn drop_task(
    cluster: &Cluster,
    now: Timestamp,
    (caller, refusal): (&Caller, &Refusal),
    task: TaskInfo,
    effects: &mut Vec<Effect>,
) {
    let reason = if matches!(refusal, Refusal::OfferAgentLost(_)) {
        Reason::AgentDisconnected
    } else {
        Reason::InvalidOffers
    };
    let key = TaskKey {
        framework_id: caller.framework_id,
        task_id: task.id,
    };
    let status = (TaskState::Dropped, reason);
    let update = life::masters_update(key, None, status, &refusal.to_string(), now);
    life::tell_scheduler(cluster, caller.framework_id, Event::Update(update), effects);
}
