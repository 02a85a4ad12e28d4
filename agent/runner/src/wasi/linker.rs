//! What a core module may import: WASI preview 1.
//!
//! All functions are wasmtime-wasi's but these: reads and writes are shortened (`transfer`), what
//! takes disk is counted (`quota`), polls are bounded (`poll`), `proc_exit` takes every code, and the
//! socket functions answer without a line in the host's log for each call.

use wasmtime::{AsContextMut as _, Caller, Engine, Extern, Linker, Memory, bail};
use wasmtime_wasi::{
    I32Exit,
    p1::{
        self, WasiP1Ctx, types,
        wasi_snapshot_preview1::{self as functions, WasiSnapshotPreview1 as _},
    },
};
use wiggle::GuestMemory;

use super::{poll, quota, transfer::Shortened};
use crate::{guest::Guest, limits::IO_BYTES};

/// The name of the module that guests import from.
pub(super) const WASI: &str = "wasi_snapshot_preview1";

/// Defines everything that a module may import.
///
/// # Errors
/// If a name is defined twice, which would be a mistake here.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    p1::add_to_linker_async(&mut linker, |guest: &mut Guest| &mut guest.wasi)?;
    linker.allow_shadowing(true);
    reads(&mut linker)?;
    quota::define(&mut linker)?;
    poll::define(&mut linker)?;
    linker.func_wrap(WASI, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(I32Exit(code).into())
    })?;
    sockets(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// Answers whether the host provides something.
pub(crate) struct Provided {
    probe: Linker<Guest>,
}

impl Provided {
    /// Answers for what `linker` defines.
    pub(crate) fn by(linker: &Linker<Guest>) -> Self {
        let mut probe = linker.clone();
        probe.allow_shadowing(true);
        Self { probe }
    }

    /// Whether there is anything of that module and name.
    pub(crate) fn has(&mut self, module: &str, name: &str) -> bool {
        // Without a store, giving it another name is the way to ask.
        self.probe.alias(module, name, "", "").is_ok()
    }
}

/// The memory of the guest that calls, which WASI wants exported.
pub(super) fn memory(caller: &mut Caller<'_, Guest>) -> wasmtime::Result<Memory> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory),
        _ => bail!("missing required memory export"),
    }
}

/// A call on buffers, ready to be made: the guest's memory, its context, and the buffers to use.
struct Transfer<'a> {
    memory: &'a mut [u8],
    wasi: &'a mut WasiP1Ctx,
    shortened: Option<Shortened>,
    iovecs: i32,
    count: i32,
}

impl<'a> Transfer<'a> {
    fn new(caller: &'a mut Caller<'_, Guest>, iovecs: i32, count: i32) -> wasmtime::Result<Self> {
        let memory = memory(caller)?;
        let fuel = caller.as_context_mut().hostcall_fuel();
        let (memory, guest) = memory.data_and_store_mut(caller);
        guest.wasi.set_hostcall_fuel(fuel);
        let shortened = Shortened::shorten(
            memory,
            iovecs.cast_unsigned(),
            count.cast_unsigned(),
            IO_BYTES,
        );
        let (iovecs, count) = match &shortened {
            Some(shortened) => (shortened.iovec.cast_signed(), 1),
            None => (iovecs, count),
        };
        Ok(Self {
            memory,
            wasi: &mut guest.wasi,
            shortened,
            iovecs,
            count,
        })
    }

    fn finish(self) {
        if let Some(shortened) = self.shortened {
            shortened.restore(self.memory);
        }
    }
}

fn reads(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Arguments = (i32, i32, i32, i32);
    type PositionedArguments = (i32, i32, i32, i64, i32);
    linker.func_wrap_async(
        WASI,
        "fd_read",
        |mut caller: Caller<'_, Guest>, (fd, iovecs, count, read): Arguments| {
            Box::new(async move {
                let call = Transfer::new(&mut caller, iovecs, count)?;
                let memory = &mut GuestMemory::Unshared(call.memory);
                let result =
                    functions::fd_read(call.wasi, memory, fd, call.iovecs, call.count, read).await;
                call.finish();
                result
            })
        },
    )?;
    linker.func_wrap_async(
        WASI,
        "fd_pread",
        |mut caller: Caller<'_, Guest>, (fd, iovecs, count, at, read): PositionedArguments| {
            Box::new(async move {
                let call = Transfer::new(&mut caller, iovecs, count)?;
                let memory = &mut GuestMemory::Unshared(call.memory);
                let (iovecs, count) = (call.iovecs, call.count);
                let result =
                    functions::fd_pread(call.wasi, memory, fd, iovecs, count, at, read).await;
                call.finish();
                result
            })
        },
    )?;
    Ok(())
}

/// There is no network, and no descriptor that is a socket.
fn sockets(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let not_a_socket = types::Errno::Notsock as i32;
    linker.func_wrap(WASI, "sock_accept", move |_: i32, _: i32, _: i32| {
        not_a_socket
    })?;
    linker.func_wrap(
        WASI,
        "sock_recv",
        move |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32| not_a_socket,
    )?;
    linker.func_wrap(
        WASI,
        "sock_send",
        move |_: i32, _: i32, _: i32, _: i32, _: i32| not_a_socket,
    )?;
    linker.func_wrap(WASI, "sock_shutdown", move |_: i32, _: i32| not_a_socket)?;
    Ok(())
}
