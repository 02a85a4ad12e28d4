//! Calls that open, close and move descriptors.

use wasmtime_wasi::p1::{types, wasi_snapshot_preview1 as functions};
use wiggle::GuestMemory;

use super::call::{Call, Entry, Place};
use crate::limits::descriptors_have_room;

/// `path_open` as a guest calls it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) place: Place,
    pub(super) lookup: i32,
    pub(super) flags: i32,
    pub(super) rights: i64,
    pub(super) inherited: i64,
    pub(super) descriptor_flags: i32,
    /// Where the descriptor goes.
    pub(super) descriptor: i32,
}

impl Open {
    const fn has(self, flag: types::Oflags) -> bool {
        self.flags & flag.bits().cast_signed() as i32 != 0
    }

    const fn follows(self) -> bool {
        self.lookup & types::Lookupflags::SYMLINK_FOLLOW.bits().cast_signed() != 0
    }
}

/// Whether flags of a descriptor have writes go to the end.
const fn appends(flags: i32) -> bool {
    flags & types::Fdflags::APPEND.bits().cast_signed() as i32 != 0
}

impl Call<'_> {
    /// `path_open`.
    pub(super) async fn open(&mut self, open: Open) -> wasmtime::Result<i32> {
        if !descriptors_have_room()? {
            return Ok(types::Errno::Nfile as i32);
        }
        let is_counted = self.counts(open.place);
        let creates = open.has(types::Oflags::CREAT);
        let truncates = open.has(types::Oflags::TRUNC);
        let found = if is_counted && (creates || truncates) {
            let found = self.entry(open.place, open.follows()).await;
            if creates && found.is_none() && !self.quota.has_room_for_entry() {
                return Ok(types::Errno::Nospc as i32);
            }
            found
        } else {
            None
        };
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result = functions::path_open(
            self.wasi,
            memory,
            open.place.directory,
            open.lookup,
            open.place.path,
            open.place.length,
            open.flags,
            open.rights,
            open.inherited,
            open.descriptor_flags,
            open.descriptor,
        )
        .await;
        if matches!(result, Ok(0)) && is_counted {
            match found {
                None if creates => self.quota.made_entry(),
                Some(Entry::File(id, size)) if truncates => self.quota.truncated(id, size),
                None | Some(_) => {}
            }
            let descriptor = self.number_at(open.descriptor);
            self.quota
                .opened(descriptor, appends(open.descriptor_flags));
        }
        result
    }

    /// `fd_close`.
    pub(super) async fn close(&mut self, fd: i32) -> wasmtime::Result<i32> {
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result = functions::fd_close(self.wasi, memory, fd).await;
        if matches!(result, Ok(0)) {
            self.quota.closed(fd.cast_unsigned());
        }
        result
    }

    /// `fd_renumber`.
    pub(super) async fn renumber(&mut self, from: i32, to: i32) -> wasmtime::Result<i32> {
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result = functions::fd_renumber(self.wasi, memory, from, to).await;
        if matches!(result, Ok(0)) {
            self.quota
                .renumbered(from.cast_unsigned(), to.cast_unsigned());
        }
        result
    }

    /// `fd_fdstat_set_flags`.
    pub(super) fn set_flags(&mut self, fd: i32, flags: i32) -> wasmtime::Result<i32> {
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result = functions::fd_fdstat_set_flags(self.wasi, memory, fd, flags);
        if matches!(result, Ok(0)) {
            self.quota.set_appends(fd.cast_unsigned(), appends(flags));
        }
        result
    }
}
