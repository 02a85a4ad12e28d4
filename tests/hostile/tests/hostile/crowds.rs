//! What many guests of one tenant take together: descriptors of their runner, turns of the compiler.

use std::time::Duration;

use stoker_sdk_scheduler::{Reason, TaskState};
use stoker_sdk_testing::wait_for;
use stoker_tests_hostile::{Arena, crasher, descriptor_keeper, holding};

use crate::harness::{BOUNDED, Tenant, cluster};

/// More than a runner has warm slots for.
const CRASHES: usize = 300;
const AT_ONCE: usize = 30;

#[test]
fn a_crash_loop_leaves_the_runner_alone() {
    let tenant = Tenant::enter("crashes");
    let task = tenant.arena.task("crasher", &crasher()).unwrap();
    let task = task.cpu_millis(10).mem_mib(1);
    for _ in 0..CRASHES / AT_ONCE {
        let launch = |_| tenant.arena.launch(task.clone()).unwrap();
        let crashing: Vec<_> = (0..AT_ONCE).map(launch).collect();
        for mut guest in crashing {
            let end = guest.wait(BOUNDED).unwrap();
            assert_eq!(end.reason, Some(Reason::Trap), "{end:?}");
        }
    }
    tenant.assert_unharmed("a crash loop");
}

#[test]
fn guests_that_keep_descriptors_leave_some_to_their_runner() {
    // Together more than a process is granted on most systems.
    const GUESTS: usize = 110;
    const EACH: usize = 200;
    let tenant = Tenant::enter("keepers");
    let task = tenant.arena.task("keeper", &descriptor_keeper()).unwrap();
    let task = task.cpu_millis(5).mem_mib(1).disk(64 << 10);
    let launch = |_| tenant.arena.launch(task.clone()).unwrap();
    let mut keepers: Vec<_> = (0..GUESTS).map(launch).collect();
    for keeper in &mut keepers {
        keeper.wait_until_it_runs(BOUNDED).unwrap();
    }
    wait_for("guests that have all that they get", BOUNDED, || {
        let (open, granted) = tenant.descriptors();
        let wanted = (GUESTS * EACH).min(granted * 74 / 100);
        if open >= wanted {
            Ok(())
        } else {
            Err(format!("{open} of {wanted}"))
        }
    });
    // A module that the runner has not yet, which comes as a descriptor.
    let new = tenant
        .arena
        .task("new", &holding("(global i32 (i32.const 4711))"));
    let end = tenant.arena.run(new.unwrap().mem_mib(1), BOUNDED).unwrap();
    assert_eq!(end.state, TaskState::Finished, "{end:?}");
    tenant.assert_unharmed("guests that keep descriptors");
    let (open, granted) = tenant.descriptors();
    assert!(open < granted * 95 / 100, "{open} of {granted}");
    for keeper in &keepers {
        keeper.kill().unwrap();
    }
    for keeper in &mut keepers {
        let end = keeper.wait(BOUNDED).unwrap();
        assert_eq!(end.state, TaskState::Killed, "{end:?}");
    }
}

#[test]
fn many_modules_of_one_tenant_do_not_keep_another_waiting() {
    // Each takes the compiler all the time that it may have.
    const BOMBS: usize = 12;
    let besieger = Arena::enter(cluster().master(), "bombers").unwrap();
    let bombs: Vec<_> = (0..BOMBS)
        .map(|number| {
            let wasm = stoker_tests_hostile::compile_bomb(number);
            let task = besieger.task(&number.to_string(), &wasm).unwrap();
            besieger.launch(task.cpu_millis(10).mem_mib(1)).unwrap()
        })
        .collect();
    let neighbour = Arena::enter(cluster().master(), "neighbour of bombers").unwrap();
    let module = neighbour.task("new", &holding("(global i32 (i32.const 4712))"));
    let end = neighbour.run(module.unwrap().mem_mib(1), BOUNDED).unwrap();
    assert_eq!(end.state, TaskState::Finished, "{end:?}");
    let mut waiting = 0;
    for mut bomb in bombs {
        // Has nothing been heard of its end, it waits for its turn or is at it.
        waiting += usize::from(bomb.wait(Duration::from_millis(1)).is_err());
    }
    assert!(waiting > 0, "the neighbour was not last");
}
