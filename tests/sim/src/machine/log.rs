//! An agent's checkpoint log: what is on its disk, and the thread that writes there.
//!
//! Owns the rules of the real one. A group is written with one write; what needs no sync is
//! answered then, wherever it stands in the group, and the rest after one sync; a snapshot replaces the whole at once. The death of the
//! daemon loses what was not written, a power cut a tail of what was not synced.

use std::collections::VecDeque;

use stoker_agent_core::{Durability, Record};

use crate::random::Random;

/// What the disk holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) records: Vec<Record>,
    /// How many of them survive a power cut for certain.
    synced: usize,
}

impl Disk {
    /// The machine loses power: of what was not synced, a tail is gone.
    pub(crate) fn lose_power(&mut self, random: &mut Random) {
        let unsynced = self.records.len() - self.synced;
        let kept = random.index(unsynced + 1);
        self.records.truncate(self.synced + kept);
        self.synced = self.records.len();
    }

    fn sync(&mut self) {
        self.synced = self.records.len();
    }
}

/// A record to write.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) record: Record,
    pub(crate) durability: Durability,
}

/// What the daemon has the thread do.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Append(Vec<Entry>),
    /// Replace all that was appended before.
    Snapshot(Vec<Record>),
}

/// What the thread is doing.
#[derive(Clone, Debug)]
enum Work {
    Write(Vec<Entry>),
    Sync { sequence: u64 },
    Replace(Vec<Record>),
}

/// How long a piece of work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    Write,
    Sync,
}

/// The thread of one life of a daemon.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    commands: VecDeque<Command>,
    work: Option<Work>,
}

impl Writer {
    pub(crate) fn give(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    /// Begins the next piece of work, if it does nothing and there is something to do.
    pub(crate) fn begin(&mut self) -> Option<Effort> {
        if self.work.is_some() {
            return None;
        }
        let work = match self.commands.pop_front()? {
            Command::Snapshot(records) => Work::Replace(records),
            Command::Append(mut entries) => {
                while let Some(Command::Append(more)) = self
                    .commands
                    .pop_front_if(|command| matches!(command, Command::Append(_)))
                {
                    entries.extend(more);
                }
                Work::Write(entries)
            }
        };
        let effort = match work {
            Work::Write(_) => Effort::Write,
            Work::Sync { .. } | Work::Replace(_) => Effort::Sync,
        };
        self.work = Some(work);
        Some(effort)
    }

    /// The highest number of the work that has begun. (Only a planted bug wants to know.)
    pub(crate) fn promised(&self) -> Option<u64> {
        match &self.work {
            Some(Work::Write(entries)) => entries.last().map(|entry| entry.sequence),
            Some(Work::Sync { .. } | Work::Replace(_)) | None => None,
        }
    }

    /// A piece of work is done: the highest number that holds now, and the effort of what must
    /// follow at once. If that is a sync, the number is of a record that needs none. `skips` says which records a planted bug leaves out.
    pub(crate) fn finish(
        &mut self,
        disk: &mut Disk,
        mut skips: impl FnMut(&Record) -> bool,
    ) -> (Option<u64>, Option<Effort>) {
        match self.work.take() {
            None => (None, None),
            Some(Work::Write(entries)) => {
                let is_synced = |entry: &Entry| entry.durability == Durability::Synced;
                let plain = entries.iter().rfind(|entry| !is_synced(entry));
                let plain = plain.map(|entry| entry.sequence);
                let last = entries.last().map(|entry| entry.sequence);
                let rest = last.filter(|_| entries.iter().any(is_synced));
                let records = entries.into_iter().map(|entry| entry.record);
                disk.records.extend(records.filter(|record| !skips(record)));
                self.work = rest.map(|sequence| Work::Sync { sequence });
                match rest {
                    Some(_) => (plain, Some(Effort::Sync)),
                    None => (last, None),
                }
            }
            Some(Work::Sync { sequence }) => {
                disk.sync();
                (Some(sequence), None)
            }
            Some(Work::Replace(records)) => {
                disk.records = records;
                disk.sync();
                (None, None)
            }
        }
    }

    /// The daemon is killed: of a write under way, a part may be there.
    pub(crate) fn kill(&mut self, disk: &mut Disk, random: &mut Random) {
        if let Some(Work::Write(mut entries)) = self.work.take() {
            entries.truncate(random.index(entries.len() + 1));
            disk.records
                .extend(entries.into_iter().map(|entry| entry.record));
        }
        *self = Self::default();
    }

    /// The daemon ends as it should: everything is written and synced.
    pub(crate) fn close(&mut self, disk: &mut Disk) {
        while self.work.is_some() || self.begin().is_some() {
            self.finish(disk, |_| false);
        }
        disk.sync();
    }
}

#[cfg(test)]
mod tests {
    use stoker_types::{AgentId, RunnerId};

    use super::*;

    fn entry(sequence: u64, durability: Durability) -> Entry {
        let runner_id = RunnerId::from_bits(sequence);
        Entry {
            sequence,
            record: Record::RunnerEnded { runner_id },
            durability,
        }
    }

    #[test]
    fn what_needs_no_sync_is_answered_before_it_and_the_rest_after() {
        let (mut writer, mut disk) = (Writer::default(), Disk::default());
        let (written, synced) = (Durability::Written, Durability::Synced);
        let group = vec![entry(1, written), entry(2, synced), entry(3, written)];
        writer.give(Command::Append(group));
        assert_eq!(writer.begin(), Some(Effort::Write));
        assert_eq!(writer.begin(), None);
        let answer = writer.finish(&mut disk, |_| false);
        assert_eq!(answer, (Some(3), Some(Effort::Sync)));
        assert_eq!((disk.records.len(), disk.synced), (3, 0));
        assert_eq!(writer.finish(&mut disk, |_| false), (Some(3), None));
        assert_eq!((disk.synced, writer.begin()), (3, None));
    }

    #[test]
    fn a_snapshot_replaces_what_was_appended_before_it_and_nothing_after() {
        let (mut writer, mut disk) = (Writer::default(), Disk::default());
        let agent_id = AgentId::from_bits(1);
        let boot_id = "boot".to_owned();
        writer.give(Command::Append(vec![entry(1, Durability::Written)]));
        writer.give(Command::Snapshot(vec![Record::Identity {
            agent_id,
            boot_id,
        }]));
        writer.give(Command::Append(vec![entry(2, Durability::Written)]));
        writer.close(&mut disk);
        assert_eq!((disk.records.len(), disk.synced), (2, 2));
        assert!(matches!(disk.records[0], Record::Identity { .. }));
    }
}
