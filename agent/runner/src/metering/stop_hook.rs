//! The function that a guest may export to be told that it is to end.
//!
//! It runs on top of whatever the guest was doing, as a signal handler does: the step from host to
//! guest at which a yield or a host call returns is where it is called, and when it returns the guest
//! goes on from there until its grace is over.
//!
//! wasmtime calls no hook for what a hook calls, so within it slices are the shortest ones, the fuel
//! that is booked is an estimate until it returns, and time in host calls is booked as a part of the
//! call that was returning.

use std::{future::poll_fn, pin::pin};

use wasmtime::{
    AsContextMut as _, CallHook, CallHookHandler, InstancePre, PoolConcurrencyLimitError, Store,
    StoreContextMut, TypedFunc,
};
use wasmtime_wasi::async_trait;

use super::{LEAST_SLICE_FUEL, meter::on_transition};
use crate::guest::Guest;

/// The name of the function, which has no parameters and no results.
const NAME: &str = "stoker_stop";

/// Whether a module has one.
pub(crate) fn is_exported(module: &InstancePre<Guest>) -> bool {
    let export = module.module().get_export(NAME);
    let function = export.as_ref().and_then(wasmtime::ExternType::func);
    function.is_some_and(|function| function.params().len() == 0 && function.results().len() == 0)
}

/// Finds it in an instance that has one.
pub(crate) fn find(store: &mut Store<Guest>, instance: wasmtime::Instance) -> wasmtime::Result<()> {
    if store.data().meter.account().has_stop_hook() {
        let function = instance.get_typed_func::<(), ()>(&mut *store, NAME)?;
        store.data_mut().meter.stop_hook = Some(function);
    }
    Ok(())
}

/// Meters a guest that has one, and calls it when that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopHook;

#[async_trait]
impl CallHookHandler<Guest> for StopHook {
    async fn handle_call_event(
        &self,
        mut store: StoreContextMut<'_, Guest>,
        step: CallHook,
    ) -> wasmtime::Result<()> {
        on_transition(store.as_context_mut(), step)?;
        let meter = &mut store.data_mut().meter;
        if !matches!(step, CallHook::ReturningFromHost) || !meter.account().is_asked_to_stop() {
            return Ok(());
        }
        match meter.stop_hook.take() {
            Some(function) => call(store, function).await,
            None => Ok(()),
        }
    }
}

async fn call(
    mut store: StoreContextMut<'_, Guest>,
    function: TypedFunc<(), ()>,
) -> wasmtime::Result<()> {
    let meter = &store.data().meter;
    let (metering, account) = (meter.metering(), meter.shared_account());
    metering.cut_slice(store.as_context_mut(), LEAST_SLICE_FUEL)?;
    account.set_stop_hook_called();
    let result = {
        let mut running = pin!(function.call_async(store.as_context_mut(), ()));
        poll_fn(|context| {
            let state = running.as_mut().poll(context);
            if state.is_pending() {
                account.set_fuel(account.fuel() + LEAST_SLICE_FUEL);
            }
            state
        })
        .await
    };
    match result {
        // All stacks are in use: there will be one at some later step.
        Err(error) if error.is::<PoolConcurrencyLimitError>() => {
            store.data_mut().meter.stop_hook = Some(function);
            Ok(())
        }
        result => result,
    }
}
