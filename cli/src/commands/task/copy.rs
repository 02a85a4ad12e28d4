//! `stoker task cp`: a file or a folder of a task, onto this machine.
//!
//! Owns where a copy goes; nothing is touched before the master has answered. Unpacking is
//! `unpack`'s.

use std::{
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use stoker_proto::{convert::ReadFile, json, v1};
use stoker_types::SandboxPath;
use tokio::sync::mpsc;
use tonic::Streaming;

use super::{
    files::{key, printable},
    unpack::{Unpacked, unpack},
};
use crate::{
    args::{OutputFormat, cluster::TaskCp},
    client::{Client, explain},
    output,
};

/// The chunks that may wait for the disk.
const WAITING_CHUNKS: usize = 16;

/// Copies a file, or a folder with all that is in it.
pub(super) async fn copy(arguments: TaskCp, format: OutputFormat) -> anyhow::Result<()> {
    let client = Client::new(&arguments.cluster)?;
    let (task, path) = find(&client, &arguments.source).await?;
    let request = ReadFile {
        task: key(&task)?,
        path: path.clone(),
        offset: 0,
    };
    let mut operator = client.operator().await?;
    let response = operator.read_file(v1::ReadFileRequest::from(request));
    let mut chunks = response
        .await
        .map_err(|status| explain(&status))?
        .into_inner();
    // What the bytes are is said first, and nothing is touched before.
    let first = next(&mut chunks).await?;
    let kind = first.as_ref().map(v1::FileChunk::kind);
    let mut incoming = Incoming {
        chunks,
        first,
        left_out: 0,
    };
    let destination = &arguments.destination;
    let written = if destination == Path::new("-") {
        incoming.write_stdout().await?;
        None
    } else if kind == Some(v1::FileKind::Directory) {
        let destination = folder_destination(destination, &path)?;
        let unpacked = incoming.write_folder(destination.clone()).await?;
        Some((destination, unpacked))
    } else {
        let destination = file_destination(destination, &path)?;
        let bytes = incoming.write_file(&destination).await?;
        Some((destination, Unpacked { files: 1, bytes }))
    };
    if incoming.left_out > 0 {
        output::note(&format!(
            "stoker: {} were left out: links and their like, what the task removed meanwhile, and \
             a stdout or stderr of the guest's own",
            incoming.left_out
        ));
    }
    match written {
        Some((destination, unpacked)) => report(format, &destination, unpacked),
        None => Ok(()),
    }
}

fn report(format: OutputFormat, destination: &Path, copied: Unpacked) -> anyhow::Result<()> {
    let size = stoker_types::size::display(copied.bytes);
    let files = match copied.files {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    let destination = destination.display();
    output::done(format, &format!("{destination}: {files}, {size}"))
}

/// The task and the path that a `TASK:PATH` means. Ids may hold colons: a whole id goes before the
/// first colon.
async fn find(client: &Client, source: &str) -> anyhow::Result<(json::Task, SandboxPath)> {
    let colons = source.match_indices(':').map(|(index, _)| index);
    let tasks = client.tasks(&[]).await?;
    let is_task = |index: &usize| tasks.iter().any(|task| task.id == source[..*index]);
    let cut = colons.clone().rfind(is_task).or_else(|| source.find(':'));
    let cut = cut.context("write a task, a colon and a path")?;
    let path = source[cut + 1..].parse()?;
    Ok((client.task(&source[..cut]).await?, path))
}

/// Where a folder goes: below a folder that is there, unless it has no name of its own.
fn folder_destination(destination: &Path, path: &SandboxPath) -> anyhow::Result<PathBuf> {
    ensure!(
        destination.is_dir() || !destination.exists(),
        "{} is a file, and {:?} is a folder: name a folder",
        destination.display(),
        path.to_string()
    );
    Ok(match name(path) {
        Some(name) if destination.is_dir() => destination.join(name),
        _ => destination.to_owned(),
    })
}

/// Where a file goes: below a folder that is there, or under the name that is given.
fn file_destination(destination: &Path, path: &SandboxPath) -> anyhow::Result<PathBuf> {
    let is_folder = destination.is_dir();
    let names_folder = destination.to_string_lossy().ends_with('/');
    ensure!(
        is_folder || !names_folder,
        "there is no folder {}; make it first",
        destination.display()
    );
    Ok(match name(path) {
        Some(name) if is_folder => destination.join(name),
        _ => destination.to_owned(),
    })
}

/// The last name of a path. The whole sandbox and the guest's whole folder have none.
fn name(path: &SandboxPath) -> Option<String> {
    let text = match path {
        SandboxPath::Everything => return None,
        SandboxPath::Output(_) => path.to_string(),
        SandboxPath::Guest(path) => path.clone(),
    };
    let name = text.rsplit('/').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

async fn next(chunks: &mut Streaming<v1::FileChunk>) -> anyhow::Result<Option<v1::FileChunk>> {
    chunks.message().await.map_err(|status| explain(&status))
}

/// What comes.
struct Incoming {
    chunks: Streaming<v1::FileChunk>,
    first: Option<v1::FileChunk>,
    left_out: u64,
}

impl Incoming {
    /// The next bytes; none after the last ones.
    async fn data(&mut self) -> anyhow::Result<Option<Bytes>> {
        let chunk = match self.first.take() {
            Some(first) => Some(first),
            None => next(&mut self.chunks).await?,
        };
        Ok(chunk.map(|chunk| {
            self.left_out += chunk.left_out;
            chunk.data
        }))
    }

    async fn write_stdout(&mut self) -> anyhow::Result<()> {
        while let Some(data) = self.data().await? {
            output::bytes(&data)?;
        }
        Ok(())
    }

    async fn write_file(&mut self, destination: &Path) -> anyhow::Result<u64> {
        let failed = || {
            let shown = printable(&destination.to_string_lossy());
            format!("failed to write {shown}")
        };
        let mut file = std::fs::File::create(destination).with_context(failed)?;
        let mut bytes = 0;
        while let Some(data) = self.data().await? {
            file.write_all(&data).with_context(failed)?;
            bytes += data.len() as u64;
        }
        Ok(bytes)
    }

    /// Unpacks what comes, on a thread that may block.
    async fn write_folder(&mut self, destination: PathBuf) -> anyhow::Result<Unpacked> {
        let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
        let tar = Tar {
            receiver,
            current: Bytes::new(),
        };
        let unpacking = tokio::task::spawn_blocking(move || {
            let mut tar = tar;
            let unpacked = unpack(&mut tar, &destination)?;
            // What is behind the tar's end says whether it is the end.
            io::copy(&mut tar, &mut io::sink())?;
            anyhow::Ok(unpacked)
        });
        let received = loop {
            match self.data().await {
                Ok(Some(data)) => {
                    // Whoever unpacks has said why it stopped.
                    if sender.send(Ok(data)).await.is_err() {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => {
                    let told = Err(io::Error::other(error.to_string()));
                    drop(sender.send(told).await);
                    break Err(error);
                }
            }
        };
        drop(sender);
        let unpacked = unpacking.await?;
        // Of the two, what the master says is the cause.
        received?;
        unpacked
    }
}

/// The chunks as a thread reads them.
struct Tar {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Tar {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(next) => self.current = next?,
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_goes_below_a_folder_that_is_there_and_else_under_the_name_that_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path();
        let new = there.join("new");
        let path = |text: &str| text.parse::<SandboxPath>().unwrap();
        let file = |destination: &Path, text| file_destination(destination, &path(text)).unwrap();
        assert_eq!(file(there, "out/words.txt"), there.join("words.txt"));
        assert_eq!(file(there, "stdout"), there.join("stdout"));
        assert_eq!(file(&new, "stdout"), new);
        let folder = |destination: &Path, text| folder_destination(destination, &path(text));
        assert_eq!(folder(there, "out/a").unwrap(), there.join("a"));
        assert_eq!(folder(&new, "out/a").unwrap(), new);
        assert_eq!(folder(there, ".").unwrap(), there);
        assert_eq!(folder(there, "").unwrap(), there);
        std::fs::write(&new, "").unwrap();
        assert!(folder(&new, "out").is_err());
        assert!(file_destination(&there.join("none/"), &path("x")).is_err());
    }
}
