//! How a core finds its master, keeps it, loses it and gives up.

use std::time::Duration;

use stoker_sdk_scheduler::{
    Ending, Epoch, FrameworkId,
    core::{Input, Output, SchedulerCore, Settings},
};
use stoker_types::scheduler::{Call, Event, NumberedCall};

use crate::bench::*;

fn subscribe(call_id: u64, framework_id: Option<FrameworkId>) -> Output {
    Output::Send(NumberedCall {
        call_id,
        call: Call::Subscribe {
            framework: framework(),
            framework_id,
            suppressed_roles: Vec::new(),
        },
    })
}

/// The pause of the one `Lost` among these outputs, which must be all but `before`.
fn pause(outputs: &[Output], before: &[Output]) -> Duration {
    let (last, first) = outputs.split_last().expect("outputs");
    assert_eq!(first, before);
    match last {
        Output::Lost { retry_in, .. } => *retry_in,
        other => panic!("{other:?} is no loss"),
    }
}

#[test]
fn a_new_core_dials_at_once_subscribes_and_is_registered() {
    let mut bench = Bench::new(Recorder::default(), None);
    assert_eq!(bench.core.deadline(), Some(bench.now));
    assert_eq!(bench.feed(Input::Tick), [Output::Connect]);
    assert_eq!(bench.feed(Input::Connected), [subscribe(1, None)]);
    assert!(!bench.core.is_subscribed());

    assert_eq!(bench.event(subscribed(bench.epoch)), []);
    assert_eq!(bench.heard(), [Heard::Registered { is_return: false }]);
    assert!(bench.core.is_subscribed());
    assert_eq!(bench.core.framework_id(), Some(FRAMEWORK));
    assert_eq!(bench.core.epoch(), bench.epoch);
}

#[test]
fn a_framework_that_knows_its_id_returns_with_it() {
    let settings = Settings {
        framework: framework(),
        framework_id: Some(FRAMEWORK),
        wait: None,
        seed: 1,
    };
    let mut bench = Bench::new(Recorder::default(), None);
    bench.core = SchedulerCore::new(Recorder::default(), settings, bench.now);
    bench.feed(Input::Tick);
    assert_eq!(
        bench.feed(Input::Connected),
        [subscribe(1, Some(FRAMEWORK))]
    );
    bench.event(subscribed(bench.epoch));
    assert_eq!(bench.heard(), [Heard::Registered { is_return: true }]);
}

#[test]
fn a_lost_master_is_looked_for_again_under_the_same_id() {
    let mut bench = Bench::registered();
    let retry_in = pause(&bench.disconnect(), &[]);
    assert_eq!(bench.heard(), [Heard::Disconnected("cut".to_owned())]);
    assert_eq!(bench.core.deadline(), Some(bench.now.after(retry_in)));

    assert_eq!(bench.tick_next(), [Output::Connect]);
    assert_eq!(
        bench.feed(Input::Connected),
        [subscribe(2, Some(FRAMEWORK))]
    );
    assert_eq!(bench.event(subscribed(bench.epoch)), []);
    assert_eq!(bench.heard(), [Heard::Registered { is_return: true }]);
}

#[test]
fn attempts_that_fail_come_at_growing_pauses_up_to_a_quarter_of_a_minute() {
    let mut bench = Bench::new(Recorder::default(), None);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        assert_eq!(bench.tick_next(), [Output::Connect]);
        pauses.push(pause(&bench.disconnect(), &[]).as_millis());
    }
    for (index, pause) in pauses.iter().enumerate() {
        let full = (100_u128 << index).min(15_000);
        assert!((full / 2..=full).contains(pause), "{pauses:?}");
    }
    assert_eq!(
        bench.heard(),
        [],
        "a master that was never there is not lost"
    );
}

