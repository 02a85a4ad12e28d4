//! What an operator asks of the master.

use std::time::Duration;

use stoker_types::{
    FrameworkId, SandboxPath, TaskKey,
    agent::{OutputStream, TransferRequest, Wanted},
};

use super::{
    enums::WireEnum as _,
    error::{ConvertError, Under as _},
    read::{grace, millis, parse, required},
};
use crate::v1;

/// An operator's wish that a task ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillTask {
    /// Which task.
    pub task: TaskKey,
    /// How long it may take, if it handles that; the agent's default if absent.
    pub grace: Option<Duration>,
}

/// An operator's wish for a task's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOutput {
    /// Which task's.
    pub task: TaskKey,
    /// Which stream.
    pub stream: OutputStream,
    /// The first byte wanted.
    pub offset: u64,
    /// Whether to go on until the task has ended.
    pub follow: bool,
}

/// An operator's wish to know a task's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFiles {
    /// Which task's.
    pub task: TaskKey,
    /// Of which folder.
    pub path: SandboxPath,
    /// Whether the folders in it are listed as well.
    pub recursive: bool,
}

/// An operator's wish for one of a task's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFile {
    /// Which task's.
    pub task: TaskKey,
    /// Which file, or folder.
    pub path: SandboxPath,
    /// The first byte wanted; zero for a folder.
    pub offset: u64,
}

impl ReadOutput {
    /// The same wish as the master passes it to the task's agent.
    #[must_use]
    pub fn into_transfer(self, ticket: u64) -> TransferRequest {
        let wanted = Wanted::Output {
            stream: self.stream,
            offset: self.offset,
            follow: self.follow,
        };
        TransferRequest {
            ticket,
            task: self.task,
            wanted,
        }
    }
}

impl ListFiles {
    /// The same wish as the master passes it to the task's agent.
    #[must_use]
    pub fn into_transfer(self, ticket: u64) -> TransferRequest {
        let wanted = Wanted::Listing {
            path: self.path,
            recursive: self.recursive,
        };
        TransferRequest {
            ticket,
            task: self.task,
            wanted,
        }
    }
}

impl ReadFile {
    /// The same wish as the master passes it to the task's agent.
    #[must_use]
    pub fn into_transfer(self, ticket: u64) -> TransferRequest {
        let wanted = Wanted::File {
            path: self.path,
            offset: self.offset,
        };
        TransferRequest {
            ticket,
            task: self.task,
            wanted,
        }
    }
}

impl From<ReadOutput> for v1::ReadOutputRequest {
    fn from(request: ReadOutput) -> Self {
        Self {
            task: Some(request.task.into()),
            stream: v1::OutputStream::from(request.stream).into(),
            offset: request.offset,
            follow: request.follow,
        }
    }
}

impl TryFrom<v1::ReadOutputRequest> for ReadOutput {
    type Error = ConvertError;

    fn try_from(request: v1::ReadOutputRequest) -> Result<Self, Self::Error> {
        Ok(Self {
            task: required(request.task)
                .and_then(TryInto::try_into)
                .under("task")?,
            stream: OutputStream::required(request.stream).under("stream")?,
            offset: request.offset,
            follow: request.follow,
        })
    }
}

impl From<ListFiles> for v1::ListFilesRequest {
    fn from(request: ListFiles) -> Self {
        Self {
            task: Some(request.task.into()),
            path: request.path.to_string(),
            recursive: request.recursive,
        }
    }
}

impl TryFrom<v1::ListFilesRequest> for ListFiles {
    type Error = ConvertError;

    fn try_from(request: v1::ListFilesRequest) -> Result<Self, Self::Error> {
        Ok(Self {
            task: required(request.task)
                .and_then(TryInto::try_into)
                .under("task")?,
            path: parse(&request.path).under("path")?,
            recursive: request.recursive,
        })
    }
}

impl From<ReadFile> for v1::ReadFileRequest {
    fn from(request: ReadFile) -> Self {
        Self {
            task: Some(request.task.into()),
            path: request.path.to_string(),
            offset: request.offset,
        }
    }
}

impl TryFrom<v1::ReadFileRequest> for ReadFile {
    type Error = ConvertError;

    fn try_from(request: v1::ReadFileRequest) -> Result<Self, Self::Error> {
        Ok(Self {
            task: required(request.task)
                .and_then(TryInto::try_into)
                .under("task")?,
            path: parse(&request.path).under("path")?,
            offset: request.offset,
        })
    }
}

impl From<KillTask> for v1::KillTaskRequest {
    fn from(kill: KillTask) -> Self {
        let v1::TaskKey {
            framework_id,
            task_id,
        } = kill.task.into();
        Self {
            framework_id,
            task_id,
            grace_ms: kill.grace.map(millis),
        }
    }
}

impl TryFrom<v1::KillTaskRequest> for KillTask {
    type Error = ConvertError;

    fn try_from(request: v1::KillTaskRequest) -> Result<Self, Self::Error> {
        let v1::KillTaskRequest {
            framework_id,
            task_id,
            grace_ms,
        } = request;
        let task = v1::TaskKey {
            framework_id,
            task_id,
        };
        Ok(Self {
            task: task.try_into()?,
            grace: grace_ms.map(grace).transpose()?,
        })
    }
}

impl From<FrameworkId> for v1::TeardownFrameworkRequest {
    fn from(framework_id: FrameworkId) -> Self {
        Self {
            framework_id: framework_id.to_string(),
        }
    }
}

impl TryFrom<v1::TeardownFrameworkRequest> for FrameworkId {
    type Error = ConvertError;

    fn try_from(request: v1::TeardownFrameworkRequest) -> Result<Self, Self::Error> {
        parse(&request.framework_id).under("framework_id")
    }
}
