//! How commands talk to a master: JSON over HTTP to read, gRPC to act.
//!
//! Owns connections, and errors that say what to do; never prints.

mod http;
mod lookup;

use anyhow::Context as _;
use stoker_proto::v1::{
    artifact_service_client::ArtifactServiceClient, operator_service_client::OperatorServiceClient,
};
use tonic::transport::{Channel, Endpoint};

use http::Http;

use crate::args::ClusterAddress;

/// A cluster, as a command sees it.
pub(crate) struct Client {
    http: Http,
    endpoint: Endpoint,
    address: String,
}

impl Client {
    /// A client of the master at `address`. Nothing is dialled yet.
    ///
    /// # Errors
    /// If the address is no URL.
    pub(crate) fn new(cluster: &ClusterAddress) -> anyhow::Result<Self> {
        let address = cluster.master.trim_end_matches('/').to_owned();
        let endpoint = Endpoint::from_shared(address.clone())
            .ok()
            .filter(|endpoint| endpoint.uri().scheme_str() == Some("http"))
            .with_context(|| {
                format!(
                    "{address:?} is no master's address: write a URL, as in http://127.0.0.1:5050"
                )
            })?;
        Ok(Self {
            http: Http::new(address.clone())?,
            endpoint,
            address,
        })
    }

    /// The address as given.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The side that acts on tasks and frameworks.
    pub(crate) async fn operator(&self) -> anyhow::Result<OperatorServiceClient<Channel>> {
        Ok(OperatorServiceClient::new(self.channel().await?))
    }

    /// The store of modules.
    pub(crate) async fn artifacts(&self) -> anyhow::Result<ArtifactServiceClient<Channel>> {
        Ok(ArtifactServiceClient::new(self.channel().await?))
    }

    async fn channel(&self) -> anyhow::Result<Channel> {
        self.endpoint
            .connect()
            .await
            .map_err(|_| self.unavailable())
    }

    fn unavailable(&self) -> anyhow::Error {
        unavailable(&self.address)
    }
}

/// No one answers there.
pub(crate) fn unavailable(address: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "no master answers at {address}; start one with `stoker dev`, or name another with --master or STOKER_MASTER"
    )
}

/// What a gRPC status says to a person.
pub(crate) fn explain(status: &tonic::Status) -> anyhow::Error {
    anyhow::anyhow!("{}", status.message())
}