#[test]
fn pauses_begin_anew_after_a_subscription_that_held_and_only_then() {
    let mut bench = Bench::registered();
    for _ in 0..6 {
        bench.disconnect();
        bench.subscribe();
    }
    assert!(
        pause(&bench.disconnect(), &[]) >= Duration::from_secs(3),
        "it was cut at once"
    );
    bench.subscribe();
    bench.pass(Duration::from_secs(16));
    assert!(
        pause(&bench.disconnect(), &[]) <= Duration::from_millis(100),
        "it had held"
    );
}

#[test]
fn a_step_that_takes_too_long_is_given_up() {
    let mut bench = Bench::new(Recorder::default(), None);
    bench.feed(Input::Tick);
    let start = bench.now;
    pause(&bench.tick_next(), &[Output::Disconnect]);
    assert_eq!(bench.now.since(start), Duration::from_secs(15), "dialling");

    bench.tick_next();
    bench.feed(Input::Connected);
    let start = bench.now;
    pause(&bench.tick_next(), &[Output::Disconnect]);
    assert_eq!(
        bench.now.since(start),
        Duration::from_secs(15),
        "subscribing"
    );
}

#[test]
fn a_master_that_is_silent_for_five_heartbeats_is_left() {
    let mut bench = Bench::registered();
    bench.now = bench.now.after(Duration::from_secs(60));
    assert_eq!(bench.event(Event::Heartbeat), []);
    let heard_at = bench.now;
    let [offer] = bench.offers(["cpus=1"]);
    bench.heard();

    pause(&bench.tick_next(), &[Output::Disconnect]);
    assert_eq!(bench.now.since(heard_at), 5 * HEARTBEAT);
    let message = format!("the master was silent for {:?}", 5 * HEARTBEAT);
    assert_eq!(
        bench.heard(),
        [Heard::Disconnected(message), Heard::Rescinded(offer.id)]
    );
}

#[test]
fn without_a_master_a_core_gives_up_when_it_has_waited_long_enough() {
    let wait = Duration::from_secs(10);
    let mut bench = Bench::new(Recorder::default(), Some(wait));
    let start = bench.now;
    let last = loop {
        match bench.tick_next().as_slice() {
            [Output::Connect] => drop(bench.disconnect()),
            outputs => break outputs.to_vec(),
        }
    };
    let ending = Ending::NoMaster {
        waited: wait,
        message: "cut".to_owned(),
    };
    assert_eq!(last, [Output::Disconnect, Output::Stop(ending.clone())]);
    assert_eq!(bench.now.since(start), wait);
    assert_eq!(bench.heard(), [Heard::Error(ending)]);
    assert_eq!(bench.core.deadline(), None);
    assert_eq!(bench.feed(Input::Tick), []);
}

#[test]
fn a_master_that_was_lost_is_waited_for_as_long() {
    let wait = Duration::from_secs(2);
    let mut bench = Bench::new(Recorder::default(), Some(wait));
    bench.subscribe();
    bench.pass(Duration::from_secs(60));
    bench.disconnect();
    bench.tick_next();
    let mut last = bench.tick_next();
    while !matches!(last.last(), Some(Output::Stop(_))) {
        last = bench.tick_next();
    }
    let ending = Ending::MasterLost {
        waited: wait,
        message: "cut".to_owned(),
    };
    assert_eq!(last, [Output::Disconnect, Output::Stop(ending)]);
}

#[test]
fn a_refused_subscription_is_not_tried_again() {
    let message = || "the role is unknown".to_owned();
    let by_status = Input::Disconnected {
        message: message(),
        retry: false,
    };
    let by_event = Input::Event {
        epoch: Epoch::new(3),
        event: Event::Error {
            message: message(),
            retry: false,
        },
    };
    for (input, before) in [(by_status, vec![]), (by_event, vec![Output::Disconnect])] {
        let mut bench = Bench::new(Recorder::default(), None);
        bench.feed(Input::Tick);
        bench.feed(Input::Connected);
        let ending = Ending::Refused { message: message() };
        let expected: Vec<Output> = before.into_iter().chain([Output::Stop(ending)]).collect();
        assert_eq!(bench.feed(input), expected);
    }
}

