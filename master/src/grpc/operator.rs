//! `OperatorService`: what an operator asks beyond reading JSON.
//!
//! Owns the way of an operator's commands into the loop and of a task's output and files back out.
//! Reading the cluster is the read model's: no command is carried out for it.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, stream};
use stoker_master_core::OperatorCommand;
use stoker_proto::{
    convert::{KillTask, ListFiles, ReadFile, ReadOutput},
    v1::{self, operator_service_server::OperatorService},
};
use stoker_types::{FrameworkId, agent::TransferRequest};
use tonic::{Request, Response, Status};

use super::{status, watch};
use crate::{
    driver::MasterHandle,
    read_model::ReadModel,
    transfers::{Chunk, Reader, Transfers},
};

/// What a client is streamed.
type Pieces<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Operators {
    pub(super) master: MasterHandle,
    pub(super) model: std::sync::Arc<ReadModel>,
    pub(super) transfers: Transfers,
    pub(super) transfer_timeout: Duration,
}

#[tonic::async_trait]
impl OperatorService for Operators {
    type ReadOutputStream = Pieces<v1::OutputChunk>;
    type ListFilesStream = Pieces<v1::FileList>;
    type ReadFileStream = Pieces<v1::FileChunk>;
    type WatchStream = watch::Events;

    async fn kill_task(
        &self,
        request: Request<v1::KillTaskRequest>,
    ) -> Result<Response<v1::KillTaskResponse>, Status> {
        let KillTask { task, grace } = request
            .into_inner()
            .try_into()
            .map_err(|error| status::invalid(&error))?;
        tracing::info!(
            framework_id = %task.framework_id,
            task_id = %task.task_id,
            "an operator kills a task"
        );
        self.master
            .ask(OperatorCommand::KillTask { task, grace })
            .await
            .map_err(|error| status::ask(&error))?;
        Ok(Response::new(v1::KillTaskResponse {}))
    }

    async fn teardown_framework(
        &self,
        request: Request<v1::TeardownFrameworkRequest>,
    ) -> Result<Response<v1::TeardownFrameworkResponse>, Status> {
        let framework_id: FrameworkId = request
            .into_inner()
            .try_into()
            .map_err(|error| status::invalid(&error))?;
        tracing::info!(%framework_id, "an operator tears a framework down");
        let command = OperatorCommand::TeardownFramework { framework_id };
        self.master
            .ask(command)
            .await
            .map_err(|error| status::ask(&error))?;
        Ok(Response::new(v1::TeardownFrameworkResponse {}))
    }

    async fn read_output(
        &self,
        request: Request<v1::ReadOutputRequest>,
    ) -> Result<Response<Self::ReadOutputStream>, Status> {
        let wanted: ReadOutput = request
            .into_inner()
            .try_into()
            .map_err(|error| status::invalid(&error))?;
        let reader = self.open(|ticket| wanted.into_transfer(ticket)).await?;
        Ok(Response::new(pieces(reader, |chunk| v1::OutputChunk {
            data: chunk.data,
            lost_bytes: chunk.lost_bytes,
        })))
    }

    async fn list_files(
        &self,
        request: Request<v1::ListFilesRequest>,
    ) -> Result<Response<Self::ListFilesStream>, Status> {
        let wanted: ListFiles = request
            .into_inner()
            .try_into()
            .map_err(|error| status::invalid(&error))?;
        let reader = self.open(|ticket| wanted.into_transfer(ticket)).await?;
        Ok(Response::new(pieces(reader, |chunk| v1::FileList {
            entries: chunk.entries.into_iter().map(Into::into).collect(),
            left_out: chunk.left_out,
        })))
    }

    async fn read_file(
        &self,
        request: Request<v1::ReadFileRequest>,
    ) -> Result<Response<Self::ReadFileStream>, Status> {
        let wanted: ReadFile = request
            .into_inner()
            .try_into()
            .map_err(|error| status::invalid(&error))?;
        let reader = self.open(|ticket| wanted.into_transfer(ticket)).await?;
        Ok(Response::new(pieces(reader, |chunk| v1::FileChunk {
            kind: chunk
                .kind
                .map_or(v1::FileKind::Unspecified, v1::FileKind::from)
                .into(),
            data: chunk.data,
            left_out: chunk.left_out,
        })))
    }

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        watch::events(&self.model, &request.into_inner()).map(Response::new)
    }
}

impl Operators {
    /// Has the task's agent open a transfer.
    async fn open(&self, wanted: impl FnOnce(u64) -> TransferRequest) -> Result<Reader, Status> {
        let mut reader = self.transfers.wait();
        self.master
            .ask(OperatorCommand::Transfer(wanted(reader.ticket())))
            .await
            .map_err(|error| status::ask(&error))?;
        reader
            .opened(self.transfer_timeout)
            .await
            .map_err(|error| status::transfer(&error))?;
        Ok(reader)
    }
}

/// A transfer's chunks as a client gets them.
fn pieces<T: 'static>(reader: Reader, write: fn(Chunk) -> T) -> Pieces<T> {
    Box::pin(stream::unfold(reader, move |mut reader| async move {
        let piece = match reader.next().await? {
            Ok(chunk) => Ok(write(chunk)),
            Err(error) => Err(status::transfer(&error)),
        };
        Some((piece, reader))
    }))
}
