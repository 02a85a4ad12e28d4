//! `cargo bench -p stoker-agent-runner [-- shares|thousand|fuel|throughput]`: how fair the executor is,
//! how exact its ceilings are, and what that costs. Prints a table; takes about a minute and a half.
//!
//! Shares are those of the CPU time that the guests got, so that a machine with other work on it
//! does not count as unfair; with two workers it still does, where only one of them is held up.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which ends at the first mistake"
)]

use std::{
    env, fs, thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use stoker_agent_runner::{
    engine::{self, MemoryProfile},
    measure::{Crowd, Used},
};
use stoker_types::{Milli, ModuleReference, Resources, TaskInfo, TaskLimits};
use wasmtime::{Engine, Instance, Module, Store};

/// Counts for ever, 8 units of fuel a round.
const HOG: &str = r#"(module (func (export "_start") (local $i i64) (loop $again
    (local.set $i (i64.add (local.get $i) (i64.const 1)))
    (br_if $again (i64.ne (local.get $i) (i64.const 0))))))"#;

const SLOTS: u32 = 1000;
/// How much the raw engine burns at a time.
const RAW_FUEL: u64 = 4_000_000_000;

fn main() {
    // `cargo test --all-targets` starts this as well, and has no use for figures.
    if env::args().all(|argument| argument != "--bench") {
        return;
    }
    let engine = engine::for_yardstick(MemoryProfile::Large, SLOTS).unwrap();
    let wasm = wat::parse_str(HOG).unwrap();
    let load = || fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before: {}", load().trim());
    let wanted: Vec<String> = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|want| want == name);
    if is_wanted("shares") {
        weighted(&engine, &wasm, 1);
        weighted(&engine, &wasm, 2);
    }
    if is_wanted("thousand") {
        thousand(&engine, &wasm);
    }
    if is_wanted("fuel") {
        for rate in [50, 200, 800] {
            fuel_rate(&engine, &wasm, rate);
        }
    }
    if is_wanted("throughput") {
        for guests in [1, 3, 1000] {
            throughput(&engine, &wasm, guests);
        }
    }
    println!("load after: {}", load().trim());
}

/// Shares of 1:2:4 in windows of a second.
fn weighted(engine: &Engine, wasm: &[u8], workers: usize) {
    let weights = [1, 2, 4];
    let tasks = weights.map(|cpus| task(Milli::from_whole(cpus), Milli::default()));
    let crowd = Crowd::start(engine, wasm, &tasks, workers).unwrap();
    thread::sleep(Duration::from_millis(200));
    let mut errors = Vec::new();
    for _ in 0..10 {
        errors.extend(errors_of_window(
            &crowd,
            &weights,
            workers,
            Duration::from_secs(1),
        ));
    }
    print_errors(&format!("1:2:4, {workers} workers, 1 s windows"), errors);
}

/// A thousand guests of weights from 1 to 8, over ten seconds.
fn thousand(engine: &Engine, wasm: &[u8]) {
    let weights: Vec<u64> = (0..1000).map(|index| index % 8 + 1).collect();
    let tasks: Vec<TaskInfo> = weights
        .iter()
        .map(|cpus| task(Milli::from_whole(*cpus), Milli::default()))
        .collect();
    let crowd = Crowd::start(engine, wasm, &tasks, 2).unwrap();
    thread::sleep(Duration::from_secs(1));
    let errors = errors_of_window(&crowd, &weights, 2, Duration::from_secs(10));
    print_errors("1,000 of weights 1 to 8, 2 workers, 10 s", errors);
}

/// How far each is from its part of what all got.
fn errors_of_window(crowd: &Crowd, weights: &[u64], workers: usize, time: Duration) -> Vec<f64> {
    let before = crowd.used();
    thread::sleep(time);
    let used: Vec<f64> = crowd
        .used()
        .iter()
        .zip(&before)
        .map(|(now, before)| (now.cpu - before.cpu).as_secs_f64())
        .collect();
    let total: f64 = used.iter().sum();
    let expected = water_filling(weights, workers);
    let all: f64 = expected.iter().sum();
    let error = |(used, part): (&f64, &f64)| (used / (total * part / all) - 1.0).abs();
    used.iter().zip(&expected).map(error).collect()
}

