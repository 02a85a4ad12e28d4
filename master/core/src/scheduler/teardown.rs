//! Teardown: a scheduler ends its framework for good.
//!
//! Owns nothing but the verb; the end itself is `remove`. The answer is the end of the stream.

use stoker_types::Timestamp;

use super::{Caller, remove};
use crate::{effect::Effect, state::Cluster};

/// Ends the caller's framework.
pub(crate) fn teardown(
    cluster: &mut Cluster,
    _now: Timestamp,
    caller: &Caller,
    effects: &mut Vec<Effect>,
) {
    remove::remove(
        cluster,
        caller.framework_id,
        remove::Cause::TornDown,
        effects,
    );
}
