//! Wasmtime's fuel as a meter.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use wasmtime::{AsContext, CallHook, Store, StoreContextMut};

use super::{Account, SLICE_FUEL, Stop};
use crate::guest::Guest;

/// More than a guest can burn: 2^62 units are a hundred years at 10 billion a second.
const ENDLESS: u64 = 1 << 62;

/// The meter of one store.
pub(crate) struct Meter {
    account: Arc<Account>,
    /// What the store was given at first.
    armed: u64,
    budget: u64,
    on_entry: Option<Box<dyn FnOnce() + Send>>,
    /// When the guest entered the host, and how long its fiber had been suspended until then.
    host_entry: Option<(Instant, Duration)>,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Meter")
            .field("account", &self.account)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

impl Meter {
    /// A meter that books into `account`, ends the guest past `budget` units, and calls `on_entry`
    /// once, when the first of the guest's code is about to run.
    pub(crate) fn new(
        account: Arc<Account>,
        budget: Option<u64>,
        on_entry: Box<dyn FnOnce() + Send>,
    ) -> Self {
        let budget = budget.unwrap_or(ENDLESS).min(ENDLESS);
        Self {
            account,
            // A guest may use its last unit: the store traps when it has nothing left.
            armed: budget.saturating_add(1),
            budget,
            on_entry: Some(on_entry),
            host_entry: None,
        }
    }

    /// Whether some of the guest's code has run.
    pub(crate) const fn has_entered(&self) -> bool {
        self.on_entry.is_none()
    }

    /// Starts the metering of a store whose guest holds a meter.
    ///
    /// # Errors
    /// If the engine does not count fuel.
    pub(crate) fn arm(store: &mut Store<Guest>) -> wasmtime::Result<()> {
        let armed = store.data().meter.armed;
        store.set_fuel(armed)?;
        store.fuel_async_yield_interval(Some(SLICE_FUEL))?;
        store.call_hook(on_transition);
        Ok(())
    }

    /// Books what a store has used, after its guest ended.
    pub(crate) fn settle(store: &mut Store<Guest>) {
        // A trap may have left the counter behind what the last slice booked.
        let used = used(&store);
        let meter = &store.data().meter;
        let booked = meter.account.usage().fuel_used;
        meter.account.set_fuel(used.max(booked).min(meter.budget));
    }
}

/// The fuel that a store has used.
fn used(store: &impl AsContext<Data = Guest>) -> u64 {
    let store = store.as_context();
    let armed = store.data().meter.armed;
    armed.saturating_sub(store.get_fuel().unwrap_or(0))
}

/// Runs at each step from guest to host and back.
fn on_transition(mut store: StoreContextMut<'_, Guest>, step: CallHook) -> wasmtime::Result<()> {
    match step {
        CallHook::CallingWasm => {
            if let Some(on_entry) = store.data_mut().meter.on_entry.take() {
                on_entry();
            }
            Ok(())
        }
        CallHook::CallingHost => {
            let account = &store.data().meter.account;
            let entry = (Instant::now(), account.suspended_time());
            let guest = store.data_mut();
            guest.meter.host_entry = Some(entry);
            guest.memory.settle();
            check(&store)
        }
        CallHook::ReturningFromHost => {
            let meter = &mut store.data_mut().meter;
            if let Some((at, suspended)) = meter.host_entry.take() {
                let waited = meter.account.suspended_time().saturating_sub(suspended);
                meter.account.add_host(at.elapsed().saturating_sub(waited));
            }
            Ok(())
        }
        CallHook::ReturningFromWasm => check(&store),
    }
}

/// Books the fuel used and says whether the guest may go on.
fn check(store: &StoreContextMut<'_, Guest>) -> wasmtime::Result<()> {
    let used = used(store);
    let meter = &store.data().meter;
    meter.account.set_fuel(used.min(meter.budget));
    if used > meter.budget {
        return Err(Stop::FuelExhausted.into());
    }
    if meter.account.is_stop_requested() {
        return Err(Stop::Killed.into());
    }
    Ok(())
}
