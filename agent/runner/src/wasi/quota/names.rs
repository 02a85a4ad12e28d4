//! Calls that make, move and remove names.

use wasmtime_wasi::p1::{types, wasi_snapshot_preview1 as functions};
use wiggle::GuestMemory;

use super::call::{Call, Entry, Place, errno};

impl Call<'_> {
    /// `path_create_directory`.
    pub(super) async fn create_directory(&mut self, place: Place) -> wasmtime::Result<i32> {
        let is_counted = self.counts(place);
        if is_counted && !self.quota.has_room_for_entry() {
            return Ok(types::Errno::Nospc as i32);
        }
        let Place {
            directory,
            path,
            length,
        } = place;
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result =
            functions::path_create_directory(self.wasi, memory, directory, path, length).await;
        if matches!(result, Ok(0)) && is_counted {
            self.quota.made_entry();
        }
        result
    }

    /// `path_symlink`: `place` leads to the text at `target`.
    pub(super) async fn symlink(
        &mut self,
        (target, target_length): (i32, i32),
        place: Place,
    ) -> wasmtime::Result<i32> {
        let is_counted = self.counts(place);
        if is_counted && !self.quota.has_room_for_entry() {
            return Ok(types::Errno::Nospc as i32);
        }
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result = functions::path_symlink(
            self.wasi,
            memory,
            target,
            target_length,
            place.directory,
            place.path,
            place.length,
        )
        .await;
        if matches!(result, Ok(0)) && is_counted {
            self.quota.made_entry();
        }
        result
    }

    /// `path_unlink_file`.
    pub(super) async fn unlink(&mut self, place: Place) -> wasmtime::Result<i32> {
        let doomed = match self.doomed(place).await {
            Ok(doomed) => doomed,
            Err(error) => return errno(error),
        };
        let Place {
            directory,
            path,
            length,
        } = place;
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result = functions::path_unlink_file(self.wasi, memory, directory, path, length).await;
        if matches!(result, Ok(0)) {
            self.removed(doomed);
        }
        result
    }

    /// `path_remove_directory`.
    pub(super) async fn remove_directory(&mut self, place: Place) -> wasmtime::Result<i32> {
        let is_counted = self.counts(place);
        let Place {
            directory,
            path,
            length,
        } = place;
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result =
            functions::path_remove_directory(self.wasi, memory, directory, path, length).await;
        if matches!(result, Ok(0)) && is_counted {
            self.quota.removed_entry();
        }
        result
    }

    /// `path_rename`, onto something perhaps, which is gone then. What counts does not move to
    /// where nothing does, nor back: those are different file systems to the guest.
    pub(super) async fn rename(&mut self, from: Place, to: Place) -> wasmtime::Result<i32> {
        if self.counts(from) != self.counts(to) {
            return Ok(types::Errno::Xdev as i32);
        }
        let mut doomed = match self.doomed(to).await {
            Ok(doomed) => doomed,
            Err(error) => return errno(error),
        };
        if let Some(entry) = doomed {
            let moved = self.entry(from, false).await;
            // Onto itself: nothing happens.
            doomed = moved
                .is_some_and(|moved| moved.id() != entry.id())
                .then_some(entry);
        }
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result = functions::path_rename(
            self.wasi,
            memory,
            from.directory,
            from.path,
            from.length,
            to.directory,
            to.path,
            to.length,
        )
        .await;
        if matches!(result, Ok(0)) {
            self.removed(doomed);
        }
        result
    }

    /// What would lose its name at a place that counts. If that is a file, it is known of each
    /// descriptor whether it is of that.
    async fn doomed(&mut self, place: Place) -> Result<Option<Entry>, types::Error> {
        if !self.counts(place) {
            return Ok(None);
        }
        let entry = self.entry(place, false).await;
        if let Some(Entry::File(..)) = entry {
            self.identify_all().await?;
        }
        Ok(entry)
    }

    fn removed(&mut self, entry: Option<Entry>) {
        match entry {
            Some(Entry::File(id, size)) => self.quota.removed_file(id, size),
            Some(Entry::Other(_)) => self.quota.removed_entry(),
            None => {}
        }
    }
}
