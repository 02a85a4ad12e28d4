//! `stoker start master` and `stoker start agent`: a flag and a variable for every key of the
//! daemons' configurations.
//!
//! Owns names and help. Values stay text here: the daemons read and check them, whether they come
//! from a flag, the environment or the file. A field's name is its key.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Serialize, Serializer};

/// `stoker start …`
#[derive(Debug, Subcommand)]
pub(crate) enum Start {
    /// Run a master: what knows all agents and frameworks, and makes the offers
    Master(Box<StartMaster>),
    /// Run an agent: what runs tasks on this machine
    Agent(Box<StartAgent>),
}

/// What both daemons have beside their configuration.
#[derive(Debug, Args)]
pub(crate) struct Daemon {
    /// A TOML file with any of these flags as keys (offer_timeout = "30s"); flags and environment
    /// go before it
    #[arg(long, value_name = "FILE", env = "STOKER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Print the configuration that results, as TOML, and end
    #[arg(long)]
    pub(crate) print_config: bool,
    /// How `stoker dev` starts its daemons
    #[arg(long, hide = true)]
    pub(crate) under_dev: bool,
}

/// `stoker start master`
#[derive(Debug, Args)]
pub(crate) struct StartMaster {
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    #[command(flatten)]
    pub(crate) flags: MasterFlags,
}

/// The keys of a master's configuration.
#[derive(Debug, Args, Serialize)]
pub(crate) struct MasterFlags {
    /// Where gRPC and HTTP are served [default: 127.0.0.1:5050]; port 0 takes a free one
    #[arg(long, value_name = "ADDR", env = "STOKER_MASTER_LISTEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
    /// The folder of the registry and the blob store [default: /var/lib/stoker/master]
    #[arg(long, value_name = "DIR", env = "STOKER_MASTER_DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// Allow an address that other machines reach, although nothing is encrypted
    #[arg(long, env = "STOKER_MASTER_INSECURE")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    insecure: bool,
    /// The largest artifact that may be uploaded [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "STOKER_MASTER_MAX_BLOB_SIZE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_blob_size: Option<String>,
    /// What all artifacts together may take of the disk [default: 16GiB]
    #[arg(long, value_name = "SIZE", env = "STOKER_MASTER_BLOB_CAPACITY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_capacity: Option<String>,
    /// A blob that no task refers to is removed this long after its last use [default: 1day]
    #[arg(long, value_name = "TIME", env = "STOKER_MASTER_BLOB_RETENTION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_retention: Option<String>,
    /// Blobs to remove are looked for this often [default: 10m]
    #[arg(
        long,
        value_name = "TIME",
        env = "STOKER_MASTER_BLOB_COLLECTION_INTERVAL"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_collection_interval: Option<String>,
    /// The TCP connections served at once [default: 20000]
    #[arg(long, value_name = "N", env = "STOKER_MASTER_MAX_CONNECTIONS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_connections: Option<usize>,
    /// The schedulers and agents connected at once [default: 20000]
    #[arg(long, value_name = "N", env = "STOKER_MASTER_MAX_PEERS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_peers: Option<usize>,
    /// An offer that nobody answered is rescinded after this [default: 30s]
    #[arg(long, value_name = "TIME", env = "STOKER_MASTER_OFFER_TIMEOUT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_timeout: Option<String>,
    /// A scheduler hears a heartbeat this often [default: 15s]
    #[arg(long, value_name = "TIME", env = "STOKER_MASTER_HEARTBEAT_INTERVAL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_interval: Option<String>,
    /// An agent is pinged this often [default: 15s]
    #[arg(long, value_name = "TIME", env = "STOKER_MASTER_PING_INTERVAL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    ping_interval: Option<String>,
    /// An agent not heard for this long is unreachable [default: 75s]
    #[arg(long, value_name = "TIME", env = "STOKER_MASTER_UNREACHABLE_TIMEOUT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable_timeout: Option<String>,
    /// After the master's start, agents have this long to return [default: 10min]
    #[arg(long, value_name = "TIME", env = "STOKER_MASTER_REREGISTER_TIMEOUT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    reregister_timeout: Option<String>,
    /// A framework that only agents know of has this long to subscribe [default: 60s]
    #[arg(
        long,
        value_name = "TIME",
        env = "STOKER_MASTER_ORPHANED_FRAMEWORK_TIMEOUT"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    orphaned_framework_timeout: Option<String>,
    /// Events within this time of an allocation wait for the next one [default: 10ms]
    #[arg(long, value_name = "TIME", env = "STOKER_MASTER_ALLOCATION_COALESCING")]
    #[serde(skip_serializing_if = "Option::is_none")]
    allocation_coalescing: Option<String>,
    /// An agent has this long to open a transfer [default: 10s]
    #[arg(long, value_name = "TIME", env = "STOKER_MASTER_TRANSFER_TIMEOUT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_timeout: Option<String>,
    /// Connections have this long to end by themselves at a stop [default: 3s]
    #[arg(long, value_name = "TIME", env = "STOKER_MASTER_SHUTDOWN_GRACE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown_grace: Option<String>,
}

/// `stoker start agent`
#[derive(Debug, Args)]
pub(crate) struct StartAgent {
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    #[command(flatten)]
    pub(crate) flags: AgentFlags,
}

