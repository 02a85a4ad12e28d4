//! What a master counts: names, help and rendering, all in one file.
//!
//! Owns the metrics' names and the counters of this process. What the core counts is asked of it
//! at each scrape; nothing is kept twice. No global: a test has metrics of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use stoker_master_core::View;
use stoker_types::Epoch;

use crate::read_model::{Sum, Used, names};

/// Tasks that are alive, or over and not acknowledged.
pub(crate) const TASKS: &str = "stoker_master_tasks";
/// Tasks that ended.
pub(crate) const TASKS_ENDED: &str = "stoker_master_tasks_ended";
/// Admitted agents.
pub(crate) const AGENTS: &str = "stoker_master_agents";
/// Frameworks that readers see.
pub(crate) const FRAMEWORKS: &str = "stoker_master_frameworks";
/// Offers that are out.
pub(crate) const OFFERS: &str = "stoker_master_offers";
/// Offers made.
pub(crate) const OFFERS_MADE: &str = "stoker_master_offers_made";
/// Runs of the allocator.
pub(crate) const ALLOCATION_RUNS: &str = "stoker_master_allocation_runs";
/// Calls of schedulers.
pub(crate) const SCHEDULER_CALLS: &str = "stoker_master_scheduler_calls";
/// Refused calls of schedulers.
pub(crate) const SCHEDULER_REFUSALS: &str = "stoker_master_scheduler_refusals";
/// Calls of agents.
pub(crate) const AGENT_CALLS: &str = "stoker_master_agent_calls";
/// Refused calls of agents.
pub(crate) const AGENT_REFUSALS: &str = "stoker_master_agent_refusals";
/// Open streams.
pub(crate) const STREAMS: &str = "stoker_master_streams";
/// Streams ended because their peer did not read.
pub(crate) const STREAMS_CUT: &str = "stoker_master_streams_cut";
/// Messages that the loop took.
pub(crate) const INPUTS: &str = "stoker_master_inputs";
/// The loop's working time.
pub(crate) const LOOP_BUSY: &str = "stoker_master_loop_busy_microseconds";
/// The time of registry commits.
pub(crate) const REGISTRY_COMMIT: &str = "stoker_master_registry_commit_seconds";
/// Operations written to the registry.
pub(crate) const REGISTRY_OPERATIONS: &str = "stoker_master_registry_operations";
/// Artifacts in the blob store.
pub(crate) const BLOBS: &str = "stoker_master_blobs";
/// Bytes in the blob store.
pub(crate) const BLOB_BYTES: &str = "stoker_master_blob_bytes";
/// Blobs that nothing referred to and that were removed.
pub(crate) const BLOBS_COLLECTED: &str = "stoker_master_blobs_collected";
/// The master's term.
pub(crate) const EPOCH: &str = "stoker_master_epoch";

/// What the tasks of a framework in a role have used: `stoker_master_framework_fuel` and so on.
pub(crate) const FRAMEWORK_USED: &str = "stoker_master_framework";
/// What the tasks of a role have used: `stoker_master_role_fuel` and so on.
pub(crate) const ROLE_USED: &str = "stoker_master_role";
/// The label of the sum of those for which there is no room.
const OTHERS: &str = "other";

type Labels = Vec<(&'static str, String)>;
type Seconds = Counter<f64, AtomicU64>;

/// The counters of this process; a clone counts into the same.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    inputs: Counter,
    busy_microseconds: Counter,
    streams_cut: Counter,
    blobs_collected: Counter,
    registry_operations: Counter,
    registry_commit: Histogram,
    scheduler_streams: Arc<AtomicU64>,
    agent_streams: Arc<AtomicU64>,
}

