//! Revive: a scheduler wants offers again, and takes back all that it declined.

use std::collections::BTreeSet;

use stoker_types::Role;

use super::{Caller, refuse};
use crate::{
    effect::Effect,
    state::{Cluster, timers::Timer},
    validation,
};

/// Offers to the caller in these roles again, or in all; its decline filters there are gone.
pub(crate) fn revive(
    cluster: &mut Cluster,
    caller: &Caller,
    roles: &[Role],
    effects: &mut Vec<Effect>,
) {
    let Some(framework) = cluster.frameworks.get_mut(caller.framework_id) else {
        return;
    };
    let all: BTreeSet<Role> = framework.info.roles.iter().cloned().collect();
    match validation::framework::named_roles(&framework.info, roles, all) {
        Ok(roles) => {
            framework.suppressed.retain(|role| !roles.contains(role));
            let wanted = framework.wanted_roles();
            for key in cluster.allocator.take_filters(caller.framework_id, &roles) {
                cluster.timers.cancel(&Timer::Filter(key));
            }
            cluster.allocator.want(caller.framework_id, &wanted);
        }
        Err(refusal) => refuse(cluster, caller, &refusal, effects),
    }
}
