//! The runners of this agent: one a tenant takes its tasks.
//!
//! Started when a tenant's first task is ready ([`start`], [`ready`]), heard ([`event`]), stopped
//! when idle ([`idle`]), mourned ([`lost`]), shown to the operator ([`list`]). [`tenant`] keeps
//! the books on who needs one.

pub(crate) mod event;
pub(crate) mod idle;
pub(crate) mod list;
pub(crate) mod lost;
pub(crate) mod ready;
pub(crate) mod start;
pub(crate) mod tenant;
