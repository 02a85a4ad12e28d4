//! How a scheduler ends itself, and its own deadlines.

use std::time::Duration;

use stoker_sdk_scheduler::{
    Calls, Ending,
    core::{Input, Output},
};
use stoker_types::scheduler::{Call, Event, NumberedCall};

use crate::bench::*;

fn teardown_and_stop(outputs: &[Output]) {
    let [
        Output::Send(NumberedCall { call, .. }),
        Output::Stop(Ending::Stopped),
    ] = outputs
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(*call, Call::Teardown);
}

#[test]
fn stopping_sends_what_was_called_before_and_then_nothing() {
    let mut bench = Bench::registered();
    let outputs = bench.feed(Input::Command(Box::new(|calls: &mut Calls| {
        calls.stop();
        calls.suppress();
    })));
    assert_eq!(outputs.len(), 2);
    assert_eq!(outputs[1], Output::Stop(Ending::Stopped));
    assert_eq!(bench.core.deadline(), None);
    bench.heard();
    assert_eq!(
        bench.event(Event::Offers(vec![offer(bench.epoch, 1, 1, "cpus=1")])),
        []
    );
    assert_eq!(bench.feed(Input::Stop), []);
    assert_eq!(bench.heard(), []);
}

#[test]
fn stopping_needs_no_master() {
    let mut bench = Bench::new(Recorder::default(), None);
    assert_eq!(bench.feed(Input::Stop), [Output::Stop(Ending::Stopped)]);
    assert_eq!(bench.core.deadline(), None);
}

#[test]
fn a_teardown_is_sent_and_then_all_is_over() {
    let mut bench = Bench::registered();
    let outputs = bench.feed(Input::Command(Box::new(|calls: &mut Calls| {
        calls.teardown();
        calls.stop();
    })));
    teardown_and_stop(&outputs);
}

#[test]
fn a_teardown_without_a_master_waits_for_one() {
    let mut bench = Bench::registered();
    bench.disconnect();
    assert_eq!(bench.calls(Calls::teardown), []);
    assert_eq!(bench.tick_next(), [Output::Connect]);
    bench.feed(Input::Connected);
    let outputs = bench.event(subscribed(bench.epoch));
    teardown_and_stop(&outputs);
}

#[test]
fn a_scheduler_is_ticked_at_its_deadline_with_or_without_a_master() {
    let mut recorder = Recorder::default();
    let mut bench = Bench::new(Recorder::default(), None);
    let due = bench.now.after(Duration::from_secs(1));
    recorder.deadline = Some(due);
    let settings = stoker_sdk_scheduler::core::Settings {
        framework: framework(),
        framework_id: None,
        wait: None,
        seed: 1,
    };
    bench.core = stoker_sdk_scheduler::core::SchedulerCore::new(recorder, settings, bench.now);
    assert_eq!(bench.feed(Input::Tick), [Output::Connect]);
    assert_eq!(bench.core.deadline(), Some(due));
    assert_eq!(bench.heard(), []);
    assert_eq!(bench.tick_next(), []);
    assert_eq!(bench.heard(), [Heard::Tick]);
    assert_eq!(bench.now, due);
}
