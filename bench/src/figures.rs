//! Figures of several measurements: median and extremes, and percentiles of times.

use std::time::Duration;

use serde::Serialize;

/// What several rounds gave for one figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Rounds {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Rounds {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) && middle > 0 {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Self {
            median,
            min: values[0],
            max: values[values.len() - 1],
        }
    }
}

/// The distribution of a time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Latency {
    /// Of at least one time.
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort_unstable();
        // The smallest time that no fewer than so many per thousand do not exceed.
        let at = |per_thousand: usize| {
            let rank = (times.len() * per_thousand).div_ceil(1000).max(1);
            milliseconds(times[rank - 1])
        };
        Self {
            p50_ms: at(500),
            p90_ms: at(900),
            p99_ms: at(990),
            max_ms: at(1000),
        }
    }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A count for a quotient; exact for all counts of a benchmark.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are far below 2^52"
)]
pub(crate) const fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_it() {
        let odd = Rounds::of([3.0, 1.0, 8.0]);
        assert_eq!((odd.min, odd.median, odd.max), (1.0, 3.0, 8.0));
        let even = Rounds::of([4.0, 1.0, 2.0, 8.0]);
        assert_eq!(even.median.to_bits(), 3f64.to_bits());
    }

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let latency = Latency::of((1..=200).rev().map(Duration::from_millis));
        let all = [
            latency.p50_ms,
            latency.p90_ms,
            latency.p99_ms,
            latency.max_ms,
        ];
        assert_eq!(all.map(f64::round), [100.0, 180.0, 198.0, 200.0]);
        let one = Latency::of([Duration::from_millis(7)]);
        assert_eq!([one.p50_ms, one.p99_ms].map(f64::round), [7.0, 7.0]);
    }
}
