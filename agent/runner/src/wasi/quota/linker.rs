//! Puts the quota in front of those WASI functions that take disk or give it back.

use wasmtime::{Caller, Linker};
use wasmtime_wasi::p1::types;

use super::{
    call::{Call, Place},
    open::Open,
    write::Write,
};
use crate::{guest::Guest, wasi::linker::WASI};

/// Defines them in a linker that allows that they are there already.
///
/// `fd_allocate` is not among them: wasmtime-wasi answers it with `ENOTSUP`.
///
/// # Errors
/// If one cannot be defined, which would be a mistake here.
pub(crate) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    writes(linker)?;
    descriptors(linker)?;
    names(linker)?;
    moves(linker)
}

fn writes(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        WASI,
        "fd_write",
        |mut caller: Caller<'_, Guest>,
         (descriptor, iovecs, count, written): (i32, i32, i32, i32)| {
            Box::new(async move {
                let write = Write {
                    descriptor,
                    iovecs,
                    count,
                    at: None,
                    written,
                };
                Call::new(&mut caller)?.write(write).await
            })
        },
    )?;
    linker.func_wrap_async(
        WASI,
        "fd_pwrite",
        |mut caller: Caller<'_, Guest>,
         (descriptor, iovecs, count, at, written): (i32, i32, i32, i64, i32)| {
            Box::new(async move {
                let write = Write {
                    descriptor,
                    iovecs,
                    count,
                    at: Some(at),
                    written,
                };
                Call::new(&mut caller)?.write(write).await
            })
        },
    )?;
    linker.func_wrap_async(
        WASI,
        "fd_filestat_set_size",
        |mut caller: Caller<'_, Guest>, (fd, size): (i32, i64)| {
            Box::new(async move { Call::new(&mut caller)?.set_size(fd, size).await })
        },
    )?;
    Ok(())
}

fn descriptors(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type OpenArguments = (i32, i32, i32, i32, i32, i64, i64, i32, i32);
    linker.func_wrap_async(
        WASI,
        "path_open",
        |mut caller: Caller<'_, Guest>, arguments: OpenArguments| {
            let (directory, lookup, path, length, flags, rights, inherited, fd_flags, fd) =
                arguments;
            let open = Open {
                place: Place {
                    directory,
                    path,
                    length,
                },
                lookup,
                flags,
                rights,
                inherited,
                descriptor_flags: fd_flags,
                descriptor: fd,
            };
            Box::new(async move { Call::new(&mut caller)?.open(open).await })
        },
    )?;
    linker.func_wrap_async(
        WASI,
        "fd_close",
        |mut caller: Caller<'_, Guest>, (fd,): (i32,)| {
            Box::new(async move { Call::new(&mut caller)?.close(fd).await })
        },
    )?;
    linker.func_wrap_async(
        WASI,
        "fd_renumber",
        |mut caller: Caller<'_, Guest>, (from, to): (i32, i32)| {
            Box::new(async move { Call::new(&mut caller)?.renumber(from, to).await })
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_fdstat_set_flags",
        |mut caller: Caller<'_, Guest>, fd: i32, flags: i32| {
            Call::new(&mut caller)?.set_flags(fd, flags)
        },
    )?;
    Ok(())
}

fn names(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        WASI,
        "path_create_directory",
        |mut caller: Caller<'_, Guest>, place: (i32, i32, i32)| {
            let place = place.into();
            Box::new(async move { Call::new(&mut caller)?.create_directory(place).await })
        },
    )?;
    linker.func_wrap_async(
        WASI,
        "path_remove_directory",
        |mut caller: Caller<'_, Guest>, place: (i32, i32, i32)| {
            let place = place.into();
            Box::new(async move { Call::new(&mut caller)?.remove_directory(place).await })
        },
    )?;
    linker.func_wrap_async(
        WASI,
        "path_unlink_file",
        |mut caller: Caller<'_, Guest>, place: (i32, i32, i32)| {
            let place = place.into();
            Box::new(async move { Call::new(&mut caller)?.unlink(place).await })
        },
    )?;
    Ok(())
}

fn moves(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        WASI,
        "path_symlink",
        |mut caller: Caller<'_, Guest>,
         (target, target_length, directory, path, length): (i32, i32, i32, i32, i32)| {
            let place = (directory, path, length).into();
            Box::new(async move {
                let target = (target, target_length);
                Call::new(&mut caller)?.symlink(target, place).await
            })
        },
    )?;
    linker.func_wrap_async(
        WASI,
        "path_rename",
        |mut caller: Caller<'_, Guest>,
         (from_fd, from, from_length, to_fd, to, to_length): (i32, i32, i32, i32, i32, i32)| {
            let from = (from_fd, from, from_length).into();
            let to = (to_fd, to, to_length).into();
            Box::new(async move { Call::new(&mut caller)?.rename(from, to).await })
        },
    )?;
    // A file with two names could lose one of them and still be there, and a file system without
    // hard links is nothing that programs are not used to.
    let not_here = types::Errno::Perm as i32;
    linker.func_wrap(
        WASI,
        "path_link",
        move |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32, _: i32| not_here,
    )?;
    Ok(())
}

impl From<(i32, i32, i32)> for Place {
    fn from((directory, path, length): (i32, i32, i32)) -> Self {
        Self {
            directory,
            path,
            length,
        }
    }
}
