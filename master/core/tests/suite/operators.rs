//! What operators ask for.

use stoker_master_core::OperatorCommand;
use stoker_types::{
    FrameworkId,
    agent::{OutputStream, TransferRequest, Wanted},
};

use super::fixture::{acknowledge, failed, key, with_running_task};

#[test]
fn an_operator_kills_a_task() {
    let (mut fixture, id) = with_running_task();
    let task = key(id, "t");
    let lines = fixture.operator(1, OperatorCommand::KillTask { task, grace: None });
    assert_eq!(
        lines,
        ["c11 <- kill F1/t KILLED_BY_OPERATOR", "reply 1: done"]
    );
}

#[test]
fn an_operators_kill_is_done_when_the_agent_is_back() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    let task = key(id, "t");
    let lines = fixture.operator(1, OperatorCommand::KillTask { task, grace: None });
    assert_eq!(lines, ["reply 1: done"]);
}

#[test]
fn a_task_that_has_ended_or_is_not_known_cannot_be_killed() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    let kill = |task| OperatorCommand::KillTask {
        task: key(id, task),
        grace: None,
    };
    assert_eq!(
        fixture.operator(1, kill("t"))[0],
        "reply 1: task F1/t is over: TASK_FAILED"
    );
    assert_eq!(
        fixture.operator(2, kill("other")),
        ["reply 2: no task F1/other is known; `stoker task list` shows those that are"]
    );
}

#[test]
fn a_tasks_output_is_read_through_its_agent_also_after_its_end() {
    let (mut fixture, id) = with_running_task();
    let read = |ticket, framework_id| {
        let wanted = Wanted::Output {
            stream: OutputStream::Stdout,
            offset: 10,
            follow: true,
        };
        let task = key(framework_id, "t");
        OperatorCommand::Transfer(TransferRequest {
            ticket,
            task,
            wanted,
        })
    };
    assert_eq!(
        fixture.operator(1, read(7, id)),
        [
            "c11 <- transfer 7 F1/t Output { stream: Stdout, offset: 10, follow: true }",
            "reply 1: done"
        ]
    );
    fixture.agent(11, failed(id, "t", 2));
    fixture.call(1, acknowledge(1, "t", 2));
    assert_eq!(fixture.operator(2, read(8, id))[1], "reply 2: done");
    fixture.agent_gone(11);
    assert_eq!(
        fixture.operator(3, read(9, id)),
        [
            "reply 3: agent A1 is not connected; try again when `stoker agent list` shows it as \
             active"
        ]
    );
    let stranger = FrameworkId::from_bits(99);
    assert!(fixture.operator(4, read(10, stranger))[0].starts_with("reply 4: no task"));
}
