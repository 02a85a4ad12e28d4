//! A new daemon on an old log: tasks go on from where it says they were.

use std::time::Duration;

use stoker_agent_core::{Effect, Input, Record, Recovered, replay};
use stoker_types::{
    Reason, RunnerId, StatusUpdate, TaskKey, TaskState,
    agent::{AgentEvent, DEFAULT_KILL_GRACE},
    runner::{Outcome, Welcome},
};

use crate::support::*;

const RUNNER: RunnerId = RunnerId::from_bits(11);

fn runner_started(runner_id: RunnerId) -> Record {
    Record::RunnerStarted {
        runner_id,
        nonce: 42,
        tenant: tenant(1),
    }
}

fn launched(name: &str) -> Record {
    Record::Launched(Box::new(launch(name)))
}

fn handed_over(name: &str) -> Record {
    Record::HandedOver {
        task: key(name),
        runner_id: RUNNER,
    }
}

fn kill_requested(name: &str) -> Record {
    Record::KillRequested {
        task: key(name),
        reason: Reason::KillRequested,
        grace: DEFAULT_KILL_GRACE,
    }
}

/// The log of a daemon that had handed task a to a runner, and died.
fn with_a_runner(records: impl IntoIterator<Item = Record>) -> Recovered {
    let log = [
        identity(),
        runner_started(RUNNER),
        launched("a"),
        handed_over("a"),
    ];
    replay(log.into_iter().chain(records)).recovered(AGENT, BOOT)
}

fn adopt(confirmed_event: u64) -> Effect {
    Effect::AdoptRunner {
        runner_id: RUNNER,
        nonce: 42,
        confirmed_event,
    }
}

fn answer(tasks: impl IntoIterator<Item = TaskKey>, last_event: u64) -> Input {
    Input::RunnerReady {
        welcome: Welcome {
            tasks: tasks.into_iter().collect(),
            last_event,
            ..welcome(RUNNER)
        },
    }
}

/// A daemon that looks for its runner, its identity written.
fn looking(recovered: Recovered) -> Rig {
    let (mut rig, effects) = Rig::recovered(config(), recovered);
    assert!(effects.contains(&adopt(0)), "{effects:?}");
    rig.written();
    rig
}

fn runner_lost(name: &str, message: &str) -> StatusUpdate {
    let update = update(name, 1, TaskState::Failed);
    because(update, Reason::RunnerLost, message)
}

#[test]
fn a_task_that_was_not_handed_over_is_prepared_again() {
    let recovered = replay([identity(), launched("a")]).recovered(AGENT, BOOT);
    let (_, effects) = Rig::recovered(config(), recovered);
    assert_eq!(effects, [prepare("a"), persist(identity())]);
}

#[test]
fn a_task_that_was_handed_over_goes_on_with_its_runner() {
    let (mut rig, effects) = Rig::recovered(config(), with_a_runner([]));
    assert_eq!(effects, [adopt(0), persist(identity())]);
    assert_eq!(rig.agent.view().used, launch("a").allocated);
    assert_eq!(rig.written(), []);
    assert_eq!(rig.input(answer([key("a")], 0)), []);
    let effects = rig.input(started(RUNNER, 1, "a"));
    let running = update("a", 1, TaskState::Running);
    assert_eq!(effects, [persist(of_event(running, RUNNER, 1))]);
}

#[test]
fn the_agent_registers_when_all_runners_have_answered() {
    let mut rig = looking(with_a_runner([]));
    assert!(rig.agent.view().is_recovering);
    assert_eq!(rig.input(connected(1)), []);
    let effects = rig.input(answer([key("a")], 0));
    assert_eq!(effects[0], call(1, introduction()));
    assert_eq!(effects.len(), 2);
    assert!(!rig.agent.view().is_recovering);
}

#[test]
fn an_end_that_was_not_confirmed_comes_again_and_counts() {
    let running = update("a", 1, TaskState::Running);
    let recovered = with_a_runner([of_event(running, RUNNER, 1)]);
    let (mut rig, effects) = Rig::recovered(config(), recovered);
    assert_eq!(effects, [adopt(1), persist(identity())]);
    rig.written();
    assert_eq!(rig.input(answer([], 2)), []);
    let effects = rig.input(ended(RUNNER, 2, "a", EXITED));
    let last = of_event(finished("a", 2), RUNNER, 2);
    assert_eq!(effects, [persist(last)]);
}

#[test]
fn a_task_that_never_reached_its_runner_is_prepared_again_when_all_was_told() {
    let mut rig = looking(with_a_runner([launched("b"), handed_over("b")]));
    // The end of a is still to come, and b is nowhere.
    assert_eq!(rig.input(answer([], 2)), []);
    let effects = rig.input(started(RUNNER, 1, "a"));
    let running = update("a", 1, TaskState::Running);
    assert_eq!(effects, [persist(of_event(running, RUNNER, 1))]);
    let effects = rig.input(ended(RUNNER, 2, "a", EXITED));
    let last = of_event(finished("a", 2), RUNNER, 2);
    assert_eq!(effects, [persist(last), prepare("b")]);
    assert_eq!(rig.input(prepared("b")), [persist(handed_over("b"))]);
    assert_eq!(rig.written().last(), Some(&run(RUNNER, "b")));
}

