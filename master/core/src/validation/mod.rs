//! Judging what peers say, before anything is changed.
//!
//! Owns the rules and the words of refusals. Pure: every function here reads and answers.

pub(crate) mod framework;
pub(crate) mod offers;
mod refusal;
mod sandbox;
pub(crate) mod snapshot;
pub(crate) mod task;

pub(crate) use refusal::Refusal;
