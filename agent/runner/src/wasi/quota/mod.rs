//! What a guest may keep on disk: bytes and files, counted where they are taken.
//!
//! wasmtime-wasi bounds nothing here. Each call that takes disk or gives it back goes through
//! [`Call`](call::Call): it asks the [`Quota`] before, makes wasmtime-wasi's call, and tells the
//! quota after. Nothing walks a directory but the start of a task with inputs, and a write costs no
//! system call more than it did: the sizes of open files are known.
//!
//! | rule | why |
//! | --- | --- |
//! | a file costs its length in blocks of 4 KiB, holes too, and at least one | `stoker_types::disk` |
//! | a directory and a link cost one block each | so they cannot be had for nothing |
//! | past the quota a call fails with `ENOSPC`, and a write that fits in part is short | POSIX |
//! | a removed file counts until its last descriptor is closed | its blocks are still taken |
//! | there are no hard links (`EPERM`) | a file has one name, and removing that removes it |
//! | inputs count, read-only ones as well | they lie in the same sandbox |
//!
//! A removed directory that is still open holds an inode uncounted, at most one a descriptor.

mod call;
mod disk;
mod ledger;
mod linker;
mod names;
mod open;
mod write;

pub(crate) use disk::Disk;
pub(crate) use ledger::{Limits, Quota, Used};
pub(crate) use linker::define;

#[cfg(test)]
mod tests;
