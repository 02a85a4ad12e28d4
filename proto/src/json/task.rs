//! Tasks as readers see them: the description and what became of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stoker_types::{OutputFile, Reason, Role, TaskInfo, TaskKey, TaskState, Usage};
use utoipa::ToSchema;

use super::{
    name::{self, ReasonName, TaskStateName},
    resources::Resources,
    time::time,
};

/// One task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// The framework's own id for it.
    pub id: String,
    /// For people; may be empty.
    pub name: String,
    /// Whose it is.
    pub framework_id: String,
    /// In which role.
    pub role: String,
    /// The agent that it is, or was to be, on; null if there is none.
    pub agent_id: Option<String>,
    /// Where it is in its life.
    #[serde(with = "name")]
    #[schema(value_type = TaskStateName)]
    pub state: TaskState,
    /// Why, where there is a reason.
    #[serde(with = "name::optional")]
    #[schema(value_type = Option<ReasonName>)]
    pub reason: Option<Reason>,
    /// For people: what exactly, and what to do; may be empty.
    pub message: String,
    /// What the guest exited with, if it did.
    pub exit_code: Option<i32>,
    /// What it is charged.
    pub resources: Resources,
    /// The code: `blob:sha256:…` or `file:/…`.
    pub module: String,
    /// When the master accepted it.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it first ran.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// The fuel that it has used, in units.
    pub fuel_used: u64,
    /// The CPU time that its runner used for it, in seconds.
    pub cpu_seconds: f64,
    /// The time in its host calls, waiting excluded, in seconds.
    pub host_seconds: f64,
    /// The CPU time of the compilation that was made for it, in seconds; not part of
    /// `cpu_seconds`.
    pub compile_seconds: f64,
    /// The memory that it has now, in bytes; 0 after its end.
    pub mem: u64,
    /// The largest memory it had at once, in bytes.
    pub mem_peak: u64,
    /// What it wrote to files, in bytes.
    pub bytes_written: u64,
    /// What it sent out through stdout and stderr, in bytes.
    pub bytes_out: u64,
    /// The wall time since its instantiation, in seconds.
    pub wall_seconds: f64,
    /// What it left in the blob store.
    pub outputs: Vec<Output>,
}

/// A file or a directory that a finished task left in the blob store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Output {
    /// Where it was in the sandbox.
    pub path: String,
    /// `file`, or `tar` if it was a directory.
    pub form: String,
    /// Its name in the blob store, `sha256:…`.
    pub digest: String,
    /// Of the blob, in bytes.
    pub size: u64,
}

impl From<&OutputFile> for Output {
    fn from(output: &OutputFile) -> Self {
        Self {
            path: output.path.clone(),
            form: output.form.as_str().to_owned(),
            digest: output.digest.to_string(),
            size: output.size,
        }
    }
}

impl Task {
    /// A task that was just accepted: staging, charged what it asks for, with nothing used.
    #[must_use]
    pub fn new(
        key: &TaskKey,
        role: &Role,
        task: &TaskInfo,
        created_at: stoker_types::Timestamp,
    ) -> Self {
        Self {
            id: key.task_id.to_string(),
            name: task.name.clone(),
            framework_id: key.framework_id.to_string(),
            role: role.to_string(),
            agent_id: None,
            state: TaskState::Staging,
            reason: None,
            message: String::new(),
            exit_code: None,
            resources: Resources::from(&task.resources),
            module: task.module.to_string(),
            created_at: time(created_at),
            started_at: None,
            ended_at: None,
            fuel_used: 0,
            cpu_seconds: 0.0,
            host_seconds: 0.0,
            compile_seconds: 0.0,
            mem: 0,
            mem_peak: 0,
            bytes_written: 0,
            bytes_out: 0,
            wall_seconds: 0.0,
            outputs: Vec::new(),
        }
    }

    /// The same task, having used this much.
    #[must_use]
    pub const fn with_usage(mut self, usage: &Usage) -> Self {
        self.fuel_used = usage.fuel_used;
        self.cpu_seconds = usage.cpu_time.as_secs_f64();
        self.host_seconds = usage.host_time.as_secs_f64();
        self.compile_seconds = usage.compile_time.as_secs_f64();
        self.mem = usage.mem;
        self.mem_peak = usage.mem_peak;
        self.bytes_written = usage.bytes_written;
        self.bytes_out = usage.bytes_out;
        self.wall_seconds = usage.wall_time.as_secs_f64();
        self
    }
}
