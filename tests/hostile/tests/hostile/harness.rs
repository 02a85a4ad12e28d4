//! The cluster that all tests share, and the trial of one attack.

use std::{sync::OnceLock, time::Duration};

use stoker_sdk_scheduler::{StatusUpdate, TaskState, limit};
use stoker_sdk_testing::{DevCluster, wait_for};
use stoker_tests_hostile::{Arena, Attack, Family, attacks, noop};

/// Far longer than any attack lasts on a busy machine, and far shorter than for ever.
pub(crate) const BOUNDED: Duration = Duration::from_secs(60);

/// The cluster. It ends when this process does: `stoker dev` watches its parent.
pub(crate) fn cluster() -> &'static DevCluster {
    static CLUSTER: OnceLock<DevCluster> = OnceLock::new();
    CLUSTER.get_or_init(|| start("auto"))
}

/// A cluster of one agent of this memory profile.
pub(crate) fn start(memory_profile: &str) -> DevCluster {
    DevCluster::builder()
            .agents(1)
            .env("STOKER_AGENT_MEMORY_PROFILE", memory_profile)
            // What attacks the compiler is to end soon.
            .env("STOKER_AGENT_COMPILE_CPU", "3s")
            .env("STOKER_AGENT_MAX_MODULE", "32MiB")
            // What is refused leaves its offer behind, which nobody answers any more.
            .env("STOKER_MASTER_OFFER_TIMEOUT", "2s")
            // A runner that is another one was lost, and not idle behind what compiles for long.
            .env("STOKER_AGENT_IDLE_RUNNER_TIMEOUT", "10min")
            .start()
            .expect("a cluster")
}

/// A tenant that has run an honest task, and the process of its runner.
pub(crate) struct Tenant<'a> {
    pub(crate) arena: Arena,
    cluster: &'a DevCluster,
    runner: u64,
}

impl Tenant<'static> {
    /// On the cluster that all tests share.
    pub(crate) fn enter(name: &str) -> Self {
        Self::of(cluster(), name)
    }
}

impl<'a> Tenant<'a> {
    pub(crate) fn of(cluster: &'a DevCluster, name: &str) -> Self {
        let arena = Arena::enter(cluster.master(), name).unwrap();
        run_honestly(&arena);
        let runner = runner_of(cluster, &arena);
        Self {
            arena,
            cluster,
            runner,
        }
    }

    /// How many descriptors its runner has open, and how many it may have.
    pub(crate) fn descriptors(&self) -> (usize, usize) {
        let folder = format!("/proc/{}", self.runner);
        let open = std::fs::read_dir(format!("{folder}/fd")).unwrap().count();
        let limits = std::fs::read_to_string(format!("{folder}/limits")).unwrap();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max open files"));
        let soft = line.and_then(|line| line.split_whitespace().nth(3));
        (
            open,
            soft.and_then(|number| number.parse().ok())
                .unwrap_or(usize::MAX),
        )
    }

    /// The runner that the tenant had at first still runs, and serves an honest task.
    pub(crate) fn assert_unharmed(&self, after: &str) {
        run_honestly(&self.arena);
        assert_eq!(
            runner_of(self.cluster, &self.arena),
            self.runner,
            "another runner after: {after}"
        );
    }
}

/// Tries all attacks of a family, one after the other, on the cluster that all tests share.
pub(crate) fn try_all(family: Family) {
    try_all_as(&Tenant::enter(&format!("{family:?}")), family);
}

/// Tries all attacks of a family, one after the other, as guests of this tenant.
pub(crate) fn try_all_as(tenant: &Tenant<'_>, family: Family) {
    let mut wrong = Vec::new();
    for (number, attack) in attacks(family).iter().enumerate() {
        let task = tenant
            .arena
            .task(&number.to_string(), &attack.wasm())
            .unwrap();
        let end = tenant
            .arena
            .run(attack.task(task), BOUNDED)
            .unwrap_or_else(|error| panic!("the guest {}: {error:#}", attack.name));
        wrong.extend(complaint(attack, &end));
        tenant.assert_unharmed(attack.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the end of an attack.
fn complaint(attack: &Attack, end: &StatusUpdate) -> Option<String> {
    let is_plain = |character: char| !character.is_control() || character == '\n';
    let has_fit_message =
        end.message.len() <= limit::MESSAGE_BYTES && end.message.chars().all(is_plain);
    let is_right = attack.is_expected(end) && has_fit_message;
    (!is_right).then(|| {
        format!(
            "the guest {}: not {:?} but {end:?}",
            attack.name, attack.ends
        )
    })
}

fn run_honestly(arena: &Arena) {
    let task = arena.task("honest", &noop()).unwrap().mem_mib(1);
    let end = arena.run(task, BOUNDED).unwrap();
    assert_eq!(end.state, TaskState::Finished, "{end:?}");
}

/// The process that runs the tasks of the arena.
fn runner_of(cluster: &DevCluster, arena: &Arena) -> u64 {
    let framework_id = arena.framework_id().to_string();
    wait_for("a runner", BOUNDED, || {
        let agents = cluster.get_json("/api/v1/agents").unwrap();
        let runners = agents[0]["runners"].as_array().cloned().unwrap_or_default();
        let mut pids = runners
            .iter()
            .filter(|runner| runner["framework_id"] == framework_id.as_str())
            .filter_map(|runner| runner["pid"].as_u64());
        pids.next().ok_or_else(|| agents.to_string())
    })
}
