//! Messages to executors: there are none, and that is all that happens.

use stoker_types::{AgentId, scheduler::Call};

use super::fixture::{Fixture, task_id, with_running_task};

fn message(task: &str, data: &[u8]) -> Call {
    Call::Message {
        agent_id: AgentId::from_bits(1),
        task_id: task_id(task),
        data: data.to_owned(),
    }
}

fn refused(call_id: u64, task: &str) -> [String; 1] {
    [format!(
        "c1 <- refused {call_id}: task {task} cannot hear messages: only an executor could, and \
         this version has none; give the task its data when it is launched (arguments, \
         environment, stdin, inputs), and read what it answers from its outputs"
    )]
}

#[test]
fn a_message_is_refused_whether_its_task_is_known_or_not_and_changes_nothing() {
    let (mut fixture, _) = with_running_task();
    assert_eq!(fixture.call(1, message("t", b"data")), refused(3, "t"));
    assert_eq!(fixture.call(1, message("never", b"")), refused(4, "never"));
    let reconcile = Call::Reconcile {
        tasks: vec![task_id("t")],
    };
    assert_eq!(
        fixture.call(1, reconcile),
        ["c1 <- update F1/t#0 A1 TASK_RUNNING RECONCILIATION"]
    );
}

#[test]
fn a_message_before_the_subscription_ends_the_stream() {
    let mut fixture = Fixture::new();
    assert_eq!(
        fixture.call(1, message("t", b"data")),
        [
            "c1 <- refused 1: message comes before the subscription: subscribe first",
            "end c1",
        ]
    );
}