/// The keys of an agent's configuration.
#[derive(Debug, Args, Serialize)]
pub(crate) struct AgentFlags {
    /// The masters, http://HOST:PORT each, tried in turn [default: http://127.0.0.1:5050]
    #[arg(
        long = "master",
        value_name = "URL[,URL…]",
        value_delimiter = ',',
        env = "STOKER_MASTER"
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    masters: Vec<String>,
    /// Where health and metrics are served [default: 127.0.0.1:5051]; port 0 takes a free one
    #[arg(long, value_name = "ADDR", env = "STOKER_AGENT_LISTEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
    /// Allow an address that other machines reach, although nothing is encrypted
    #[arg(long, env = "STOKER_AGENT_INSECURE")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    insecure: bool,
    /// The folder of the checkpoint log, the caches and the sandboxes [default: /var/lib/stoker/agent]
    #[arg(long, value_name = "DIR", env = "STOKER_AGENT_DATA")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// What the host is called [default: its own name]
    #[arg(long, value_name = "NAME", env = "STOKER_AGENT_HOSTNAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    /// What to sell where it differs from what is found: 'cpus=2;mem=4GiB;ports=31000-31999'
    #[arg(long, value_name = "RESOURCES", env = "STOKER_AGENT_RESOURCES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<String>,
    /// What to say of the machine in every offer: 'rack=a;zone=z1'
    #[arg(long, value_name = "ATTRIBUTES", env = "STOKER_AGENT_ATTRIBUTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<String>,
    /// How guests' memories are laid out: auto, large or small [default: auto]
    #[arg(long, value_name = "PROFILE", env = "STOKER_AGENT_MEMORY_PROFILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_profile: Option<String>,
    /// The tasks that a runner process holds at once, 1 to 8000; a framework with more in a role
    /// has more runners [default: 1000]
    #[arg(long, value_name = "N", env = "STOKER_AGENT_TASKS_PER_RUNNER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks_per_runner: Option<u32>,
    /// The runners kept ready for tenants that have none, at most 64 [default: 1]
    #[arg(long, value_name = "N", env = "STOKER_AGENT_SPARE_RUNNERS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    spare_runners: Option<u32>,
    /// How long a runner keeps its tasks when no daemon is there [default: 15m]
    #[arg(long, value_name = "TIME", env = "STOKER_AGENT_ORPHAN_TIMEOUT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    orphan_timeout: Option<String>,
    /// How long a runner without tasks is kept [default: 30s]
    #[arg(long, value_name = "TIME", env = "STOKER_AGENT_IDLE_RUNNER_TIMEOUT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_runner_timeout: Option<String>,
    /// What compiled modules and stdin blobs may take on disk [default: 4GiB]
    #[arg(long, value_name = "SIZE", env = "STOKER_AGENT_ARTIFACT_CACHE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_cache: Option<String>,
    /// The largest module [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "STOKER_AGENT_MAX_MODULE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_module: Option<String>,
    /// The largest blob that is a standard input or an input of a task [default: 1GiB]
    #[arg(long, value_name = "SIZE", env = "STOKER_AGENT_MAX_INPUT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_input: Option<String>,
    /// How long a sandbox is kept after its task's end [default: 1d]
    #[arg(long, value_name = "TIME", env = "STOKER_AGENT_SANDBOX_RETENTION")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox_retention: Option<String>,
    /// With less free disk, sandboxes of ended tasks go at once, oldest first [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "STOKER_AGENT_SANDBOX_MIN_FREE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox_min_free: Option<String>,
    /// The CPU time that every compilation may take [default: 30s]
    #[arg(long, value_name = "TIME", env = "STOKER_AGENT_COMPILE_CPU")]
    #[serde(skip_serializing_if = "Option::is_none")]
    compile_cpu: Option<String>,
    /// And in addition for each MiB of the module [default: 2s]
    #[arg(long, value_name = "TIME", env = "STOKER_AGENT_COMPILE_CPU_PER_MIB")]
    #[serde(skip_serializing_if = "Option::is_none")]
    compile_cpu_per_mib: Option<String>,
    /// The address space that every compilation may take [default: 4GiB]
    #[arg(long, value_name = "SIZE", env = "STOKER_AGENT_COMPILE_MEMORY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    compile_memory: Option<String>,
    /// How many modules are compiled at once [default: as many as there are cpus]
    #[arg(long, value_name = "N", env = "STOKER_AGENT_COMPILE_PARALLELISM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    compile_parallelism: Option<u32>,
    /// A bound of guests, as in the file's table of limits; may be given again: --limit stack=1MiB
    #[arg(
        long = "limit",
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        value_parser = limit,
        env = "STOKER_AGENT_LIMITS"
    )]
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_table")]
    limits: Vec<(String, String)>,
    /// Refuse to run unless the kernel has all that confines runners and compilers: Landlock and
    /// seccomp
    #[arg(long, env = "STOKER_AGENT_REQUIRE_HARDENING")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    require_hardening: bool,
    /// End all tasks on SIGTERM; otherwise they go on without the daemon
    #[arg(long, env = "STOKER_AGENT_END_TASKS_ON_SIGTERM")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    end_tasks_on_sigterm: bool,
}

/// Reads `NAME=VALUE`; whether there is such a bound is the agent's to say.
fn limit(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is no limit: write NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn as_table<S: Serializer>(limits: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(limits.iter().map(|(name, value)| (name, value)))
}
