//! What a scheduler remembers that is killed and started again: a file of lines that only grows.
//!
//! Owns the form of the file. A line is written in the callback that it is about, so before the
//! update is acknowledged and before a launch leaves: what the master believes us to know is in the
//! file. That it survives this process is enough; losing the machine may lose lines, which costs
//! work and nothing else.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use anyhow::{Context as _, bail, ensure};
use stoker_sdk_scheduler::{Digest, FrameworkId, TaskId};

use crate::plan::{Blob, Piece};

/// Writes lines, or nothing if no one wants them.
#[derive(Debug, Default)]
pub(crate) struct Journal(Option<File>);

/// What the lines say: where an earlier life of this framework has got to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) framework_id: Option<FrameworkId>,
    /// Tasks that were launched and are not known to have ended.
    pub(crate) tasks: BTreeMap<TaskId, Piece>,
    /// How often each piece was launched.
    pub(crate) launches: BTreeMap<Piece, u32>,
    /// How many tasks were lost, by the word for it.
    pub(crate) lost: BTreeMap<String, usize>,
    /// What each finished piece left.
    pub(crate) done: BTreeMap<Piece, Vec<Blob>>,
}

impl Journal {
    /// Opens or begins the journal at `path`, for the plan of this name; also what it says.
    pub(crate) fn open(path: &Path, plan: Digest) -> anyhow::Result<(Self, Memory)> {
        let context = || format!("cannot use the journal {}", path.display());
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.with_context(context)?,
        };
        let head = format!("plan {plan}\n");
        // The last line may have been cut: it was never acted on.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        // Whatever else this file is, it is not to be written over.
        ensure!(
            !whole.is_empty() || head.starts_with(&text),
            "{} is no journal",
            path.display()
        );
        let memory = Memory::read(whole, plan).with_context(context)?;
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.with_context(context)?;
        file.set_len(whole.len() as u64).with_context(context)?;
        let mut journal = Self::to(file);
        if whole.is_empty() {
            journal.write(&head).with_context(context)?;
        }
        Ok((journal, memory))
    }

    /// Writes to this file, behind what is in it.
    pub(crate) const fn to(file: File) -> Self {
        Self(Some(file))
    }

    /// The framework has this id.
    pub(crate) fn registered(&mut self, framework_id: FrameworkId) -> io::Result<()> {
        self.write(&format!("framework {framework_id}\n"))
    }

    /// A task is about to be launched.
    pub(crate) fn launched(&mut self, task_id: &TaskId, piece: Piece) -> io::Result<()> {
        self.write(&format!("launched {task_id} {piece}\n"))
    }

    /// A task was lost, through no fault of its own; `word` says how.
    pub(crate) fn lost(&mut self, task_id: &TaskId, word: &str) -> io::Result<()> {
        self.write(&format!("lost {task_id} {word}\n"))
    }

    /// A task has failed.
    pub(crate) fn failed(&mut self, task_id: &TaskId) -> io::Result<()> {
        self.write(&format!("failed {task_id}\n"))
    }

    /// A task has finished its piece and left this.
    pub(crate) fn finished(
        &mut self,
        task_id: &TaskId,
        piece: Piece,
        left: &[Blob],
    ) -> io::Result<()> {
        let blobs = left.iter();
        let blobs: String = blobs
            .map(|blob| format!(" {} {}", blob.digest, blob.size))
            .collect();
        self.write(&format!("finished {task_id} {piece}{blobs}\n"))
    }

    /// In one piece, so that a line is there or not.
    fn write(&mut self, line: &str) -> io::Result<()> {
        self.0
            .as_mut()
            .map_or(Ok(()), |file| file.write_all(line.as_bytes()))
    }
}

impl Memory {
    fn read(text: &str, plan: Digest) -> anyhow::Result<Self> {
        let mut memory = Self::default();
        for (line, number) in text.lines().zip(1..) {
            memory
                .take(line, plan)
                .with_context(|| format!("line {number}"))?;
        }
        Ok(memory)
    }

