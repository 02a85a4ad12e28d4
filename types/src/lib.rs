//! The vocabulary of Stoker: ids, resources, offers, tasks, calls, events and the task state table.
//!
//! This crate owns what the words *mean*: every type here is valid by construction, so that the
//! cores need no second look. It never does I/O, never reads a clock, and knows neither protobuf
//! nor serde: the wire and the JSON views live in `stoker-proto`.
//!
//! The words are those of Apache Mesos wherever Mesos has one; `docs/GLOSSARY.md` has them all.

pub mod agent;
mod amount;
mod artifact;
pub mod disk;
pub mod duration;
mod framework;
mod guest_limits;
mod hardening;
mod id;
pub mod limit;
mod master;
mod offer;
mod ports;
mod random;
mod resources;
mod role;
pub mod runner;
mod sandbox;
pub mod scheduler;
pub mod size;
mod status;
mod task;
mod time;

pub use amount::{Milli, MilliParseError};
pub use artifact::{Digest, DigestParseError, ModuleReference, ModuleReferenceParseError};
pub use framework::FrameworkInfo;
pub use guest_limits::GuestLimits;
pub use hardening::Hardening;
pub use id::{AgentId, FrameworkId, IdParseError, OfferId, RunnerId, TaskId, TaskKey};
pub use master::{Epoch, MasterInfo};
pub use offer::{Attributes, AttributesParseError, Offer, OfferFilter};
pub use ports::{PortRange, Ports};
pub use random::IdGenerator;
pub use resources::{Resources, ResourcesParseError};
pub use role::{Role, RoleParseError};
pub use sandbox::{FileEntry, FileKind, SandboxPath, SandboxPathParseError};
pub use status::{Reason, StatusSource, StatusUpdate, TaskState, TaskUsage, UnknownName, Usage};
pub use task::{
    BlobForm, EnvironmentVariable, Input, OutputFile, TaskInfo, TaskLimits, UnknownImports,
    first_folder,
};
pub use time::Timestamp;
