//! `SchedulerService`: one stream for each scheduler.
//!
//! Owns the way of a scheduler's calls from the wire into the loop. A call that cannot be read is
//! refused by its number; a stream that does not even begin with a readable call is ended. Never
//! looks at what a call wants.

use std::sync::Arc;

use stoker_master_core::{ConnectionId, Input};
use stoker_proto::{
    convert::scheduler::{RefusedCall, decode_calls, encode_events},
    v1::{self, scheduler_service_server::SchedulerService},
};
use stoker_types::scheduler::{Event, NumberedCall};
use tonic::{Request, Response, Status, Streaming};

use super::{
    status,
    stream::{Batches, Incoming, Origin, incoming, outgoing, refuse},
};
use crate::driver::{Connection, LoopEnded, MasterHandle, Outbox};

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Schedulers {
    pub(super) master: MasterHandle,
}

#[tonic::async_trait]
impl SchedulerService for Schedulers {
    type ConnectStream = Batches<v1::SchedulerEvents>;

    async fn connect(
        &self,
        request: Request<Streaming<v1::SchedulerCalls>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let Connection { id, outbox } = self
            .master
            .connect_scheduler()
            .await
            .map_err(status::loop_ended)?;
        let reader = Reader {
            master: self.master.clone(),
            connection: id,
            outbox: Arc::clone(&outbox),
            origin: Origin::of(&request),
            has_begun: false,
            has_logged: false,
        };
        tokio::spawn(reader.read(request.into_inner()));
        Ok(Response::new(outgoing(
            outbox,
            self.master.epoch(),
            encode_events,
        )))
    }
}

/// Reads the calls of one scheduler.
struct Reader {
    master: MasterHandle,
    connection: ConnectionId,
    origin: Origin,
    outbox: Arc<Outbox<Event>>,
    /// Whether the first call could be read.
    has_begun: bool,
    /// Whether a call that cannot be read was logged: one is enough.
    has_logged: bool,
}

impl Reader {
    async fn read(mut self, mut batches: Streaming<v1::SchedulerCalls>) {
        while let Ok(true) = self.read_batch(&mut batches).await {}
        // A loop that has ended knows.
        let connection = self.connection;
        let _is_heard = self
            .master
            .input(Input::SchedulerDisconnected { connection })
            .await;
    }

    /// Passes one batch on; says whether there may be another.
    async fn read_batch(
        &mut self,
        batches: &mut Streaming<v1::SchedulerCalls>,
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
        for call in calls {
            match self.input(call) {
                Some(input) => self.master.input(input).await?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// What the core is to hear of a call; nothing if that ends the stream.
    fn input(&mut self, call: Result<NumberedCall, RefusedCall>) -> Option<Input> {
        let connection = self.connection;
        match call {
            Ok(call) => {
                self.has_begun = true;
                Some(Input::Scheduler { connection, call })
            }
            Err(refused) if !self.has_begun => {
                self.refuse(refused.to_string());
                None
            }
            Err(RefusedCall { call_id, error }) => {
                let message = error.to_string();
                if !self.has_logged {
                    self.has_logged = true;
                    tracing::warn!(
                        connection = connection.0,
                        from = %self.origin,
                        call_id,
                        error = message,
                        "a scheduler's call cannot be read and is refused"
                    );
                }
                Some(Input::SchedulerCallInvalid {
                    connection,
                    call_id,
                    message,
                })
            }
        }
    }

    fn refuse(&self, message: String) -> bool {
        refuse(&self.outbox, ("scheduler", self.origin), message);
        false
    }
}
