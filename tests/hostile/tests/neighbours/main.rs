//! What a neighbour gets beside an attack, against what it gets in the same run beside an honest
//! spinner of the attacker's weight. Loosely here, because other programs run too; exactly where it
//! is measured. A binary of its own, so that no other test runs beside it.

use std::time::Duration;

use stoker_sdk_testing::DevCluster;
use stoker_tests_hostile::{Arena, Attack, Family, attacks, fuel_beside, spinner};

const WINDOW: Duration = Duration::from_secs(2);
/// Of what it gets beside an honest spinner, at least.
const LEAST_PART: f64 = 0.5;
/// The same beside one whose calls run on threads of the host's own (files): these compete for the
/// cores as the kernel divides them, so that more of them get more.
const LEAST_PART_BESIDE_FILES: f64 = 0.1;
/// Other programs may take the machine in one of the two windows; hardly in three of them.
const TRIALS: usize = 3;

/// One of each kind of harm; a benchmark can try all.
const NAMES: [&str; 9] = [
    "fills all of a large memory, again and again",
    "calls itself for ever",
    "asks for the time, again and again",
    "asks for all the random bytes that it may, again and again",
    "polls as many clocks as it may, again and again",
    "writes a million buffers of nothing at once, again and again",
    "floods both by turns",
    "throws through a deep stack for ever",
    "naps for ever",
];
const NAMES_OF_FILES: [&str; 3] = [
    "opens a file again and again and closes it never",
    "makes a million files of nothing",
    "reads a directory of thousands, again and again",
];

#[test]
fn a_neighbour_hardly_notices_an_attack() {
    let cluster = DevCluster::builder().agents(1).start().unwrap();
    let neighbour = Arena::enter(cluster.master(), "neighbour").unwrap();
    let besieger = Arena::enter(cluster.master(), "besieger").unwrap();
    let all: Vec<Attack> = Family::ALL
        .iter()
        .flat_map(|family| attacks(*family))
        .collect();
    let honest = besieger.task("honest", &spinner()).unwrap().mem_mib(16);
    let mut harmed = Vec::new();
    let work = NAMES.map(|name| (name, LEAST_PART));
    let files = NAMES_OF_FILES.map(|name| (name, LEAST_PART_BESIDE_FILES));
    for (number, (name, least)) in work.into_iter().chain(files).enumerate() {
        let attack = all.iter().find(|attack| attack.name == name).unwrap();
        let task = besieger.task(&number.to_string(), &attack.wasm()).unwrap();
        let beside = |task| fuel_beside(&neighbour, &besieger, &task, WINDOW).unwrap();
        let mut part = 0.0;
        for _ in 0..TRIALS {
            let (usual, under_attack) = (beside(honest.clone()), beside(attack.task(task.clone())));
            #[expect(clippy::cast_precision_loss, reason = "a ratio of billions")]
            let seen = under_attack as f64 / usual as f64;
            println!("{seen:.2}  beside a guest that {name}");
            part = seen.max(part);
            if part >= least {
                break;
            }
        }
        if part < least {
            harmed.push(format!("{part:.2} beside a guest that {name}"));
        }
    }
    assert!(harmed.is_empty(), "{}", harmed.join("\n"));
}
