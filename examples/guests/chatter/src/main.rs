//! Prints COUNT numbered lines, INTERVAL_MS milliseconds apart, each flushed at once: a log to follow. With
//! an interval of 0 it writes as fast as it is let.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .map_while(|text| text.parse().ok())
        .collect();
    let [count, interval_ms] = numbers[..] else {
        eprintln!("chatter: usage: chatter COUNT INTERVAL_MS");
        return ExitCode::from(2);
    };
    match chat(count, Duration::from_millis(interval_ms)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chatter: {error}");
            ExitCode::FAILURE
        }
    }
}

fn chat(count: u64, interval: Duration) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for number in 1..=count {
        if number > 1 && !interval.is_zero() {
            std::thread::sleep(interval);
        }
        writeln!(output, "line {number} of {count}")?;
        output.flush()?;
    }
    Ok(())
}
