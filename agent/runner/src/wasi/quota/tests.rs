//! Sequences of calls against a real folder: what the quota says is what is there.

use std::{fs, path::Path};

use proptest::prelude::*;
use stoker_types::disk::BLOCK_BYTES;
use wasmtime_wasi::{
    FsPerms, WasiCtxBuilder,
    p1::{WasiP1Ctx, wasi_snapshot_preview1::WasiSnapshotPreview1 as _},
};

use super::{
    Limits, Quota, Used,
    call::{Call, Place},
    disk::measure,
    open::Open,
    write::Write,
};
use crate::metering::Account;

/// What a guest gets for a call that did what it was to.
const SUCCESS: i32 = 0;
const NOSPC: i32 = 51;
/// The guest's folder.
const FOLDER: i32 = 3;
/// Where things lie in the guest's memory.
const RESULT: i32 = 0;
const IOVEC: i32 = 8;
const FIRST_PATH: i32 = 64;
const SECOND_PATH: i32 = 128;
const BUFFER: i32 = 4096;
const MEMORY_BYTES: usize = 64 << 10;

const CREATE: i32 = 1;
const EXCLUSIVE: i32 = 4;
const TRUNCATE: i32 = 8;
const APPEND: i32 = 1;

const LIMITS: Limits = Limits {
    bytes: 6 * BLOCK_BYTES,
    entries: 5,
};

/// A guest's side of the calls, without a guest.
struct Rig {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    memory: Vec<u8>,
    wasi: WasiP1Ctx,
    quota: Quota,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wasi = WasiCtxBuilder::new()
            .preopened_dir(folder.path(), ".", FsPerms::ReadWrite)
            .unwrap()
            .build_p1();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            folder,
            runtime,
            memory: vec![7; MEMORY_BYTES],
            wasi,
            quota: Quota::of_folder(LIMITS, Used::default(), FOLDER.cast_unsigned()),
        }
    }

    fn path(&mut self, at: i32, path: &str) -> Place {
        let begin = usize::try_from(at).unwrap();
        self.memory[begin..begin + path.len()].copy_from_slice(path.as_bytes());
        Place {
            directory: FOLDER,
            path: at,
            length: i32::try_from(path.len()).unwrap(),
        }
    }

    fn call<R>(&mut self, call: impl AsyncFnOnce(&mut Call<'_>) -> wasmtime::Result<R>) -> R {
        let fuel = 1 << 20;
        self.wasi.set_hostcall_fuel(fuel);
        let mut under_way = Call {
            memory: &mut self.memory,
            wasi: &mut self.wasi,
            quota: &mut self.quota,
            account: &Account::default(),
            fuel,
        };
        self.runtime.block_on(call(&mut under_way)).unwrap()
    }

    /// Opens a path with the right to read, and to write if it is so; the errno if it fails.
    fn open(&mut self, path: &str, flags: i32, fd_flags: i32, writes: bool) -> Result<i32, i32> {
        let place = self.path(FIRST_PATH, path);
        let open = Open {
            place,
            lookup: 1,
            flags,
            rights: if writes { 2 | 64 } else { 2 },
            inherited: 0,
            descriptor_flags: fd_flags,
            descriptor: RESULT,
        };
        match self.call(async |call| call.open(open).await) {
            SUCCESS => Ok(i32::from_le_bytes(self.memory[..4].try_into().unwrap())),
            errno => Err(errno),
        }
    }

    /// Writes; says how many bytes that were, or the errno.
    fn write(&mut self, descriptor: i32, at: Option<i64>, length: u32) -> Result<u32, i32> {
        self.memory[8..12].copy_from_slice(&BUFFER.to_le_bytes());
        self.memory[12..16].copy_from_slice(&length.to_le_bytes());
        let write = Write {
            descriptor,
            iovecs: IOVEC,
            count: 1,
            at,
            written: RESULT,
        };
        match self.call(async |call| call.write(write).await) {
            SUCCESS => Ok(u32::from_le_bytes(self.memory[..4].try_into().unwrap())),
            errno => Err(errno),
        }
    }

    fn close(&mut self, descriptor: i32) -> i32 {
        self.call(async |call| call.close(descriptor).await)
    }

    fn unlink(&mut self, path: &str) -> i32 {
        let place = self.path(FIRST_PATH, path);
        self.call(async |call| call.unlink(place).await)
    }

    fn rename(&mut self, from: &str, to: &str) -> i32 {
        let from = self.path(FIRST_PATH, from);
        let to = self.path(SECOND_PATH, to);
        self.call(async |call| call.rename(from, to).await)
    }

    fn measured(&self) -> Used {
        let mut used = Used::default();
        measure(self.folder.path(), &mut used).unwrap();
        used
    }
}

