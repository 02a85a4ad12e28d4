//! What a task's files cost of its `disk`.
//!
//! Owns the unit. Who counts files, and when, is the agent's and its runners'.

/// The unit in which file systems hand out disk: a file of one byte takes as much.
pub const BLOCK_BYTES: u64 = 4096;

/// What a file of `length` bytes costs: its length in whole blocks, with its holes, and one block
/// if it is empty, for its inode and its name. A directory and a symbolic link cost as much as an
/// empty file.
///
/// Lengths alone would be cheated: a hundred thousand empty directories have none, and take 400 MB.
#[must_use]
pub const fn cost(length: u64) -> u64 {
    let blocks = length.div_ceil(BLOCK_BYTES);
    let blocks = if blocks == 0 { 1 } else { blocks };
    blocks.saturating_mul(BLOCK_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_costs_whole_blocks_and_at_least_one() {
        for (length, blocks) in [(0, 1), (1, 1), (4096, 1), (4097, 2), (1 << 20, 256)] {
            assert_eq!(cost(length), blocks * BLOCK_BYTES, "{length}");
        }
        assert_eq!(cost(u64::MAX), u64::MAX);
    }
}
