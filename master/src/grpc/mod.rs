//! The gRPC rim: the services of `stoker.v1`, health and reflection.
//!
//! Owns the way between wire messages and the loop, the read model and the blob store; messages go
//! no further than this folder. Every message is bounded before it is decoded. Which port they are
//! served on is the server's business.

mod agent;
mod artifact;
mod operator;
mod scheduler;
mod status;
mod stream;
mod transfer;
mod watch;

use std::{sync::Arc, time::Duration};

use stoker_proto::v1::{
    agent_service_server::AgentServiceServer, artifact_service_server::ArtifactServiceServer,
    operator_service_server::OperatorServiceServer,
    scheduler_service_server::SchedulerServiceServer,
};
use stoker_types::limit;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

use crate::{
    MasterError, blobs::BlobStore, clock::Clock, driver::MasterHandle, read_model::ReadModel,
    transfers::Transfers,
};

pub(crate) use status::unimplemented;

/// What the services work with.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    /// The loop.
    pub master: MasterHandle,
    /// What readers see.
    pub model: Arc<ReadModel>,
    /// The artifacts.
    pub blobs: BlobStore,
    /// The transfers that are waited for.
    pub transfers: Transfers,
    /// An agent's time to open a transfer.
    pub transfer_timeout: Duration,
    /// The time.
    pub clock: Clock,
}

impl Services {
    /// The routes of all services, and who says which of them serve.
    pub(crate) async fn routes(self) -> Result<(axum::Router, HealthReporter), MasterError> {
        let (health, health_service) = tonic_health::server::health_reporter();
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(stoker_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(|error| MasterError::Reflection(error.to_string()))?;
        let master = &self.master;
        let schedulers = SchedulerServiceServer::new(scheduler::Schedulers {
            master: master.clone(),
        })
        .max_decoding_message_size(limit::GRPC_MESSAGE_BYTES);
        let agents = AgentServiceServer::new(agent::Agents {
            master: master.clone(),
            transfers: self.transfers.clone(),
        })
        .max_decoding_message_size(limit::GRPC_MESSAGE_BYTES);
        let operators = OperatorServiceServer::new(operator::Operators {
            master: master.clone(),
            model: self.model,
            transfers: self.transfers,
            transfer_timeout: self.transfer_timeout,
        })
        .max_decoding_message_size(limit::GRPC_MESSAGE_BYTES);
        let artifacts = ArtifactServiceServer::new(artifact::Artifacts {
            blobs: self.blobs,
            clock: self.clock,
        })
        .max_decoding_message_size(limit::GRPC_MESSAGE_BYTES);
        set_serving(&health).await;
        let routes = Routes::new(schedulers)
            .add_service(agents)
            .add_service(operators)
            .add_service(artifacts)
            .add_service(health_service)
            .add_service(reflection);
        // What no service takes is answered by the router that this becomes a part of.
        Ok((routes.into_axum_router().reset_fallback(), health))
    }
}

async fn set_serving(health: &HealthReporter) {
    health
        .set_serving::<SchedulerServiceServer<scheduler::Schedulers>>()
        .await;
    health
        .set_serving::<AgentServiceServer<agent::Agents>>()
        .await;
    health
        .set_serving::<OperatorServiceServer<operator::Operators>>()
        .await;
    health
        .set_serving::<ArtifactServiceServer<artifact::Artifacts>>()
        .await;
}

/// Says that the services serve no more.
pub(crate) async fn set_not_serving(health: &HealthReporter) {
    health
        .set_not_serving::<SchedulerServiceServer<scheduler::Schedulers>>()
        .await;
    health
        .set_not_serving::<AgentServiceServer<agent::Agents>>()
        .await;
    health
        .set_not_serving::<OperatorServiceServer<operator::Operators>>()
        .await;
    health
        .set_not_serving::<ArtifactServiceServer<artifact::Artifacts>>()
        .await;
    health
        .set_service_status("", tonic_health::ServingStatus::NotServing)
        .await;
}
