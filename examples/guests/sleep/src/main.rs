//! Sleeps for its first argument in milliseconds, says so, and ends. It uses no processor time while it
//! waits.

use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let Some(milliseconds) = std::env::args().nth(1).and_then(|text| text.parse().ok()) else {
        eprintln!("sleep: usage: sleep MILLISECONDS");
        return ExitCode::from(2);
    };
    std::thread::sleep(Duration::from_millis(milliseconds));
    println!("slept {milliseconds} ms");
    ExitCode::SUCCESS
}
