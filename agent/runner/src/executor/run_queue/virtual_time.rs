//! Virtual time: CPU time divided by what pays for it.

use std::{ops::AddAssign, time::Duration};

use stoker_types::Milli;

/// The steps in a nanosecond, so that a short slice of a heavy task, or one shared by thousands,
/// still counts for something.
const STEPS_PER_NANO: u64 = 1 << 20;
/// Up to here the steps of so many nanoseconds, times 1,000, fit a `u64`: a division is quick.
const QUICK_NANOS: u64 = u64::MAX / STEPS_PER_NANO / 1000;

/// A billion cores.
const GREATEST_WEIGHT: u64 = 1_000_000_000_000;

/// How far something has got, in CPU time of one that has a whole core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct VirtualTime(u128);

impl VirtualTime {
    /// What `cpu` time amounts to for one that weighs so many thousandths of a core.
    pub(super) fn of(cpu: Duration, weight: Weight) -> Self {
        let nanos = cpu.as_nanos();
        match u64::try_from(nanos) {
            Ok(nanos) if nanos <= QUICK_NANOS => {
                Self(u128::from(nanos * STEPS_PER_NANO * 1000 / weight.0))
            }
            _ => {
                let steps = nanos.saturating_mul(u128::from(STEPS_PER_NANO) * 1000);
                Self(steps / u128::from(weight.0))
            }
        }
    }

    /// So much earlier; the beginning at the earliest.
    pub(super) const fn minus(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

impl AddAssign for VirtualTime {
    fn add_assign(&mut self, more: Self) {
        self.0 = self.0.saturating_add(more.0);
    }
}

/// What something pays with: thousandths of a core, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weight(u64);

impl Weight {
    /// The weight of `cpus`; that of nothing is the least, and there is a greatest, so that any
    /// number of them can be summed.
    pub(super) fn of(cpus: Milli) -> Self {
        Self::of_sum(cpus.thousandths().min(GREATEST_WEIGHT))
    }

    /// The weight of so many thousandths together.
    pub(super) fn of_sum(thousandths: u64) -> Self {
        Self(thousandths.max(1))
    }

    /// In thousandths of a core.
    pub(super) const fn thousandths(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_weighs_twice_as_much_gets_half_as_far() {
        let of = |cpus: &str, nanos| {
            VirtualTime::of(
                Duration::from_nanos(nanos),
                Weight::of(cpus.parse().unwrap()),
            )
        };
        assert_eq!(of("1", 500), of("2", 1000));
        assert_eq!(of("0.25", 1), of("1", 4));
        assert!(of("1000000", 1) > VirtualTime::default());
    }

    #[test]
    fn long_times_are_exact_too() {
        let short = Duration::from_nanos(QUICK_NANOS);
        let long = Duration::from_nanos(QUICK_NANOS * 2);
        let weight = Weight::of_sum(3);
        let mut twice = VirtualTime::of(short, weight);
        twice += VirtualTime::of(short, weight);
        // Each of the halves was rounded down.
        let apart = VirtualTime::of(long, weight).minus(twice);
        assert!(apart <= VirtualTime(1), "{apart:?}");
        let _no_panic = VirtualTime::of(Duration::MAX, Weight::of(Milli::default()));
    }
}
