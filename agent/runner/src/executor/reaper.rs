//! The thread that drops what is left of guests, if that is much: giving a big memory back takes tens
//! of milliseconds, in which no worker should be held. A small one is dropped in less time than it
//! takes to wake this thread.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    thread,
};

use stoker_types::runner::Outcome;
use tokio::runtime::Handle;

use super::{cpu, fiber::OnEnd};
use crate::metering::Account;

/// What is left of a guest.
pub(super) struct Remains {
    /// Its store, or its whole life if it was cut short.
    pub(super) remains: Box<dyn Send>,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// Where the time is booked that this takes.
    pub(super) account: Arc<Account>,
    /// Who wants to know.
    pub(super) on_end: OnEnd,
}

impl Remains {
    /// Frees everything, then tells the outcome: whoever hears of an end finds the slot free.
    pub(super) fn bury(self) {
        let remains = self.remains;
        if catch_unwind(AssertUnwindSafe(|| drop(remains))).is_err() {
            tracing::error!("a panic while a guest's memory was given back");
        }
        self.account.saw_memory(0);
        self.account.add_cpu(cpu::claim());
        (self.on_end)(self.outcome);
    }
}

/// The way to the reaper.
pub(super) type Graveyard = Sender<Remains>;

/// Starts the reaper, which ends once every way to it is gone.
pub(super) fn start(control: Handle) -> io::Result<Graveyard> {
    let (graveyard, arrivals) = channel::<Remains>();
    thread::Builder::new()
        .name("reaper".to_owned())
        .spawn(move || {
            let _entered = control.enter();
            cpu::book_own_time();
            while let Ok(remains) = arrivals.recv() {
                remains.bury();
            }
        })?;
    Ok(graveyard)
}
