//! Shares the machine's CPU between runners: a second, smaller state machine beside the
//! [`Agent`](crate::Agent), because shares must not wait until an agent that is busy with launches
//! has the time.
//!
//! ```text
//!   Load, Guarantee ──▶ ┌──────────────────────────┐ ──▶ Budget
//!   Joined, Left    ──▶ │ shares    who gets what  │
//!   Seen            ──▶ │ supply    what there is  │ ──▶ Look
//!   Tick            ──▶ │ backstop  who obeys      │ ──▶ Pause, Continue, Kill
//!                       └──────────────────────────┘
//! ```
//!
//! - While all runners together want no more than the machine has for them, nobody has a budget.
//!   What other programs take of it is not there to be shared (`supply`).
//! - When they want more, each gets its max-min fair share by the cpus of its tasks (`shares`).
//!   One that wants less than its guarantee has that for a budget: it may begin to use it without
//!   asking, and what others were lent of it is taken back when it has told, within two
//!   [`DECIDE_EVERY`].
//! - Those that get less than they want take turns in each window (`turns`).
//! - Each is told what holds when it is left alone: its guarantee. Without a daemon nobody lends.
//! - What a runner tells of itself is believed as far as the kernel says the same. One that uses
//!   more than its budget is paced by signals, and ended if it does so again (`backstop`).
//!
//! Its driver calls [`Governor::handle`] with [`GovernorInput::Tick`] at [`Governor::deadline`].
//! Owns shares and distrust; never does I/O, never reads a clock.

mod backstop;
mod machine;
mod member;
mod pace;
mod shares;
mod supply;
mod traffic;
mod turns;

pub use self::{
    machine::{DECIDE_EVERY, Governor},
    traffic::{GovernorEffect, GovernorInput, GovernorView, Sight},
};

use std::time::Duration;

use stoker_types::runner::BUDGET_WINDOW;

/// Nanoseconds a window, of what was used in some time. All if that is past any number.
fn rate(used: Duration, time: Duration) -> u64 {
    let rate = used.as_nanos().saturating_mul(BUDGET_WINDOW.as_nanos()) / time.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// What a rate comes to in some time, in nanoseconds.
fn worth(rate: u64, time: Duration) -> u64 {
    let worth = u128::from(rate).saturating_mul(time.as_nanos()) / BUDGET_WINDOW.as_nanos();
    u64::try_from(worth).unwrap_or(u64::MAX)
}

/// For people: a rate in cores, with two decimals.
fn cores(rate: u64) -> String {
    let hundredths = u128::from(rate) * 100 / BUDGET_WINDOW.as_nanos();
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
