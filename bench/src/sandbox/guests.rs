//! Tasks and engines of the measurements in this process.

use std::time::Duration;

use stoker_agent_runner::{
    engine::{self, MemoryProfile},
    measure::{Crowd, Workers},
};
use stoker_types::{Milli, ModuleReference, Resources, TaskInfo, TaskLimits};
use wasmtime::{Engine, Module};

use super::Laboratory;

/// The places of the pool.
const SLOTS: u32 = 1100;

/// Wasmtime's errors in the words of all others here: they are no `std::error::Error`.
pub(super) fn known<T>(result: wasmtime::Result<T>) -> anyhow::Result<T> {
    result.map_err(|error| anyhow::anyhow!("{error:?}"))
}

/// The engine of a runner.
pub(super) fn engine() -> anyhow::Result<Engine> {
    known(engine::for_yardstick(MemoryProfile::Large, SLOTS))
}

/// The same without metering.
pub(super) fn unmetered() -> anyhow::Result<Engine> {
    known(engine::for_yardstick_unmetered(MemoryProfile::Large, SLOTS))
}

/// A crowd of guests that spin for ever.
pub(super) fn spinning(
    laboratory: &Laboratory,
    tasks: &[TaskInfo],
    workers: usize,
) -> anyhow::Result<Crowd> {
    let (_, wasm) = laboratory.guest("spin")?;
    let module = known(Module::new(&engine()?, &wasm))?;
    known(Workers::start(&module, workers).and_then(|workers| Crowd::start(workers, tasks)))
}

/// A task of these cpus, and this ceiling in Mfuel/s, or none.
pub(super) fn task(cpus: Milli, fuel: Milli) -> TaskInfo {
    TaskInfo {
        // It is as good as any, and each is alone.
        id: "task".parse().expect("a valid id"),
        name: String::new(),
        module: ModuleReference::File("/guest.wasm".into()),
        module_digest: None,
        resources: Resources {
            cpus,
            fuel,
            mem: 64 << 20,
            ..Resources::default()
        },
        arguments: Vec::new(),
        program_name: String::new(),
        environment: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        limits: TaskLimits::default(),
    }
}

/// A task of one cpu, without a ceiling.
pub(super) fn plain() -> TaskInfo {
    task(Milli::from_whole(1), Milli::default())
}

/// Seconds, for quotients.
pub(super) fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// Exact up to 2^53, and close enough beyond.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) const fn float(number: u64) -> f64 {
    number as f64
}
