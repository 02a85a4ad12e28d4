//! When in a window each runner begins to use its share.
//!
//! Budgets alone do not give all the cores to those that want them. Of two cores, A wants one all
//! the time, B may have a third of one and C two thirds. Where B and C begin together, all three
//! compete for two cores, and when B and C have used up their budgets, A cannot make up for that: it
//! has one thread, and a core idles.
//!
//! ```text
//!        together           in turns
//!   0  │ A B C │          │ A │ B │
//!      │ A B C │          │ A │ B │
//!      │ A C   │          │ A │ C │
//!   50 │ A _   │          │ A │ C │
//! ```
//!
//! So those that want more than their share follow one another round the window; whoever is past
//! its end goes on at its beginning. (McNaughton, *Scheduling with deadlines and loss functions*,
//! Management Science 6, 1959: the wrap-around rule.) A turn is a hint and costs nobody anything:
//! what a runner does not use in its turn it may use in all of the window that follows.

use stoker_types::runner::BUDGET_WINDOW;

use super::shares::Claim;

/// How far into a window each begins, in nanoseconds and in the order of the claims, if they get
/// these shares of what is `available`.
pub(super) fn turns(available: u64, claims: &[Claim], shares: &[u64]) -> Vec<u64> {
    let window = BUDGET_WINDOW.as_nanos();
    let is_short = |(claim, share): (&Claim, &u64)| *share < claim.demand;
    let of_others: u64 = claims
        .iter()
        .zip(shares)
        .filter(|pair| !is_short(*pair))
        .map(|(_, share)| share)
        .sum();
    // What those share that want more.
    let left = available.saturating_sub(of_others);
    let mut begins = 0;
    let offset = |(claim, share): (&Claim, &u64)| {
        if !is_short((claim, share)) {
            return 0;
        }
        let offset = begins;
        // As fast as it can: on as many cores as it has threads for, and as there are for it.
        let speed = u128::from(claim.demand.min(left).max(1));
        begins = (begins + u128::from(*share) * window / speed) % window;
        u64::try_from(offset).unwrap_or(0)
    };
    claims.iter().zip(shares).map(offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: u64 = 50_000_000;

    fn offsets(cores: u64, runners: &[(u64, u64)]) -> Vec<u64> {
        let claim = |&(demand, _): &(u64, u64)| Claim { weight: 1, demand };
        let claims: Vec<Claim> = runners.iter().map(claim).collect();
        let shares: Vec<u64> = runners.iter().map(|(_, share)| *share).collect();
        turns(cores * CORE, &claims, &shares)
    }

    #[test]
    fn those_that_want_more_share_what_others_leave_one_after_the_other() {
        let others = [(CORE, CORE), (CORE, CORE / 3), (CORE, CORE / 3 * 2)];
        assert_eq!(offsets(2, &others), [0, 0, CORE / 3]);
    }

    #[test]
    fn whoever_is_past_the_end_goes_on_at_the_beginning() {
        let thirds = [(CORE, CORE / 5 * 4); 3];
        let offsets = offsets(3, &[thirds[0], thirds[1], thirds[2]]);
        assert_eq!(offsets, [0, CORE / 5 * 4, CORE / 5 * 3]);
    }

    #[test]
    fn wide_ones_take_as_much_shorter() {
        let halves = [(2 * CORE, CORE), (2 * CORE, CORE / 2), (2 * CORE, CORE / 2)];
        assert_eq!(offsets(2, &halves), [0, CORE / 2, CORE / 4 * 3]);
    }

    #[test]
    fn nobody_begins_later_who_gets_all_that_it_wants() {
        assert_eq!(offsets(2, &[(CORE / 2, CORE / 2), (0, 0)]), [0, 0]);
        assert_eq!(offsets(2, &[]), [] as [u64; 0]);
    }
}
