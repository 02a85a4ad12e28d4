//! The arithmetic of a quota: what was taken, what is left, and which descriptors are of which
//! file.
//!
//! Pure: it is told what happened and never looks itself. A guest makes one call at a time and
//! nobody else changes its folder, so what it was told is what is there.

use std::collections::BTreeMap;

use stoker_types::disk::{BLOCK_BYTES, cost};

/// What a task may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The cost of all its files, directories and links together, in bytes.
    pub(crate) bytes: u64,
    /// How many there may be.
    pub(crate) entries: u64,
}

/// What is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// The cost of all entries, in bytes.
    pub(crate) bytes: u64,
    /// How many there are.
    pub(crate) entries: u64,
}

impl Used {
    /// One more entry, of so many bytes.
    pub(super) const fn add(&mut self, length: u64) {
        self.bytes = self.bytes.saturating_add(cost(length));
        self.entries = self.entries.saturating_add(1);
    }

    const fn remove(&mut self, length: u64) {
        self.bytes = self.bytes.saturating_sub(cost(length));
        self.entries = self.entries.saturating_sub(1);
    }

    const fn resize(&mut self, from: u64, to: u64) {
        self.bytes = self
            .bytes
            .saturating_sub(cost(from))
            .saturating_add(cost(to));
    }
}

/// Names a regular file, whatever it is called: derived from its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(pub(super) u64);

/// What a descriptor is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// Nobody has asked yet: reading needs no answer.
    Unknown,
    /// No regular file: its size cannot grow.
    Other,
    /// A regular file.
    File(FileId),
}

#[derive(Clone, Copy, Debug)]
struct Descriptor {
    object: Object,
    /// Whether writes go to the end, wherever it stands.
    appends: bool,
}

/// A regular file that a descriptor is known to be of.
#[derive(Clone, Copy, Debug)]
struct OpenFile {
    size: u64,
    descriptors: u32,
    /// Has no name any more, and stays charged until the last descriptor is closed.
    is_removed: bool,
}

/// What one guest takes of its disk.
///
/// Only what is reached through the task's own folder counts: other descriptors are unknown here,
/// and none of the methods minds.
#[derive(Debug)]
pub(crate) struct Quota {
    limits: Limits,
    used: Used,
    descriptors: BTreeMap<u32, Descriptor>,
    files: BTreeMap<FileId, OpenFile>,
}

