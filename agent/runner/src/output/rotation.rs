//! Which file a task's output goes to, and which file goes for it.
//!
//! Pure. A log is a row of files; each is closed when it has an eighth of what may be kept of both
//! streams together, and the one that was begun first goes when there would be more. The file that a
//! stream is in never goes: the last words of a quiet stderr outlive a flood on stdout.

use std::collections::VecDeque;

use stoker_types::agent::OutputStream;

/// How many files may hold what is kept.
const FILES: u64 = 8;

/// The files of one task's output.
#[derive(Debug)]
pub(crate) struct Rotation {
    kept: u64,
    /// The bytes of one file.
    part: u64,
    /// In the order in which they were begun.
    parts: VecDeque<Part>,
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    stream: OutputStream,
    begin: u64,
    length: u64,
}

/// What to do, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Remove the files of these streams that begin there.
    pub(super) removes: Vec<(OutputStream, u64)>,
    /// Begin another file at this byte of the stream.
    pub(super) begins: Option<u64>,
    /// Write so many bytes: at least one if there is one.
    pub(super) bytes: usize,
}

impl Rotation {
    /// Keeps the latest `kept` bytes, to an eighth of them.
    pub(crate) fn keeping(kept: u64) -> Self {
        Self {
            kept,
            part: (kept / FILES).max(1),
            parts: VecDeque::new(),
            total: 0,
        }
    }

    /// Keeps everything, in one file a stream.
    pub(crate) fn none() -> Self {
        Self {
            kept: u64::MAX,
            part: u64::MAX,
            parts: VecDeque::new(),
            total: 0,
        }
    }

    /// Plans a write of at most `wanted` bytes, which is to be made.
    pub(super) fn plan(&mut self, stream: OutputStream, wanted: usize) -> Plan {
        let most = self.part;
        let begins = match self.latest(stream) {
            None => Some(0),
            Some(part) if part.length == most => Some(part.begin + part.length),
            Some(_) => None,
        };
        if let Some(begin) = begins {
            self.parts.push_back(Part {
                stream,
                begin,
                length: 0,
            });
        }
        let mut bytes = 0;
        if let Some(part) = self.latest(stream) {
            let room = usize::try_from(most - part.length).unwrap_or(usize::MAX);
            bytes = wanted.min(room);
            part.length += bytes as u64;
        }
        self.total += bytes as u64;
        Plan {
            removes: self.surplus(),
            begins,
            bytes,
        }
    }

    /// Takes out what is too much.
    fn surplus(&mut self) -> Vec<(OutputStream, u64)> {
        let mut removed = Vec::new();
        while self.total > self.kept {
            let is_closed = |index: &usize| {
                let stream = self.parts[*index].stream;
                let later = self.parts.iter().skip(index + 1);
                later.into_iter().any(|part| part.stream == stream)
            };
            let oldest = (0..self.parts.len()).find(is_closed);
            let Some(part) = oldest.and_then(|index| self.parts.remove(index)) else {
                break;
            };
            self.total -= part.length;
            removed.push((part.stream, part.begin));
        }
        removed
    }

    fn latest(&mut self, stream: OutputStream) -> Option<&mut Part> {
        let mut latest_first = self.parts.iter_mut().rev();
        latest_first.find(|part| part.stream == stream)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        OutputStream::{Stderr, Stdout},
        *,
    };

    fn plan(removes: &[(OutputStream, u64)], begins: Option<u64>, bytes: usize) -> Plan {
        Plan {
            removes: removes.to_vec(),
            begins,
            bytes,
        }
    }

    #[test]
    fn the_oldest_file_goes_and_never_the_one_that_a_stream_is_in() {
        let mut rotation = Rotation::keeping(80);
        assert_eq!(rotation.plan(Stderr, 4), plan(&[], Some(0), 4));
        for begin in [0, 10, 20, 30, 40, 50, 60] {
            assert_eq!(rotation.plan(Stdout, 99), plan(&[], Some(begin), 10));
        }
        assert_eq!(rotation.plan(Stdout, 6), plan(&[], Some(70), 6));
        assert_eq!(rotation.plan(Stdout, 6), plan(&[(Stdout, 0)], None, 4));
        assert_eq!(rotation.plan(Stderr, 1), plan(&[], None, 1));
        assert_eq!(rotation.plan(Stderr, 9), plan(&[], None, 5));
        assert_eq!(rotation.plan(Stderr, 9), plan(&[(Stderr, 0)], Some(10), 9));
        assert_eq!(rotation.plan(Stderr, 9), plan(&[], None, 1));
        assert_eq!(rotation.plan(Stderr, 9), plan(&[(Stdout, 10)], Some(20), 9));
    }

    #[test]
    fn without_rotation_there_is_one_file_a_stream() {
        let mut rotation = Rotation::none();
        assert_eq!(rotation.plan(Stdout, 1 << 30), plan(&[], Some(0), 1 << 30));
        assert_eq!(rotation.plan(Stdout, 1 << 30), plan(&[], None, 1 << 30));
    }

    proptest! {
        #[test]
        fn never_more_is_kept_than_may_be_and_never_much_less(
            kept in 16_u64..200,
            writes in prop::collection::vec((any::<bool>(), 1_usize..100), 1..100),
        ) {
            let mut rotation = Rotation::keeping(kept);
            let mut written = 0;
            for (is_stdout, mut wanted) in writes {
                let stream = if is_stdout { Stdout } else { Stderr };
                while wanted > 0 {
                    let plan = rotation.plan(stream, wanted);
                    prop_assert!(plan.bytes > 0);
                    wanted -= plan.bytes;
                    written += plan.bytes as u64;
                    prop_assert!(rotation.total <= kept, "{rotation:?}");
                    prop_assert!(rotation.total >= written.min(kept - kept / FILES), "{rotation:?}");
                }
            }
        }
    }
}
