//! The meter of one store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use wasmtime::{AsContext, AsContextMut as _, CallHook, Store, StoreContextMut, TypedFunc};

use super::{Account, HOST_SLICE, Metering, SLICE_FUEL, Stop, stop_hook::StopHook};
use crate::guest::Guest;

/// More than a guest can burn: 2^62 units are a hundred years at 10 billion a second.
const ENDLESS: u64 = 1 << 62;

/// Counts for one guest, and ends its slices.
pub(crate) struct Meter {
    metering: Metering,
    account: Arc<Account>,
    /// What the store was given at first.
    armed: u64,
    budget: u64,
    on_entry: Option<Box<dyn FnOnce() + Send>>,
    /// When the guest entered the host, and how long its fiber had been suspended until then.
    host_entry: Option<(Instant, Duration)>,
    slice: Slice,
    /// What is to be called before the guest is stopped, if it has that and it was not called yet.
    pub(super) stop_hook: Option<TypedFunc<(), ()>>,
}

/// The slice that the guest is in.
#[derive(Debug, Default)]
struct Slice {
    number: u64,
    /// The time in host calls so far.
    host: Duration,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Meter")
            .field("metering", &self.metering)
            .field("account", &self.account)
            .field("budget", &self.budget)
            .field("slice", &self.slice)
            .finish_non_exhaustive()
    }
}

impl Meter {
    /// A meter that books into `account`, ends the guest past `budget` units, and calls `on_entry`
    /// once, when the first of the guest's code is about to run.
    pub(crate) fn new(
        metering: Metering,
        account: Arc<Account>,
        budget: Option<u64>,
        on_entry: Box<dyn FnOnce() + Send>,
    ) -> Self {
        let budget = budget.unwrap_or(ENDLESS).min(ENDLESS);
        Self {
            metering,
            account,
            // A guest may use its last unit: the store traps when it has nothing left.
            armed: budget.saturating_add(1),
            budget,
            on_entry: Some(on_entry),
            host_entry: None,
            slice: Slice::default(),
            stop_hook: None,
        }
    }

    /// How its guest is metered.
    pub(crate) const fn metering(&self) -> Metering {
        self.metering
    }

    /// What its guest has used.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// The same, to be kept while the guest runs.
    pub(super) fn shared_account(&self) -> Arc<Account> {
        Arc::clone(&self.account)
    }

    /// Whether some of the guest's code has run.
    pub(crate) const fn has_entered(&self) -> bool {
        self.on_entry.is_none()
    }

    /// Starts the metering of a store whose guest holds a meter.
    ///
    /// # Errors
    /// If the engine does not meter so.
    pub(crate) fn arm(store: &mut Store<Guest>) -> wasmtime::Result<()> {
        let Self {
            metering, armed, ..
        } = store.data().meter;
        metering.arm(store, armed, SLICE_FUEL)?;
        if store.data().meter.account.has_stop_hook() {
            store.call_hook_async(StopHook);
        } else {
            store.call_hook(on_transition);
        }
        Ok(())
    }

    /// Books what a store has used, after its guest ended.
    pub(crate) fn settle(store: &mut Store<Guest>) {
        // A trap may have left the counter behind what the last slice booked.
        let used = used(&store);
        let meter = &store.data().meter;
        let booked = meter.account.fuel();
        meter.account.set_fuel(used.max(booked).min(meter.budget));
    }
}

/// The fuel that a store has used.
fn used(store: &impl AsContext<Data = Guest>) -> u64 {
    let store = store.as_context();
    let Meter {
        metering, armed, ..
    } = store.data().meter;
    armed.saturating_sub(metering.left(store))
}

/// Runs at each step from guest to host and back.
pub(super) fn on_transition(
    mut store: StoreContextMut<'_, Guest>,
    step: CallHook,
) -> wasmtime::Result<()> {
    match step {
        CallHook::CallingWasm => {
            if let Some(on_entry) = store.data_mut().meter.on_entry.take() {
                on_entry();
            }
            begin_slice(&mut store)
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
            let Some((at, suspended)) = meter.host_entry.take() else {
                return Ok(());
            };
            let waited = meter.account.suspended_time().saturating_sub(suspended);
            let time = at.elapsed().saturating_sub(waited);
            meter.account.add_host(time);
            meter.slice.host += time;
            begin_slice(&mut store)
        }
        CallHook::ReturningFromWasm => check(&store),
    }
}

/// The guest goes on: in a slice that has just begun, or in one that host calls have used up.
fn begin_slice(store: &mut StoreContextMut<'_, Guest>) -> wasmtime::Result<()> {
    let meter = &mut store.data_mut().meter;
    let metering = meter.metering;
    let (number, fuel) = meter.account.slice();
    let units = if number != meter.slice.number {
        meter.slice = Slice {
            number,
            host: Duration::ZERO,
        };
        fuel
    } else if meter.slice.host >= HOST_SLICE {
        // Over at the next loop or call.
        1
    } else {
        return Ok(());
    };
    metering.cut_slice(store.as_context_mut(), units)
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
