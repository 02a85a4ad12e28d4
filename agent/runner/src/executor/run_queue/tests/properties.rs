//! Any mix of weights, workers and kills: bounds that always hold.

use std::time::Duration;

use proptest::{collection::vec, prelude::*, sample::Index};
use stoker_types::Milli;

use super::{
    super::Share,
    cpus,
    machine::{Habit, Machine},
    micros, millis, seconds,
};

/// The part of `workers` that each gets: by weight, but none more than one worker.
fn water_filling(weights: &[u64], workers: usize) -> Vec<f64> {
    let float = |number: u64| f64::from(u32::try_from(number).unwrap());
    let mut shares = vec![0.0; weights.len()];
    let mut open: Vec<usize> = (0..weights.len()).collect();
    let mut left = float(workers as u64);
    loop {
        let total: u64 = open.iter().map(|index| weights[*index]).sum();
        let (full, rest): (Vec<usize>, Vec<usize>) = open
            .iter()
            .partition(|index| left * float(weights[**index]) >= float(total));
        if full.is_empty() {
            for index in rest {
                shares[index] = left * float(weights[index]) / float(total);
            }
            return shares;
        }
        for index in full {
            shares[index] = 1.0;
            left -= 1.0;
        }
        if rest.is_empty() {
            return shares;
        }
        open = rest;
    }
}

fn weighing(thousandths: u64) -> Share {
    Share {
        cpus: Milli::from_thousandths(thousandths),
        ..cpus("1")
    }
}

fn habit() -> impl Strategy<Value = Habit> {
    prop_oneof![
        Just(Habit::Spins),
        (10_u64..2000, 1_u64..20_000).prop_map(|(work, pause)| Habit::Sleeps {
            work: micros(work),
            pause: micros(pause),
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shares_are_those_of_water_filling(
        weights in vec(100_u64..=8000, 1..12),
        workers in 1_usize..=4,
    ) {
        let mut machine = Machine::new(workers);
        for weight in &weights {
            machine.spin(&weighing(*weight));
        }
        machine.run(millis(200));
        let window = machine.window(seconds(2));
        for (got, share) in window.iter().zip(water_filling(&weights, workers)) {
            let error = (got.as_secs_f64() - 2.0 * share).abs();
            // A slice of 0.1 ms at each end for each that shares, and one part in a hundred.
            prop_assert!(
                error < 0.02 * share + 0.0002 * 12.0,
                "{weights:?} on {workers}: {got:?} instead of {share}"
            );
        }
    }

    #[test]
    fn no_worker_idles_while_a_spinner_waits_and_none_starves(
        guests in vec((10_u64..=4000, habit()), 1..16),
        workers in 1_usize..=3,
    ) {
        let mut machine = Machine::new(workers);
        for (weight, habit) in &guests {
            machine.spawn(&weighing(*weight), *habit);
        }
        machine.run(millis(100));
        let spinners = guests.iter().filter(|(_, habit)| matches!(habit, Habit::Spins)).count();
        let window = machine.window(seconds(1));
        let used: Duration = window.iter().sum();
        let busy = f64::from(u32::try_from(spinners.min(workers)).unwrap());
        prop_assert!(used.as_secs_f64() > busy - 0.005, "{used:?} by {spinners} spinners");
        let total: u64 = guests.iter().map(|(weight, _)| *weight).sum();
        for (got, (weight, habit)) in window.iter().zip(&guests) {
            if matches!(habit, Habit::Spins) {
                // Its guarantee, if all others always wanted theirs.
                let part = f64::from(u32::try_from(*weight).unwrap())
                    / f64::from(u32::try_from(total).unwrap());
                let guarantee = (part * f64::from(u32::try_from(workers).unwrap())).min(1.0);
                prop_assert!(got.as_secs_f64() > 0.9 * guarantee - 0.01, "{got:?} of {guarantee}");
            }
        }
    }

    #[test]
    fn kills_and_births_at_any_time_leave_the_rest_its_time(
        steps in vec((any::<Index>(), any::<bool>(), 1_u64..=4000, 1_u64..5000), 1..60),
    ) {
        let mut machine = Machine::new(2);
        let mut alive = vec![machine.spin(&cpus("1"))];
        for (victim, kills, weight, pause) in steps {
            if kills && alive.len() > 1 {
                // Never the first.
                let victim = 1 + victim.index(alive.len() - 1);
                machine.kill(alive.swap_remove(victim));
            } else {
                alive.push(machine.spin(&weighing(weight)));
            }
            machine.run(micros(pause));
        }
        for guest in alive.drain(1..) {
            machine.kill(guest);
        }
        machine.run(millis(1));
        let window = machine.window(millis(10));
        prop_assert!(window[0] >= micros(9900), "{:?}", window[0]);
        machine.kill(0);
        machine.run(millis(1));
        prop_assert!(machine.queue.is_idle());
        prop_assert!(!machine.queue.has_turn());
    }
}
