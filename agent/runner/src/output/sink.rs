//! Where output goes in the end.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use stoker_types::agent::OutputStream;

/// The end of a task's output. Called on a thread that may block, never on a worker.
pub(crate) trait Sink: Send {
    /// Writes all of `bytes`.
    fn write(&mut self, stream: OutputStream, bytes: &[u8]) -> io::Result<()>;
}

/// The files `stdout` and `stderr` in a task's sandbox, made at the first byte of each.
#[derive(Debug)]
pub(crate) struct FileSink {
    sandbox: PathBuf,
    stdout: Option<File>,
    stderr: Option<File>,
}

impl FileSink {
    /// Output into the folder `sandbox`, which need not exist.
    pub(crate) const fn new(sandbox: PathBuf) -> Self {
        Self {
            sandbox,
            stdout: None,
            stderr: None,
        }
    }
}

impl Sink for FileSink {
    fn write(&mut self, stream: OutputStream, bytes: &[u8]) -> io::Result<()> {
        let (slot, name) = match stream {
            OutputStream::Stdout => (&mut self.stdout, "stdout"),
            OutputStream::Stderr => (&mut self.stderr, "stderr"),
        };
        let file = match slot {
            Some(file) => file,
            None => {
                fs::create_dir_all(&self.sandbox)?;
                let path = self.sandbox.join(name);
                slot.insert(OpenOptions::new().append(true).create(true).open(path)?)
            }
        };
        file.write_all(bytes)
    }
}

/// This process' own stdout and stderr.
#[derive(Debug)]
pub(crate) struct InheritSink;

impl Sink for InheritSink {
    fn write(&mut self, stream: OutputStream, bytes: &[u8]) -> io::Result<()> {
        match stream {
            OutputStream::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            OutputStream::Stderr => io::stderr().lock().write_all(bytes),
        }
    }
}

/// What is kept of one captured stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The first bytes, up to the bound.
    pub bytes: Vec<u8>,
    /// Whether there were more.
    pub truncated: bool,
}

/// Both streams of one task, kept in memory.
pub(crate) type Captures = Arc<Mutex<[Captured; 2]>>;

/// Keeps the first bytes of each stream and forgets the others.
#[derive(Debug)]
pub(crate) struct CaptureSink {
    bound: usize,
    captures: Captures,
}

impl CaptureSink {
    /// A sink that keeps `bound` bytes of each stream, and where it keeps them: stdout, stderr.
    pub(crate) fn new(bound: usize) -> (Self, Captures) {
        let captures = Captures::default();
        let sink = Self {
            bound,
            captures: Arc::clone(&captures),
        };
        (sink, captures)
    }
}

impl Sink for CaptureSink {
    fn write(&mut self, stream: OutputStream, bytes: &[u8]) -> io::Result<()> {
        let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        let captured = match stream {
            OutputStream::Stdout => &mut captures[0],
            OutputStream::Stderr => &mut captures[1],
        };
        let room = self.bound.saturating_sub(captured.bytes.len());
        let kept = bytes.len().min(room);
        captured.bytes.extend_from_slice(&bytes[..kept]);
        captured.truncated |= kept < bytes.len();
        Ok(())
    }
}
