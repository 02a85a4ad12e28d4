//! A task's way from the master's launch to its runner.
//!
//! Taken on ([`admit`]: judged, charged, written), prepared ([`prepare`]: fetched, checked,
//! compiled by the driver), handed over ([`hand_over`]: written, then given to its tenant's
//! runner). Each step waits for the log, so a task is run at most once whatever dies.

pub(crate) mod admit;
pub(crate) mod hand_over;
pub(crate) mod prepare;
