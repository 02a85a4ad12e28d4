//! Subscribe: who is this scheduler, and may its framework be here?
//!
//! Owns the answer, and the fence: of two schedulers of one framework the later one wins. The
//! admission itself, with its wait for the registry, is `admit`.

use std::collections::BTreeSet;

use stoker_types::{FrameworkId, FrameworkInfo, Role, Timestamp, scheduler::Event};

use super::{admit, rescind};
use crate::{
    effect::Effect,
    input::ConnectionId,
    state::{
        Cluster, count,
        frameworks::{Framework, FrameworkPhase},
        timers::Timer,
    },
    validation::{self, Refusal},
};

/// What a scheduler says of itself in the first call of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) connection: ConnectionId,
    pub(crate) framework: FrameworkInfo,
    pub(crate) framework_id: Option<FrameworkId>,
    pub(crate) suppressed_roles: Vec<Role>,
}

/// Subscribes a framework, new or returning.
pub(crate) fn subscribe(
    cluster: &mut Cluster,
    now: Timestamp,
    subscription: Subscription,
    effects: &mut Vec<Effect>,
) {
    let connection = subscription.connection;
    match judge(cluster, &subscription) {
        Ok((Arrival::New(framework_id), suppressed)) => {
            let phase = FrameworkPhase::Admitting {
                connection,
                sequence: 0,
                is_return: false,
            };
            let mut framework = Framework::new(
                framework_id,
                subscription.framework,
                phase,
                now,
                &cluster.config.limits,
            );
            framework.suppressed = suppressed;
            cluster.frameworks.insert(framework);
            admit::admit(cluster, now, framework_id, connection, effects);
        }
        Ok((Arrival::Return(framework_id), suppressed)) => {
            fence(cluster, framework_id, effects);
            rescind::withdraw_all(cluster, framework_id);
            merge(cluster, framework_id, subscription.framework, suppressed);
            admit::admit(cluster, now, framework_id, connection, effects);
        }
        Err((refusal, retry)) => turn_away(cluster, connection, (&refusal, retry), effects),
    }
}

enum Arrival {
    New(FrameworkId),
    Return(FrameworkId),
}

/// Whether the framework may be here, and which roles want no offers; otherwise why not, and
/// whether trying again may help.
fn judge(
    cluster: &mut Cluster,
    subscription: &Subscription,
) -> Result<(Arrival, BTreeSet<Role>), (Refusal, bool)> {
    let info = &subscription.framework;
    let suppressed = validation::framework::check(info, &subscription.suppressed_roles)
        .map_err(|refusal| (refusal, false))?;
    let arrival = match subscription.framework_id {
        None => Arrival::New(new_id(cluster)),
        Some(framework_id) => {
            judge_return(cluster, framework_id, info).map_err(|refusal| (refusal, false))?
        }
    };
    let limit = cluster.config.limits.frameworks;
    if matches!(arrival, Arrival::New(_)) && cluster.frameworks.count_alive() >= limit {
        let name = "frameworks";
        return Err((Refusal::LimitReached { name, limit }, true));
    }
    Ok((arrival, suppressed))
}

/// The registry never loses an id that it confirmed, and an ephemeral framework is not in it. So
/// an unknown id is that of an ephemeral framework from before this master's start, or never was
/// one of ours. Where agents have tasks of an id, they vouch for it.
fn judge_return(
    cluster: &Cluster,
    framework_id: FrameworkId,
    info: &FrameworkInfo,
) -> Result<Arrival, Refusal> {
    if cluster.frameworks.is_removed(framework_id) {
        return Err(Refusal::Removed(framework_id));
    }
    let known = cluster.frameworks.get(framework_id);
    match known.map(|framework| (&framework.phase, &framework.info)) {
        Some((FrameworkPhase::Removing { .. } | FrameworkPhase::Completed, _)) => {
            Err(Refusal::Removed(framework_id))
        }
        Some((FrameworkPhase::Orphaned, _)) => Ok(Arrival::Return(framework_id)),
        Some((
            FrameworkPhase::Active { .. }
            | FrameworkPhase::Disconnected
            | FrameworkPhase::Admitting {
                is_return: true, ..
            },
            known,
        )) => {
            if known.principal == info.principal {
                Ok(Arrival::Return(framework_id))
            } else {
                Err(Refusal::PrincipalDiffers {
                    framework_id,
                    owner: known.principal.clone(),
                })
            }
        }
        // Nobody was told the id of a framework that is being admitted for the first time.
        Some((
            FrameworkPhase::Admitting {
                is_return: false, ..
            },
            _,
        )) => Err(Refusal::FrameworkUnknown(framework_id)),
        None if info.is_ephemeral() => Ok(Arrival::New(framework_id)),
        None => Err(Refusal::FrameworkUnknown(framework_id)),
    }
}

fn new_id(cluster: &mut Cluster) -> FrameworkId {
    loop {
        let framework_id = cluster.ids.framework_id();
        let is_known = cluster.frameworks.get(framework_id).is_some();
        if !is_known && !cluster.frameworks.is_removed(framework_id) {
            return framework_id;
        }
    }
}

/// The framework's scheduler so far, if it is there, hears no more.
fn fence(cluster: &mut Cluster, framework_id: FrameworkId, effects: &mut Vec<Effect>) {
    let framework = cluster.frameworks.get(framework_id);
    let Some(connection) = framework.and_then(Framework::connection) else {
        return;
    };
    let event = Event::Error {
        message: format!("fenced: another scheduler subscribed as {framework_id}"),
        retry: false,
    };
    effects.push(Effect::ToScheduler { connection, event });
    cluster.connections.close(connection, effects);
    cluster.timers.cancel(&Timer::Heartbeat(framework_id));
}

/// What the framework says of itself now holds, but for its principal, which cannot change. A
/// scheduler that starts anew knows of no filters.
fn merge(
    cluster: &mut Cluster,
    framework_id: FrameworkId,
    info: FrameworkInfo,
    suppressed: BTreeSet<Role>,
) {
    rescind::forget_filters(cluster, framework_id);
    cluster.timers.cancel(&Timer::Failover(framework_id));
    cluster.timers.cancel(&Timer::Orphan(framework_id));
    if let Some(framework) = cluster.frameworks.get_mut(framework_id) {
        framework.info = info;
        framework.suppressed = suppressed;
    }
}

fn turn_away(
    cluster: &mut Cluster,
    connection: ConnectionId,
    (refusal, retry): (&Refusal, bool),
    effects: &mut Vec<Effect>,
) {
    tracing::warn!(connection = connection.0, %refusal, "a subscription is refused");
    count(&mut cluster.counters.scheduler_refusals, "subscribe");
    let message = refusal.to_string();
    let event = Event::Error { message, retry };
    effects.push(Effect::ToScheduler { connection, event });
    cluster.connections.close(connection, effects);
}
