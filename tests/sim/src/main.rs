//! `stoker-sim`: runs seeds of the simulation, on as many threads as the machine has cpus.
//!
//! Owns the command line, and what is printed; `cargo xtask sim` is the way to call it.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use stoker_tests_sim::{Failure, Planted, Report, fingerprint, replay, run};

const USAGE: &str = "\
stoker-sim [--seeds N] [--first S] [--plant BUG]   run N seeds, from S on
stoker-sim --seed S [--plant BUG]                  run one seed and print its whole log";

/// How many seeds are run when nobody says it.
const SEEDS: u64 = 100;

/// What the command line asks for.
#[derive(Clone, Copy, Debug)]
struct Wish {
    seeds: u64,
    first: u64,
    one: Option<u64>,
    planted: Option<Planted>,
}

fn main() -> ExitCode {
    match wish(std::env::args().skip(1)) {
        Err(problem) => {
            complain(&format!("error: {problem}\n\n{USAGE}"));
            ExitCode::from(2)
        }
        Ok(wish) => match wish.one {
            Some(seed) => show(seed, wish.planted),
            None => run_all(wish),
        },
    }
}

fn wish(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish {
        seeds: SEEDS,
        first: 1,
        one: None,
        planted: None,
    };
    while let Some(flag) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{flag} wants a value"))?;
        let number = || {
            let parsed = value.parse::<u64>();
            parsed.map_err(|_| format!("{value:?} is no number, behind {flag}"))
        };
        match flag.as_str() {
            "--seeds" => wish.seeds = number()?,
            "--first" => wish.first = number()?,
            "--seed" => wish.one = Some(number()?),
            "--plant" => wish.planted = Some(value.parse().map_err(|error| format!("{error}"))?),
            _ => return Err(format!("there is no {flag}")),
        }
    }
    Ok(wish)
}

/// Prints the whole log of one seed.
fn show(seed: u64, planted: Option<Planted>) -> ExitCode {
    let (report, log) = replay(seed, planted);
    say(&log);
    say(&format!(
        "{}\nlog {:016x}\n",
        describe(&report),
        fingerprint(&log)
    ));
    match report.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            complain(&format!("seed {seed} failed: {violation}"));
            ExitCode::FAILURE
        }
    }
}

/// What all seeds together came to.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    seeds: u64,
    steps: u64,
    faults: u64,
    simulated: Duration,
    launches: u64,
    slowest_recovery: Duration,
}

fn run_all(wish: Wish) -> ExitCode {
    let started = Instant::now();
    let (next, has_failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let total = Mutex::new((Total::default(), Vec::<Report>::new()));
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !has_failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= wish.seeds {
                        return;
                    }
                    let report = run(wish.first.wrapping_add(index), wish.planted);
                    has_failed.fetch_or(report.violation.is_some(), Ordering::Relaxed);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    add(&mut total.0, &report);
                    total
                        .1
                        .extend(Some(report).filter(|report| report.violation.is_some()));
                }
            });
        }
    });
    let (total, mut failed) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    say(&summary(&total, started.elapsed()));
    failed.sort_unstable_by_key(|report| report.seed);
    match failed.into_iter().next() {
        None => ExitCode::SUCCESS,
        Some(report) => {
            complain(&Failure::of(report.seed, wish.planted).to_string());
            ExitCode::FAILURE
        }
    }
}

fn add(total: &mut Total, report: &Report) {
    total.seeds += 1;
    total.steps += report.steps;
    total.faults += report.faults;
    total.simulated += report.simulated;
    total.launches += report.counts.launches;
    total.slowest_recovery = total.slowest_recovery.max(report.recovery);
}

fn summary(total: &Total, took: Duration) -> String {
    let tenths = |count: u64| {
        let per = u128::from(count) * 10_000_000 / took.as_micros().max(1);
        format!("{}.{}", per / 10, per % 10)
    };
    format!(
        "simulation: {} seeds in {} s ({} seeds/s), {} simulated hours, {} faults, {} launches, \
         {} steps ({} steps/s), all well at most {} s after the end of all trouble\n",
        total.seeds,
        took.as_secs(),
        tenths(total.seeds),
        total.simulated.as_secs() / 3600,
        total.faults,
        total.launches,
        total.steps,
        tenths(total.steps),
        total.slowest_recovery.as_secs(),
    )
}

fn describe(report: &Report) -> String {
    format!(
        "seed {}: {} steps, {} faults, {} s, {:?}",
        report.seed,
        report.steps,
        report.faults,
        report.simulated.as_secs(),
        report.counts,
    )
}

fn say(text: &str) {
    // Whoever reads may have left: nothing is lost.
    drop(io::stdout().write_all(text.as_bytes()));
}

fn complain(text: &str) {
    drop(io::stderr().write_all(format!("{text}\n").as_bytes()));
}
