//! The bytes of a checkpoint segment: writing them, and finding the records in them again.
//!
//! ```text
//! segment = header record*
//! header  = magic (8) version (4) number (8) flags (4) boot (16) crc32c of all that (4)
//! record  = length (4) synced (8) crc32c of payload (4) crc32c of these three (4) payload
//! ```
//!
//! All numbers are little endian. `synced` says how many bytes of the segment were on disk for
//! certain when the record was written: what lies before that cannot have been torn by a power
//! cut, so damage there is damage. Owns the layout only; pure, so that tests can cut and flip
//! every byte.

use std::ops::Range;

/// The version of this layout.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// The bytes in front of the first record.
pub(crate) const HEADER_BYTES: usize = 44;

/// The bytes in front of a record's payload.
pub(crate) const RECORD_HEADER_BYTES: usize = 20;

/// The longest payload: a launch is at most 256 KiB, an update with its outputs far less.
pub(crate) const PAYLOAD_BYTES: usize = 4 << 20;

const MAGIC: [u8; 8] = *b"stokrlog";
const SNAPSHOT_FLAG: u32 = 1;

/// What stands at the start of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Counts up; also the file's name.
    pub(crate) number: u64,
    /// Whether the segment begins with all that was alive: earlier segments are not needed.
    pub(crate) is_snapshot: bool,
    /// A fingerprint of the boot in which the segment was written.
    pub(crate) boot: [u8; 16],
}

/// The fingerprint of a boot id.
pub(crate) fn boot_fingerprint(boot_id: &str) -> [u8; 16] {
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&blake3::hash(boot_id.as_bytes()).as_bytes()[..16]);
    fingerprint
}

/// Something in a segment that no crash can have left there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    /// The bytes from here on are not what was written.
    #[error("is damaged at offset {offset}")]
    At {
        /// Where the record begins, or 0 for the header.
        offset: usize,
    },
    /// The file was never a segment.
    #[error("is no checkpoint segment")]
    Foreign,
    /// Another version of Stoker wrote it.
    #[error("has format {found}, and this version of stoker reads format {FORMAT_VERSION}")]
    Version {
        /// The version in the header.
        found: u32,
    },
}

/// How the end of a segment may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Like its middle: a later segment exists, so this one was synced to its end.
    Whole,
    /// Its last record may be torn: the process was killed in the middle of a write.
    Killed,
    /// All that was not synced may be torn or missing in any place: the machine went down.
    PowerCut,
}

/// The records of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Where the payload of each record lies, in order.
    pub(crate) payloads: Vec<Range<usize>>,
    /// How many bytes are good; what follows is a torn tail.
    pub(crate) good_bytes: usize,
}

/// The bytes of a header.
pub(crate) fn encode_header(header: &SegmentHeader) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[12..20].copy_from_slice(&header.number.to_le_bytes());
    let flags = if header.is_snapshot { SNAPSHOT_FLAG } else { 0 };
    bytes[20..24].copy_from_slice(&flags.to_le_bytes());
    bytes[24..40].copy_from_slice(&header.boot);
    let checksum = crc32c::crc32c(&bytes[..40]);
    bytes[40..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads a header. `None` if the bytes end inside it.
///
/// Every later version keeps magic, version, length and checksum where they are, so that it can
/// be told from damage.
pub(crate) fn decode_header(bytes: &[u8]) -> Result<Option<SegmentHeader>, Damage> {
    let Some(header) = bytes.get(..HEADER_BYTES) else {
        let start = &bytes[..bytes.len().min(MAGIC.len())];
        return if MAGIC.starts_with(start) {
            Ok(None)
        } else {
            Err(Damage::Foreign)
        };
    };
    let checksum_is_right = crc32c::crc32c(&header[..40]) == u32_at(header, 40);
    match (header.starts_with(&MAGIC), checksum_is_right) {
        (true, true) => {}
        (false, false) => return Err(Damage::Foreign),
        (true, false) | (false, true) => return Err(Damage::At { offset: 0 }),
    }
    let version = u32_at(header, 8);
    if version != FORMAT_VERSION {
        return Err(Damage::Version { found: version });
    }
    let mut boot = [0; 16];
    boot.copy_from_slice(&header[24..40]);
    Ok(Some(SegmentHeader {
        number: u64_at(header, 12),
        is_snapshot: u32_at(header, 20) & SNAPSHOT_FLAG != 0,
        boot,
    }))
}

/// Appends a record; `synced` bytes of its segment are on disk. False if the payload is too long.
pub(crate) fn encode_record(payload: &[u8], synced: u64, out: &mut Vec<u8>) -> bool {
    let Some(length) = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= PAYLOAD_BYTES)
    else {
        return false;
    };
    let start = out.len();
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&synced.to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let checksum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(payload);
    true
}

/// Finds the records of a segment behind its header.
///
/// Gives all records up to the end or up to a torn tail; never one that was not written. What a
/// crash of kind `tail` cannot have done is an error that names its offset.
pub(crate) fn scan(segment: &[u8], tail: Tail) -> Result<Scan, Damage> {
    let mut found = Scan {
        payloads: Vec::new(),
        good_bytes: HEADER_BYTES.min(segment.len()),
    };
    while found.good_bytes < segment.len() {
        let record = record_header_at(segment, found.good_bytes)
            .filter(|header| header.is_followed_by_its_payload(segment));
        match record {
            Some(record) => {
                found.good_bytes = record.payload.end;
                found.payloads.push(record.payload);
            }
            None if may_be_torn(segment, found.good_bytes, tail) => return Ok(found),
            None => {
                return Err(Damage::At {
                    offset: found.good_bytes,
                });
            }
        }
    }
    Ok(found)
}

/// Whether a crash of kind `tail` can have left what stands at `offset`, which is no record.
fn may_be_torn(segment: &[u8], offset: usize, tail: Tail) -> bool {
    // Where the header is whole its length is right, and nothing inside the payload counts: a
    // payload may hold what looks like a record.
    let next = record_header_at(segment, offset).map_or(offset + 1, |header| header.payload.end);
    let mut later = (next..segment.len())
        .filter_map(|start| record_header_at(segment, start))
        .filter(|header| header.is_followed_by_its_payload(segment));
    match tail {
        Tail::Whole => false,
        // What was written later is there, so this was written whole.
        Tail::Killed => later.next().is_none(),
        // What was written later says that this was synced.
        Tail::PowerCut => {
            !later.any(|record| usize::try_from(record.synced).is_ok_and(|synced| synced > offset))
        }
    }
}

struct RecordHeader {
    payload: Range<usize>,
    synced: u64,
    payload_checksum: u32,
}

impl RecordHeader {
    fn is_followed_by_its_payload(&self, segment: &[u8]) -> bool {
        segment
            .get(self.payload.clone())
            .is_some_and(|payload| crc32c::crc32c(payload) == self.payload_checksum)
    }
}

/// The header of a record at `offset`, if one is there.
fn record_header_at(segment: &[u8], offset: usize) -> Option<RecordHeader> {
    let header = segment.get(offset..offset.checked_add(RECORD_HEADER_BYTES)?)?;
    if crc32c::crc32c(&header[..16]) != u32_at(header, 16) {
        return None;
    }
    let length = usize::try_from(u32_at(header, 0))
        .ok()
        .filter(|length| *length <= PAYLOAD_BYTES)?;
    let start = offset + RECORD_HEADER_BYTES;
    Some(RecordHeader {
        payload: start..start.checked_add(length)?,
        synced: u64_at(header, 4),
        payload_checksum: u32_at(header, 12),
    })
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[offset..offset + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
