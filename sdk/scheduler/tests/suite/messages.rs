//! Messages to executors: sent at once or refused here, and never kept.

use stoker_sdk_scheduler::{AgentId, Refusal, TaskId, TaskState, limit};
use stoker_sdk_testing::ScriptedMaster;

use super::bench::{Bench, Heard, Recorder, task};

fn agent() -> AgentId {
    AgentId::from_bits(1)
}

fn refusal(call_id: u64, message: &str) -> Heard {
    Heard::Refused(Refusal {
        call_id,
        verb: "message",
        tasks: Vec::new(),
        message: message.to_owned(),
    })
}

#[test]
fn what_the_master_says_to_a_message_is_told_and_its_task_goes_on() {
    let mut master = ScriptedMaster::new(Recorder::default());
    let offer = master.offer("cpus=1;mem=1GiB");
    master.command(Box::new(move |calls| {
        drop(calls.launch(&offer, [task("a")]))
    }));
    let task_id = master.expect_launch().tasks[0].id.clone();
    master.update(&task_id, TaskState::Running);
    let to = task_id.clone();
    master.command(Box::new(move |calls| calls.message(agent(), &to, "data")));
    let (call_id, to, data) = master.expect_message();
    assert_eq!((&to, data.as_slice()), (&task_id, b"data".as_slice()));
    master.refuse(call_id, "no executor");
    master.update(&task_id, TaskState::Finished);
    master.expect_nothing();
    let heard = &master.scheduler().heard;
    assert_eq!(heard[heard.len() - 2], refusal(call_id, "no executor"));
}

#[test]
fn a_message_over_its_bound_is_refused_here() {
    let mut bench = Bench::registered();
    let task_id: TaskId = "t".parse().unwrap();
    let calls = bench.calls(move |calls| {
        calls.message(
            agent(),
            &task_id,
            vec![0; limit::FRAMEWORK_MESSAGE_BYTES + 1],
        );
        calls.message(agent(), &task_id, vec![0; limit::FRAMEWORK_MESSAGE_BYTES]);
    });
    assert_eq!(calls.len(), 1, "the other one is sent");
    let message = "a message holds at most 65536 bytes; this one has 65537";
    assert_eq!(bench.heard(), [refusal(0, message)]);
}

#[test]
fn without_a_master_a_message_is_refused_and_not_kept() {
    let mut bench = Bench::registered();
    bench.disconnect();
    bench.heard();
    let task_id: TaskId = "t".parse().unwrap();
    let calls = bench.calls(move |calls| calls.message(agent(), &task_id, "late"));
    assert_eq!(calls, []);
    let message = "no master is there for now: send the message again when one is";
    assert_eq!(bench.heard(), [refusal(0, message)]);
}
