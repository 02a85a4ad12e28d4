//! What becomes of offers, and of launches on those that are not open.

use std::time::Duration;

use stoker_sdk_scheduler::{
    Calls, OfferFilter, OfferId, Reason, Role, Task, TaskState, core::Input,
};
use stoker_types::scheduler::{Call, Event, Operation};

use crate::bench::*;

const DEFAULT: Duration = Duration::from_secs(5);

fn dropped(task_id: &stoker_sdk_scheduler::TaskId) -> Heard {
    Heard::Update(
        task_id.clone(),
        TaskState::Dropped,
        Some(Reason::InvalidOffers),
    )
}

#[test]
fn a_launch_becomes_one_accept_and_its_tasks_are_known() {
    let mut bench = Bench::registered();
    let [offer] = bench.offers(["cpus=2;mem=1GiB"]);
    let offer_id = offer.id;
    let calls = bench.calls(move |calls| {
        calls.launch(&offer, [task("a"), task("b").arg("x")]);
    });
    let [
        Call::Accept {
            offer_ids,
            operations,
            filter,
        },
    ] = calls.as_slice()
    else {
        panic!("{calls:?}");
    };
    assert_eq!(offer_ids, &[offer_id]);
    assert_eq!(*filter, OfferFilter { refuse: DEFAULT });
    let [Operation::Launch { tasks }] = operations.as_slice() else {
        panic!("{operations:?}");
    };
    let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(tasks[1].arguments, ["x"]);
    let staging: Vec<_> = tasks
        .iter()
        .map(|task| (task.id.clone(), TaskState::Staging))
        .collect();
    assert_eq!(bench.live(), staging);
    assert_eq!(bench.core.open_offers().count(), 0);
}

#[test]
fn offers_of_one_agent_are_accepted_together() {
    let mut bench = Bench::registered();
    let first = offer(bench.epoch, 1, 1, "cpus=1");
    let second = offer(bench.epoch, 2, 1, "cpus=1");
    bench.event(Event::Offers(vec![first.clone(), second.clone()]));
    let ids = [first.id, second.id];
    let calls = bench.calls(move |calls| {
        calls.accept_for(ids, [task("wide")], Duration::ZERO);
    });
    let [
        Call::Accept {
            offer_ids, filter, ..
        },
    ] = calls.as_slice()
    else {
        panic!("{calls:?}");
    };
    assert_eq!(offer_ids, &ids);
    assert_eq!(filter.refuse, Duration::ZERO);
}

#[test]
fn what_a_callback_leaves_can_be_declined_in_one_call() {
    let mut bench = Bench::reacting(|heard, calls| {
        if let Heard::Offers(ids) = heard {
            calls.accept([ids[1]], [task("a")]);
            calls.decline_for(ids[3], Duration::from_secs(60));
            calls.decline_rest();
        }
    });
    let offers: Vec<_> = (1..=4)
        .map(|n| offer(bench.epoch, n, n, "cpus=1"))
        .collect();
    let calls = sent(bench.event(Event::Offers(offers.clone())));
    assert_eq!(launched(&calls).len(), 1);
    let declined = [
        decline(&[&offers[3]], Duration::from_secs(60)),
        decline(&[&offers[0], &offers[2]], DEFAULT),
    ];
    assert_eq!(calls[1..], declined);
    assert_eq!(bench.core.open_offers().count(), 0);
}

#[test]
fn an_offer_stays_open_until_it_is_answered_or_rescinded() {
    let mut bench = Bench::registered();
    let [kept, gone] = bench.offers(["cpus=1", "cpus=1"]);
    bench.heard();
    let (kept_id, gone_id) = (kept.id, gone.id);
    assert_eq!(bench.event(Event::Rescind { offer_id: gone_id }), []);
    assert_eq!(bench.heard(), [Heard::Rescinded(gone_id)]);
    assert_eq!(bench.event(Event::Rescind { offer_id: gone_id }), []);
    assert_eq!(bench.heard(), [], "it was told once");

    bench.pass(Duration::from_secs(10));
    let calls = bench.calls(move |calls| calls.decline(kept_id));
    assert_eq!(calls, [decline(&[&kept], DEFAULT)]);
    assert_eq!(bench.event(Event::Rescind { offer_id: kept_id }), []);
    assert_eq!(bench.heard(), [], "it was answered");
    assert_eq!(
        bench.calls(move |calls| calls.decline(kept_id)),
        [],
        "and is not open"
    );
}

