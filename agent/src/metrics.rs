//! What an agent counts: names, help and rendering, all in one file.
//!
//! Nothing is kept here: the parts count for themselves, the core's figures come from the view
//! that the driver shows, and a scrape puts them together. No global: a test has metrics of its
//! own.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};
use stoker_agent_core::{View, governor::GovernorView};
use stoker_types::runner::BUDGET_WINDOW;
use tokio::sync::watch;

use crate::{
    artifacts::ArtifactCounters, checkpoint::LogCounters, master_client::MasterCounters,
    sandboxes::SandboxCounters,
};

/// Tasks, by state.
pub(crate) const TASKS: &str = "stoker_agent_tasks";
/// Runner processes.
pub(crate) const RUNNERS: &str = "stoker_agent_runners";
/// Whether a master has admitted this agent.
pub(crate) const REGISTERED: &str = "stoker_agent_registered";
/// Updates that are not acknowledged.
pub(crate) const UNACKNOWLEDGED_UPDATES: &str = "stoker_agent_unacknowledged_updates";
/// Records on their way to the disk.
pub(crate) const LOG_PENDING: &str = "stoker_agent_log_pending_records";
/// Records written.
pub(crate) const LOG_RECORDS: &str = "stoker_agent_log_records";
/// Bytes written.
pub(crate) const LOG_BYTES: &str = "stoker_agent_log_bytes";
/// Syncs of the log.
pub(crate) const LOG_SYNCS: &str = "stoker_agent_log_syncs";
/// Snapshots of the log.
pub(crate) const LOG_SNAPSHOTS: &str = "stoker_agent_log_snapshots";
/// Streams to a master opened.
pub(crate) const MASTER_CONNECTIONS: &str = "stoker_agent_master_connections";
/// Preparations that found their module compiled.
pub(crate) const MODULE_HITS: &str = "stoker_agent_module_cache_hits";
/// Modules compiled.
pub(crate) const MODULES_COMPILED: &str = "stoker_agent_modules_compiled";
/// Modules that could not be made ready.
pub(crate) const MODULES_FAILED: &str = "stoker_agent_modules_failed";
/// Bytes of all artifacts on disk.
pub(crate) const ARTIFACT_BYTES: &str = "stoker_agent_artifact_bytes";
/// The budgets that are in force, in cores, by runner.
pub(crate) const RUNNER_BUDGETS: &str = "stoker_agent_runner_budget_cores";
/// Budgets told to runners.
pub(crate) const BUDGET_ORDERS: &str = "stoker_agent_budget_orders";
/// Windows in which a runner paused for its budget.
pub(crate) const THROTTLED_WINDOWS: &str = "stoker_agent_throttled_windows";
/// Runners that did not keep to their budget, by what was done.
pub(crate) const BACKSTOPS: &str = "stoker_agent_budget_backstops";

/// Sandboxes.
pub(crate) const SANDBOXES: &str = "stoker_agent_sandboxes";
/// Sandboxes removed when they had been kept long enough.
pub(crate) const SANDBOXES_EXPIRED: &str = "stoker_agent_sandboxes_expired";
/// Sandboxes removed to free disk.
pub(crate) const SANDBOXES_EVICTED: &str = "stoker_agent_sandboxes_evicted";

/// Where the figures come from.
#[derive(Clone)]
pub(crate) struct Sources {
    /// The log's.
    pub(crate) log: Arc<LogCounters>,
    /// The stream's.
    pub(crate) master: Arc<MasterCounters>,
    /// The artifacts'.
    pub(crate) artifacts: Arc<ArtifactCounters>,
    /// The artifacts' size on disk.
    pub(crate) artifact_bytes: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The sandboxes'.
    pub(crate) sandboxes: Arc<SandboxCounters>,
    /// The governor's.
    pub(crate) governor: watch::Receiver<GovernorView>,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sources").finish_non_exhaustive()
    }
}

