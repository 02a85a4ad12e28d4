//! Many guests at once.

use std::time::Instant;

use stoker_types::runner::Outcome;

use super::lab::{SLOTS, command, sleep, trial};

#[test]
fn two_hundred_guests_come_to_their_ends() {
    let sleeper = trial(command(&sleep(1_000_000)));
    let (key, modules) = sleeper.modules();
    let running: Vec<_> = (0..200).map(|_| sleeper.start_of(&key, &modules)).collect();
    for guest in running {
        assert_eq!(guest.wait().outcome, Outcome::Exited { code: 0 });
    }
}

#[test]
fn spinning_guests_do_not_keep_others_from_running() {
    let spinners: Vec<_> = (0..8)
        .map(|_| trial(command("(loop $l (br $l))")).start())
        .collect();
    let guest = trial(command(&sleep(1_000_000)));
    let (key, modules) = guest.modules();
    for _ in 0..20 {
        assert_eq!(
            guest.start_of(&key, &modules).wait().outcome,
            Outcome::Exited { code: 0 }
        );
    }
    for spinner in &spinners {
        spinner.stopper.stop();
    }
    for spinner in spinners {
        assert_eq!(spinner.wait().outcome, Outcome::Killed);
    }
}

/// Prints what one no-op costs from launch to end; run by hand, in release.
#[test]
#[ignore = "a measurement"]
fn the_cost_of_a_launch() {
    let noop = trial(r#"(module (func (export "_start")))"#);
    let (key, modules) = noop.modules();
    for round in 0..5 {
        let begun = Instant::now();
        let mut count = 0;
        for _ in 0..1000 {
            let running: Vec<_> = (0..SLOTS / 2)
                .map(|_| noop.start_of(&key, &modules))
                .collect();
            count += running.len();
            for guest in running {
                assert_eq!(guest.wait().outcome, Outcome::Exited { code: 0 });
            }
        }
        let each = begun.elapsed() / u32::try_from(count).unwrap();
        println!("round {round}: {count} no-ops, {each:?} each");
    }
}
