//! Suppress: a scheduler wants no offers for now. Those that it has stay with it.

use std::collections::BTreeSet;

use stoker_types::Role;

use super::{Caller, refuse};
use crate::{effect::Effect, state::Cluster, validation};

/// Offers to the caller in these roles no more, or in none, until it revives them.
pub(crate) fn suppress(
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
            framework.suppressed.extend(roles);
            let wanted = framework.wanted_roles();
            cluster.allocator.want(caller.framework_id, &wanted);
        }
        Err(refusal) => refuse(cluster, caller, &refusal, effects),
    }
}
