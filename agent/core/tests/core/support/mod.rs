//! Builders: an agent to try things on, and the things to try.

mod builders;
mod rig;

pub(crate) use builders::*;
pub(crate) use rig::Rig;
