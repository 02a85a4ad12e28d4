//! A task's way to its runner: each step waits for the log, and each refusal says why.

use std::time::Duration;

use stoker_agent_core::{Effect, Input, PreparePhase, Record};
use stoker_types::{
    Reason, StatusUpdate, TaskState,
    agent::{AgentCall, AgentEvent, Launch},
};

use crate::support::*;

fn launches(launch: Launch) -> AgentEvent {
    AgentEvent::Launch(Box::new(launch))
}

fn launched(launch: Launch) -> Effect {
    persist(Record::Launched(Box::new(launch)))
}

#[test]
fn a_launch_is_written_before_it_is_prepared() {
    let mut rig = Rig::registered();
    let effects = rig.master(launches(launch("a")));
    assert_eq!(effects, [launched(launch("a"))]);
    assert_eq!(rig.written(), [prepare("a")]);
}

#[test]
fn a_task_is_not_seen_before_its_launch_is_written() {
    let mut rig = Rig::registered();
    rig.master(launches(launch("a")));
    assert!(rig.agent.view().tasks.is_empty());
    rig.written();
    assert_eq!(rig.agent.view().tasks, [(TaskState::Staging, 1)].into());
}

#[test]
fn a_task_that_is_here_is_not_launched_again() {
    let mut rig = Rig::registered();
    rig.master(launches(launch("a")));
    assert_eq!(rig.master(launches(launch("a"))), []);
    rig.written();
    assert_eq!(rig.master(launches(launch("a"))), []);
}

#[test]
fn a_prepared_task_has_a_runner_started_then_is_handed_over_then_launched() {
    let mut rig = Rig::registered();
    rig.master(launches(launch("a")));
    rig.written();
    let effects = rig.input(prepared("a"));
    let (runner_id, nonce) = start_of(&effects);
    let tenant = tenant(1);
    let record = Record::RunnerStarted {
        runner_id,
        nonce,
        tenant: tenant.clone(),
    };
    assert_eq!(effects, [persist(record)]);
    let start = Effect::StartRunner {
        runner_id,
        nonce,
        tenant,
    };
    assert_eq!(rig.written(), [start]);
    let handed_over = Record::HandedOver {
        task: key("a"),
        runner_id,
    };
    assert_eq!(rig.input(ready(runner_id)), [persist(handed_over)]);
    assert_eq!(rig.written(), [run(runner_id, "a")]);
}

#[test]
fn a_second_task_of_a_tenant_goes_to_its_runner_at_once() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.master(launches(launch("b")));
    rig.written();
    let handed_over = Record::HandedOver {
        task: key("b"),
        runner_id,
    };
    assert_eq!(rig.input(prepared("b")), [persist(handed_over)]);
    assert_eq!(rig.written(), [run(runner_id, "b")]);
}

#[test]
fn tasks_that_are_ready_while_their_runner_starts_wait_for_it() {
    let mut rig = Rig::registered();
    rig.master(launches(launch("b")));
    rig.master(launches(launch("a")));
    rig.written();
    let (runner_id, _) = start_of(&rig.input(prepared("b")));
    assert_eq!(rig.input(prepared("a")), []);
    rig.written();
    let handed_over = |name| {
        let task = key(name);
        persist(Record::HandedOver { task, runner_id })
    };
    let effects = rig.input(ready(runner_id));
    assert_eq!(effects, [handed_over("b"), handed_over("a")]);
}

#[test]
fn another_tenant_gets_a_runner_of_its_own() {
    let mut rig = Rig::registered();
    let first = rig.running("a");
    rig.master(launches(launch_of(2, "a", "cpus=1")));
    rig.written();
    let (second, _) = start_of(&rig.input(prepared_key(key_of(2, "a"))));
    assert_ne!(first, second);
}

/// The launch is refused with this update, which leaves when it is synced.
fn is_refused(rig: &mut Rig, launch: Launch, last: &StatusUpdate) {
    let effects = rig.master(launches(launch.clone()));
    assert_eq!(effects, [launched(launch), persist(record(last.clone()))]);
    assert_eq!(rig.written(), [told(last.clone())]);
}

fn dropped(name: &str, message: &str) -> StatusUpdate {
    let update = update(name, 1, TaskState::Dropped);
    because(update, Reason::InsufficientResources, message)
}

#[test]
fn what_does_not_fit_is_dropped() {
    let mut rig = Rig::registered();
    rig.master(launches(launch_of(1, "a", "cpus=3;ports=31000-31004")));
    rig.written();
    let big = launch_of(1, "b", "cpus=2");
    let message = "it takes cpus=2; the agent has cpus=1;mem=4.0 GiB;ports=31005-31009 left";
    is_refused(&mut rig, big, &dropped("b", message));
    let same_port = launch_of(1, "c", "ports=31004-31005");
    let message =
        "it takes ports=31004-31005; the agent has cpus=1;mem=4.0 GiB;ports=31005-31009 left";
    is_refused(&mut rig, same_port, &dropped("c", message));
}

#[test]
fn what_an_ended_task_had_is_free_again() {
    let mut rig = Rig::registered();
    rig.master(launches(launch_of(1, "a", "cpus=4")));
    rig.written();
    rig.input(not_prepared("a", Reason::ModuleInvalid));
    let effects = rig.master(launches(launch_of(1, "b", "cpus=4")));
    assert_eq!(effects, [launched(launch_of(1, "b", "cpus=4"))]);
}

