//! The work: which pieces there are, and the task that does each.
//!
//! Owns how data goes from piece to piece. A map task counts one chunk and deals its words into as
//! many parts as there are reduce tasks; reduce task 3 takes part 3 of every map task and adds them
//! up. Knows nothing of what was done already.

use std::{fmt, str::FromStr};

use anyhow::ensure;
use stoker_sdk_scheduler::{Digest, ModuleReference, OutputFile, Task};

/// There are no more chunks than this: a reduce task has an input for each.
pub(crate) const MOST_CHUNKS: usize = stoker_sdk_scheduler::limit::INPUTS_PER_TASK;
/// All reduce tasks together have no more inputs than this, so that one message can launch them
/// all: an input takes less than 100 bytes there, and a message has at most 1 MiB.
const MOST_REDUCE_INPUTS: usize = 8192;
/// What a reduce task may need: room for about a million different words.
const REDUCE_MEM_MIB: u64 = 128;
/// What every guest needs beside what it counts.
const MIB: u64 = 1 << 20;

/// One unit of work. It may be done by several tasks, one after the other, until one succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Piece {
    Map(usize),
    Reduce(usize),
}

/// Something in the master's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    /// In bytes.
    pub(crate) size: u64,
}

/// All the work.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    chunks: Vec<Blob>,
    reduce_tasks: usize,
    map_module: Digest,
    reduce_module: Digest,
}

/// The modules that the tasks run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Modules {
    pub(crate) map: Digest,
    pub(crate) reduce: Digest,
}

impl Plan {
    /// Counts these chunks, of which there are no more than [`MOST_CHUNKS`].
    pub(crate) fn new(
        chunks: Vec<Blob>,
        reduce_tasks: usize,
        modules: Modules,
    ) -> anyhow::Result<Self> {
        let count = chunks.len();
        ensure!(count > 0, "there is nothing to count");
        ensure!(
            count * reduce_tasks <= MOST_REDUCE_INPUTS,
            "{reduce_tasks} reduce tasks with {count} inputs each are too much for one message: \
             choose fewer --reduce-tasks or a larger --chunk-size"
        );
        Ok(Self {
            chunks,
            reduce_tasks,
            map_module: modules.map,
            reduce_module: modules.reduce,
        })
    }

    /// Names this plan: one with other texts, modules or numbers has another name.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(format!("{self:?}").as_bytes())
    }

    pub(crate) fn maps(&self) -> impl ExactSizeIterator<Item = Piece> + use<> {
        (0..self.chunks.len()).map(Piece::Map)
    }

    pub(crate) fn reductions(&self) -> impl ExactSizeIterator<Item = Piece> + use<> {
        (0..self.reduce_tasks).map(Piece::Reduce)
    }

    /// How much text a piece has to count; a reduction counts none.
    pub(crate) fn text_bytes(&self, piece: Piece) -> u64 {
        match piece {
            Piece::Map(number) => self.chunks.get(number).map_or(0, |chunk| chunk.size),
            Piece::Reduce(_) => 0,
        }
    }

    /// The task that counts a chunk.
    pub(crate) fn map_task(&self, number: usize) -> Task {
        let chunk = self.chunks[number];
        let task = Task::new(ModuleReference::Blob(self.map_module))
            .args(["--parts", &self.reduce_tasks.to_string(), "in/text"])
            .input(chunk.digest, "in/text")
            // Its memory holds the different words, each with what a table of them takes.
            .mem(32 * MIB + 16 * chunk.size)
            .disk(MIB + 4 * chunk.size);
        self.outputs(Piece::Map(number))
            .into_iter()
            .fold(task, Task::output)
    }

    /// The task that adds up these parts, one of each map task.
    pub(crate) fn reduce_task(&self, number: usize, parts: impl Iterator<Item = Blob>) -> Task {
        let mut task = Task::new(ModuleReference::Blob(self.reduce_module))
            .args(["maps", "counts"])
            .mem_mib(REDUCE_MEM_MIB);
        let mut bytes = 0;
        for (index, part) in parts.enumerate() {
            task = task.input(part.digest, format!("maps/{index}"));
            bytes += part.size;
        }
        self.outputs(Piece::Reduce(number))
            .into_iter()
            .fold(task.disk(MIB + 3 * bytes), Task::output)
    }

    /// What the task of a piece leaves, of all that it tells that it left; nothing if not all of it
    /// is there.
    pub(crate) fn results(&self, piece: Piece, left: &[OutputFile]) -> Option<Vec<Blob>> {
        let find = |path: String| {
            let output = left.iter().find(|output| output.path == path)?;
            Some(Blob {
                digest: output.digest,
                size: output.size,
            })
        };
        self.outputs(piece).into_iter().map(find).collect()
    }

    fn outputs(&self, piece: Piece) -> Vec<String> {
        match piece {
            Piece::Map(_) => (0..self.reduce_tasks)
                .map(|part| format!("part-{part}"))
                .collect(),
            Piece::Reduce(_) => vec!["counts".to_owned()],
        }
    }
}

/// `map-3`, `reduce-0`: what its tasks are called.
impl fmt::Display for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(number) => write!(formatter, "map-{number}"),
            Self::Reduce(number) => write!(formatter, "reduce-{number}"),
        }
    }
}

impl FromStr for Piece {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text.split_once('-') {
            Some(("map", number)) => Ok(Self::Map(number.parse()?)),
            Some(("reduce", number)) => Ok(Self::Reduce(number.parse()?)),
            _ => anyhow::bail!("{text:?} is no piece of work"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(chunks: usize, reduce_tasks: usize) -> anyhow::Result<Plan> {
        let modules = Modules {
            map: Digest::of(b"map"),
            reduce: Digest::of(b"reduce"),
        };
        let chunk = Blob {
            digest: Digest::of(b"text"),
            size: 4,
        };
        Plan::new(vec![chunk; chunks], reduce_tasks, modules)
    }

    #[test]
    fn more_than_fits_is_refused_with_what_to_choose() {
        assert!(plan(1024, 8).is_ok());
        for (chunks, reduce_tasks, advice) in [
            (0, 1, "nothing to count"),
            (1024, 9, "fewer --reduce-tasks"),
        ] {
            let error = plan(chunks, reduce_tasks).unwrap_err().to_string();
            assert!(error.contains(advice), "{error}");
        }
    }

    #[test]
    fn another_plan_has_another_name() {
        let name = |chunks, reduce_tasks| plan(chunks, reduce_tasks).unwrap().digest();
        assert_eq!(name(2, 3), name(2, 3));
        assert_ne!(name(2, 3), name(3, 3));
        assert_ne!(name(2, 3), name(2, 4));
    }

    #[test]
    fn a_piece_reads_back() {
        for piece in [Piece::Map(0), Piece::Reduce(17)] {
            assert_eq!(piece.to_string().parse::<Piece>().unwrap(), piece);
        }
        for text in ["", "map", "map-", "map--1", "shuffle-1"] {
            assert!(text.parse::<Piece>().is_err(), "{text:?}");
        }
    }
}