    fn take(&mut self, line: &str, plan: Digest) -> anyhow::Result<()> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["plan", digest] => ensure!(
                digest.parse::<Digest>()? == plan,
                "it is of other texts or other options: take those, or remove it to begin anew"
            ),
            ["framework", id] => self.framework_id = Some(id.parse()?),
            ["launched", id, piece] => {
                let piece = piece.parse()?;
                *self.launches.entry(piece).or_default() += 1;
                self.tasks.insert(id.parse()?, piece);
            }
            ["lost", id, word] => {
                self.tasks.remove(&id.parse()?);
                *self.lost.entry((*word).to_owned()).or_default() += 1;
            }
            ["failed", id] => drop(self.tasks.remove(&id.parse()?)),
            ["finished", id, piece, blobs @ ..] => {
                self.tasks.remove(&id.parse()?);
                let blob = |words: &[&str]| match words {
                    [digest, size] => Ok(Blob {
                        digest: digest.parse()?,
                        size: size.parse()?,
                    }),
                    _ => bail!("a size is missing"),
                };
                let left: anyhow::Result<Vec<Blob>> = blobs.chunks(2).map(blob).collect();
                self.done.insert(piece.parse()?, left?);
            }
            _ => bail!("{line:?} is no line of a journal"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TaskId {
        text.parse().unwrap()
    }

    fn plan() -> Digest {
        Digest::of(b"a plan")
    }

    fn left() -> Vec<Blob> {
        [b"a", b"b"]
            .map(|content| Blob {
                digest: Digest::of(content),
                size: 1,
            })
            .to_vec()
    }

    /// Begins a journal and writes a life into it that was cut short.
    fn write(path: &Path) -> FrameworkId {
        let (mut journal, memory) = Journal::open(path, plan()).unwrap();
        assert_eq!(memory, Memory::default());
        let framework_id = FrameworkId::from_bits(7);
        journal.registered(framework_id).unwrap();
        for (task, piece) in [("a", 0), ("b", 1), ("c", 2), ("d", 3)] {
            journal.launched(&id(task), Piece::Map(piece)).unwrap();
        }
        journal.lost(&id("a"), "RUNNER_LOST").unwrap();
        journal.failed(&id("d")).unwrap();
        journal.finished(&id("b"), Piece::Map(1), &left()).unwrap();
        framework_id
    }

    #[test]
    fn what_was_written_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let framework_id = write(&path);
        let (_journal, memory) = Journal::open(&path, plan()).unwrap();
        let launches = [0, 1, 2, 3].map(|piece| (Piece::Map(piece), 1));
        let expected = Memory {
            framework_id: Some(framework_id),
            tasks: BTreeMap::from([(id("c"), Piece::Map(2))]),
            launches: BTreeMap::from(launches),
            lost: BTreeMap::from([("RUNNER_LOST".to_owned(), 1)]),
            done: BTreeMap::from([(Piece::Map(1), left())]),
        };
        assert_eq!(memory, expected);
    }

    #[test]
    fn a_line_that_was_cut_is_forgotten_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        write(&path);
        let whole = std::fs::read_to_string(&path).unwrap();
        // At every byte: it opens, and what is written then is read again.
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let (mut journal, before) = Journal::open(&path, plan()).unwrap();
            journal.launched(&id("z"), Piece::Reduce(9)).unwrap();
            let (_journal, mut after) = Journal::open(&path, plan()).unwrap();
            assert_eq!(after.tasks.remove(&id("z")), Some(Piece::Reduce(9)));
            assert_eq!(after.launches.remove(&Piece::Reduce(9)), Some(1));
            assert_eq!(after, before, "cut at {end}");
        }
    }

    #[test]
    fn another_plan_and_another_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        write(&path);
        let error = Journal::open(&path, Digest::of(b"another")).unwrap_err();
        assert!(format!("{error:#}").contains("remove it to begin anew"));
        for (text, complaint) in [("[package]\n", "line 1"), ("precious", "is no journal")] {
            std::fs::write(&path, text).unwrap();
            let error = Journal::open(&path, plan()).unwrap_err();
            assert!(format!("{error:#}").contains(complaint), "{error:#}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn without_a_file_nothing_is_written() {
        let mut journal = Journal::default();
        journal.failed(&id("a")).unwrap();
    }
}
