//! Where output goes in the end.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use stoker_types::{agent::OutputStream, runner::output_file};

use super::Rotation;

/// The end of a task's output. Called on a thread that may block, never on a worker.
pub(crate) trait Sink: Send {
    /// Writes all of `bytes`.
    fn write(&mut self, stream: OutputStream, bytes: &[u8]) -> io::Result<()>;
}

/// The files of stdout and stderr in a task's sandbox, made at the first byte of each.
#[derive(Debug)]
pub(crate) struct FileSink {
    sandbox: PathBuf,
    rotation: Rotation,
    stdout: Option<File>,
    stderr: Option<File>,
}

impl FileSink {
    /// Output into the folder `sandbox`, which need not exist, in files that `rotation` plans.
    pub(crate) const fn new(sandbox: PathBuf, rotation: Rotation) -> Self {
        Self {
            sandbox,
            rotation,
            stdout: None,
            stderr: None,
        }
    }

    /// Writes the first of `bytes`, as many as belong into one file; says how many.
    fn write_some(&mut self, stream: OutputStream, bytes: &[u8]) -> io::Result<usize> {
        let plan = self.rotation.plan(stream, bytes.len());
        for (stream, begin) in plan.removes {
            fs::remove_file(self.sandbox.join(output_file(stream, begin)))?;
        }
        let slot = match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        if let Some(begin) = plan.begins {
            if begin == 0 {
                fs::create_dir_all(&self.sandbox)?;
            }
            let path = self.sandbox.join(output_file(stream, begin));
            *slot = Some(OpenOptions::new().append(true).create(true).open(path)?);
        }
        let file = slot
            .as_mut()
            .ok_or_else(|| io::Error::other("no file was begun"))?;
        file.write_all(&bytes[..plan.bytes])?;
        Ok(plan.bytes)
    }
}

impl Sink for FileSink {
    fn write(&mut self, stream: OutputStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.write_some(stream, bytes)?;
            bytes = &bytes[written..];
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_rotates_is_a_row_of_files_of_which_the_first_ones_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = folder.path().join("sandbox");
        let mut sink = FileSink::new(sandbox.clone(), Rotation::keeping(80));
        sink.write(OutputStream::Stderr, b"quiet").unwrap();
        let all: Vec<u8> = (0..200).collect();
        sink.write(OutputStream::Stdout, &all[..35]).unwrap();
        sink.write(OutputStream::Stdout, &all[35..]).unwrap();
        let mut names: Vec<String> = fs::read_dir(&sandbox)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let stdout = (130..200)
            .step_by(10)
            .map(|begin| format!("stdout.{begin}"));
        let expected: Vec<String> = std::iter::once("stderr".to_owned()).chain(stdout).collect();
        assert_eq!(names, expected);
        assert_eq!(fs::read(sandbox.join("stderr")).unwrap(), b"quiet");
        assert_eq!(fs::read(sandbox.join("stdout.190")).unwrap(), all[190..]);
    }
}
