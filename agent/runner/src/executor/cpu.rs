//! CPU time, of this process and of the thread that asks.
//!
//! A thread's time is claimed: whoever claims gets what it used since the last claim, and nobody
//! gets it again. So a worker books a whole turn with one look at the clock, its way through the
//! queue included, and nothing is lost between turns: what a thread does besides is paid by the
//! next one that it works for.

use std::{cell::Cell, time::Duration};

use rustix::time::{ClockId, clock_gettime};

use crate::metering::Account;

thread_local! {
    static CLAIMED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static BOOKS_ITSELF: Cell<bool> = const { Cell::new(false) };
}

/// The CPU time that this thread used since it claimed some last.
pub(crate) fn claim() -> Duration {
    let used = read(ClockId::ThreadCPUTime);
    used.saturating_sub(CLAIMED.replace(used))
}

/// The CPU time that this thread used since it claimed some last, if it works for whoever waits for
/// it: what a blocking thread or the control thread did before it wakes a fiber, it did for that one.
pub(super) fn claim_for_waker() -> Duration {
    if BOOKS_ITSELF.get() {
        Duration::ZERO
    } else {
        claim()
    }
}

/// Books on `account` what a blocking thread or the control thread does in `work`, and what it did
/// before for nobody in particular.
pub(crate) fn booked<T>(account: &Account, work: impl FnOnce() -> T) -> T {
    let result = work();
    account.add_cpu_elsewhere(claim());
    result
}

/// This thread is a worker or the reaper: who is woken by it need not pay.
pub(super) fn book_own_time() {
    BOOKS_ITSELF.set(true);
    forgo();
}

/// What this thread has done so far is nobody's.
pub(super) fn forgo() {
    let _before_its_work = claim();
}

/// The CPU time of all threads of this process since it began.
pub(super) fn of_process() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// The time on which all processes of the machine agree.
pub(super) fn since_boot() -> Duration {
    read(ClockId::Monotonic)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