/// The lengths of all files and links, which is what `du --apparent-size` shows of them.
fn apparent_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.metadata().unwrap() {
            metadata if metadata.is_dir() => apparent_bytes(&entry.path()),
            metadata => metadata.len(),
        })
        .sum()
}

#[derive(Clone, Debug)]
enum Operation {
    Open {
        path: &'static str,
        flags: i32,
        descriptor_flags: i32,
        writes: bool,
    },
    Close(usize),
    Write(usize, Option<i64>, u32),
    Resize(usize, i64),
    SetFlags(usize, i32),
    Renumber(usize, usize),
    CreateDirectory(&'static str),
    RemoveDirectory(&'static str),
    Symlink(&'static str, &'static str),
    Unlink(&'static str),
    Rename(&'static str, &'static str),
}

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a", "b", "d", "d/a", "d/b", "l", "l/", "d/", "./a", "d/../b",
    ])
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{
        Close, CreateDirectory, Open, RemoveDirectory, Rename, Renumber, Resize, SetFlags, Symlink,
        Unlink, Write,
    };
    let flags = prop::sample::select(vec![
        0,
        CREATE,
        CREATE | EXCLUSIVE,
        CREATE | TRUNCATE,
        TRUNCATE,
    ]);
    let size = prop_oneof![0..100_i64, 0..30_000_i64, Just(i64::MAX), Just(-1)];
    let open =
        (path(), flags, 0..=APPEND, any::<bool>()).prop_map(|(path, flags, fd_flags, writes)| {
            Open {
                path,
                flags,
                descriptor_flags: fd_flags,
                writes,
            }
        });
    let index = || 0..4_usize;
    prop_oneof![
        4 => open,
        2 => index().prop_map(Close),
        4 => (index(), prop::option::of(size.clone()), 0..9000_u32)
            .prop_map(|(index, at, length)| Write(index, at, length)),
        1 => (index(), size).prop_map(|(index, size)| Resize(index, size)),
        1 => (index(), 0..=APPEND).prop_map(|(index, flags)| SetFlags(index, flags)),
        1 => (index(), index()).prop_map(|(from, to)| Renumber(from, to)),
        1 => path().prop_map(CreateDirectory),
        1 => path().prop_map(RemoveDirectory),
        1 => (path(), path()).prop_map(|(target, path)| Symlink(target, path)),
        2 => path().prop_map(Unlink),
        2 => (path(), path()).prop_map(|(from, to)| Rename(from, to)),
    ]
}

