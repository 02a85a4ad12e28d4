//! The ceilings of one task: fuel a second, and CPU time a second if it is strict.

use std::time::{Duration, Instant};

use super::{Share, bucket::Bucket};

/// What a ceiling is kept to at the least: debts are slept off in whole ticks.
pub(super) const TICK: Duration = Duration::from_millis(5);
/// What a task that did not use its fuel may save.
const FUEL_BURST: Duration = Duration::from_secs(1);
/// What a strict task that did not use its CPU time may save.
const CPU_BURST: Duration = Duration::from_millis(100);
/// The least fuel of a slice, however low the rate: below, the slice itself is what costs.
const LEAST_SLICE: u64 = 1000;

const FUEL_PER_MFUEL_THOUSANDTH: u64 = 1000;
const NANOS_PER_CPU_THOUSANDTH: u64 = 1_000_000;

/// What keeps a task below its ceilings; most tasks have none.
#[derive(Debug)]
pub(super) struct Throttle {
    fuel: Option<Bucket>,
    cpu: Option<Bucket>,
}

impl Throttle {
    /// The ceilings of `share`.
    pub(super) fn new(share: &Share, now: Instant) -> Self {
        let fuel_rate = share
            .fuel
            .thousandths()
            .saturating_mul(FUEL_PER_MFUEL_THOUSANDTH);
        let cpu_rate = share
            .cpus
            .thousandths()
            .saturating_mul(NANOS_PER_CPU_THOUSANDTH);
        Self {
            fuel: (fuel_rate > 0).then(|| Bucket::new(fuel_rate, FUEL_BURST, TICK, now)),
            cpu: share
                .is_strict
                .then(|| Bucket::new(cpu_rate, CPU_BURST, TICK, now)),
        }
    }

    /// The task has used this.
    pub(super) fn charge(&mut self, cpu: Duration, fuel: u64, now: Instant) {
        if let Some(bucket) = &mut self.fuel {
            bucket.take(fuel, now);
        }
        if let Some(bucket) = &mut self.cpu {
            bucket.take(u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX), now);
        }
    }

    /// How long the task is to sleep before it may run.
    pub(super) fn debt(&mut self, now: Instant) -> Duration {
        let debt = |bucket: &mut Option<Bucket>| {
            bucket
                .as_mut()
                .map_or(Duration::ZERO, |bucket| bucket.debt(now))
        };
        debt(&mut self.fuel).max(debt(&mut self.cpu))
    }

    /// The fuel of the next slice, which is at most `quantum`: no more than there is, or than a
    /// tick gives, so that what is burnt ahead of its time stays small.
    pub(super) fn slice(&self, quantum: u64) -> u64 {
        let Some(bucket) = &self.fuel else {
            return quantum;
        };
        let left = bucket.units().max(bucket.worth(TICK)).max(LEAST_SLICE);
        left.min(quantum)
    }
}
