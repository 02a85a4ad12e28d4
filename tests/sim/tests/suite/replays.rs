//! One seed has one history.

use stoker_tests_sim::{fingerprint, replay, run};

#[test]
fn one_seed_has_one_log_byte_for_byte() {
    for seed in [1, 2, 3] {
        let (first, first_log) = replay(seed, None);
        let (second, second_log) = replay(seed, None);
        assert_eq!(first, second);
        assert!(first_log == second_log, "the logs of seed {seed} differ");
        assert_eq!(fingerprint(&first_log), fingerprint(&second_log));
    }
}

#[test]
fn a_log_that_is_kept_changes_nothing() {
    let (kept, _) = replay(4, None);
    assert_eq!(run(4, None), kept);
}

#[test]
fn another_seed_has_another_log() {
    let (_, first) = replay(1, None);
    let (_, second) = replay(2, None);
    assert_ne!(fingerprint(&first), fingerprint(&second));
}
