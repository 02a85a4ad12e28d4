//! How long a spinning guest lives after its kill has reached the runner, beside four others.

use super::{
    Laboratory,
    guests::{plain, seconds, spinning},
    report::Figure,
};
use crate::figures::Latency;

const NEIGHBOURS: usize = 4;
const KILLS: usize = 300;
/// As many as fit in the pool with the neighbours.
const AT_ONCE: usize = 100;

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let mut times = Vec::new();
    while times.len() < KILLS {
        let mut crowd = spinning(laboratory, &vec![plain(); NEIGHBOURS + AT_ONCE], 2)?;
        // Down to the neighbours: each is killed beside all that are left.
        times.extend((NEIGHBOURS..NEIGHBOURS + AT_ONCE).map(|index| crowd.kill(index)));
    }
    let mut alone = Vec::new();
    for _ in 0..KILLS {
        let mut crowd = spinning(laboratory, &vec![plain(); NEIGHBOURS + 1], 2)?;
        alone.push(crowd.kill(NEIGHBOURS));
    }
    let latency = Latency::of(times.iter().copied());
    let few = Latency::of(alone.iter().copied());
    let p99 = Figure::of("kill beside 4 spinning neighbours, p99", "ms", [few.p99_ms]);
    let all = times.iter().map(|time| seconds(*time) * 1e3);
    Ok(vec![
        p99.at_most(20.0),
        Figure::of("  p50", "ms", [few.p50_ms]),
        Figure::of(
            "kill beside 4 to 103 spinning ones, p99",
            "ms",
            [latency.p99_ms],
        ),
        Figure::of("  all", "ms", all),
    ])
}
