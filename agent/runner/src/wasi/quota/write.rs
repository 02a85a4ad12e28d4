//! Calls that change how long a file is.

use wasmtime_wasi::p1::{
    types,
    wasi_snapshot_preview1::{self as functions, WasiSnapshotPreview1 as _},
};
use wiggle::GuestMemory;

use super::call::{Call, errno};
use crate::{
    limits::IO_BYTES,
    wasi::transfer::{Shortened, is_empty},
};

/// What a guest wants written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub(super) descriptor: i32,
    pub(super) iovecs: i32,
    pub(super) count: i32,
    /// Where, if not at the descriptor's own place.
    pub(super) at: Option<i64>,
    /// Where the number of bytes goes.
    pub(super) written: i32,
}

impl Call<'_> {
    /// `fd_write` and `fd_pwrite`. Writes what there is room for, as POSIX has it, and fails with
    /// `ENOSPC` where there is none.
    pub(super) async fn write(&mut self, write: Write) -> wasmtime::Result<i32> {
        let descriptor = write.descriptor.cast_unsigned();
        if let Err(error) = self.identify(descriptor).await {
            return errno(error);
        }
        let begin = self.write_begins(write);
        let room = begin.and_then(|begin| self.quota.room(descriptor, begin));
        let room = room.map_or(IO_BYTES, |room| u32::try_from(room).unwrap_or(IO_BYTES));
        let (iovecs, count) = (write.iovecs.cast_unsigned(), write.count.cast_unsigned());
        if room == 0 && !is_empty(self.memory, iovecs, count) {
            return Ok(types::Errno::Nospc as i32);
        }
        let shortened = Shortened::shorten(self.memory, iovecs, count, room.min(IO_BYTES));
        let (iovecs, count) = match &shortened {
            Some(shortened) => (shortened.iovec.cast_signed(), 1),
            None => (write.iovecs, write.count),
        };
        let out_before = self.account.bytes_out();
        let memory = &mut GuestMemory::Unshared(self.memory);
        let (fd, written) = (write.descriptor, write.written);
        let result = match write.at {
            None => functions::fd_write(self.wasi, memory, fd, iovecs, count, written).await,
            Some(at) => {
                functions::fd_pwrite(self.wasi, memory, fd, iovecs, count, at, written).await
            }
        };
        if let Some(shortened) = shortened {
            shortened.restore(self.memory);
        }
        if matches!(result, Ok(0)) {
            let written = u64::from(self.number_at(written));
            // What stdout and stderr took is counted as sent out.
            let out = self.account.bytes_out().saturating_sub(out_before);
            self.account.add_written(written.saturating_sub(out));
            if let Some(begin) = begin {
                self.quota
                    .wrote_to(descriptor, begin.saturating_add(written));
            }
        }
        result
    }

    /// Where a write begins, if it is into a file that counts.
    fn write_begins(&mut self, write: Write) -> Option<u64> {
        let descriptor = write.descriptor.cast_unsigned();
        if !self.quota.counts(descriptor) {
            return None;
        }
        let position = match write.at {
            Some(at) => at.cast_unsigned(),
            None => {
                let memory = &mut GuestMemory::Unshared(self.memory);
                self.wasi.fd_tell(memory, descriptor.into()).ok()?
            }
        };
        self.quota.write_begins(descriptor, position)
    }

    /// `fd_filestat_set_size`.
    pub(super) async fn set_size(&mut self, fd: i32, size: i64) -> wasmtime::Result<i32> {
        let (descriptor, to) = (fd.cast_unsigned(), size.cast_unsigned());
        if let Err(error) = self.identify(descriptor).await {
            return errno(error);
        }
        if self.quota.room(descriptor, 0).is_some_and(|most| to > most) {
            return Ok(types::Errno::Nospc as i32);
        }
        let memory = &mut GuestMemory::Unshared(self.memory);
        let result = functions::fd_filestat_set_size(self.wasi, memory, fd, size).await;
        if matches!(result, Ok(0)) {
            self.quota.resized(descriptor, to);
        }
        result
    }
}
