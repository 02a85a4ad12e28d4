//! `stoker-bench-wasmtime MODULE COUNT THREADS`: runs a WASI command module again and again on the
//! engine of a runner, in one process, with nothing of Stoker around it. Prints what that took as
//! JSON. A program of its own, so that its CPU time is nobody else's.
//!
//! Each run has a store, a WASI context, a fiber and fuel of its own, like a task. It has no limiter,
//! no output, no account and no fair turn.

use std::{
    env,
    io::{self, Write as _},
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use stoker_agent_runner::engine::{self, MemoryProfile};
use wasmtime::{Engine, Error, InstancePre, Linker, Module, Result, Store};
use wasmtime_wasi::{
    I32Exit, WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

/// The places of the pool: those of a runner.
const SLOTS: u32 = engine::DEFAULT_SLOTS;
/// As much fuel as anyone needs, in slices of a runner's.
const FUEL: u64 = 1 << 62;
const SLICE: u64 = 1_000_000;
/// The runs before anything is measured.
const WARM_UP: usize = 100;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, count, threads] = arguments.as_slice() else {
        return Err(Error::msg(
            "usage: stoker-bench-wasmtime MODULE COUNT THREADS",
        ));
    };
    let (count, threads): (usize, usize) = (count.parse()?, threads.parse()?);
    let engine = engine::for_yardstick(MemoryProfile::detect(), SLOTS)?;
    let module = Module::from_file(&engine, module)?;
    let mut linker = Linker::new(&engine);
    p1::add_to_linker_async(&mut linker, |context: &mut WasiP1Ctx| context)?;
    let module = linker.instantiate_pre(&module)?;
    run_all(&engine, &module, WARM_UP, threads)?;

    let each = count.div_ceil(threads.max(1));
    let (cpu_before, start) = (cpu_time(), Instant::now());
    run_all(&engine, &module, each, threads)?;
    let (wall, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu_before));
    let answer = serde_json::json!({
        "count": each * threads,
        "wall_seconds": wall.as_secs_f64(),
        "cpu_seconds": cpu.as_secs_f64(),
    });
    writeln!(io::stdout().lock(), "{answer}")?;
    Ok(())
}

fn run_all(
    engine: &Engine,
    module: &InstancePre<WasiP1Ctx>,
    each: usize,
    threads: usize,
) -> Result<()> {
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (engine, module) = (engine.clone(), module.clone());
            thread::spawn(move || -> Result<()> {
                let runtime = tokio::runtime::Builder::new_current_thread().build()?;
                runtime.block_on(async {
                    for _ in 0..each {
                        run(&engine, &module).await?;
                    }
                    Ok(())
                })
            })
        })
        .collect();
    for worker in workers {
        worker
            .join()
            .unwrap_or_else(|_| Err(Error::msg("a thread panicked")))?;
    }
    Ok(())
}

/// From nothing to nothing left.
async fn run(engine: &Engine, module: &InstancePre<WasiP1Ctx>) -> Result<()> {
    let context = WasiCtxBuilder::new()
        .arg("noop.wasm")
        .allow_blocking_current_thread(false)
        .build_p1();
    let mut store = Store::new(engine, context);
    store.set_fuel(FUEL)?;
    store.fuel_async_yield_interval(Some(SLICE))?;
    let instance = module.instantiate_async(&mut store).await?;
    let entry = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
    match entry.call_async(&mut store, ()).await {
        Ok(()) => Ok(()),
        Err(error)
            if error
                .downcast_ref::<I32Exit>()
                .is_some_and(|exit| exit.0 == 0) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
