//! The read model through changes, and a small cluster that other tests look at.

use std::time::Duration;

use stoker_master_core::{AgentState, Change, FrameworkState};
use stoker_types::{
    Epoch, FrameworkInfo, Milli, Offer, Reason, Resources, Role, TaskInfo, TaskState, TaskUsage,
    Usage, agent::AgentInfo,
};

use super::*;

/// 2026-11-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_793_491_200_000_000);

pub(crate) fn model() -> ReadModel {
    let master = MasterInfo {
        epoch: Epoch::new(3),
        version: "0.1.0".to_owned(),
    };
    ReadModel::new(&master, START)
}

/// One agent, one framework, one running and one failed task, one offer.
pub(crate) fn cluster() -> ReadModel {
    let model = model();
    model.apply(told(vec![
        agent(1, AgentState::Active),
        framework(1, FrameworkState::Active),
        task("running", TaskState::Running),
        task("failed", TaskState::Failed),
        offer(1),
    ]));
    model
}

pub(crate) fn told(changes: Vec<Change>) -> Changes {
    Changes { at: START, changes }
}

pub(crate) fn resources(cpus: u64, gibibytes: u64) -> Resources {
    Resources {
        cpus: Milli::from_whole(cpus),
        mem: gibibytes << 30,
        ..Resources::default()
    }
}

pub(crate) fn agent(bits: u64, state: AgentState) -> Change {
    Change::Agent(Box::new(AgentView {
        agent: AgentInfo {
            id: AgentId::from_bits(bits),
            hostname: "host-1".to_owned(),
            resources: resources(4, 8),
            attributes: "rack=a".parse().unwrap(),
            version: "0.1.0".to_owned(),
            url: "http://127.0.0.1:5051".to_owned(),
            hardening: stoker_types::Hardening::default(),
        },
        state,
        used: resources(1, 1),
        offered: resources(3, 7),
        runners: Vec::new(),
        registered_at: Some(START),
    }))
}

pub(crate) fn framework(bits: u64, state: FrameworkState) -> Change {
    Change::Framework(Box::new(FrameworkView {
        id: FrameworkId::from_bits(bits),
        framework: FrameworkInfo {
            name: "words".to_owned(),
            principal: String::new(),
            roles: vec![Role::default()],
            failover_timeout: Duration::from_secs(600),
        },
        state,
        registered_at: START,
        disconnected_at: None,
    }))
}

pub(crate) fn key(id: &str) -> TaskKey {
    TaskKey {
        framework_id: FrameworkId::from_bits(1),
        task_id: id.parse().unwrap(),
    }
}

pub(crate) fn task(id: &str, state: TaskState) -> Change {
    Change::Task(Box::new(TaskView {
        key: key(id),
        role: Role::default(),
        agent_id: AgentId::from_bits(1),
        task: TaskInfo {
            id: id.parse().unwrap(),
            name: "count".to_owned(),
            module: "file:/srv/count.wasm".parse().unwrap(),
            module_digest: None,
            resources: resources(1, 1),
            arguments: Vec::new(),
            program_name: "count.wasm".to_owned(),
            environment: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            limits: stoker_types::TaskLimits::default(),
        },
        allocated: resources(1, 1),
        state,
        reason: (state == TaskState::Failed).then_some(Reason::Trap),
        message: String::new(),
        exit_code: None,
        usage: Usage {
            fuel_used: 1_000,
            mem_peak: 65_536,
            ..Usage::default()
        },
        outputs: Vec::new(),
        created_at: START,
        started_at: Some(START.after(Duration::from_millis(250))),
        ended_at: state
            .is_terminal()
            .then(|| START.after(Duration::from_secs(1))),
    }))
}

pub(crate) fn offer(number: u64) -> Change {
    Change::Offer(Box::new(OfferView {
        offer: Offer {
            id: OfferId {
                epoch: Epoch::new(3),
                number,
            },
            framework_id: FrameworkId::from_bits(1),
            role: Role::default(),
            agent_id: AgentId::from_bits(1),
            hostname: "host-1".to_owned(),
            attributes: "rack=a".parse().unwrap(),
            resources: resources(3, 7),
        },
        created_at: START,
        expires_at: START.after(Duration::from_secs(30)),
    }))
}

const ALL: Page<TaskKey> = Page {
    after: None,
    limit: 100,
};

fn ids(tasks: &[Task]) -> Vec<&str> {
    tasks.iter().map(|task| task.id.as_str()).collect()
}

#[test]
fn a_framework_shows_what_its_living_tasks_and_its_offers_hold() {
    let model = cluster();
    let framework = model.framework(FrameworkId::from_bits(1)).unwrap();
    assert_eq!(framework.tasks, 1);
    assert_eq!(framework.used, (&resources(1, 1)).into());
    assert_eq!(framework.offered, (&resources(3, 7)).into());

    let offer_id = OfferId {
        epoch: Epoch::new(3),
        number: 1,
    };
    model.apply(told(vec![
        task("running", TaskState::Finished),
        Change::TaskForgotten(key("failed")),
        Change::OfferRemoved(offer_id),
    ]));
    let framework = model.framework(FrameworkId::from_bits(1)).unwrap();
    assert_eq!(framework.tasks, 0);
    assert_eq!(framework.used, (&Resources::default()).into());
    assert_eq!(framework.offered, (&Resources::default()).into());
    assert!(model.offer(offer_id).is_none());
    assert_eq!(ids(&model.tasks(&TaskFilter::default(), ALL)), ["running"]);
}