impl Quota {
    /// The quota of a guest without a folder of its own: nothing counts.
    pub(crate) const fn none() -> Self {
        Self {
            limits: Limits {
                bytes: 0,
                entries: 0,
            },
            used: Used {
                bytes: 0,
                entries: 0,
            },
            descriptors: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// The quota of a guest that finds its folder, which takes `used` already, open as
    /// `descriptor`.
    pub(crate) fn of_folder(limits: Limits, used: Used, descriptor: u32) -> Self {
        let folder = Descriptor {
            object: Object::Other,
            appends: false,
        };
        Self {
            limits,
            used,
            descriptors: BTreeMap::from([(descriptor, folder)]),
            files: BTreeMap::new(),
        }
    }

    /// Whether what is done through this descriptor counts.
    pub(super) fn counts(&self, descriptor: u32) -> bool {
        self.descriptors.contains_key(&descriptor)
    }

    /// What a descriptor is of, as far as is known.
    pub(super) fn object(&self, descriptor: u32) -> Object {
        self.descriptors
            .get(&descriptor)
            .map_or(Object::Other, |descriptor| descriptor.object)
    }

    /// The descriptors of which nobody has asked what they are of.
    pub(super) fn unknown(&self) -> Vec<u32> {
        let unknown = self
            .descriptors
            .iter()
            .filter(|(_, descriptor)| descriptor.object == Object::Unknown);
        unknown.map(|(number, _)| *number).collect()
    }

    /// A path beneath the folder was opened as `descriptor`.
    pub(super) fn opened(&mut self, descriptor: u32, appends: bool) {
        let opened = Descriptor {
            object: Object::Unknown,
            appends,
        };
        self.descriptors.insert(descriptor, opened);
    }

    /// A descriptor turns out to be of a file of this size.
    pub(super) fn identify(&mut self, descriptor: u32, file: FileId, size: u64) {
        let Some(descriptor) = self.descriptors.get_mut(&descriptor) else {
            return;
        };
        descriptor.object = Object::File(file);
        let open = self.files.entry(file).or_insert(OpenFile {
            size,
            descriptors: 0,
            is_removed: false,
        });
        open.descriptors += 1;
    }

    /// A descriptor turns out to be of something else than a file.
    pub(super) fn identify_other(&mut self, descriptor: u32) {
        if let Some(descriptor) = self.descriptors.get_mut(&descriptor) {
            descriptor.object = Object::Other;
        }
    }

    /// Writes through a descriptor go to the end from now on, or not.
    pub(super) fn set_appends(&mut self, descriptor: u32, appends: bool) {
        if let Some(descriptor) = self.descriptors.get_mut(&descriptor) {
            descriptor.appends = appends;
        }
    }

    /// A descriptor was closed.
    pub(super) fn closed(&mut self, descriptor: u32) {
        let Some(Object::File(id)) = self
            .descriptors
            .remove(&descriptor)
            .map(|descriptor| descriptor.object)
        else {
            return;
        };
        let Some(file) = self.files.get_mut(&id) else {
            return;
        };
        file.descriptors -= 1;
        if file.descriptors == 0 {
            if file.is_removed {
                self.used.remove(file.size);
            }
            self.files.remove(&id);
        }
    }

    /// The descriptor `to` was closed, and `from` is called so from now on.
    pub(super) fn renumbered(&mut self, from: u32, to: u32) {
        if from == to {
            return;
        }
        self.closed(to);
        if let Some(moved) = self.descriptors.remove(&from) {
            self.descriptors.insert(to, moved);
        }
    }

    /// Whether anything but the folder itself is open: closing it may take the time of freeing a
    /// removed file.
    pub(crate) fn holds_files(&self) -> bool {
        self.descriptors.len() > 1
    }

    /// Whether another file, directory or link fits.
    pub(super) const fn has_room_for_entry(&self) -> bool {
        self.used.entries < self.limits.entries
            && self.used.bytes.saturating_add(BLOCK_BYTES) <= self.limits.bytes
    }

    /// An empty file, a directory or a link was made.
    pub(super) const fn made_entry(&mut self) {
        self.used.add(0);
    }

    /// A directory or a link is gone.
    pub(super) const fn removed_entry(&mut self) {
        self.used.remove(0);
    }

    /// A file of this size lost its name. If it is open, each of its descriptors is known to be.
    pub(super) fn removed_file(&mut self, id: FileId, size: u64) {
        match self.files.get_mut(&id) {
            Some(file) => file.is_removed = true,
            None => self.used.remove(size),
        }
    }

    /// A file, which had this size, was emptied as it was opened.
    pub(super) fn truncated(&mut self, id: FileId, size: u64) {
        match self.files.get_mut(&id) {
            Some(file) => {
                self.used.resize(file.size, 0);
                file.size = 0;
            }
            None => self.used.resize(size, 0),
        }
    }

    /// Where a write through a descriptor begins whose own place is `position`. Nothing if it is of
    /// no file.
    pub(super) fn write_begins(&self, descriptor: u32, position: u64) -> Option<u64> {
        let descriptor = self.descriptors.get(&descriptor)?;
        let file = self.file(descriptor)?;
        Some(if descriptor.appends {
            file.size
        } else {
            position
        })
    }

    /// How many bytes may be written from `begin` on. Nothing is said of what is no file.
    pub(super) fn room(&self, descriptor: u32, begin: u64) -> Option<u64> {
        let file = self.file(self.descriptors.get(&descriptor)?)?;
        let others = self.used.bytes.saturating_sub(cost(file.size));
        let left = self.limits.bytes.saturating_sub(others);
        // What is there already may be written over, even where there is too much.
        let longest = (left - left % BLOCK_BYTES).max(file.size);
        Some(longest.saturating_sub(begin))
    }

    /// A descriptor's file reaches at least to `end` now.
    pub(super) fn wrote_to(&mut self, descriptor: u32, end: u64) {
        if let Object::File(id) = self.object(descriptor)
            && let Some(file) = self.files.get_mut(&id)
            && end > file.size
        {
            self.used.resize(file.size, end);
            file.size = end;
        }
    }

    /// A descriptor's file has this size now.
    pub(super) fn resized(&mut self, descriptor: u32, size: u64) {
        if let Object::File(id) = self.object(descriptor)
            && let Some(file) = self.files.get_mut(&id)
        {
            self.used.resize(file.size, size);
            file.size = size;
        }
    }

    /// What is taken.
    #[cfg(test)]
    pub(super) const fn used(&self) -> Used {
        self.used
    }

    fn file(&self, descriptor: &Descriptor) -> Option<&OpenFile> {
        match descriptor.object {
            Object::File(id) => self.files.get(&id),
            Object::Unknown | Object::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: u32 = 3;
    const FILE: FileId = FileId(7);

    fn quota(blocks: u64, entries: u64) -> Quota {
        let bytes = blocks * BLOCK_BYTES;
        Quota::of_folder(Limits { bytes, entries }, Used::default(), FOLDER)
    }

    /// Opens an empty new file.
    fn make(quota: &mut Quota, descriptor: u32) {
        quota.made_entry();
        quota.opened(descriptor, false);
        quota.identify(descriptor, FILE, 0);
    }

    #[test]
    fn a_file_may_have_all_of_the_disk_and_no_more() {
        let mut quota = quota(3, 9);
        make(&mut quota, 4);
        assert_eq!(quota.room(4, 0), Some(3 * BLOCK_BYTES));
        assert_eq!(quota.room(4, 3 * BLOCK_BYTES - 1), Some(1));
        assert_eq!(quota.room(4, u64::MAX), Some(0));
        quota.wrote_to(4, 3 * BLOCK_BYTES);
        assert!(!quota.has_room_for_entry());
        assert_eq!(
            quota.room(4, 1),
            Some(3 * BLOCK_BYTES - 1),
            "over what is there"
        );
        quota.resized(4, 1);
        assert!(quota.has_room_for_entry());
    }

    #[test]
    fn two_descriptors_of_a_file_are_of_one_size() {
        let mut quota = quota(2, 9);
        make(&mut quota, 4);
        quota.opened(5, true);
        quota.identify(5, FILE, 0);
        quota.wrote_to(4, 10);
        assert_eq!(quota.write_begins(5, 0), Some(10), "it appends");
        assert_eq!(quota.write_begins(4, 3), Some(3));
        quota.set_appends(5, false);
        assert_eq!(quota.write_begins(5, 0), Some(0));
        assert_eq!(quota.used().entries, 1);
    }

    #[test]
    fn a_removed_file_is_charged_until_its_last_descriptor_is_closed() {
        let mut quota = quota(2, 9);
        make(&mut quota, 4);
        quota.wrote_to(4, 5000);
        quota.opened(5, false);
        quota.identify(5, FILE, 5000);
        quota.removed_file(FILE, 5000);
        quota.closed(4);
        assert!(!quota.has_room_for_entry());
        // By another number, onto which it was moved.
        quota.renumbered(5, 1);
        quota.closed(5);
        assert!(!quota.has_room_for_entry());
        quota.closed(1);
        assert_eq!(quota.used(), Used::default());
    }

    #[test]
    fn entries_are_bounded_by_their_number_and_by_their_cost() {
        let mut few = quota(9, 2);
        few.made_entry();
        few.made_entry();
        assert!(!few.has_room_for_entry());
        few.removed_entry();
        assert!(few.has_room_for_entry());
        let mut small = quota(1, 9);
        small.made_entry();
        assert!(!small.has_room_for_entry());
    }

    #[test]
    fn what_was_there_too_much_at_the_start_leaves_no_room() {
        let used = Used {
            bytes: 10 * BLOCK_BYTES,
            entries: 3,
        };
        let limits = Limits {
            bytes: BLOCK_BYTES,
            entries: 9,
        };
        let mut quota = Quota::of_folder(limits, used, FOLDER);
        assert!(!quota.has_room_for_entry());
        quota.opened(4, false);
        quota.identify(4, FILE, 5000);
        assert_eq!(quota.room(4, 4000), Some(1000));
        assert_eq!(quota.room(4, 5000), Some(0));
    }

    #[test]
    fn a_descriptor_of_another_folder_does_not_count() {
        let mut quota = quota(1, 1);
        assert!(!quota.counts(9));
        quota.identify(9, FILE, 1 << 30);
        quota.wrote_to(9, 1 << 40);
        quota.closed(9);
        assert_eq!((quota.room(9, 0), quota.used()), (None, Used::default()));
    }
}
