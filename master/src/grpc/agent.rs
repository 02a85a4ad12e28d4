//! `AgentService`: one stream for each agent, and one for each transfer.
//!
//! Owns the way of an agent's calls from the wire into the loop. A batch that cannot be read ends
//! the stream: an agent is ours, and half of what it says is worse than nothing. Never looks at
//! what a call tells.

use std::sync::Arc;

use stoker_master_core::{ConnectionId, Input};
use stoker_proto::{
    convert::agent::{decode_calls, encode_events},
    v1::{self, agent_service_server::AgentService},
};
use stoker_types::agent::AgentEvent;
use tonic::{Request, Response, Status, Streaming};

use super::{
    status,
    stream::{Batches, Incoming, Origin, incoming, outgoing, refuse},
    transfer,
};
use crate::{
    driver::{Connection, LoopEnded, MasterHandle, Outbox},
    transfers::Transfers,
};

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Agents {
    pub(super) master: MasterHandle,
    pub(super) transfers: Transfers,
}

#[tonic::async_trait]
impl AgentService for Agents {
    type ConnectStream = Batches<v1::AgentEvents>;

    async fn connect(
        &self,
        request: Request<Streaming<v1::AgentCalls>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let Connection { id, outbox } = self
            .master
            .connect_agent()
            .await
            .map_err(status::loop_ended)?;
        let reader = Reader {
            master: self.master.clone(),
            connection: id,
            outbox: Arc::clone(&outbox),
            origin: Origin::of(&request),
            has_begun: false,
        };
        tokio::spawn(reader.read(request.into_inner()));
        Ok(Response::new(outgoing(
            outbox,
            self.master.epoch(),
            encode_events,
        )))
    }

    async fn transfer(
        &self,
        request: Request<Streaming<v1::TransferChunk>>,
    ) -> Result<Response<v1::TransferDone>, Status> {
        transfer::relay(&self.transfers, request.into_inner()).await?;
        Ok(Response::new(v1::TransferDone {}))
    }
}

/// Reads the calls of one agent.
struct Reader {
    master: MasterHandle,
    connection: ConnectionId,
    origin: Origin,
    outbox: Arc<Outbox<AgentEvent>>,
    /// Whether a call has come.
    has_begun: bool,
}

impl Reader {
    async fn read(mut self, mut batches: Streaming<v1::AgentCalls>) {
        while let Ok(true) = self.read_batch(&mut batches).await {}
        // A loop that has ended knows.
        let connection = self.connection;
        let _is_heard = self
            .master
            .input(Input::AgentDisconnected { connection })
            .await;
    }

    /// Passes one batch on; says whether there may be another.
    async fn read_batch(
        &mut self,
        batches: &mut Streaming<v1::AgentCalls>,
    ) -> Result<bool, LoopEnded> {
        let batch = match incoming(&self.outbox, batches, !self.has_begun).await {
            Incoming::Batch(batch) => batch,
            Incoming::Over => return Ok(false),
            Incoming::Nonsense(message) => return Ok(self.refuse(message)),
        };
        let calls = match decode_calls(batch) {
            Ok(calls) => calls,
            Err(error) => return Ok(self.refuse(error.to_string())),
        };
        self.has_begun |= !calls.is_empty();
        let connection = self.connection;
        for call in calls {
            self.master.input(Input::Agent { connection, call }).await?;
        }
        Ok(true)
    }

    fn refuse(&self, message: String) -> bool {
        refuse(&self.outbox, ("agent", self.origin), message);
        false
    }
}
