//! `OperatorService`: what an operator asks beyond reading JSON.
//!
//! Owns the way of an operator's commands into the loop and of a task's output back out. Reading
//! the cluster is the read model's: no command is carried out for it.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, stream};
use stoker_master_core::OperatorCommand;
use stoker_proto::{
    convert::ReadOutput,
    v1::{self, operator_service_server::OperatorService},
};
use stoker_types::{FrameworkId, TaskKey};
use tonic::{Request, Response, Status};

use super::{status, watch};
use crate::{
    driver::MasterHandle,
    read_model::ReadModel,
    transfers::{Reader, Transfers},
};

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
    type ReadOutputStream = Pin<Box<dyn Stream<Item = Result<v1::OutputChunk, Status>> + Send>>;
    type WatchStream = watch::Events;

    async fn kill_task(
        &self,
        request: Request<v1::KillTaskRequest>,
    ) -> Result<Response<v1::KillTaskResponse>, Status> {
        let task: TaskKey = request
            .into_inner()
            .try_into()
            .map_err(|error| status::invalid(&error))?;
        tracing::info!(
            framework_id = %task.framework_id,
            task_id = %task.task_id,
            "an operator kills a task"
        );
        self.master
            .ask(OperatorCommand::KillTask { task })
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
        let mut reader = self.transfers.wait();
        let command = OperatorCommand::ReadOutput {
            ticket: reader.ticket(),
            task: wanted.task,
            stream: wanted.stream,
            offset: wanted.offset,
            follow: wanted.follow,
        };
        self.master
            .ask(command)
            .await
            .map_err(|error| status::ask(&error))?;
        reader
            .opened(self.transfer_timeout)
            .await
            .map_err(|error| status::transfer(&error))?;
        Ok(Response::new(Box::pin(stream::unfold(reader, next_chunk))))
    }

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        watch::events(&self.model, &request.into_inner()).map(Response::new)
    }
}

async fn next_chunk(mut reader: Reader) -> Option<(Result<v1::OutputChunk, Status>, Reader)> {
    let chunk = match reader.next().await? {
        Ok(chunk) => Ok(v1::OutputChunk {
            data: chunk.data,
            lost_bytes: chunk.lost_bytes,
        }),
        Err(error) => Err(status::transfer(&error)),
    };
    Some((chunk, reader))
}
