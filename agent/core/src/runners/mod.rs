//! The runners of this agent: each takes tasks of one tenant, up to a number of them.
//!
//! Started when a tenant's task is ready and none has room for it ([`start`], [`ready`]), heard
//! ([`event`]), stopped when idle ([`idle`]), mourned ([`lost`]), shown to the operator ([`list`])
//! and to the governor ([`guarantee`]). [`tenant`] keeps the books on who needs one.

pub(crate) mod event;
pub(crate) mod guarantee;
pub(crate) mod idle;
pub(crate) mod list;
pub(crate) mod lost;
pub(crate) mod ready;
pub(crate) mod start;
pub(crate) mod tenant;
