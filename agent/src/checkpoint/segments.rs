//! The files of the log: appending, syncing, rolling on, and replacing all of them by a snapshot.
//!
//! A segment appears under its name only when its header is on disk, and the one before it is
//! synced by then: so only the last one can be torn.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    error::CheckpointError,
    format::{self, HEADER_BYTES, SegmentHeader},
};

/// A segment this long is followed by the next one.
pub(super) const SEGMENT_BYTES: u64 = 16 << 20;

const SUFFIX: &str = ".log";
const TEMPORARY: &str = "next.tmp";

/// The path of segment `number`.
pub(super) fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}{SUFFIX}"))
}

/// The numbers of all segments in `folder`, in order.
pub(super) fn segment_numbers(folder: &Path) -> Result<Vec<u64>, CheckpointError> {
    let error = || CheckpointError::io("list", folder);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(error())? {
        let name = entry.map_err(error())?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_suffix(SUFFIX)?.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The segment that is written to, and how to go on from it.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    boot: [u8; 16],
    number: u64,
    oldest: u64,
    file: File,
    length: u64,
    present: Arc<Present>,
}

/// What both threads have of the present segment.
#[derive(Debug)]
struct Present {
    path: PathBuf,
    /// For syncing: an open file of its own, because an error of the disk is told once to each.
    file: File,
    /// How many of its bytes are on disk for certain.
    synced: AtomicU64,
}

/// A segment up to some length, to be synced by another thread.
#[derive(Debug)]
pub(super) struct Unsynced {
    segment: Arc<Present>,
    length: u64,
}

impl Unsynced {
    /// Brings it to the disk.
    pub(super) fn sync(self) -> Result<(), CheckpointError> {
        let Self { segment, length } = self;
        segment
            .file
            .sync_data()
            .map_err(CheckpointError::io("sync", &segment.path))?;
        segment.synced.fetch_max(length, Ordering::Relaxed);
        Ok(())
    }
}

impl Segments {
    /// Begins segment `number` behind those from `oldest` on.
    pub(super) fn begin(
        folder: &Path,
        boot: [u8; 16],
        oldest: u64,
        number: u64,
    ) -> Result<Self, CheckpointError> {
        let header = SegmentHeader {
            number,
            is_snapshot: false,
            boot,
        };
        let (file, length) = create(folder, &header, &[])?;
        Ok(Self {
            present: present(folder, number, length)?,
            folder: folder.to_owned(),
            boot,
            number,
            oldest,
            file,
            length,
        })
    }

    /// How many segments there are.
    pub(super) const fn count(&self) -> u64 {
        self.number - self.oldest + 1
    }

    /// How many bytes of the present segment are on disk for certain.
    pub(super) fn synced(&self) -> u64 {
        self.present.synced.load(Ordering::Relaxed)
    }

    /// What was appended to the present segment, for another thread to sync.
    pub(super) fn unsynced(&self) -> Unsynced {
        Unsynced {
            segment: Arc::clone(&self.present),
            length: self.length,
        }
    }

    /// Appends whole records: afterwards they survive the death of this process.
    pub(super) fn append(&mut self, records: &[u8]) -> Result<(), CheckpointError> {
        self.file
            .write_all(records)
            .map_err(CheckpointError::io("write", self.path()))?;
        self.length += records.len() as u64;
        Ok(())
    }

    /// Brings all that was appended to the disk.
    pub(super) fn sync(&mut self) -> Result<(), CheckpointError> {
        self.file
            .sync_data()
            .map_err(CheckpointError::io("sync", self.path()))?;
        let synced = &self.present.synced;
        synced.fetch_max(self.length, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the present segment is full.
    pub(super) const fn is_full(&self) -> bool {
        self.length >= SEGMENT_BYTES
    }

    /// Goes on in a new segment.
    pub(super) fn roll(&mut self) -> Result<(), CheckpointError> {
        self.sync()?;
        let number = self.number + 1;
        *self = Self {
            oldest: self.oldest,
            ..Self::begin(&self.folder, self.boot, number, number)?
        };
        Ok(())
    }

    /// Writes `records` as a new segment to begin with, and removes all others.
    pub(super) fn replace(&mut self, records: &[u8]) -> Result<(), CheckpointError> {
        let header = SegmentHeader {
            number: self.number + 1,
            is_snapshot: true,
            boot: self.boot,
        };
        let (file, length) = create(&self.folder, &header, records)?;
        self.present = present(&self.folder, header.number, length)?;
        remove(&self.folder, self.oldest..=self.number)?;
        self.number = header.number;
        self.oldest = header.number;
        self.file = file;
        self.length = length;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        segment_path(&self.folder, self.number)
    }
}

/// Removes segments that a later snapshot replaces.
pub(super) fn remove(
    folder: &Path,
    numbers: impl IntoIterator<Item = u64>,
) -> Result<(), CheckpointError> {
    for number in numbers {
        let path = segment_path(folder, number);
        match fs::remove_file(&path) {
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
            result => result.map_err(CheckpointError::io("remove", path))?,
        }
    }
    Ok(())
}

/// A segment that was just made, all of it on the disk.
fn present(folder: &Path, number: u64, length: u64) -> Result<Arc<Present>, CheckpointError> {
    let path = segment_path(folder, number);
    Ok(Arc::new(Present {
        file: File::open(&path).map_err(CheckpointError::io("open", &path))?,
        path,
        synced: AtomicU64::new(length),
    }))
}

/// Makes a segment, complete and synced before it has its name.
fn create(
    folder: &Path,
    header: &SegmentHeader,
    records: &[u8],
) -> Result<(File, u64), CheckpointError> {
    let temporary = folder.join(TEMPORARY);
    let path = segment_path(folder, header.number);
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&temporary)
        .map_err(CheckpointError::io("create", &temporary))?;
    file.set_len(0)
        .map_err(CheckpointError::io("empty", &temporary))?;
    file.write_all(&format::encode_header(header))
        .and_then(|()| file.write_all(records))
        .and_then(|()| file.sync_all())
        .map_err(CheckpointError::io("write", &temporary))?;
    fs::rename(&temporary, &path).map_err(CheckpointError::io("name", &path))?;
    sync_folder(folder)?;
    Ok((file, (HEADER_BYTES + records.len()) as u64))
}

/// Brings the names in `folder` to the disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), CheckpointError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(CheckpointError::io("sync", folder))
}
