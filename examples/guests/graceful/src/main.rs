//! Works in small steps until it is told to end, then says how far it came, and ends. This is what a
//! task does that has something to finish when it is killed.
//!
//! `stoker_stop` runs on top of whatever the program does at that moment, as a signal handler would:
//! it sets a flag and nothing else. A sleep is over at once when the program is told.

use std::{
    io::Write as _,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

static STOPPING: AtomicBool = AtomicBool::new(false);

/// Called once when the task is killed; its grace runs from then on.
#[allow(unsafe_code, reason = "nothing else has this name")]
#[unsafe(no_mangle)]
pub extern "C" fn stoker_stop() {
    STOPPING.store(true, Relaxed);
}

fn main() {
    println!("working");
    // Whoever reads along sees it now.
    drop(std::io::stdout().flush());
    let mut steps = 0_u64;
    while !STOPPING.load(Relaxed) {
        std::thread::sleep(Duration::from_secs(3600));
        steps += 1;
    }
    println!("told to end in step {steps}: done");
}