/// The workers that each gets: by weight, but none more than one.
fn water_filling(weights: &[u64], workers: usize) -> Vec<f64> {
    let mut left = float(workers as u64);
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

/// What a ceiling lets through in windows of a second, from the start on.
fn fuel_rate(engine: &Engine, wasm: &[u8], rate: u64) {
    let tasks = [task(Milli::from_whole(1), Milli::from_whole(rate))];
    let crowd = Crowd::start(engine, wasm, &tasks, 2).unwrap();
    let mut errors = Vec::new();
    let (mut at, mut fuel) = (Instant::now(), crowd.used()[0].fuel);
    for _ in 0..5 {
        thread::sleep(Duration::from_secs(1));
        let (now, burnt) = (Instant::now(), crowd.used()[0].fuel);
        let got = float(burnt - fuel) / (now - at).as_secs_f64();
        errors.push((got / float(rate * 1_000_000) - 1.0).abs());
        (at, fuel) = (now, burnt);
    }
    print_errors(&format!("{rate} Mfuel/s, 1 s windows"), errors);
    let cpu = crowd.used()[0].cpu.as_secs_f64() / 5.0;
    println!("{:44} {cpu:8.3} of a core", "  its CPU time");
}

/// Fuel in a second of CPU time, compared with the engine alone.
fn throughput(engine: &Engine, wasm: &[u8], guests: usize) {
    let tasks = vec![task(Milli::from_whole(1), Milli::default()); guests];
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let raw_before = raw(engine, wasm);
        let crowd = Crowd::start(engine, wasm, &tasks, 1).unwrap();
        let before = sum(&crowd.used());
        thread::sleep(Duration::from_secs(1));
        let now = sum(&crowd.used());
        drop(crowd);
        let rate = float(now.fuel - before.fuel) / (now.cpu - before.cpu).as_secs_f64();
        let raw = f64::midpoint(raw_before, raw(engine, wasm));
        ratios.push(rate / raw);
    }
    ratios.sort_by(f64::total_cmp);
    let (least, median, most) = (ratios[0], ratios[2], ratios[4]);
    let what = format!("throughput of {guests} ÷ raw, 1 worker");
    println!("{what:44} {median:8.3} ({least:.3} to {most:.3})");
}

/// Fuel in a second of CPU time on the engine alone: no slices, no fibers.
fn raw(engine: &Engine, wasm: &[u8]) -> f64 {
    let module = Module::new(engine, wasm).unwrap();
    let mut store = Store::new(engine, ());
    store.set_fuel(RAW_FUEL).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let start = instance
        .get_typed_func::<(), ()>(&mut store, "_start")
        .unwrap();
    let before = thread_cpu();
    assert!(start.call(&mut store, ()).is_err(), "it ends with its fuel");
    float(RAW_FUEL) / (thread_cpu() - before).as_secs_f64()
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

fn sum(used: &[Used]) -> Used {
    Used {
        cpu: used.iter().map(|used| used.cpu).sum(),
        fuel: used.iter().map(|used| used.fuel).sum(),
    }
}

fn task(cpus: Milli, fuel: Milli) -> TaskInfo {
    TaskInfo {
        id: "hog".parse().unwrap(),
        name: String::new(),
        module: ModuleReference::File("/hog.wasm".into()),
        module_digest: None,
        resources: Resources {
            cpus,
            fuel,
            mem: 1 << 20,
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

fn print_errors(what: &str, mut errors: Vec<f64>) {
    errors.sort_by(f64::total_cmp);
    let at = |hundredth: usize| errors[(errors.len() - 1) * hundredth / 100] * 100.0;
    println!(
        "{what:44} error p50 {:.3} %, p99 {:.3} %, most {:.3} %",
        at(50),
        at(99),
        at(100)
    );
}

/// Exact up to 2^53, and close enough beyond.
#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn float(number: u64) -> f64 {
    number as f64
}
