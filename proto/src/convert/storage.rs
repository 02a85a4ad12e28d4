//! Records on disk: their version. The records' own types belong to the cores; their payloads are
//! converted where the same types travel.

use super::error::ConvertError;

/// The version of every record that this program writes.
pub const STORAGE_VERSION: u32 = 1;

/// Whether a record was written in the format that this program reads.
///
/// # Errors
/// If its version is another one.
pub fn check_version(version: u32) -> Result<(), ConvertError> {
    if version == STORAGE_VERSION {
        return Ok(());
    }
    Err(ConvertError::new(
        format!("{version} is no version that this program reads"),
        format!("use a data directory of version {STORAGE_VERSION}"),
    )
    .under("version"))
}
