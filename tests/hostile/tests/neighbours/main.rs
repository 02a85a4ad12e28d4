//! What a neighbour gets beside an attack, against what it gets in the same run beside an honest
//! spinner of the attacker's weight. Loosely here, because other programs run too; exactly where it
//! is measured. A binary of its own, so that no other test runs beside it.

use std::time::Duration;

use stoker_sdk_testing::DevCluster;
use stoker_tests_hostile::{Arena, loudest, spinner, work_beside};

const WINDOW: Duration = Duration::from_secs(2);
/// Of what it gets beside an honest spinner, at least.
const LEAST_PART: f64 = 0.5;
/// The same beside one whose calls run on threads of the host's own (files). A neighbour has its
/// share of the time, but a core that is woken thousands of times a second does less in it.
const LEAST_PART_BESIDE_FILES: f64 = 0.3;
const FILES: [&str; 3] = [
    "opens a file again and again and closes it never",
    "makes a million files of nothing",
    "reads a directory of a hundred thousand, again and again",
];
/// Other programs may take the machine in one of the two windows; hardly in three of them.
const TRIALS: usize = 3;

#[test]
fn a_neighbour_hardly_notices_an_attack() {
    let cluster = DevCluster::builder().agents(1).start().unwrap();
    let neighbour = Arena::enter(cluster.master(), "neighbour").unwrap();
    let besieger = Arena::enter(cluster.master(), "besieger").unwrap();
    let honest = besieger.task("honest", &spinner()).unwrap().mem_mib(16);
    let mut harmed = Vec::new();
    for (number, attack) in loudest().into_iter().enumerate() {
        let name = attack.name;
        let least = if FILES.contains(&name) {
            LEAST_PART_BESIDE_FILES
        } else {
            LEAST_PART
        };
        let task = besieger.task(&number.to_string(), &attack.wasm()).unwrap();
        let beside = |task| work_beside(&neighbour, &besieger, &task, WINDOW).unwrap();
        let mut part = 0.0;
        for _ in 0..TRIALS {
            let (usual, under_attack) = (beside(honest.clone()), beside(attack.task(task.clone())));
            #[expect(clippy::cast_precision_loss, reason = "a ratio of billions")]
            let seen = under_attack.fuel as f64 / usual.fuel as f64;
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
