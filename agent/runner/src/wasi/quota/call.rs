//! One call of a guest: its memory, its WASI context and its quota, and how a path or a descriptor
//! is looked at.

use wasmtime::{AsContextMut as _, Caller};
use wasmtime_wasi::p1::{WasiP1Ctx, types, wasi_snapshot_preview1::WasiSnapshotPreview1 as _};
use wiggle::{GuestMemory, GuestPtr};

use super::{
    Quota,
    ledger::{FileId, Object},
};
use crate::{guest::Guest, metering::Account, wasi::linker::memory};

/// A place that a guest names: a directory's descriptor, and the text of a path in its memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) directory: i32,
    pub(super) path: i32,
    pub(super) length: i32,
}

impl Place {
    /// The descriptor as the ledger has it.
    pub(super) const fn descriptor(self) -> u32 {
        self.directory.cast_unsigned()
    }

    /// The path without slashes at its end: what has that name, and not what a link leads to.
    fn trimmed(self, memory: &[u8]) -> GuestPtr<str> {
        let begin = self.path.cast_unsigned();
        let mut length = self.length.cast_unsigned();
        let byte = |index: u32| memory.get(usize::try_from(index).ok()?).copied();
        while length > 1 && begin.checked_add(length - 1).and_then(byte) == Some(b'/') {
            length -= 1;
        }
        GuestPtr::new((begin, length))
    }
}

/// What has a name, as far as the quota minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    File(FileId, u64),
    /// A directory or a link.
    Other(FileId),
}

impl Entry {
    fn of(stat: &types::Filestat) -> Self {
        let id = FileId(stat.ino);
        match stat.filetype {
            types::Filetype::RegularFile => Self::File(id, stat.size),
            _ => Self::Other(id),
        }
    }

    pub(super) const fn id(self) -> FileId {
        match self {
            Self::File(id, _) | Self::Other(id) => id,
        }
    }
}

/// A call under way.
pub(super) struct Call<'a> {
    pub(super) memory: &'a mut [u8],
    pub(super) wasi: &'a mut WasiP1Ctx,
    pub(super) quota: &'a mut Quota,
    /// Where what it writes is counted.
    pub(super) account: &'a Account,
    /// What it may copy.
    pub(super) fuel: usize,
}

impl<'a> Call<'a> {
    /// The call that `caller` makes.
    ///
    /// # Errors
    /// If the guest exports no memory.
    pub(super) fn new(caller: &'a mut Caller<'_, Guest>) -> wasmtime::Result<Self> {
        let memory = memory(caller)?;
        let fuel = caller.as_context_mut().hostcall_fuel();
        let (memory, guest) = memory.data_and_store_mut(caller);
        guest.wasi.set_hostcall_fuel(fuel);
        Ok(Self {
            memory,
            wasi: &mut guest.wasi,
            quota: &mut guest.quota,
            account: guest.meter.account(),
            fuel,
        })
    }

    /// Whether what is done in a directory counts.
    pub(super) fn counts(&self, place: Place) -> bool {
        self.quota.counts(place.descriptor())
    }

    /// What is at a place, if that can be said: what keeps it from being said keeps the call itself
    /// from doing anything. Looks through a link at the end only if `follows`.
    pub(super) async fn entry(&mut self, place: Place, follows: bool) -> Option<Entry> {
        let (flags, path) = if follows {
            let path = (place.path.cast_unsigned(), place.length.cast_unsigned());
            (types::Lookupflags::SYMLINK_FOLLOW, GuestPtr::new(path))
        } else {
            (types::Lookupflags::empty(), place.trimmed(self.memory))
        };
        let directory = types::Fd::from(place.descriptor());
        let memory = &mut GuestMemory::Unshared(self.memory);
        let stat = self
            .wasi
            .path_filestat_get(memory, directory, flags, path)
            .await;
        // The look has copied the path, and the call is to copy it again.
        self.wasi.set_hostcall_fuel(self.fuel);
        stat.ok().map(|stat| Entry::of(&stat))
    }

    /// Finds out what a descriptor is of, unless that is known.
    ///
    /// # Errors
    /// What keeps it from being found out.
    pub(super) async fn identify(&mut self, descriptor: u32) -> Result<(), types::Error> {
        if self.quota.object(descriptor) != Object::Unknown {
            return Ok(());
        }
        let memory = &mut GuestMemory::Unshared(self.memory);
        let stat = self.wasi.fd_filestat_get(memory, descriptor.into()).await?;
        match Entry::of(&stat) {
            Entry::File(id, size) => self.quota.identify(descriptor, id, size),
            Entry::Other(_) => self.quota.identify_other(descriptor),
        }
        Ok(())
    }

    /// Finds out what every descriptor is of: a file that loses its name stays on the disk while
    /// one of them is of it.
    ///
    /// # Errors
    /// What keeps it from being found out.
    pub(super) async fn identify_all(&mut self) -> Result<(), types::Error> {
        for descriptor in self.quota.unknown() {
            self.identify(descriptor).await?;
        }
        Ok(())
    }

    /// The number that a call left at an address, which it was able to write.
    pub(super) fn number_at(&self, address: i32) -> u32 {
        let bytes = usize::try_from(address.cast_unsigned())
            .ok()
            .and_then(|begin| self.memory.get(begin..begin.checked_add(4)?))
            .and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    }
}

/// The errno of an error, as a guest gets it.
///
/// # Errors
/// If it is a trap.
pub(super) fn errno(error: types::Error) -> wasmtime::Result<i32> {
    error.downcast().map(|errno| errno as i32)
}
