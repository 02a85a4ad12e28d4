//! The files of the log: appending, syncing, rolling on, and replacing all of them by a snapshot.
//!
//! A segment appears under its name only when its header is on disk, and the one before it is
//! synced by then: so only the last one can be torn.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
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
    synced: u64,
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
        let folder = folder.to_owned();
        Ok(Self {
            folder,
            boot,
            number,
            oldest,
            file,
            length,
            synced: length,
        })
    }

    /// How many segments there are.
    pub(super) const fn count(&self) -> u64 {
        self.number - self.oldest + 1
    }

    /// How many bytes of the present segment are on disk for certain.
    pub(super) const fn synced(&self) -> u64 {
        self.synced
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
        self.synced = self.length;
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
        remove(&self.folder, self.oldest..=self.number)?;
        self.number = header.number;
        self.oldest = header.number;
        self.file = file;
        self.length = length;
        self.synced = length;
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
