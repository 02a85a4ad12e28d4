//! What a start finds in the log: its records, and where to go on.
//!
//! Owns the rules of what may be missing: the torn end of the last segment, and nothing else.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use stoker_agent_core::Record;

use super::{
    error::CheckpointError,
    format::{self, Damage, SegmentHeader, Tail},
    liveness::{Liveness, Subject},
    record,
    segments::{self, Segments, segment_path},
    writer::{CheckpointLog, Writer},
};

/// An open log and all that it held.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Where to write on.
    pub(crate) log: CheckpointLog,
    /// What was written, in order; nothing in a new data directory.
    pub(crate) records: Vec<Record>,
}

/// Opens the log in `folder`, which is made if it is not there. Only one process may do so.
///
/// # Errors
/// If the log is damaged, of another version, or cannot be read.
pub(crate) fn open(folder: &Path, boot_id: &str) -> Result<Opened, CheckpointError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(CheckpointError::io("make", folder))?;
    let boot = format::boot_fingerprint(boot_id);
    let found = Found::read(folder)?;
    let newest = found.files.last().map(|file| file.header);
    let mut liveness = Liveness::default();
    let mut records = Vec::new();
    for (index, file) in found.files.iter().enumerate() {
        let tail = match (index + 1 == found.files.len(), file.header.boot == boot) {
            (false, _) => Tail::Whole,
            (true, true) => Tail::Killed,
            (true, false) => Tail::PowerCut,
        };
        file.read_records(tail, &mut liveness, &mut records)?;
    }
    let number = newest.map_or(1, |header| header.number + 1);
    let oldest = found
        .files
        .first()
        .map_or(number, |file| file.header.number);
    let segments = Segments::begin(folder, boot, oldest, number)?;
    Ok(Opened {
        log: CheckpointLog::start(Writer::new(segments, liveness)),
        records,
    })
}

/// The segments that count, oldest first.
struct Found {
    files: Vec<SegmentFile>,
}

struct SegmentFile {
    path: PathBuf,
    header: SegmentHeader,
    bytes: Vec<u8>,
}

impl Found {
    fn read(folder: &Path) -> Result<Self, CheckpointError> {
        let mut files: Vec<SegmentFile> = Vec::new();
        for number in segments::segment_numbers(folder)? {
            files.push(SegmentFile::read(segment_path(folder, number), number)?);
        }
        // A crash between a snapshot and the removal of what it replaces leaves both.
        if let Some(start) = files.iter().rposition(|file| file.header.is_snapshot) {
            segments::remove(folder, files.drain(..start).map(|file| file.header.number))?;
        }
        let first = files.first().filter(|file| file.header.is_snapshot);
        let first = first.map_or(1, |file| file.header.number);
        for (expected, file) in (first..).zip(&files) {
            if file.header.number != expected {
                let path = segment_path(folder, expected);
                return Err(CheckpointError::Missing { path });
            }
        }
        Ok(Self { files })
    }
}

impl SegmentFile {
    fn read(path: PathBuf, number: u64) -> Result<Self, CheckpointError> {
        let bytes = fs::read(&path).map_err(CheckpointError::io("read", &path))?;
        // A segment gets its name when its header is on disk: none ends inside it.
        let header = format::decode_header(&bytes)
            .and_then(|header| {
                header.ok_or(Damage::At {
                    offset: bytes.len(),
                })
            })
            .and_then(|header| {
                if header.number == number {
                    Ok(header)
                } else {
                    Err(Damage::At { offset: 0 })
                }
            });
        match header {
            Ok(header) => Ok(Self {
                path,
                header,
                bytes,
            }),
            Err(damage) => Err(CheckpointError::Damaged { path, damage }),
        }
    }

    /// Reads the records; cuts a torn tail off the file.
    fn read_records(
        &self,
        tail: Tail,
        liveness: &mut Liveness,
        records: &mut Vec<Record>,
    ) -> Result<(), CheckpointError> {
        let found = format::scan(&self.bytes, tail).map_err(|damage| CheckpointError::Damaged {
            path: self.path.clone(),
            damage,
        })?;
        for payload in found.payloads {
            let offset = payload.start;
            let bytes = (payload.len() + format::RECORD_HEADER_BYTES) as u64;
            let record = record::decode(&self.bytes[payload]).map_err(|error| {
                let message = error.to_string();
                CheckpointError::Unreadable {
                    path: self.path.clone(),
                    offset,
                    message,
                }
            })?;
            liveness.add(Subject::of(&record), bytes);
            records.push(record);
        }
        if found.good_bytes < self.bytes.len() {
            self.cut(found.good_bytes)?;
        }
        Ok(())
    }

    fn cut(&self, length: usize) -> Result<(), CheckpointError> {
        tracing::warn!(
            file = %self.path.display(),
            offset = length,
            bytes = self.bytes.len() - length,
            "the end of the checkpoint log was torn by a crash and is cut off"
        );
        OpenOptions::new()
            .write(true)
            .open(&self.path)
            .and_then(|file| file.set_len(length as u64).and_then(|()| file.sync_all()))
            .map_err(CheckpointError::io("cut", &self.path))
    }
}