impl Sources {
    /// What only grows: name, help, value.
    fn counters(&self) -> [(&'static str, &'static str, u64); 10] {
        [
            (
                LOG_RECORDS,
                "Records written to the checkpoint log",
                counter(&self.log.records),
            ),
            (
                LOG_BYTES,
                "Bytes written to the checkpoint log",
                counter(&self.log.bytes),
            ),
            (
                LOG_SYNCS,
                "Syncs of the checkpoint log",
                counter(&self.log.syncs),
            ),
            (
                LOG_SNAPSHOTS,
                "Snapshots of the checkpoint log",
                counter(&self.log.snapshots),
            ),
            (
                MASTER_CONNECTIONS,
                "Streams to a master opened",
                counter(&self.master.connections),
            ),
            (
                MODULE_HITS,
                "Preparations that found their module compiled",
                counter(&self.artifacts.hits),
            ),
            (
                MODULES_COMPILED,
                "Modules compiled",
                counter(&self.artifacts.compiled),
            ),
            (
                MODULES_FAILED,
                "Modules that could not be made ready",
                counter(&self.artifacts.failed),
            ),
            (
                SANDBOXES_EXPIRED,
                "Sandboxes removed when they had been kept long enough",
                counter(&self.sandboxes.expired),
            ),
            (
                SANDBOXES_EVICTED,
                "Sandboxes removed to free disk",
                counter(&self.sandboxes.evicted),
            ),
        ]
    }

    /// The whole page, as OpenMetrics text.
    pub(crate) fn render(&self, view: &View) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::default();
        register_view(&mut registry, view);
        for (name, help, value) in self.counters() {
            registry.register(name, help, ConstCounter::new(value));
        }
        let gauges = [
            (
                SANDBOXES,
                "Sandboxes of tasks that are alive or have ended",
                counter(&self.sandboxes.present),
            ),
            (
                ARTIFACT_BYTES,
                "Bytes of all artifacts on disk",
                (self.artifact_bytes)(),
            ),
        ];
        for (name, help, value) in gauges {
            registry.register(name, help, gauge(value));
        }
        register_governor(&mut registry, &self.governor.borrow());
        let mut page = String::new();
        encode(&mut page, &registry)?;
        Ok(page)
    }
}

fn register_view(registry: &mut Registry, view: &View) {
    let tasks = Family::<[(&str, &str); 1], Gauge>::default();
    for (state, count) in &view.tasks {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        tasks.get_or_create(&[("state", state.as_str())]).set(count);
    }
    registry.register(TASKS, "Tasks that are alive or not acknowledged", tasks);
    let gauges = [
        (RUNNERS, "Runner processes", view.runners),
        (
            REGISTERED,
            "Whether a master has admitted this agent",
            u64::from(view.epoch.is_some()),
        ),
        (
            UNACKNOWLEDGED_UPDATES,
            "Updates that are not acknowledged",
            view.unacknowledged_updates,
        ),
        (
            LOG_PENDING,
            "Records on their way to the disk",
            view.pending_records,
        ),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, gauge(value));
    }
}

fn register_governor(registry: &mut Registry, view: &GovernorView) {
    let budgets = Family::<[(&str, String); 1], Gauge<f64, AtomicU64>>::default();
    for (runner_id, budget) in &view.budgets {
        let cores = budget.as_secs_f64() / BUDGET_WINDOW.as_secs_f64();
        let labels = [("runner_id", runner_id.to_string())];
        budgets.get_or_create(&labels).set(cores);
    }
    let help = "Cores that a runner may use, while runners want more than the machine has";
    registry.register(RUNNER_BUDGETS, help, budgets);
    let backstops = Family::<[(&str, &str); 1], Counter>::default();
    for (action, count) in [("paced", view.paced), ("killed", view.killed)] {
        backstops.get_or_create(&[("action", action)]).inc_by(count);
    }
    let help = "Runners that used more than their budget, by what was done";
    registry.register(BACKSTOPS, help, backstops);
    let counters = [
        (BUDGET_ORDERS, "Budgets told to runners", view.orders),
        (
            THROTTLED_WINDOWS,
            "Windows of 50 ms in which a runner paused for its budget",
            view.throttled_windows,
        ),
    ];
    for (name, help, value) in counters {
        registry.register(name, help, ConstCounter::new(value));
    }
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

fn counter(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
