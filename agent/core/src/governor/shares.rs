//! Max-min fair shares of a machine's CPU time, by weight: filled up like vessels with water.
//!
//! Whoever wants less than its part gets what it wants, and what is left of its part is for the
//! others, until nobody wants more or nothing is left. Nobody's share can grow but at the cost of
//! one that has no more for its weight. (Bertsekas and Gallager, *Data Networks*, 6.5.2.)

/// What one runner could use, and what it weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Thousandths of a core. Whoever weighs nothing gets nothing.
    pub(super) weight: u64,
    /// Nanoseconds a window.
    pub(super) demand: u64,
}

/// The share of each claim, in their order, in nanoseconds a window. Together they are what is
/// wanted or `capacity`, whichever is less, and each is at least what is wanted or
/// [guaranteed](guaranteed), whichever is less.
pub(super) fn fair_shares(capacity: u64, claims: &[Claim]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..claims.len())
        .filter(|index| claims[*index].weight > 0)
        .collect();
    // Those first whose vessel is full first. Cross-multiplied: no division loses anything.
    order.sort_by(|one, other| {
        let (one, other) = (claims[*one], claims[*other]);
        let height =
            |claim: Claim, other: Claim| u128::from(claim.demand) * u128::from(other.weight);
        height(one, other).cmp(&height(other, one))
    });
    let mut shares = vec![0; claims.len()];
    let mut left = capacity;
    let mut weights: u128 = order
        .iter()
        .map(|index| u128::from(claims[*index].weight))
        .sum();
    for index in order {
        let Claim { weight, demand } = claims[index];
        // Part by part of what is left, so that rounding gives away no nanosecond twice and keeps
        // none: the last one's part is all of it.
        let share = demand.min(part(left, weight, weights));
        shares[index] = share;
        left -= share;
        weights -= u128::from(weight);
    }
    shares
}

/// What a runner of this weight gets however much all others want, in nanoseconds a window.
pub(super) fn guaranteed(capacity: u64, weight: u64, weights: u128) -> u64 {
    part(capacity, weight, weights)
}

fn part(of: u64, weight: u64, weights: u128) -> u64 {
    let part = u128::from(of) * u128::from(weight) / weights.max(1);
    u64::try_from(part).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CORE: u64 = 50_000_000;

    fn shares(capacity: u64, claims: &[(u64, u64)]) -> Vec<u64> {
        let claim = |&(weight, demand): &(u64, u64)| Claim { weight, demand };
        let claims: Vec<Claim> = claims.iter().map(claim).collect();
        fair_shares(capacity, &claims)
    }

    #[test]
    fn equals_share_equally_however_much_they_want() {
        assert_eq!(
            shares(2 * CORE, &[(1000, 2 * CORE), (1000, CORE)]),
            [CORE, CORE]
        );
        assert_eq!(
            shares(
                2 * CORE,
                &[(1000, 2 * CORE), (1000, 2 * CORE), (2000, 2 * CORE)]
            ),
            [CORE / 2, CORE / 2, CORE]
        );
    }

    #[test]
    fn what_one_does_not_want_goes_to_the_others_by_weight() {
        // A quarter of a core is wanted where a whole one is due; three to one for the rest.
        assert_eq!(
            shares(
                4 * CORE,
                &[(1000, CORE / 4), (3000, 4 * CORE), (1000, 4 * CORE)]
            ),
            [CORE / 4, CORE / 16 * 45, CORE / 16 * 15]
        );
    }

    #[test]
    fn vessels_fill_one_after_the_other() {
        // 10 of 60 each at first; then 14 of 42 with three left, then 17 and 17.
        assert_eq!(
            shares(60, &[(1, 4), (1, 10), (1, 12), (1, 40), (1, 30)]),
            [4, 10, 12, 17, 17]
        );
    }

    #[test]
    fn everybody_gets_all_where_there_is_enough() {
        assert_eq!(shares(100, &[(1, 60), (1000, 40), (0, 0)]), [60, 40, 0]);
        assert_eq!(shares(100, &[]), [] as [u64; 0]);
    }

    #[test]
    fn no_nanosecond_is_lost_to_rounding() {
        assert_eq!(shares(100, &[(1, 100), (1, 100), (1, 100)]), [33, 33, 34]);
    }

    #[test]
    fn what_weighs_nothing_gets_nothing() {
        assert_eq!(shares(100, &[(0, 100), (5, 100)]), [0, 100]);
        assert_eq!(shares(100, &[(0, 100)]), [0]);
    }

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let demand = prop_oneof![Just(0), 0..CORE, 0..200 * CORE, Just(u64::MAX)];
        let weight = prop_oneof![1..10_u64, 1..200_000_u64, 1..u64::MAX];
        let claim = (weight, demand).prop_map(|(weight, demand)| Claim { weight, demand });
        proptest::collection::vec(claim, 0..40)
    }

    proptest! {
        #[test]
        fn shares_are_max_min_fair(capacity in prop_oneof![0..10_u64, 0..200 * CORE], claims in claims()) {
            let shares = fair_shares(capacity, &claims);
            let sum: u128 = shares.iter().copied().map(u128::from).sum();
            let wanted: u128 = claims.iter().map(|claim| u128::from(claim.demand)).sum();
            let weights: u128 = claims.iter().map(|claim| u128::from(claim.weight)).sum();
            // Never more than there is, and nothing idles that anybody wants.
            prop_assert_eq!(sum, wanted.min(u128::from(capacity)));
            for (claim, share) in claims.iter().zip(&shares) {
                prop_assert!(*share <= claim.demand);
                let guarantee = guaranteed(capacity, claim.weight, weights);
                prop_assert!(*share >= guarantee.min(claim.demand));
            }
            // Who wants more has as much for its weight as anyone, but for rounding.
            for (one, own) in claims.iter().zip(&shares) {
                if *own < one.demand {
                    for (other, others) in claims.iter().zip(&shares) {
                        let height = |share: u64, weight: u64| u128::from(share) * u128::from(weight);
                        let nanos = claims.len() as u128;
                        let slack = u128::from(other.weight) + u128::from(one.weight) * nanos;
                        prop_assert!(
                            height(*others, one.weight) <= height(*own, other.weight) + slack
                        );
                    }
                }
            }
        }
    }
}