#[test]
fn a_task_that_ran_and_is_nowhere_is_not_run_again() {
    let running = update("a", 1, TaskState::Running);
    let recovered = with_a_runner([of_event(running, RUNNER, 1)]);
    let (mut rig, _) = Rig::recovered(config(), recovered);
    rig.written();
    let effects = rig.input(answer([], 1));
    let mut last = runner_lost("a", "its runner does not know it any more");
    last.number = 2;
    assert_eq!(effects, [persist(record(last))]);
}

#[test]
fn a_kill_that_was_asked_for_is_asked_for_again() {
    let recovered = with_a_runner([kill_requested("a")]);
    let (mut rig, effects) = Rig::recovered(config(), recovered);
    let killing = update("a", 1, TaskState::Killing);
    let killing = because(killing, Reason::KillRequested, "");
    let expected = [adopt(0), persist(record(killing)), persist(identity())];
    assert_eq!(effects, expected);
    rig.written();
    let order = Effect::Kill {
        runner_id: RUNNER,
        task: key("a"),
        grace: DEFAULT_KILL_GRACE,
    };
    assert_eq!(rig.input(answer([key("a")], 0)), [order]);
}

#[test]
fn a_killed_task_that_never_reached_its_runner_is_killed() {
    let mut rig = looking(with_a_runner([kill_requested("a")]));
    let effects = rig.input(answer([], 0));
    let last = because(
        update("a", 2, TaskState::Killed),
        Reason::KillRequested,
        "killed before it ran",
    );
    assert_eq!(effects, [persist(record(last))]);
}

#[test]
fn a_task_that_the_log_does_not_know_is_ended() {
    let mut rig = looking(with_a_runner([]));
    let effects = rig.input(answer([key("a"), key("stray")], 0));
    let order = Effect::Kill {
        runner_id: RUNNER,
        task: key("stray"),
        grace: Duration::ZERO,
    };
    assert_eq!(effects, [order]);
}

#[test]
fn a_runner_that_is_gone_takes_its_tasks_with_it() {
    let mut rig = looking(with_a_runner([]));
    let effects = rig.input(lost(RUNNER, "no such process"));
    let ended = Record::RunnerEnded { runner_id: RUNNER };
    let last = runner_lost("a", "no such process");
    assert_eq!(effects, [persist(ended), persist(record(last))]);
}

#[test]
fn a_runner_that_does_not_answer_in_time_counts_as_gone_and_is_ended() {
    let mut rig = looking(with_a_runner([launched("b")]));
    rig.input(connected(1));
    rig.input(prepared("b"));
    assert_eq!(rig.wait(Duration::from_millis(14_999)), []);
    let effects = rig.wait(Duration::from_millis(1));
    let message = "its runner did not answer after the agent had restarted";
    let mut last = runner_lost("a", message);
    last.at = rig.now;
    let (second, _) = start_of(&effects);
    let stop = Effect::StopRunner { runner_id: RUNNER };
    assert_eq!(effects[0], stop);
    assert_eq!(effects[2], persist(record(last)));
    assert!(effects.contains(&call(1, introduction())));
    assert_ne!(second, RUNNER);
    // It answers after all.
    assert_eq!(rig.input(answer([key("a")], 0)), []);
}

#[test]
fn a_task_whose_runner_has_ended_has_ended_too() {
    let ended = Record::RunnerEnded { runner_id: RUNNER };
    let recovered = with_a_runner([ended]);
    let (_, effects) = Rig::recovered(config(), recovered);
    let last = runner_lost("a", "the runner ended while the agent was away");
    assert_eq!(effects, [persist(record(last)), persist(identity())]);
}

#[test]
fn after_a_boot_of_the_machine_nothing_is_left_and_the_master_is_told() {
    let running = update("a", 1, TaskState::Running);
    let log = [
        identity(),
        runner_started(RUNNER),
        launched("a"),
        handed_over("a"),
        of_event(running.clone(), RUNNER, 1),
        launched("b"),
    ];
    let mut config = config();
    config.boot_id = "boot-2".to_owned();
    let recovered = replay(log).recovered(AGENT, "boot-2");
    let (mut rig, effects) = Rig::recovered(config, recovered);
    let gone = |name, number| {
        let update = update(name, number, TaskState::Gone);
        because(update, Reason::AgentRestarted, "the machine was booted")
    };
    // The numbers that a power cut may have taken from the log are left out.
    let identity = Record::Identity {
        agent_id: AGENT,
        boot_id: "boot-2".to_owned(),
    };
    let expected = [
        persist(Record::RunnerEnded { runner_id: RUNNER }),
        persist(record(gone("a", 1002))),
        persist(record(gone("b", 1001))),
        persist(identity),
    ];
    assert_eq!(effects, expected);
    rig.written();
    let effects = rig.register(1);
    let expected = [running, gone("a", 1002), gone("b", 1001)].map(told);
    assert_eq!(effects, expected);
}

