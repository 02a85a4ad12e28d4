//! How far CPU time is from the shares that weights give.
//!
//! Shares are those of the CPU time that the guests got together, so that a machine with other work
//! on it does not count as unfair; with two workers it still does, where only one is held up.

use std::{thread, time::Duration};

use stoker_agent_runner::measure::Crowd;
use stoker_types::{Milli, TaskInfo};

use super::{
    Laboratory,
    guests::{float, seconds, spinning, task},
    report::Figure,
};
use crate::figures::number;

const WINDOWS: usize = 10;

/// Shares of 1:2:4 in windows of a second.
pub(super) fn weighted(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let weights = [1, 2, 4];
    let tasks = weights.map(|cpus| task(Milli::from_whole(cpus), Milli::default()));
    let mut figures = Vec::new();
    for (workers, most) in [(1, 0.5), (2, 2.0)] {
        let crowd = spinning(laboratory, &tasks, workers)?;
        thread::sleep(Duration::from_millis(200));
        let windows = (0..WINDOWS).map(|_| {
            let errors = errors_of_window(&crowd, &weights, workers, Duration::from_secs(1));
            errors.into_iter().fold(0.0, f64::max)
        });
        let name = format!("shares 1:2:4 on {workers} workers: worst error over a second");
        figures.push(Figure::of(name, "%", windows).at_most(most));
    }
    Ok(figures)
}

/// A thousand guests of weights from 1 to 8, over ten seconds.
pub(super) fn thousand(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let weights: Vec<u64> = (0..1000).map(|index| index % 8 + 1).collect();
    let tasks: Vec<TaskInfo> = weights
        .iter()
        .map(|cpus| task(Milli::from_whole(*cpus), Milli::default()))
        .collect();
    let crowd = spinning(laboratory, &tasks, 2)?;
    thread::sleep(Duration::from_secs(1));
    let mut errors = errors_of_window(&crowd, &weights, 2, Duration::from_secs(10));
    errors.sort_by(f64::total_cmp);
    let p99 = errors[errors.len() * 99 / 100];
    Ok(vec![
        Figure::of(
            "1,000 spinning, weights 1 to 8: share error over 10 s, p99",
            "%",
            [p99],
        )
        .at_most(10.0),
        Figure::of("  all", "%", errors),
    ])
}

/// How far each is from its part of what all got, in percent.
fn errors_of_window(crowd: &Crowd, weights: &[u64], workers: usize, time: Duration) -> Vec<f64> {
    let before = crowd.used();
    thread::sleep(time);
    let used: Vec<f64> = crowd
        .used()
        .iter()
        .zip(&before)
        .map(|(now, before)| seconds(now.cpu - before.cpu))
        .collect();
    errors(&used, weights, workers)
}

/// How far each of `used` is from its part by weight, in percent.
pub(super) fn errors(used: &[f64], weights: &[u64], workers: usize) -> Vec<f64> {
    let total: f64 = used.iter().sum();
    let expected = water_filling(weights, workers);
    let all: f64 = expected.iter().sum();
    let error = |(used, part): (&f64, &f64)| (used / (total * part / all) - 1.0).abs() * 100.0;
    used.iter().zip(&expected).map(error).collect()
}

/// The workers that each gets: by weight, but none more than one.
fn water_filling(weights: &[u64], workers: usize) -> Vec<f64> {
    let mut left = number(workers);
    let mut total = float(weights.iter().sum());
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(weights[*index]));
    let mut parts = vec![0.0; weights.len()];
    for index in order {
        let weight = float(weights[index]);
        parts[index] = (left * weight / total).min(1.0);
        left -= parts[index];
        total -= weight;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_than_one_worker_and_the_rest_is_shared() {
        let rounded = |weights: &[u64], workers| -> Vec<f64> {
            let parts = water_filling(weights, workers);
            parts.iter().map(|part| (part * 1000.0).round()).collect()
        };
        assert_eq!(rounded(&[1, 1], 1), [500.0, 500.0]);
        assert_eq!(rounded(&[1, 2, 4], 2), [333.0, 667.0, 1000.0]);
        assert_eq!(rounded(&[4], 2), [1000.0]);
    }
}