#[test]
fn a_framework_that_the_master_ends_is_over() {
    let mut bench = Bench::registered();
    let outputs = bench.event(Event::Error {
        message: "another scheduler came with this id".to_owned(),
        retry: false,
    });
    let ending = Ending::Ended {
        message: "another scheduler came with this id".to_owned(),
    };
    assert_eq!(outputs, [Output::Disconnect, Output::Stop(ending.clone())]);
    assert_eq!(bench.heard(), [Heard::Error(ending)]);
}

#[test]
fn a_master_that_says_so_is_returned_to() {
    let mut bench = Bench::registered();
    let outputs = bench.event(Event::Error {
        message: "too slow".to_owned(),
        retry: true,
    });
    pause(&outputs, &[Output::Disconnect]);
    assert_eq!(bench.heard(), [Heard::Disconnected("too slow".to_owned())]);
    assert_eq!(bench.subscribe(), []);
}

#[test]
fn what_a_deposed_master_says_is_not_heard() {
    let mut bench = Bench::registered();
    bench.disconnect();
    bench.epoch = Epoch::new(4);
    bench.subscribe();
    bench.heard();

    let event = Event::Offers(vec![offer(Epoch::new(3), 9, 1, "cpus=1")]);
    let epoch = Epoch::new(3);
    assert_eq!(bench.feed(Input::Event { epoch, event }), []);
    assert_eq!(bench.heard(), []);
    assert_eq!(bench.core.open_offers().count(), 0);
}

#[test]
fn a_deposed_master_that_takes_a_framework_in_is_left() {
    let mut bench = Bench::registered();
    bench.disconnect();
    bench.tick_next();
    bench.feed(Input::Connected);
    bench.heard();
    let epoch = Epoch::new(2);
    let outputs = bench.feed(Input::Event {
        epoch,
        event: subscribed(epoch),
    });
    pause(&outputs, &[Output::Disconnect]);
    assert_eq!(bench.heard(), []);
    assert_eq!(bench.subscribe(), [], "the next one leads");
}

#[test]
fn events_out_of_turn_are_ignored() {
    let mut bench = Bench::new(Recorder::default(), None);
    bench.feed(Input::Tick);
    bench.feed(Input::Connected);
    assert_eq!(
        bench.event(Event::Offers(vec![offer(bench.epoch, 1, 1, "cpus=1")])),
        []
    );
    assert_eq!(bench.heard(), []);

    bench.event(subscribed(bench.epoch));
    bench.heard();
    assert_eq!(bench.event(subscribed(bench.epoch)), [], "a second time");
    assert_eq!(bench.feed(Input::Connected), []);
    assert_eq!(bench.heard(), []);
}

#[test]
fn a_loss_of_nothing_changes_nothing() {
    let mut bench = Bench::registered();
    bench.disconnect();
    let deadline = bench.core.deadline();
    bench.heard();
    assert_eq!(bench.disconnect(), []);
    let refused = Input::Disconnected {
        message: "late".to_owned(),
        retry: false,
    };
    assert_eq!(bench.feed(refused), []);
    assert_eq!(bench.core.deadline(), deadline);
    assert_eq!(bench.heard(), []);
}

#[test]
fn one_seed_and_the_same_inputs_give_the_same_outputs() {
    let run = || {
        let mut bench = Bench::registered();
        let mut outputs = Vec::new();
        for _ in 0..5 {
            outputs.extend(bench.disconnect());
            outputs.extend(bench.subscribe());
            let [offer] = bench.offers(["cpus=4;mem=1GiB"]);
            outputs.extend(bench.feed(Input::Command(Box::new(move |calls| {
                calls.launch(&offer, [task("a"), task("b")]);
            }))));
        }
        (outputs, bench.now)
    };
    assert_eq!(run(), run());
}
