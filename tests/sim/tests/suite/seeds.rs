//! Sound clusters pass.

use stoker_tests_sim::{Failure, run};

#[test]
fn some_seeds_pass() {
    for seed in 1..=20 {
        let report = run(seed, None);
        if report.violation.is_some() {
            panic!("{}", Failure::of(seed, None));
        }
    }
}
