//! Shortens a guest's reads and writes to what one host call may move.
//!
//! wasmtime-wasi copies all of a buffer that a guest names, and refuses one past the bound of a
//! host call with `ENOMEM`: a program that reads a file of 2 MiB in one piece would fail. POSIX
//! lets a read or write move less than was asked, and every C library and Rust's std go on from
//! there; so the buffer is presented as a shorter one for the time of the call. A write that fits
//! on the disk only in part is shortened alike.

/// The size of a buffer's descriptor in guest memory: address and length.
const IOVEC_BYTES: usize = 8;
/// The buffers that are looked at: as many as Linux takes in one call.
const MOST_IOVECS: usize = 1024;

/// A buffer of the guest that is presented shorter than it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shortened {
    /// Where the descriptor of the buffer lies.
    pub(crate) iovec: u32,
    length_at: usize,
    length: [u8; 4],
}

/// Where the first buffer of `count` at `iovecs` is described that is not empty, and its length;
/// that is the one that wasmtime-wasi works on.
fn first(memory: &[u8], iovecs: u32, count: u32) -> Option<(usize, u32)> {
    let count = usize::try_from(count).ok()?.min(MOST_IOVECS);
    let begin = usize::try_from(iovecs).ok()?;
    for index in 0..count {
        let iovec = begin.checked_add(index * IOVEC_BYTES)?;
        let length_at = iovec.checked_add(4)?;
        let field = memory.get(length_at..length_at.checked_add(4)?)?;
        match u32::from_le_bytes(field.try_into().ok()?) {
            0 => {}
            length => return Some((iovec, length)),
        }
    }
    None
}

/// Whether there is nothing in these buffers, as far as can be seen.
pub(crate) fn is_empty(memory: &[u8], iovecs: u32, count: u32) -> bool {
    first(memory, iovecs, count).is_none()
}

impl Shortened {
    /// Shortens the first buffer of `count` at `iovecs` that is not empty, if it is longer than
    /// `most`.
    pub(crate) fn shorten(memory: &mut [u8], iovecs: u32, count: u32, most: u32) -> Option<Self> {
        let (iovec, length) = first(memory, iovecs, count)?;
        if length <= most {
            return None;
        }
        let length_at = iovec + 4;
        memory
            .get_mut(length_at..length_at + 4)?
            .copy_from_slice(&most.to_le_bytes());
        Some(Self {
            iovec: u32::try_from(iovec).ok()?,
            length_at,
            length: length.to_le_bytes(),
        })
    }

    /// Puts the length back.
    pub(crate) fn restore(&self, memory: &mut [u8]) {
        if let Some(field) = memory.get_mut(self.length_at..self.length_at + 4) {
            field.copy_from_slice(&self.length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::IO_BYTES;

    fn memory_with(iovecs: &[(u32, u32)]) -> Vec<u8> {
        let mut memory = vec![0; 16];
        for (address, length) in iovecs {
            memory.extend(address.to_le_bytes());
            memory.extend(length.to_le_bytes());
        }
        memory
    }

    #[test]
    fn the_first_buffer_that_is_not_empty_is_shortened_for_the_call() {
        let mut memory = memory_with(&[(0, 0), (64, IO_BYTES + 1), (64, u32::MAX)]);
        let before = memory.clone();
        let shortened = Shortened::shorten(&mut memory, 16, 3, IO_BYTES).unwrap();
        assert_eq!(shortened.iovec, 24);
        assert_eq!(
            memory,
            memory_with(&[(0, 0), (64, IO_BYTES), (64, u32::MAX)])
        );
        shortened.restore(&mut memory);
        assert_eq!(memory, before);
    }

    #[test]
    fn what_fits_or_lies_outside_is_left_alone() {
        let mut memory = memory_with(&[(0, IO_BYTES), (0, u32::MAX)]);
        let before = memory.clone();
        for (iovecs, count) in [(16, 2), (16, 0), (17, u32::MAX), (30, 9), (u32::MAX, 1)] {
            assert_eq!(
                Shortened::shorten(&mut memory, iovecs, count, IO_BYTES),
                None,
                "{iovecs} {count}"
            );
        }
        assert_eq!(memory, before);
    }
}
