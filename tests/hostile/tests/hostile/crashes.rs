//! A tenant whose tasks crash again and again harms nobody, not even itself.

use stoker_sdk_scheduler::Reason;
use stoker_tests_hostile::crasher;

use crate::harness::{BOUNDED, Tenant};

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
