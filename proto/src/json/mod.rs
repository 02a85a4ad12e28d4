//! The JSON of the operator's API: one schema for HTTP, command line and dashboard.
//!
//! Written by hand, so that the wire can change without it. Field names are `snake_case`; states
//! and reasons are their names; mem and disk are integer bytes, cpus and fuel decimal numbers;
//! times are RFC 3339; what is not known is `null`. A reader ignores fields that it does not know.

mod agent;
mod artifact;
mod file;
mod framework;
mod name;
mod number;
mod offer;
mod resources;
mod state;
mod task;
mod time;

pub use agent::{Agent, AgentState, Runner};
pub use artifact::{Artifact, ArtifactKind};
pub use file::{File, FileKind};
pub use framework::{Framework, FrameworkState};
pub use name::{ReasonName, TaskStateName};
pub use number::Decimal;
pub use offer::Offer;
pub use resources::{PortList, Resources};
pub use state::{Counts, Error, Master, State};
pub use task::{Output, Task};
pub use time::time;

#[cfg(test)]
mod tests;
