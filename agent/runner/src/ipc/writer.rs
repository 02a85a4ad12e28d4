//! Sends events to the daemon, as many at once as have gathered.

use std::{io, sync::Arc};

use bytes::BytesMut;
use stoker_proto::{
    convert::runner::{RunnerFrame, encode_events},
    frame, v1,
};
use tokio::{io::AsyncWriteExt as _, net::unix::OwnedWriteHalf};

use super::{Outbox, invalid, outbox::Batch};

/// Writes the outbox to `socket` until that fails. Only one writer runs at a time.
pub(crate) async fn write_events(outbox: Arc<Outbox>, mut socket: OwnedWriteHalf) {
    loop {
        let batch = outbox.batch().await;
        let last = batch.events.last().map_or(0, |event| event.number);
        if let Err(error) = write(batch, &mut socket).await {
            // The reading half sees it too, and waits for the next connection.
            tracing::debug!(%error, "the events were not written");
            return;
        }
        outbox.mark_sent(last);
    }
}

async fn write(batch: Batch, socket: &mut OwnedWriteHalf) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    for message in encode_events(batch.events) {
        frame::write(&message, &mut bytes).map_err(invalid)?;
    }
    if let Some(load) = batch.load {
        let message = v1::RunnerFrame::from(RunnerFrame::Load(load));
        frame::write(&message, &mut bytes).map_err(invalid)?;
    }
    if !batch.usages.is_empty() {
        let message = v1::RunnerFrame::from(RunnerFrame::Usages(batch.usages));
        frame::write(&message, &mut bytes).map_err(invalid)?;
    }
    socket.write_all(&bytes).await
}
