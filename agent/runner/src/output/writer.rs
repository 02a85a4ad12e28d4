//! A guest's stdout or stderr, as WASI sees it.

use std::io;

use bytes::Bytes;
use stoker_types::agent::OutputStream;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream as WasiOutputStream, Pollable, StreamError, StreamResult},
};

use super::{Output, pipe::Accepted};
use crate::metering::Stop;

/// One end of a task's output.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    output: Output,
    stream: OutputStream,
}

impl Writer {
    /// The guest's end of `stream`.
    pub(crate) const fn new(output: Output, stream: OutputStream) -> Self {
        Self { output, stream }
    }
}

impl IsTerminal for Writer {
    fn is_terminal(&self) -> bool {
        // The same everywhere, so that a guest behaves the same everywhere.
        false
    }
}

impl StdoutStream for Writer {
    fn p2_stream(&self) -> Box<dyn WasiOutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this, and it is off.
        Box::new(tokio::io::sink())
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        self.output.ready().await;
    }
}

#[async_trait]
impl WasiOutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match self.output.write(self.stream, &bytes) {
            Accepted::All => Ok(()),
            Accepted::OverCap => Err(StreamError::Trap(Stop::OutputLimit.into())),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        // What was accepted reaches the sink before the task's end is told.
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.output.permit().map_err(failed)
    }

    async fn blocking_write_and_flush(&mut self, mut bytes: Bytes) -> StreamResult<()> {
        while !bytes.is_empty() {
            self.output.ready().await;
            let permit = self.check_write()?;
            self.write(bytes.split_to(bytes.len().min(permit)))?;
        }
        Ok(())
    }
}

/// The error that lets the guest see the errno.
fn failed(error: io::Error) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}