#[test]
fn a_launch_on_an_offer_that_is_not_open_is_dropped_here() {
    let mut bench = Bench::registered();
    let [offer] = bench.offers(["cpus=1"]);
    bench.event(Event::Rescind { offer_id: offer.id });
    bench.heard();
    let id = "mine".parse().unwrap();
    let named = task("a").id("mine".parse().unwrap());
    assert_eq!(
        bench.calls(move |calls| drop(calls.launch(&offer, [named]))),
        []
    );
    assert_eq!(bench.heard(), [dropped(&id)]);
    assert_eq!(bench.live(), []);
}

#[test]
fn offers_that_do_not_go_together_drop_the_launch_and_come_back_at_once() {
    let mut bench = Bench::registered();
    let [first, second] = bench.offers(["cpus=1", "cpus=1"]);
    bench.heard();
    let void = OfferId {
        epoch: bench.epoch,
        number: 99,
    };
    for ids in [
        vec![first.id, second.id],
        vec![first.id, first.id],
        vec![first.id, void],
        vec![],
    ] {
        bench.event(Event::Offers(vec![first.clone(), second.clone()]));
        bench.heard();
        let expected = match ids.as_slice() {
            [] => vec![],
            [_, other] if *other == second.id => vec![decline(&[&first, &second], Duration::ZERO)],
            _ => vec![decline(&[&first], Duration::ZERO)],
        };
        let calls = bench.calls(move |calls| drop(calls.accept(ids, [task("a")])));
        assert_eq!(calls, expected);
        bench.pass(Duration::from_millis(100));
        let [Heard::Update(_, TaskState::Dropped, Some(Reason::InvalidOffers))] = bench.heard()[..]
        else {
            panic!("it was not dropped");
        };
    }
}

#[test]
fn a_role_that_differs_does_not_go_together() {
    let mut bench = Bench::registered();
    let first = offer(bench.epoch, 1, 1, "cpus=1");
    let mut second = offer(bench.epoch, 2, 1, "cpus=1");
    second.role = "other".parse::<Role>().unwrap();
    bench.event(Event::Offers(vec![first.clone(), second.clone()]));
    let ids = [first.id, second.id];
    let calls = bench.calls(move |calls| drop(calls.accept(ids, [task("a")])));
    assert_eq!(calls, [decline(&[&first, &second], Duration::ZERO)]);
}

#[test]
fn a_launch_carries_a_thousand_tasks_and_the_others_are_dropped() {
    let mut bench = Bench::registered();
    let [offer] = bench.offers(["cpus=4000;mem=1TiB"]);
    bench.heard();
    let calls = bench.calls(move |calls| {
        calls.launch(&offer, (0..1002).map(|_| task("many")));
    });
    assert_eq!(launched(&calls).len(), 1000);
    assert_eq!(bench.live().len(), 1000);
    let heard = bench.heard();
    assert_eq!(heard.len(), 2);
    assert!(
        heard
            .iter()
            .all(|heard| matches!(heard, Heard::Update(_, TaskState::Dropped, _)))
    );
}

#[test]
fn a_launch_stays_below_what_the_wire_carries() {
    let mut bench = Bench::registered();
    let [offer] = bench.offers(["cpus=4000;mem=1TiB"]);
    bench.heard();
    let heavy = |_| task("heavy").arg("x".repeat(30_000)).env("A", "b");
    let calls = bench.calls(move |calls| {
        calls.launch(&offer, (0..100).map(heavy));
    });
    let count = launched(&calls).len();
    assert!((20..=26).contains(&count), "{count}");
    let numbered = stoker_types::scheduler::NumberedCall {
        call_id: 1,
        call: calls[0].clone(),
    };
    let (batches, refused) = stoker_proto::convert::scheduler::encode_calls([numbered]);
    assert_eq!((batches.len(), refused.len()), (1, 0));
    assert_eq!(bench.heard().len(), 100 - count);
}

#[test]
fn an_id_that_was_used_is_refused_here() {
    let mut bench = Bench::registered();
    let used = bench.launch("a");
    let [offer] = bench.offers(["cpus=1"]);
    bench.heard();
    let again = task("b").id(used.clone());
    let calls = bench.calls(move |calls| {
        calls.launch(&offer, [again, task("c")]);
    });
    assert_eq!(launched(&calls).len(), 1, "the other one runs");
    let [Heard::Refused(refusal)] = &bench.heard()[..] else {
        panic!("it was not refused");
    };
    assert_eq!(
        (refusal.verb, refusal.tasks.as_slice()),
        ("accept", [used].as_slice())
    );
}

#[test]
fn a_launch_of_nothing_declines() {
    let mut bench = Bench::registered();
    let [offer] = bench.offers(["cpus=1"]);
    let expected = decline(&[&offer], DEFAULT);
    let calls = bench.calls(move |calls| drop(calls.launch(&offer, Vec::<Task>::new())));
    assert_eq!(calls, [expected]);
}

