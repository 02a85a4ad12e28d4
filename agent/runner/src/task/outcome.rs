//! Decides what a guest's end means for its task.

use std::time::Duration;

use stoker_types::{Reason, duration, runner::Outcome, size};
use wasmtime::{PoolConcurrencyLimitError, ThrownException, Trap};
use wasmtime_wasi::I32Exit;

use super::message;
use crate::{
    guest::Guest,
    metering::{self, Stop},
    output::Output,
};

/// How a task ended whose guest gave `result`.
pub(super) fn of(result: &wasmtime::Result<()>, guest: &Guest, output: &Output) -> Outcome {
    if guest.meter.account().is_stop_hook_called() {
        // However it ended: it was told to.
        return Outcome::Killed;
    }
    let Err(error) = result else {
        return Outcome::Exited { code: 0 };
    };
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Outcome::Exited { code: exit.0 };
    }
    if matches!(error.downcast_ref(), Some(Stop::Killed)) {
        return Outcome::Killed;
    }
    if metering::is_exhausted(guest.meter.metering(), error) {
        return failed(
            Reason::FuelExhausted,
            "the task's fuel budget is used up".to_owned(),
        );
    }
    if output.is_over_cap() {
        let message = "the task wrote more to stdout and stderr than it may".to_owned();
        return failed(Reason::OutputLimit, message);
    }
    if guest.memory.has_refused() {
        let limit = size::display(guest.memory.limit());
        let what = message::escaped(&error.root_cause().to_string());
        let message = format!("the task needs more memory than its {limit}: {what}");
        return failed(Reason::MemoryLimit, message);
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return failed(Reason::LaunchFailed, format!("the runner is full: {error}"));
    }
    // Data that does not fit its memory traps before any of the guest's code has run.
    if guest.meter.has_entered() || error.is::<Trap>() {
        return failed(Reason::Trap, trap(error));
    }
    failed(
        Reason::LaunchFailed,
        message::escaped(&format!("{error:#}")),
    )
}

/// How a task ended that ran past its wall time.
pub(super) fn past_deadline(wall_time: Duration) -> Outcome {
    let limit = duration::display(wall_time);
    failed(
        Reason::Deadline,
        format!("the task ran longer than its {limit}"),
    )
}

/// What trapped, and where.
fn trap(error: &wasmtime::Error) -> String {
    let what = if error.is::<ThrownException>() {
        "an exception was thrown and not caught".to_owned()
    } else {
        error.root_cause().to_string()
    };
    message::of_trap(&what, error.downcast_ref())
}

fn failed(reason: Reason, message: String) -> Outcome {
    Outcome::Failed { reason, message }
}
