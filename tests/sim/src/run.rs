//! One seed from its beginning to its end, and what is said of it.
//!
//! Owns how a panic of a core becomes a violation, and how a failing seed is run again for its log.

use std::{
    cell::{Cell, RefCell},
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Once,
    time::Duration,
};

use crate::{
    checker::{Counts, Rule, Violation},
    planted::Planted,
    simulation::Simulation,
    trace::Trace,
};

/// How many lines of a failing seed's log are shown.
const SHOWN_LINES: usize = 60;

/// What came of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many things happened.
    pub steps: u64,
    /// How many faults struck.
    pub faults: u64,
    /// How much time passed in the simulation.
    pub simulated: Duration,
    /// How much of it passed between the end of all trouble and the moment when all was well.
    pub recovery: Duration,
    /// How much was seen.
    pub counts: Counts,
    /// What was wrong first, if anything was.
    pub violation: Option<Violation>,
}

/// Runs a seed.
#[must_use]
pub fn run(seed: u64, planted: Option<Planted>) -> Report {
    simulate(seed, planted, Trace::default()).0
}

/// Runs a seed and keeps its log: a line for each thing that happened.
#[must_use]
pub fn replay(seed: u64, planted: Option<Planted>) -> (Report, String) {
    simulate(seed, planted, Trace::kept())
}

fn simulate(seed: u64, planted: Option<Planted>, trace: Trace) -> (Report, String) {
    let mut simulation = Simulation::new(seed, planted, trace);
    let result = caught(|| simulation.run());
    let report = Report {
        seed,
        steps: simulation.steps,
        faults: simulation.faults,
        simulated: simulation.scene.now.since(crate::moment::Moment::default()),
        recovery: simulation.recovery(),
        counts: simulation.scene.checker.counts(),
        violation: result.err(),
    };
    (report, simulation.scene.trace.into_text())
}

thread_local! {
    static IS_SIMULATING: Cell<bool> = const { Cell::new(false) };
    static PANICKED: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs it; a panic of a core is a violation of its invariants.
fn caught(run: impl FnOnce() -> Result<(), Violation>) -> Result<(), Violation> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IS_SIMULATING.get() {
                PANICKED.with_borrow_mut(|text| *text = info.to_string());
            } else {
                usual(info);
            }
        }));
    });
    IS_SIMULATING.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    IS_SIMULATING.set(false);
    result.unwrap_or_else(|_| {
        Err(Violation {
            rule: Rule::Core,
            what: PANICKED.take(),
        })
    })
}

/// A seed that failed, with the end of its log and what to type to see all of it.
#[derive(Debug)]
pub struct Failure {
    report: Report,
    planted: Option<Planted>,
    log: String,
}

impl Failure {
    /// Runs a seed that failed again, for its log.
    #[must_use]
    pub fn of(seed: u64, planted: Option<Planted>) -> Self {
        let (report, log) = replay(seed, planted);
        Self {
            report,
            planted,
            log,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<&str> = self.log.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)) {
            writeln!(formatter, "{line}")?;
        }
        let seed = self.report.seed;
        match &self.report.violation {
            Some(violation) => writeln!(formatter, "seed {seed} failed: {violation}")?,
            None => writeln!(
                formatter,
                "seed {seed} failed once, and not when it was run again"
            )?,
        }
        let plant = self
            .planted
            .map_or_else(String::new, |bug| format!(" --plant {bug}"));
        write!(
            formatter,
            "see all of it: cargo xtask sim --seed {seed}{plant}"
        )
    }
}

/// A number that two logs share only if they are the same (but for an accident): FNV-1a.
#[must_use]
pub fn fingerprint(log: &str) -> u64 {
    log.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
