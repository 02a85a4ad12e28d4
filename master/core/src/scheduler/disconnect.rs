//! Disconnect: a scheduler's stream is over.
//!
//! Owns what follows: an ephemeral framework ends with its stream; another one has its failover
//! timeout to return, written down so that it holds across masters. Its offers go to others at
//! once; its tasks run on.

use std::collections::BTreeSet;

use stoker_types::{FrameworkId, Timestamp};

use super::{remove, rescind};
use crate::{
    effect::{Effect, RegistryOperation},
    state::{Cluster, frameworks::FrameworkPhase, timers::Timer},
};

/// A framework's scheduler is gone.
pub(crate) fn disconnect(
    cluster: &mut Cluster,
    now: Timestamp,
    framework_id: FrameworkId,
    effects: &mut Vec<Effect>,
) {
    let Some(framework) = cluster.frameworks.get_mut(framework_id) else {
        return;
    };
    let is_ephemeral = framework.info.is_ephemeral();
    match &mut framework.phase {
        FrameworkPhase::Admitting {
            is_return: false, ..
        } => remove::remove_unseen(cluster, framework_id, effects),
        FrameworkPhase::Active { .. } | FrameworkPhase::Admitting { .. } if is_ephemeral => {
            framework.phase = FrameworkPhase::Disconnected;
            framework.disconnected_at = Some(now);
            remove::remove(cluster, framework_id, remove::Cause::Left, effects);
        }
        FrameworkPhase::Active { .. } | FrameworkPhase::Admitting { .. } => {
            wait_for_return(cluster, now, framework_id, effects);
        }
        FrameworkPhase::Removing { connection, .. } => {
            *connection = None;
            cluster.changes.framework(framework_id);
        }
        FrameworkPhase::Disconnected | FrameworkPhase::Orphaned | FrameworkPhase::Completed => {}
    }
}

fn wait_for_return(
    cluster: &mut Cluster,
    now: Timestamp,
    framework_id: FrameworkId,
    effects: &mut Vec<Effect>,
) {
    rescind::withdraw_all(cluster, framework_id);
    rescind::forget_filters(cluster, framework_id);
    cluster.allocator.want(framework_id, &BTreeSet::new());
    cluster.timers.cancel(&Timer::Heartbeat(framework_id));
    let Some(framework) = cluster.frameworks.get_mut(framework_id) else {
        return;
    };
    framework.phase = FrameworkPhase::Disconnected;
    framework.disconnected_at = Some(now);
    let deadline = now.after(framework.info.failover_timeout);
    await_return(cluster, framework_id, deadline, effects);
    cluster.changes.framework(framework_id);
}

/// The framework is over at `deadline` unless its scheduler returns; the registry is to know.
pub(crate) fn await_return(
    cluster: &mut Cluster,
    framework_id: FrameworkId,
    deadline: Timestamp,
    effects: &mut Vec<Effect>,
) {
    let Some(framework) = cluster.frameworks.get_mut(framework_id) else {
        return;
    };
    cluster.timers.set(Timer::Failover(framework_id), deadline);
    let record = framework.record(Some(deadline));
    if framework.in_registry == record {
        return;
    }
    framework.in_registry.clone_from(&record);
    if let Some(record) = record {
        let operation = RegistryOperation::PutFramework(record);
        cluster.registry.persist(operation, effects);
    }
}
