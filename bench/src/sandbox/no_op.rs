//! A no-op from nothing to nothing left: through a runner's threads, and bare on the same engine.

use stoker_agent_runner::measure::Workers;
use wasmtime::Module;

use super::{
    Laboratory,
    guests::{engine, known, plain, seconds},
    report::Figure,
};
use crate::{cpu, figures::number, yardstick};

const ROUNDS: usize = 5;
const RUNS: usize = 20_000;
const AT_ONCE: usize = 64;
const WORKERS: usize = 2;

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let (path, wasm) = laboratory.guest("noop")?;
    let module = known(Module::new(&engine()?, &wasm))?;
    let workers = known(Workers::start(&module, WORKERS))?;
    workers.run(&plain(), 1000, AT_ONCE);
    let (mut ratios, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let bare = yardstick::bare(&path, RUNS, WORKERS)?;
        let before = cpu::own();
        workers.run(&plain(), RUNS, AT_ONCE);
        let cost = seconds(cpu::own() - before) * 1e6 / number(RUNS);
        ratios.push(cost / (bare.cpu_ms() * 1e3));
        costs.push(cost);
    }
    Ok(vec![
        Figure::of(
            "no-op through a runner's threads ÷ bare wasmtime, CPU",
            "×",
            ratios,
        )
        .at_most(3.0),
        Figure::of("  CPU of one", "µs", costs),
    ])
}