#[test]
fn a_scheduler_that_clings_to_a_void_offer_does_not_spin() {
    let void = OfferId {
        epoch: stoker_sdk_scheduler::Epoch::new(1),
        number: 1,
    };
    let mut bench = Bench::reacting(move |heard, calls| {
        if matches!(heard, Heard::Update(_, TaskState::Dropped, _)) {
            calls.accept([void], [task("again")]);
        }
    });
    bench.feed(Input::Command(Box::new(move |calls| {
        calls.accept([void], [task("first")]);
    })));
    assert_eq!(bench.heard().len(), 1);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.heard().len(), 10, "one each 100 ms");
}

#[test]
fn declines_are_sent_a_thousand_at_a_time() {
    let mut bench = Bench::reacting(|_, calls| calls.decline_rest());
    let offers: Vec<_> = (1..=2001)
        .map(|n| offer(bench.epoch, n, 1, "cpus=1"))
        .collect();
    let counts: Vec<usize> = sent(bench.event(Event::Offers(offers)))
        .iter()
        .map(|call| match call {
            Call::Decline { offer_ids, .. } => offer_ids.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [1000, 1000, 1]);
}

#[test]
fn offers_are_suppressed_once_revived_always_and_remembered() {
    let mut bench = Bench::registered();
    let other: Role = "other".parse().unwrap();
    let suppress = |roles: &[Role]| Call::Suppress {
        roles: roles.to_vec(),
    };
    let revive = |roles: &[Role]| Call::Revive {
        roles: roles.to_vec(),
    };
    let only = [other.clone()];
    let named = |call: fn(&mut Calls, [Role; 1])| {
        let roles = only.clone();
        move |calls: &mut Calls| call(calls, roles)
    };
    assert_eq!(bench.calls(named(Calls::suppress_roles)), [suppress(&only)]);
    assert_eq!(bench.calls(named(Calls::suppress_roles)), []);
    assert_eq!(bench.calls(Calls::suppress), [suppress(&[])]);
    assert_eq!(bench.calls(Calls::suppress), []);
    assert_eq!(bench.calls(named(Calls::revive_roles)), [revive(&only)]);
    assert_eq!(
        bench.calls(|calls| calls.revive_roles([])),
        [],
        "none is not all"
    );

    bench.disconnect();
    bench.tick_next();
    let [
        Call::Subscribe {
            suppressed_roles, ..
        },
    ] = &sent(bench.feed(Input::Connected))[..]
    else {
        panic!("no subscription");
    };
    assert_eq!(suppressed_roles, &[Role::default()]);
    bench.event(subscribed(bench.epoch));
    assert_eq!(bench.calls(Calls::revive), [revive(&[])]);
    assert_eq!(
        bench.calls(Calls::revive),
        [revive(&[])],
        "it also drops filters"
    );
    assert_eq!(bench.calls(Calls::suppress), [suppress(&[])]);
}

#[test]
fn what_is_wished_while_a_subscription_is_on_its_way_is_said_after_it() {
    let mut bench = Bench::registered();
    let other: Role = "other".parse().unwrap();
    bench.calls({
        let roles = [other.clone()];
        move |calls| calls.suppress_roles(roles)
    });
    bench.disconnect();
    assert_eq!(bench.calls(Calls::reconcile_all), []);
    bench.tick_next();
    bench.feed(Input::Connected);
    let roles = [other.clone()];
    assert_eq!(bench.calls(move |calls| calls.revive_roles(roles)), []);
    assert_eq!(
        bench.calls(|calls| calls.suppress_roles([Role::default()])),
        []
    );
    let said = [
        Call::Revive { roles: vec![other] },
        Call::Suppress {
            roles: vec![Role::default()],
        },
        Call::Reconcile { tasks: Vec::new() },
    ];
    assert_eq!(sent(bench.event(subscribed(bench.epoch))), said);
    bench.disconnect();
    assert_eq!(sent(bench.subscribe()), [], "it is said once");
}

#[test]
fn a_used_id_on_a_void_offer_leaves_the_task_of_that_id_alone() {
    let mut bench = Bench::registered();
    let used = bench.launch("a");
    let void = OfferId {
        epoch: bench.epoch,
        number: 1,
    };
    let again = task("b").id(used.clone());
    assert_eq!(
        bench.calls(move |calls| drop(calls.accept([void], [again]))),
        []
    );
    assert!(matches!(&bench.heard()[..], [Heard::Refused(_)]));
    assert_eq!(bench.live(), [(used, TaskState::Staging)]);
}
