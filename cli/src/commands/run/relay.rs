//! A task's output on its way to this process: streamed as it comes, or kept for the report.
//!
//! Owns the reading position, so that a master or an agent may be restarted in between: it goes on
//! where it was.

use std::time::Duration;

use stoker_proto::v1;
use stoker_types::TaskKey;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::watch,
};
use tokio_stream::StreamExt as _;

use crate::client::Client;

/// What is kept of each stream for the report.
const KEPT_BYTES: usize = 1 << 20;
/// How long a stream that broke waits before it is read on.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// How often a broken stream is read on after the task has ended: then nothing is to come back.
const RETRIES_AFTER_END: u32 = 25;

/// Where the bytes of one stream go.
pub(super) enum Sink {
    /// To this process' own stream.
    Through(Box<dyn AsyncWrite + Unpin>),
    /// Into memory, up to 1 MiB.
    Keep {
        /// What has come.
        bytes: Vec<u8>,
        /// Whether more has come than is kept.
        truncated: bool,
    },
}

impl Sink {
    /// A sink that keeps the first 1 MiB.
    pub(super) const fn keep() -> Self {
        Self::Keep {
            bytes: Vec::new(),
            truncated: false,
        }
    }

    async fn take(&mut self, data: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Through(writer) => {
                let written = async {
                    writer.write_all(data).await?;
                    writer.flush().await
                };
                match written.await {
                    // The reader has left (`stoker run … | head`): the task goes on.
                    Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                    result => Ok(result?),
                }
            }
            Self::Keep { bytes, truncated } => {
                let room = KEPT_BYTES - bytes.len();
                bytes.extend_from_slice(&data[..data.len().min(room)]);
                *truncated |= data.len() > room;
                Ok(())
            }
        }
    }
}

/// Reads one stream of a task to its end, from the start.
pub(super) async fn relay(
    client: &Client,
    task: &TaskKey,
    stream: v1::OutputStream,
    mut sink: Sink,
    ended: watch::Receiver<bool>,
) -> anyhow::Result<Sink> {
    let mut offset = 0;
    let mut retries_after_end = 0;
    loop {
        match read(client, task, stream, &mut offset, &mut sink).await {
            Ok(()) => return Ok(sink),
            Err(Broken::Sink(error)) => return Err(error),
            Err(Broken::Stream(message)) => {
                if *ended.borrow() {
                    retries_after_end += 1;
                }
                anyhow::ensure!(
                    retries_after_end <= RETRIES_AFTER_END,
                    "the task's output cannot be read: {message}"
                );
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// Why reading stopped before the end.
enum Broken {
    /// The way from the agent broke; it may be there again.
    Stream(String),
    /// This process cannot take what comes.
    Sink(anyhow::Error),
}

async fn read(
    client: &Client,
    task: &TaskKey,
    stream: v1::OutputStream,
    offset: &mut u64,
    sink: &mut Sink,
) -> Result<(), Broken> {
    let request = v1::ReadOutputRequest {
        task: Some(v1::TaskKey {
            framework_id: task.framework_id.to_string(),
            task_id: task.task_id.to_string(),
        }),
        stream: stream.into(),
        offset: *offset,
        follow: true,
    };
    let broken = |message: String| Broken::Stream(message);
    let mut operator = client
        .operator()
        .await
        .map_err(|error| broken(format!("{error:#}")))?;
    let response = operator
        .read_output(request)
        .await
        .map_err(|status| broken(status.message().to_owned()))?;
    let mut chunks = response.into_inner();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|status| broken(status.message().to_owned()))?;
        if chunk.lost_bytes > 0 {
            crate::output::note(&format!(
                "stoker: {} bytes of output lost",
                chunk.lost_bytes
            ));
        }
        *offset += chunk.lost_bytes + chunk.data.len() as u64;
        sink.take(&chunk.data).await.map_err(Broken::Sink)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_says_so() {
        let mut sink = Sink::keep();
        for _ in 0..3 {
            sink.take(&vec![b'x'; KEPT_BYTES / 2]).await.unwrap();
        }
        let Sink::Keep { bytes, truncated } = sink else {
            panic!("it keeps")
        };
        assert_eq!((bytes.len(), truncated), (KEPT_BYTES, true));
    }
}
