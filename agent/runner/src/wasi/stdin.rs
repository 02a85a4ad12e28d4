//! A file as a guest's stdin, read in chunks on blocking threads.

use std::{
    fs::File,
    io::{self, Read as _},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::{io::AsyncRead, runtime::Handle, task::JoinHandle};
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdinStream},
    p2::{InputStream, Pollable, StreamError, StreamResult},
};

/// What is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// The stdin of one guest.
#[derive(Debug)]
pub(crate) struct FileStdin {
    /// Taken by the first stream; preview 1 opens only one.
    file: Mutex<Option<File>>,
    control: Handle,
}

impl FileStdin {
    /// The guest reads `file`, by way of blocking threads of `control`.
    pub(crate) const fn new(file: File, control: Handle) -> Self {
        Self {
            file: Mutex::new(Some(file)),
            control,
        }
    }
}

impl IsTerminal for FileStdin {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for FileStdin {
    fn p2_stream(&self) -> Box<dyn InputStream> {
        let file = self
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        Box::new(FileStream {
            state: file.map_or(Reading::Ended, Reading::Idle),
            control: self.control.clone(),
        })
    }

    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        // Only WASI 0.3 asks for this, and it is off.
        Box::new(tokio::io::empty())
    }
}

/// What a chunk's read gives back: the file, and what was in it.
type Chunk = (File, io::Result<Vec<u8>>);

enum Reading {
    /// Nothing is under way.
    Idle(File),
    /// A blocking thread reads; kept here, so that no byte is lost when the guest stops waiting.
    UnderWay(JoinHandle<Chunk>),
    /// These bytes come next.
    Ready(File, Bytes),
    /// Told once; the end follows.
    Failed(io::Error),
    Ended,
}

struct FileStream {
    state: Reading,
    control: Handle,
}

fn read_chunk(mut file: File) -> Chunk {
    let mut chunk = vec![0; CHUNK_BYTES];
    let result = loop {
        match file.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result,
        }
    };
    let result = result.map(|length| {
        chunk.truncate(length);
        chunk
    });
    (file, result)
}

#[async_trait]
impl Pollable for FileStream {
    async fn ready(&mut self) {
        if let Reading::Idle(_) = self.state
            && let Reading::Idle(file) = std::mem::replace(&mut self.state, Reading::Ended)
        {
            let read = self.control.spawn_blocking(move || read_chunk(file));
            self.state = Reading::UnderWay(read);
        }
        if let Reading::UnderWay(read) = &mut self.state {
            self.state = match read.await {
                Ok((_, Ok(chunk))) if chunk.is_empty() => Reading::Ended,
                Ok((file, Ok(chunk))) => Reading::Ready(file, chunk.into()),
                Ok((_, Err(error))) => Reading::Failed(error),
                Err(lost) => Reading::Failed(io::Error::other(lost)),
            };
        }
    }
}

#[async_trait]
impl InputStream for FileStream {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match std::mem::replace(&mut self.state, Reading::Ended) {
            Reading::Ready(file, mut bytes) => {
                let taken = bytes.split_to(bytes.len().min(size));
                self.state = if bytes.is_empty() {
                    Reading::Idle(file)
                } else {
                    Reading::Ready(file, bytes)
                };
                Ok(taken)
            }
            Reading::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
            Reading::Ended => Err(StreamError::Closed),
            unread @ (Reading::Idle(_) | Reading::UnderWay(_)) => {
                self.state = unread;
                Ok(Bytes::new())
            }
        }
    }
}
