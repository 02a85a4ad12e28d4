//! `poll_oneoff`, of a bounded number of subscriptions.
//!
//! wasmtime-wasi makes an object of the host for each subscription, and traps the guest when there is
//! no room for another; here a guest that asks for too many is told so, as `poll(2)` does.

use wasmtime::{AsContextMut as _, Caller, Linker};
use wasmtime_wasi::p1::{
    types,
    wasi_snapshot_preview1::{self as functions, WasiSnapshotPreview1 as _},
};
use wiggle::GuestMemory;

use super::linker::{WASI, memory};
use crate::guest::Guest;

/// Defines it, in the place of wasmtime-wasi's own.
pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Arguments = (i32, i32, i32, i32);
    linker.func_wrap_async(
        WASI,
        "poll_oneoff",
        |mut caller: Caller<'_, Guest>, (subscriptions, events, count, written): Arguments| {
            Box::new(async move {
                if u64::from(count.cast_unsigned()) > caller.data().limits.subscriptions {
                    return Ok(types::Errno::Inval as i32);
                }
                let memory = memory(&mut caller)?;
                let fuel = caller.as_context_mut().hostcall_fuel();
                let (memory, guest) = memory.data_and_store_mut(&mut caller);
                guest.wasi.set_hostcall_fuel(fuel);
                let memory = &mut GuestMemory::Unshared(memory);
                functions::poll_oneoff(
                    &mut guest.wasi,
                    memory,
                    subscriptions,
                    events,
                    count,
                    written,
                )
                .await
            })
        },
    )?;
    Ok(())
}