#[test]
fn updates_that_were_not_acknowledged_are_told_again() {
    let log = [
        identity(),
        launched("a"),
        record(update("a", 1, TaskState::Running)),
        record(finished("a", 2)),
        Record::Acknowledged {
            task: key("a"),
            number: 1,
        },
    ];
    let (mut rig, effects) = Rig::recovered(config(), replay(log).recovered(AGENT, BOOT));
    assert_eq!(effects, [persist(identity())]);
    rig.written();
    assert_eq!(rig.register(1), [told(finished("a", 2))]);
    let task = key("a");
    let effects = rig.master(AgentEvent::Acknowledge { task, number: 2 });
    assert_eq!(effects, [persist(Record::Forgotten { task: key("a") })]);
}

#[test]
fn a_task_that_is_over_for_all_is_forgotten_at_the_start() {
    let acknowledged = Record::Acknowledged {
        task: key("a"),
        number: 1,
    };
    let log = [
        identity(),
        launched("a"),
        record(finished("a", 1)),
        acknowledged,
    ];
    let (mut rig, effects) = Rig::recovered(config(), replay(log).recovered(AGENT, BOOT));
    let forgotten = Record::Forgotten { task: key("a") };
    assert_eq!(effects, [persist(forgotten), persist(identity())]);
    assert_eq!(rig.written(), [Effect::Forgotten { task: key("a") }]);
}

#[test]
fn two_runners_of_a_tenant_both_go_on_and_both_rest_when_nothing_is_left() {
    let other = RunnerId::from_bits(12);
    let log = [
        identity(),
        runner_started(RUNNER),
        runner_started(other),
        launched("a"),
        handed_over("a"),
    ];
    let mut rig = looking(replay(log).recovered(AGENT, BOOT));
    rig.input(answer([key("a")], 0));
    rig.input(ready(other));
    let effects = rig.input(ended(RUNNER, 1, "a", Outcome::Exited { code: 0 }));
    let last = of_event(finished("a", 1), RUNNER, 1);
    assert_eq!(effects, [persist(last)]);
    rig.written();
    let effects = rig.wait(Duration::from_secs(30));
    for runner_id in [RUNNER, other] {
        assert!(effects.contains(&Effect::StopRunner { runner_id }));
    }
}

#[test]
fn a_snapshot_of_the_log_says_the_same_as_the_log() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(started(runner_id, 1, "a"));
    rig.running("b");
    rig.input(ended(runner_id, 2, "b", EXITED));
    rig.written();
    rig.master(AgentEvent::Acknowledge {
        task: key("a"),
        number: 1,
    });
    rig.master(AgentEvent::Acknowledge {
        task: key("b"),
        number: 1,
    });
    rig.master(AgentEvent::Kill {
        task: key("a"),
        reason: Reason::KillRequested,
        grace: None,
    });
    let log = replay(rig.records.clone());
    assert_eq!((log.tasks.len(), log.runners.len()), (1, 1));
    assert_eq!(log.runners[0].confirmed_event, 2);
    let snapshot = rig.agent.snapshot();
    assert!(snapshot.len() < rig.records.len());
    assert_eq!(replay(snapshot.clone()), log);
    // Records that come twice change nothing.
    let twice = snapshot.iter().chain(&snapshot).cloned();
    assert_eq!(replay(twice), log);
}

#[test]
fn a_new_log_has_neither_an_id_nor_a_boot() {
    let log = replay([]);
    assert_eq!((log.agent_id, log.boot_id.as_deref()), (None, None));
    assert!(!log.recovered(AGENT, BOOT).machine_was_booted);
    let log = replay([identity()]);
    assert_eq!(log.agent_id, Some(AGENT));
    assert!(!log.clone().recovered(AGENT, BOOT).machine_was_booted);
    assert!(log.recovered(AGENT, "boot-2").machine_was_booted);
}

#[test]
fn a_lowered_sale_keeps_what_runs_and_takes_nothing_new() {
    let mut config = config();
    config.resources = resources("cpus=0.05");
    let (mut rig, _) = Rig::recovered(config, with_a_runner([]));
    rig.written();
    rig.input(answer([key("a")], 0));
    rig.register(1);
    let effects = rig.master(AgentEvent::Launch(Box::new(launch("b"))));
    let last = because(
        update("b", 1, TaskState::Dropped),
        Reason::InsufficientResources,
        "it takes cpus=0.1;mem=1.0 MiB; the agent has nothing left",
    );
    assert_eq!(effects[1], persist(record(last)));
}
