//! Shares: how much of the cluster someone holds, as an exact fraction.
//!
//! Owns the comparison that fairness rests on. Never a float: fractions are compared by
//! cross-multiplication, and by Euclid's algorithm where a product would not fit.

use std::{cmp::Ordering, collections::BTreeMap};

use stoker_types::Resources;

/// Sums of resources over many agents. Ports have no share: which ones they are matters, not how
/// many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    cpus: u128,
    mem: u128,
    disk: u128,
    fuel: u128,
    custom: BTreeMap<String, u128>,
}

impl Amounts {
    /// Whether all sums are zero.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts `resources` in.
    pub(crate) fn add(&mut self, resources: &Resources) {
        let (cpus, fuel) = (resources.cpus.thousandths(), resources.fuel.thousandths());
        self.cpus = self.cpus.saturating_add(u128::from(cpus));
        self.mem = self.mem.saturating_add(u128::from(resources.mem));
        self.disk = self.disk.saturating_add(u128::from(resources.disk));
        self.fuel = self.fuel.saturating_add(u128::from(fuel));
        for (name, amount) in &resources.custom {
            let sum = self.custom.entry(name.clone()).or_default();
            *sum = sum.saturating_add(u128::from(amount.thousandths()));
        }
        self.custom.retain(|_, sum| *sum > 0);
    }

    /// Counts `resources`, which were counted in before, out again.
    pub(crate) fn subtract(&mut self, resources: &Resources) {
        let (cpus, fuel) = (resources.cpus.thousandths(), resources.fuel.thousandths());
        self.cpus = self.cpus.saturating_sub(u128::from(cpus));
        self.mem = self.mem.saturating_sub(u128::from(resources.mem));
        self.disk = self.disk.saturating_sub(u128::from(resources.disk));
        self.fuel = self.fuel.saturating_sub(u128::from(fuel));
        for (name, amount) in &resources.custom {
            if let Some(sum) = self.custom.get_mut(name) {
                *sum = sum.saturating_sub(u128::from(amount.thousandths()));
            }
        }
        self.custom.retain(|_, sum| *sum > 0);
    }

    /// The largest fraction of `total` that this is, over all kinds of resources, divided by
    /// `weight`.
    pub(crate) fn dominant_share(&self, total: &Self, weight: u64) -> Share {
        let custom = self.custom.iter().map(|(name, amount)| {
            Share::new(*amount, total.custom.get(name).copied().unwrap_or(0))
        });
        let largest = [
            Share::new(self.cpus, total.cpus),
            Share::new(self.mem, total.mem),
            Share::new(self.disk, total.disk),
            Share::new(self.fuel, total.fuel),
        ]
        .into_iter()
        .chain(custom)
        .max()
        .unwrap_or(Share::NOTHING);
        largest.divided_by(weight)
    }
}

/// A fraction of the cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    numerator: u128,
    denominator: u128,
}

impl Share {
    /// Holding nothing.
    pub(crate) const NOTHING: Self = Self {
        numerator: 0,
        denominator: 1,
    };

    /// `part` of `total`; all of it if it is part of nothing (its agent may be gone).
    pub(crate) const fn new(part: u128, total: u128) -> Self {
        match (part, total) {
            (0, _) => Self::NOTHING,
            (_, 0) => Self {
                numerator: 1,
                denominator: 1,
            },
            (numerator, denominator) => Self {
                numerator,
                denominator,
            },
        }
    }

    /// The share as it counts for someone of this weight, which is at least 1.
    const fn divided_by(self, weight: u64) -> Self {
        Self {
            numerator: self.numerator,
            denominator: self.denominator.saturating_mul(weight as u128),
        }
    }
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        let mine = self.numerator.checked_mul(other.denominator);
        let theirs = other.numerator.checked_mul(self.denominator);
        match (mine, theirs) {
            (Some(mine), Some(theirs)) => mine.cmp(&theirs),
            (None, _) | (_, None) => compare_by_euclid(*self, *other),
        }
    }
}

/// Compares whole parts, then the remaining fractions upside down, until they differ.
fn compare_by_euclid(mut left: Share, mut right: Share) -> Ordering {
    loop {
        let whole = (left.numerator / left.denominator).cmp(&(right.numerator / right.denominator));
        if whole != Ordering::Equal {
            return whole;
        }
        let left_rest = left.numerator % left.denominator;
        let right_rest = right.numerator % right.denominator;
        if left_rest == 0 || right_rest == 0 {
            return left_rest.cmp(&right_rest);
        }
        let next_left = Share::new(right.denominator, right_rest);
        right = Share::new(left.denominator, left_rest);
        left = next_left;
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amounts(text: &str) -> Amounts {
        let mut amounts = Amounts::default();
        amounts.add(&text.parse().unwrap());
        amounts
    }

    #[test]
    fn the_dominant_share_is_the_largest_over_all_kinds() {
        let total = amounts("cpus=8;mem=8GiB;gpus=2");
        let share = |text| amounts(text).dominant_share(&total, 1);
        assert_eq!(share("cpus=2;mem=1GiB"), Share::new(1, 4));
        assert_eq!(share("cpus=2;mem=4GiB"), Share::new(1, 2));
        assert_eq!(share("cpus=1;gpus=2"), Share::new(1, 1));
        assert_eq!(share("ports=31000-32000"), Share::NOTHING);
    }

    #[test]
    fn a_weight_of_two_halves_a_share() {
        let total = amounts("cpus=8");
        assert_eq!(
            amounts("cpus=4").dominant_share(&total, 2),
            Share::new(1, 4)
        );
    }

    #[test]
    fn what_is_part_of_nothing_is_a_whole() {
        let total = amounts("cpus=8");
        assert_eq!(
            amounts("gpus=1").dominant_share(&total, 1),
            Share::new(1, 1)
        );
    }

    proptest! {
        #[test]
        fn what_is_counted_in_and_out_leaves_nothing(cpus: u32, mem: u64, fuel: u32) {
            let text = format!("cpus={cpus};mem={mem};fuel={fuel};gpus=1");
            let resources: Resources = text.parse().unwrap();
            let mut amounts = Amounts::default();
            amounts.add(&resources);
            amounts.add(&resources);
            amounts.subtract(&resources);
            amounts.subtract(&resources);
            prop_assert!(amounts.is_empty());
        }

        #[test]
        fn both_ways_of_comparing_agree(a: u64, b in 1..=u64::MAX, c: u64, d in 1..=u64::MAX) {
            let (left, right) = (Share::new(a.into(), b.into()), Share::new(c.into(), d.into()));
            prop_assert_eq!(left.cmp(&right), compare_by_euclid(left, right));
        }

        #[test]
        fn shares_too_large_to_multiply_compare_like_small_ones(a: u32, b in 1..=u32::MAX, c: u32, d in 1..=u32::MAX) {
            let large = |n: u32| u128::from(n) << 95;
            let share = |n: u32, d: u32| Share::new(n.into(), d.into());
            let large_share = |n: u32, d: u32| Share::new(large(n), large(d));
            prop_assert_eq!(share(a, b).cmp(&share(c, d)), large_share(a, b).cmp(&large_share(c, d)));
        }
    }
}
