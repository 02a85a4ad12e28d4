//! The bounds of everything that comes from outside, each with its unit in its name.
//!
//! One place, so that a scheduler's author can read them all. What an operator may change is in
//! the daemons' configuration, not here.

/// The longest task id.
pub const TASK_ID_BYTES: usize = 128;
/// The longest role.
pub const ROLE_BYTES: usize = 128;
/// The longest name of a framework or a task, and the longest hostname.
pub const NAME_BYTES: usize = 256;
/// The roles of one framework.
pub const ROLES_PER_FRAMEWORK: usize = 64;
/// The arguments and the environment of a task together.
pub const ARGUMENTS_AND_ENVIRONMENT_BYTES: usize = 32 * 1024;
/// The arguments of a task; its environment variables are bounded alike.
pub const ARGUMENTS_PER_TASK: usize = 1024;
/// The inputs of a task; its outputs are bounded alike.
pub const INPUTS_PER_TASK: usize = 1024;
/// The longest path inside a sandbox.
pub const PATH_BYTES: usize = 1024;
/// The longest message of a status or a refusal; longer ones are cut.
pub const MESSAGE_BYTES: usize = 4096;
/// The data of one message to an executor.
pub const FRAMEWORK_MESSAGE_BYTES: usize = 64 * 1024;
/// The items of one batch on a control stream.
pub const BATCH_ITEMS: usize = 1000;
/// The bytes of one batch on a control stream.
pub const BATCH_BYTES: usize = 1024 * 1024;
/// The largest message that a gRPC peer may send: a full batch and its framing.
pub const GRPC_MESSAGE_BYTES: usize = BATCH_BYTES + 64 * 1024;
/// The offers that one accept or decline may name.
pub const OFFERS_PER_CALL: usize = 1000;
/// The tasks that one accept may launch.
pub const TASKS_PER_ACCEPT: usize = 1000;
/// The custom resources and the attributes of an agent.
pub const CUSTOM_RESOURCES: usize = 64;
/// The port ranges of one resource vector.
pub const PORT_RANGES: usize = 1024;
/// The updates of one task that may be unacknowledged at once.
pub const UNACKNOWLEDGED_UPDATES_PER_TASK: u64 = 4;
/// The longest a decline filter holds: 365 days, as in Mesos.
pub const FILTER_SECONDS: u64 = 365 * 24 * 3600;
/// The longest failover timeout of a framework: 365 days.
pub const FAILOVER_TIMEOUT_SECONDS: u64 = 365 * 24 * 3600;
/// The longest that a task may take to end after it was told to: 10 minutes.
pub const KILL_GRACE_SECONDS: u64 = 600;
/// The chunk in which blobs and logs travel.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// The content of an output that its status carries itself.
pub const INLINE_OUTPUT_BYTES: usize = 4096;
/// The largest blob that is an input or an output.
pub const BLOB_BYTES: u64 = 1 << 30;
/// The files and directories in a tar that is an input or an output.
pub const TAR_ENTRIES: usize = 100_000;
/// The files that one listing of a sandbox names; further ones are left out, and it says so.
pub const LISTED_FILES: usize = 10_000;
/// The files that one message of a listing names.
pub const LISTED_FILES_PER_BATCH: usize = 256;
/// The longest path that a listing names: a guest may nest deeper than what can be asked for.
pub const LISTED_PATH_BYTES: usize = 4096;
