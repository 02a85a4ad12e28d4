//! What tasks use while they run: gathered, told once a second, and part of what is told anyway.

use std::time::Duration;

use stoker_agent_core::{Effect, Input};
use stoker_types::{
    Reason, RunnerId, TaskState, TaskUsage, Usage,
    agent::{AgentCall, AgentEvent},
    limit,
    runner::USAGE_INTERVAL,
};

use crate::support::*;

fn of(fuel_used: u64) -> Usage {
    Usage {
        fuel_used,
        mem: 65_536,
        ..Usage::default()
    }
}

fn tell(runner_id: RunnerId, usages: &[(&str, Usage)]) -> Input {
    let usage = |(name, usage): &(&str, Usage)| TaskUsage {
        task: key(name),
        usage: *usage,
    };
    Input::Usages {
        runner_id,
        usages: usages.iter().map(usage).collect(),
    }
}

fn passed_on(usages: &[(&str, Usage)]) -> Effect {
    let usage = |(name, usage): &(&str, Usage)| TaskUsage {
        task: key(name),
        usage: *usage,
    };
    call(1, AgentCall::Usages(usages.iter().map(usage).collect()))
}

#[test]
fn what_tasks_use_is_gathered_and_told_once_a_second() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.running("b");
    rig.wait(Duration::from_secs(1));
    assert_eq!(rig.input(tell(runner_id, &[("b", of(1))])), []);
    rig.input(tell(runner_id, &[("a", of(7)), ("b", of(2))]));
    // Of a task that another runner has, a runner knows nothing.
    rig.input(tell(RunnerId::from_bits(99), &[("a", of(1000))]));
    let just_before = USAGE_INTERVAL - Duration::from_millis(1);
    assert_eq!(rig.wait(just_before), []);
    let expected = passed_on(&[("b", of(2)), ("a", of(7))]);
    assert_eq!(rig.wait(Duration::from_millis(1)), [expected]);
    assert_eq!(rig.wait(USAGE_INTERVAL * 3), []);
}

#[test]
fn what_does_not_fit_into_a_batch_is_told_first_the_next_time() {
    let mut rig = Rig::registered();
    let run = |number: usize| {
        let name = format!("t{number}");
        let runner_id = rig.running_as(&name, launch_of(1, &name, "mem=1KiB"));
        (name, runner_id)
    };
    let tasks: Vec<(String, RunnerId)> = (0..=limit::BATCH_ITEMS).map(run).collect();
    rig.wait(Duration::from_secs(1));
    for (name, runner_id) in &tasks {
        rig.input(tell(*runner_id, &[(name, of(1))]));
    }
    let told = |effects: &[Effect]| match effects {
        [
            Effect::ToMaster {
                call: AgentCall::Usages(usages),
                ..
            },
        ] => {
            let first = usages[0].task.task_id.to_string();
            (usages.len(), first)
        }
        other => panic!("no usages: {other:?}"),
    };
    let first = rig.wait(USAGE_INTERVAL);
    assert_eq!(told(&first), (limit::BATCH_ITEMS, "t0".to_owned()));
    rig.input(tell(tasks[0].1, &[("t0", of(2))]));
    assert_eq!(told(&rig.wait(USAGE_INTERVAL)), (2, "t1000".to_owned()));
}

#[test]
fn a_task_that_is_lost_ends_with_what_it_was_last_known_to_use() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(tell(runner_id, &[("a", of(7))]));
    rig.input(lost(runner_id, "it was killed"));
    let last = update("a", 1, TaskState::Failed);
    let mut last = because(last, Reason::RunnerLost, "it was killed");
    last.usage = Usage { mem: 0, ..of(7) };
    let told_now = rig.written();
    assert!(told_now.contains(&told(last)), "{told_now:?}");
    // Its end has told all.
    let later = rig.wait(USAGE_INTERVAL * 2);
    let is_usage = |effect: &Effect| {
        matches!(
            effect,
            Effect::ToMaster {
                call: AgentCall::Usages(_),
                ..
            }
        )
    };
    assert!(!later.iter().any(is_usage), "{later:?}");
}

#[test]
fn the_compilation_of_its_module_is_the_task_s_to_pay_also_if_it_fails() {
    let mut rig = Rig::registered();
    rig.master(AgentEvent::Launch(Box::new(launch("a"))));
    rig.written();
    let mut failed = not_prepared("a", Reason::CompileLimit);
    if let Input::Prepared { compile_time, .. } = &mut failed {
        *compile_time = Duration::from_secs(30);
    }
    rig.input(failed);
    let last = update("a", 1, TaskState::Error);
    let mut last = because(last, Reason::CompileLimit, "why");
    last.usage.compile_time = Duration::from_secs(30);
    assert_eq!(rig.written(), [told(last)]);
}