#[test]
fn tasks_are_filtered_and_paged_in_the_order_of_their_ids() {
    let model = cluster();
    model.apply(told(vec![task("another", TaskState::Running)]));
    let filter = TaskFilter {
        state: Some(TaskState::Running),
        ..TaskFilter::default()
    };
    assert_eq!(ids(&model.tasks(&filter, ALL)), ["another", "running"]);
    let page = Page {
        after: Some(key("another")),
        limit: 1,
    };
    assert_eq!(ids(&model.tasks(&TaskFilter::default(), page)), ["failed"]);
    let elsewhere = TaskFilter {
        agent_id: Some(AgentId::from_bits(9)),
        ..TaskFilter::default()
    };
    assert!(model.tasks(&elsewhere, ALL).is_empty());
}

#[tokio::test]
async fn a_watcher_hears_of_all_that_is_there_and_of_every_change_after() {
    let model = cluster();
    let (there, mut changes) = model.watch();
    assert_eq!(there.len(), 5);
    model.apply(told(vec![
        task("running", TaskState::Finished),
        Change::FrameworkForgotten(FrameworkId::from_bits(1)),
        // Of what was never there, nobody hears.
        Change::TaskForgotten(key("nobody")),
    ]));
    let first = changes.recv().await.unwrap();
    assert!(matches!(first.seen, Seen::Task(task) if task.state == TaskState::Finished));
    let second = changes.recv().await.unwrap();
    assert!(second.removed && matches!(second.seen, Seen::Framework(_)));
    assert!(changes.try_recv().is_err());
}

#[tokio::test]
async fn a_watcher_that_falls_behind_is_told_and_holds_up_nobody() {
    let model = model();
    let (_, mut changes) = model.watch();
    for _ in 0..=WATCH_LAG {
        model.apply(told(vec![agent(1, AgentState::Active)]));
    }
    assert!(matches!(
        changes.recv().await,
        Err(broadcast::error::RecvError::Lagged(_))
    ));
}

#[test]
fn blobs_are_needed_by_tasks_that_live_and_left_for_frameworks_that_are_not_over() {
    let blob = |name: &str| Digest::of(name.as_bytes());
    let change = |id: &str, state: TaskState| {
        let Change::Task(mut view) = task(id, state) else {
            panic!("a task")
        };
        view.task.module = stoker_types::ModuleReference::Blob(blob("module"));
        view.task.stdin = Some(blob("stdin"));
        view.task.inputs = vec![stoker_types::Input {
            blob: blob("input"),
            path: "in".to_owned(),
            form: stoker_types::BlobForm::File,
            read_only: false,
        }];
        if state.is_terminal() {
            view.outputs = vec![stoker_types::OutputFile {
                path: "out".to_owned(),
                form: stoker_types::BlobForm::File,
                digest: blob("output"),
                size: 6,
                content: None,
            }];
        }
        Change::Task(view)
    };
    let needed = |names: &[&str]| names.iter().map(|name| blob(name)).collect::<BTreeSet<_>>();
    let model = model();
    assert_eq!(model.blob_references(), needed(&[]));
    model.apply(told(vec![change("a", TaskState::Running)]));
    assert_eq!(
        model.blob_references(),
        needed(&["module", "stdin", "input"])
    );
    // Its framework has not subscribed at this master yet: it is not over.
    model.apply(told(vec![change("a", TaskState::Finished)]));
    assert_eq!(model.blob_references(), needed(&["output"]));
    model.apply(told(vec![framework(1, FrameworkState::Disconnected)]));
    assert_eq!(model.blob_references(), needed(&["output"]));
    model.apply(told(vec![framework(1, FrameworkState::Completed)]));
    assert_eq!(model.blob_references(), needed(&[]));
    model.apply(told(vec![framework(1, FrameworkState::Active)]));
    model.apply(told(vec![Change::TaskForgotten(key("a"))]));
    assert_eq!(model.blob_references(), needed(&[]));
}

#[test]
fn what_a_task_uses_is_shown_and_summed_and_watchers_are_not_told() {
    let model = model();
    model.apply(told(vec![task("a", TaskState::Running)]));
    let (_, mut watcher) = model.watch();
    let usage = Usage {
        fuel_used: 3_000,
        mem: 65_536,
        ..Usage::default()
    };
    let used = TaskUsage {
        task: key("a"),
        usage,
    };
    model.apply(told(vec![Change::Usage(used)]));
    assert_eq!(model.task(&key("a")).unwrap().fuel_used, 3_000);
    assert!(watcher.try_recv().is_err());
    model.apply(told(vec![Change::TaskForgotten(key("a"))]));
    let sums: Vec<(u64, u64)> = model
        .used()
        .by_role()
        .map(|(_, sum)| (sum.fuel, sum.memory))
        .collect();
    assert_eq!(sums, [(3_000, 0)]);
}
