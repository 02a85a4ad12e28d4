//! Tear a framework down. The answer comes when the registry has confirmed the end.

use stoker_types::FrameworkId;

use crate::{
    effect::{Effect, OperatorRefusal},
    input::RequestId,
    scheduler::remove::{self, Cause},
    state::{Cluster, frameworks::FrameworkPhase},
};

/// Ends a framework and its tasks.
pub(super) fn teardown_framework(
    cluster: &mut Cluster,
    request: RequestId,
    framework_id: FrameworkId,
    effects: &mut Vec<Effect>,
) {
    let framework = cluster.frameworks.get(framework_id);
    let is_there = framework.is_some_and(|framework| {
        framework.state().is_some() && framework.phase != FrameworkPhase::Completed
    });
    if is_there {
        let cause = Cause::TornDownByOperator(request);
        remove::remove(cluster, framework_id, cause, effects);
    } else {
        let result = Err(OperatorRefusal::FrameworkUnknown(framework_id));
        effects.push(Effect::Reply { request, result });
    }
}