#[test]
fn one_task_more_than_the_agent_takes_is_dropped() {
    let mut config = config();
    config.limits.tasks = 1;
    let mut rig = Rig::configured(config);
    rig.register(1);
    rig.master(launches(launch("a")));
    rig.written();
    let message = "the agent has as many tasks as it takes: 1";
    is_refused(&mut rig, launch("b"), &dropped("b", message));
    // A master that goes on, and acknowledges nothing, is left.
    let connection = stoker_agent_core::ConnectionId(1);
    let effects = rig.master(launches(launch("c")));
    assert_eq!(effects, [Effect::Disconnect { connection }]);
}

#[test]
fn a_task_whose_framework_is_shut_down_does_not_run() {
    let mut rig = Rig::registered();
    let framework_id = framework(1);
    let effects = rig.master(AgentEvent::ShutdownFramework { framework_id });
    assert_eq!(effects, []);
    let last = because(
        update("a", 1, TaskState::Killed),
        Reason::FrameworkRemoved,
        "its framework is shut down on this agent",
    );
    let effects = rig.master(launches(launch("a")));
    let expected = [launched(launch("a")), persist(record(last.clone()))];
    assert_eq!(effects, expected);
    // Nobody acknowledges it: told once, it is forgotten.
    let forgotten = Record::Forgotten { task: key("a") };
    assert_eq!(rig.written(), [told(last), persist(forgotten)]);
    assert_eq!(rig.written(), [Effect::Forgotten { task: key("a") }]);
}

#[test]
fn a_task_that_cannot_be_prepared_ends_with_the_reason() {
    let error = TaskState::Error;
    for (reason, state) in [
        (Reason::ModuleInvalid, error),
        (Reason::ModuleTooLarge, error),
        (Reason::ModuleNotFound, error),
        (Reason::ImportUnknown, error),
        (Reason::CompileLimit, error),
        (Reason::DigestMismatch, error),
        (Reason::InputNotFound, error),
        (Reason::LaunchFailed, TaskState::Failed),
    ] {
        let mut rig = Rig::registered();
        rig.master(launches(launch("a")));
        rig.written();
        let last = because(update("a", 1, state), reason, "why");
        let effects = rig.input(not_prepared("a", reason));
        assert_eq!(effects, [persist(record(last.clone()))]);
        assert_eq!(rig.written(), [told(last)]);
    }
}

#[test]
fn an_answer_that_nobody_waits_for_is_ignored() {
    let mut rig = Rig::registered();
    assert_eq!(rig.input(prepared("a")), []);
    rig.running("a");
    assert_eq!(rig.input(prepared("a")), []);
    assert_eq!(rig.input(not_prepared("a", Reason::ModuleInvalid)), []);
}

fn preparing(name: &str, phase: PreparePhase) -> Input {
    Input::Preparing {
        task: key(name),
        phase,
    }
}

#[test]
fn a_phase_of_the_preparation_is_told_when_it_takes_long() {
    let mut rig = Rig::registered();
    rig.master(launches(launch("a")));
    rig.written();
    assert_eq!(rig.input(preparing("a", PreparePhase::Fetching)), []);
    assert_eq!(rig.wait(Duration::from_millis(199)), []);
    let effects = rig.wait(Duration::from_millis(1));
    let mut fetching = because(update("a", 1, TaskState::Starting), Reason::Fetching, "");
    fetching.at = rig.now;
    assert_eq!(effects, [persist(record(fetching.clone()))]);
    assert_eq!(rig.written(), [told(fetching)]);
    assert_eq!(rig.input(preparing("a", PreparePhase::Compiling)), []);
    let effects = rig.wait(Duration::from_millis(200));
    let mut compiling = because(update("a", 2, TaskState::Starting), Reason::Compiling, "");
    compiling.at = rig.now;
    assert_eq!(effects, [persist(record(compiling))]);
}

#[test]
fn a_quick_phase_is_not_told() {
    let mut rig = Rig::registered();
    rig.master(launches(launch("a")));
    rig.written();
    rig.input(preparing("a", PreparePhase::Fetching));
    rig.wait(Duration::from_millis(150));
    rig.input(preparing("a", PreparePhase::Compiling));
    assert_eq!(rig.wait(Duration::from_millis(150)), []);
    rig.input(prepared("a"));
    assert_eq!(rig.wait(Duration::from_secs(1)), []);
    assert_eq!(rig.input(preparing("a", PreparePhase::Fetching)), []);
    assert_eq!(rig.agent.deadline(), None);
}

#[test]
fn a_transfer_is_passed_on() {
    let mut rig = Rig::registered();
    let request = stoker_types::agent::TransferRequest {
        ticket: 9,
        task: key("a"),
        wanted: stoker_types::agent::Wanted::Output {
            stream: stoker_types::agent::OutputStream::Stdout,
            offset: 0,
            follow: true,
        },
    };
    let effects = rig.master(AgentEvent::Transfer(request.clone()));
    assert_eq!(effects, [Effect::Transfer(request)]);
    assert_eq!(rig.master(AgentEvent::Ping), [call(1, AgentCall::Pong)]);
}
