//! How fast guests compute in a runner, beside bare wasmtime with fuel and without.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use stoker_agent_runner::measure::Workers;
use wasmtime::{InstancePre, Linker, Module, Store};
use wasmtime_wasi::{
    I32Exit, WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

use super::{
    Laboratory,
    guests::{engine, known, plain, seconds, unmetered},
    report::Figure,
};

/// Each with the rounds that take some tenths of a second.
const KERNELS: [(&str, u32); 6] = [
    ("matmul", 500),
    ("sieve", 800),
    ("sha", 1500),
    ("fib", 1500),
    ("interp", 1000),
    ("sort", 1000),
];
const ROUNDS: usize = 5;
const GUEST: &str = "kernels";

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let (_, wasm) = laboratory.guest(GUEST)?;
    // The very same code in both: how fast it runs depends on where it lies.
    let module = known(Module::new(&engine()?, &wasm))?;
    let workers = known(Workers::start(&module, 1))?;
    let metered = known(Bare::new(&module, true))?;
    let module = known(Module::new(&unmetered()?, &wasm))?;
    let unmetered = known(Bare::new(&module, false))?;
    let mut figures = Vec::new();
    for (kernel, rounds) in KERNELS {
        let arguments = [kernel.to_owned(), rounds.to_string()];
        let mut task = plain();
        task.arguments = arguments.to_vec();
        let (mut in_runner, mut without) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let before = metered.run(&arguments)?;
            let here = seconds(workers.time(&task));
            let after = metered.run(&arguments)?;
            in_runner.push(f64::midpoint(before, after) / here);
            without.push(unmetered.run(&arguments)? / here);
        }
        let name = format!("{kernel}: in a runner ÷ bare wasmtime with fuel, speed");
        figures.push(Figure::of(name, "×", in_runner).at_least(0.97));
        figures.push(Figure::of(
            "  ÷ bare wasmtime without metering",
            "×",
            without,
        ));
    }
    Ok(figures)
}

/// A module on an engine with nothing of Stoker around it.
struct Bare {
    module: InstancePre<WasiP1Ctx>,
    is_metered: bool,
}

impl Bare {
    fn new(module: &Module, is_metered: bool) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(module.engine());
        p1::add_to_linker_async(&mut linker, |context: &mut WasiP1Ctx| context)?;
        Ok(Self {
            module: linker.instantiate_pre(module)?,
            is_metered,
        })
    }

    /// The CPU time of one run, in seconds.
    fn run(&self, arguments: &[String]) -> anyhow::Result<f64> {
        let context = WasiCtxBuilder::new().arg(GUEST).args(arguments).build_p1();
        let mut store = Store::new(self.module.module().engine(), context);
        if self.is_metered {
            known(store.set_fuel(u64::MAX))?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let before = thread_cpu();
        let ran = runtime.block_on(async {
            let instance = self.module.instantiate_async(&mut store).await?;
            let entry = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
            let ended = entry.call_async(&mut store, ()).await;
            match ended {
                Err(error)
                    if error
                        .downcast_ref::<I32Exit>()
                        .is_none_or(|exit| exit.0 != 0) =>
                {
                    Err(error)
                }
                _ => Ok(()),
            }
        });
        known(ran)?;
        Ok(seconds(thread_cpu() - before))
    }
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