/// What else a scrape shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scrape<'a> {
    /// What the core counts; absent if it could not be asked in time.
    pub counts: Option<&'a View>,
    /// The artifacts in the blob store, and their bytes.
    pub blobs: (usize, u64),
    /// What all tasks have used.
    pub used: &'a Used,
    /// The master's term.
    pub epoch: Epoch,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            inputs: Counter::default(),
            busy_microseconds: Counter::default(),
            streams_cut: Counter::default(),
            blobs_collected: Counter::default(),
            registry_operations: Counter::default(),
            // 0.5 ms to 4 s.
            registry_commit: Histogram::new(exponential_buckets(0.0005, 2.0, 14)),
            scheduler_streams: Arc::default(),
            agent_streams: Arc::default(),
        }
    }

    pub(crate) fn inputs(&self, count: usize) {
        self.inputs.inc_by(count as u64);
    }

    pub(crate) fn busy(&self, time: Duration) {
        self.busy_microseconds
            .inc_by(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn stream_cut(&self) {
        self.streams_cut.inc();
    }

    pub(crate) fn blobs_collected(&self, count: u64) {
        self.blobs_collected.inc_by(count);
    }

    pub(crate) fn streams(&self, schedulers: usize, agents: usize) {
        self.scheduler_streams
            .store(schedulers as u64, Ordering::Relaxed);
        self.agent_streams.store(agents as u64, Ordering::Relaxed);
    }

    pub(crate) fn registry_commit(&self, operations: usize, time: Duration) {
        self.registry_operations.inc_by(operations as u64);
        self.registry_commit.observe(time.as_secs_f64());
    }

    /// The whole page, as OpenMetrics text.
    pub(crate) fn render(&self, scrape: Scrape<'_>) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::default();
        self.register_process(&mut registry);
        register_scrape(&mut registry, scrape);
        if let Some(counts) = scrape.counts {
            register_counts(&mut registry, counts);
        }
        let mut page = String::new();
        encode(&mut page, &registry)?;
        Ok(page)
    }

    fn register_process(&self, registry: &mut Registry) {
        let loop_busy = "Working time of the master's loop, in microseconds";
        registry.register(
            INPUTS,
            "Messages that the master's loop took",
            self.inputs.clone(),
        );
        registry.register(LOOP_BUSY, loop_busy, self.busy_microseconds.clone());
        let cut = "Streams ended because their peer did not read";
        registry.register(STREAMS_CUT, cut, self.streams_cut.clone());
        let collected = "Blobs that nothing referred to and that were removed";
        registry.register(BLOBS_COLLECTED, collected, self.blobs_collected.clone());
        let operations = "Operations written to the registry";
        registry.register(
            REGISTRY_OPERATIONS,
            operations,
            self.registry_operations.clone(),
        );
        let commit = "Time of a registry commit";
        registry.register(REGISTRY_COMMIT, commit, self.registry_commit.clone());
        let streams = [
            ("scheduler", self.scheduler_streams.load(Ordering::Relaxed)),
            ("agent", self.agent_streams.load(Ordering::Relaxed)),
        ];
        gauges(registry, STREAMS, "Open streams", "peer", streams);
    }
}

fn register_scrape(registry: &mut Registry, scrape: Scrape<'_>) {
    let (blobs, bytes) = scrape.blobs;
    gauge(registry, BLOBS, "Artifacts in the blob store", blobs as u64);
    gauge(registry, BLOB_BYTES, "Bytes in the blob store", bytes);
    gauge(
        registry,
        EPOCH,
        "The number of the master's term",
        scrape.epoch.get(),
    );
    let tenants = scrape.used.by_tenant().map(|(tenant, sum)| {
        let (framework, role) = tenant.map_or_else(
            || (OTHERS.to_owned(), OTHERS.to_owned()),
            |(framework, role)| (framework.to_string(), role.to_string()),
        );
        (vec![("framework", framework), ("role", role)], sum)
    });
    register_used(registry, FRAMEWORK_USED, tenants);
    let roles = scrape.used.by_role().map(|(role, sum)| {
        let role = role.map_or_else(|| OTHERS.to_owned(), ToString::to_string);
        (vec![("role", role)], sum)
    });
    register_used(registry, ROLE_USED, roles);
}

/// A metric for each counter of sums.
fn register_used<'a>(
    registry: &mut Registry,
    prefix: &str,
    sums: impl Iterator<Item = (Labels, &'a Sum)>,
) {
    let [fuel, written, out] = [(); 3].map(|()| Family::<Labels, Counter>::default());
    let [cpu, host, compile] = [(); 3].map(|()| Family::<Labels, Seconds>::default());
    let memory = Family::<Labels, Gauge>::default();
    for (labels, sum) in sums {
        for (counters, value) in [
            (&fuel, sum.fuel),
            (&written, sum.bytes_written),
            (&out, sum.bytes_out),
        ] {
            counters.get_or_create(&labels).inc_by(value);
        }
        for (counters, time) in [(&cpu, sum.cpu), (&host, sum.host), (&compile, sum.compile)] {
            counters.get_or_create(&labels).inc_by(time.as_secs_f64());
        }
        memory.get_or_create(&labels).set(signed(sum.memory));
    }
    for (name, help, counters) in [
        ("fuel", "Fuel that tasks used, in units", fuel),
        ("bytes_written", "Bytes that tasks wrote to files", written),
        (
            "bytes_out",
            "Bytes that tasks wrote to stdout and stderr",
            out,
        ),
    ] {
        registry.register(format!("{prefix}_{name}"), help, counters);
    }
    for (name, help, counters) in [
        ("cpu_seconds", "CPU time that runners used for tasks", cpu),
        (
            "host_seconds",
            "Time of tasks in host calls, waiting excluded",
            host,
        ),
        (
            "compile_seconds",
            "CPU time of compilations for tasks",
            compile,
        ),
    ] {
        registry.register(format!("{prefix}_{name}"), help, counters);
    }
    let help = "Memory that tasks have now";
    registry.register(format!("{prefix}_memory_bytes"), help, memory);
}

fn register_counts(registry: &mut Registry, counts: &View) {
    let by_name = counts
        .tasks
        .iter()
        .map(|(state, count)| (state.as_str(), *count));
    gauges(
        registry,
        TASKS,
        "Tasks that are alive or not acknowledged",
        "state",
        by_name,
    );
    let by_name = counts
        .tasks_ended
        .iter()
        .map(|(state, count)| (state.as_str(), *count));
    counters(registry, TASKS_ENDED, "Tasks that ended", "state", by_name);
    let by_name = counts
        .agents
        .iter()
        .map(|(state, count)| (names::agent_state(*state), *count));
    gauges(registry, AGENTS, "Admitted agents", "state", by_name);
    let by_name = counts
        .frameworks
        .iter()
        .map(|(state, count)| (names::framework_state(*state), *count));
    gauges(registry, FRAMEWORKS, "Frameworks", "state", by_name);
    gauge(registry, OFFERS, "Offers that are out", counts.offers);
    counter(registry, OFFERS_MADE, "Offers made", counts.offers_made);
    counter(
        registry,
        ALLOCATION_RUNS,
        "Runs of the allocator",
        counts.allocation_runs,
    );
    let verbs = [
        (
            SCHEDULER_CALLS,
            "Calls of schedulers",
            &counts.scheduler_calls,
        ),
        (
            SCHEDULER_REFUSALS,
            "Refused calls of schedulers",
            &counts.scheduler_refusals,
        ),
        (AGENT_CALLS, "Calls of agents", &counts.agent_calls),
        (
            AGENT_REFUSALS,
            "Refused calls of agents",
            &counts.agent_refusals,
        ),
    ];
    for (name, help, counts) in verbs {
        let by_name = counts.iter().map(|(verb, count)| (*verb, *count));
        counters(registry, name, help, "verb", by_name);
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(signed(value));
    registry.register(name, help, gauge);
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter: Counter = Counter::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn gauges(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl IntoIterator<Item = (&'static str, u64)>,
) {
    let family = Family::<Labels, Gauge>::default();
    for (value, count) in values {
        family
            .get_or_create(&vec![(label, value.to_owned())])
            .set(signed(count));
    }
    registry.register(name, help, family);
}

fn counters(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl IntoIterator<Item = (&'static str, u64)>,
) {
    let family = Family::<Labels, Counter>::default();
    for (value, count) in values {
        family
            .get_or_create(&vec![(label, value.to_owned())])
            .inc_by(count);
    }
    registry.register(name, help, family);
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use stoker_types::TaskState;

    use super::*;

    #[test]
    fn the_page_is_openmetrics_text() {
        let metrics = Metrics::new();
        metrics.inputs(3);
        metrics.streams(1, 2);
        metrics.blobs_collected(5);
        let counts = View {
            tasks: [(TaskState::Running, 4)].into(),
            offers: 2,
            scheduler_calls: [("accept", 7)].into(),
            ..View::default()
        };
        let scrape = Scrape {
            counts: Some(&counts),
            blobs: (1, 64),
            used: &Used::default(),
            epoch: Epoch::new(3),
        };
        let page = metrics.render(scrape).unwrap();
        for line in [
            "stoker_master_inputs_total 3",
            "stoker_master_streams{peer=\"agent\"} 2",
            "stoker_master_tasks{state=\"TASK_RUNNING\"} 4",
            "stoker_master_offers 2",
            "stoker_master_scheduler_calls_total{verb=\"accept\"} 7",
            "stoker_master_blob_bytes 64",
            "stoker_master_blobs_collected_total 5",
            "stoker_master_epoch 3",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "no {line} in\n{page}"
            );
        }
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn a_core_that_does_not_answer_leaves_the_rest_of_the_page() {
        let scrape = Scrape {
            counts: None,
            blobs: (0, 0),
            used: &Used::default(),
            epoch: Epoch::new(1),
        };
        let page = Metrics::new().render(scrape).unwrap();
        assert!(page.contains("stoker_master_epoch 1") && !page.contains("stoker_master_tasks"));
    }
}
