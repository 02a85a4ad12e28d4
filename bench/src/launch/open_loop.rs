//! When tasks arrive in the open loop: at random (a Poisson process), and fixed by a seed.

use std::time::Duration;

use stoker_types::IdGenerator;

/// Times of arrival, from the start.
#[derive(Debug)]
pub(crate) struct Arrivals {
    random: IdGenerator,
    /// Arrivals a second.
    rate: f64,
    last: f64,
}

impl Arrivals {
    pub(crate) const fn new(seed: u64, rate: f64) -> Self {
        Self {
            random: IdGenerator::from_seed(seed),
            rate,
            last: 0.0,
        }
    }

    /// Those of the first `time`.
    pub(crate) fn take_for(self, time: Duration) -> Vec<Duration> {
        self.take_while(|at| *at < time).collect()
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        // 32 bits, which a float holds exactly, above 0 and up to 1.
        let bits = u32::try_from(self.random.next_u64() >> 32).unwrap_or(u32::MAX);
        let random = (f64::from(bits) + 1.0) / (f64::from(u32::MAX) + 1.0);
        self.last -= random.ln() / self.rate;
        Duration::try_from_secs_f64(self.last).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_arrivals_again_at_about_the_rate_and_in_order() {
        let second = Duration::from_secs(1);
        let arrivals = Arrivals::new(7, 1000.0).take_for(second);
        assert_eq!(arrivals, Arrivals::new(7, 1000.0).take_for(second));
        assert_ne!(arrivals, Arrivals::new(8, 1000.0).take_for(second));
        assert!((900..1100).contains(&arrivals.len()), "{}", arrivals.len());
        assert!(arrivals.is_sorted());
    }
}
