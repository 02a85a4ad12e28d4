//! What a ceiling of fuel lets through in windows of a second.

use std::{
    thread,
    time::{Duration, Instant},
};

use stoker_types::Milli;

use super::{
    Laboratory,
    guests::{float, seconds, spinning, task},
    report::Figure,
};

const WINDOWS: usize = 5;

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let rates = [50, 200, 800];
    rates
        .into_iter()
        .map(|mfuel| rate(laboratory, mfuel))
        .collect()
}

fn rate(laboratory: &Laboratory, mfuel: u64) -> anyhow::Result<Figure> {
    let crowd = spinning(
        laboratory,
        &[task(Milli::from_whole(1), Milli::from_whole(mfuel))],
        2,
    )?;
    let mut errors = Vec::new();
    let (mut at, mut fuel) = (Instant::now(), crowd.used()[0].fuel);
    for _ in 0..WINDOWS {
        thread::sleep(Duration::from_secs(1));
        let (now, burnt) = (Instant::now(), crowd.used()[0].fuel);
        let got = float(burnt - fuel) / seconds(now - at);
        errors.push((got / float(mfuel * 1_000_000) - 1.0).abs() * 100.0);
        (at, fuel) = (now, burnt);
    }
    let name = format!("fuel rate {mfuel} Mfuel/s: error over a second");
    Ok(Figure::of(name, "%", errors).at_most(1.0))
}