/// Does it; what it is refused with is its own affair.
fn perform(rig: &mut Rig, open: &mut Vec<i32>, operation: &Operation) {
    let descriptor = |index: &usize| open.get(*index).copied().unwrap_or(99);
    match operation {
        Operation::Open {
            path,
            flags,
            descriptor_flags,
            writes,
        } => open.extend(rig.open(path, *flags, *descriptor_flags, *writes)),
        Operation::Close(index) => {
            if *index < open.len() {
                assert_eq!(rig.close(open.remove(*index)), SUCCESS);
            }
        }
        Operation::Write(index, at, length) => {
            let _refusal = rig.write(descriptor(index), *at, *length);
        }
        Operation::Resize(index, size) => {
            let descriptor = descriptor(index);
            rig.call(async |call| call.set_size(descriptor, *size).await);
        }
        Operation::SetFlags(index, flags) => {
            let descriptor = descriptor(index);
            rig.call(async |call| call.set_flags(descriptor, *flags));
        }
        Operation::Renumber(from, to) => {
            let (old, new) = (descriptor(from), descriptor(to));
            let errno = rig.call(async |call| call.renumber(old, new).await);
            if errno == SUCCESS && old != new {
                open.remove(*from);
            }
        }
        Operation::CreateDirectory(path) => {
            let place = rig.path(FIRST_PATH, path);
            rig.call(async |call| call.create_directory(place).await);
        }
        Operation::RemoveDirectory(path) => {
            let place = rig.path(FIRST_PATH, path);
            rig.call(async |call| call.remove_directory(place).await);
        }
        Operation::Symlink(target, path) => {
            let target = rig.path(SECOND_PATH, target);
            let place = rig.path(FIRST_PATH, path);
            rig.call(async |call| call.symlink((target.path, target.length), place).await);
        }
        Operation::Unlink(path) => {
            rig.unlink(path);
        }
        Operation::Rename(from, to) => {
            rig.rename(from, to);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_on_the_disk_is_never_more_than_what_is_charged_and_that_never_past_the_quota(
        operations in prop::collection::vec(operation(), 1..60)
    ) {
        let mut rig = Rig::new();
        let mut open = Vec::new();
        for operation in &operations {
            perform(&mut rig, &mut open, operation);
            let (used, measured) = (rig.quota.used(), rig.measured());
            prop_assert!(used.bytes <= LIMITS.bytes && used.entries <= LIMITS.entries, "{used:?}");
            prop_assert!(
                measured.bytes <= used.bytes && measured.entries <= used.entries,
                "{operation:?}: {measured:?} but {used:?}"
            );
            prop_assert!(apparent_bytes(rig.folder.path()) <= LIMITS.bytes);
        }
        for descriptor in open {
            prop_assert_eq!(rig.close(descriptor), SUCCESS);
        }
        prop_assert_eq!(rig.quota.used(), rig.measured(), "all is given back");
    }
}

#[test]
fn a_write_past_the_end_is_short_and_the_next_is_refused() {
    let mut rig = Rig::new();
    let file = rig.open("a", CREATE, 0, true).unwrap();
    let most = u32::try_from(LIMITS.bytes).unwrap();
    assert_eq!(rig.write(file, None, most - 10), Ok(most - 10));
    assert_eq!(rig.write(file, None, 100), Ok(10));
    assert_eq!(rig.write(file, None, 100), Err(NOSPC));
    assert_eq!(rig.write(file, None, 0), Ok(0));
    assert_eq!(rig.write(file, Some(0), 100), Ok(100), "over what is there");
    assert_eq!(rig.write(file, Some(1 << 40), 1), Err(NOSPC));
    assert_eq!(rig.open("b", CREATE, 0, true), Err(NOSPC));
    let emptied = rig.open("a", TRUNCATE, 0, true).unwrap();
    assert_eq!(rig.write(file, Some(5), 3), Ok(3));
    assert_eq!(rig.close(emptied), SUCCESS);
    rig.open("b", CREATE, 0, true).unwrap();
}

#[test]
fn an_append_is_charged_at_the_end_whichever_descriptor_wrote_before() {
    let mut rig = Rig::new();
    let first = rig.open("a", CREATE, 0, true).unwrap();
    let second = rig.open("a", 0, APPEND, true).unwrap();
    assert_eq!(rig.write(first, None, 4096), Ok(4096));
    // A positioned write in append mode appends, as on Linux.
    assert_eq!(rig.write(second, Some(0), 4096), Ok(4096));
    assert_eq!(rig.write(first, None, 4096), Ok(4096), "over the appended");
    assert_eq!(rig.quota.used().bytes, 2 * BLOCK_BYTES);
    assert_eq!(rig.quota.used(), rig.measured());
}

#[test]
fn removing_a_file_that_is_only_read_by_someone_gives_nothing_back_yet() {
    let mut rig = Rig::new();
    let file = rig.open("a", CREATE, 0, true).unwrap();
    rig.write(file, None, 20_000).unwrap();
    assert_eq!(rig.close(file), SUCCESS);
    let reader = rig.open("a", 0, 0, false).unwrap();
    assert_eq!(rig.unlink("a"), SUCCESS);
    assert_eq!(rig.measured(), Used::default());
    let other = rig.open("b", CREATE, 0, true).unwrap();
    assert_eq!(rig.write(other, None, 9000), Ok(4096));
    assert_eq!(rig.close(reader), SUCCESS);
    assert_eq!(rig.write(other, None, 9000), Ok(9000));
}

#[test]
fn a_rename_onto_a_file_gives_back_what_that_took() {
    let mut rig = Rig::new();
    for (path, length) in [("a", 9000), ("b", 100)] {
        let file = rig.open(path, CREATE, 0, true).unwrap();
        rig.write(file, None, length).unwrap();
        assert_eq!(rig.close(file), SUCCESS);
    }
    assert_eq!(rig.rename("a", "a"), SUCCESS);
    assert_eq!(rig.quota.used().bytes, 4 * BLOCK_BYTES);
    assert_eq!(rig.rename("b", "a"), SUCCESS);
    let one = Used {
        bytes: BLOCK_BYTES,
        entries: 1,
    };
    assert_eq!((rig.quota.used(), rig.measured()), (one, one));
}
