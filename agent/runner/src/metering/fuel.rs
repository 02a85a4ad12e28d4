//! Wasmtime's fuel.
//!
//! The store holds all of the budget, released in slices; at the end of each the fiber yields, from
//! within a call of the host that the call hook sees like any other. Together with epochs it would
//! cost 1.9 times as much as without.

use wasmtime::{
    AsContext, Config, OperatorCost, Store, StoreContextMut, Trap, VariableOperatorCost,
};

use crate::guest::Guest;

pub(super) fn configure(config: &mut Config) {
    config
        .consume_fuel(true)
        .operator_cost(OperatorCost {
            variable: VariableOperatorCost {
                // A growth that moves the memory copies all of it.
                memory_grow_per_page: 255,
                ..VariableOperatorCost::new()
            },
            ..OperatorCost::new()
        })
        .epoch_interruption(false);
}

pub(super) fn arm(store: &mut Store<Guest>, units: u64, slice: u64) -> wasmtime::Result<()> {
    store.set_fuel(units)?;
    store.fuel_async_yield_interval(Some(slice.max(1)))
}

pub(super) fn left(store: impl AsContext<Data = Guest>) -> u64 {
    store.as_context().get_fuel().unwrap_or(0)
}

/// What is left in all stays the same to the unit: it is only divided anew.
pub(super) fn cut_slice(mut store: StoreContextMut<'_, Guest>, units: u64) -> wasmtime::Result<()> {
    store.fuel_async_yield_interval(Some(units.max(1)))
}

pub(super) fn is_exhausted(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref(), Some(Trap::OutOfFuel))
}
