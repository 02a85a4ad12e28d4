//! What a neighbour of another tenant gets beside each hostile guest, against what it gets in the same
//! run beside an honest spinner of the attacker's weight.

use std::time::Duration;

use stoker_tests_hostile::{Arena, fuel_beside, loudest, spinner};

use super::{Laboratory, guests::float, report::Figure};
use crate::cluster::{Cluster, Durability};

const WINDOW: Duration = Duration::from_secs(2);
/// Each beside an honest spinner of its own, because other programs come and go.
const ROUNDS: usize = 3;

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let cluster = Cluster::start(
        (&laboratory.stoker, &laboratory.place),
        "cpus=4;mem=8GiB;disk=8GiB;fuel=1000000",
        Durability::Classes,
        &[],
    )?;
    let neighbour = Arena::enter(cluster.master(), "neighbour")?;
    let besieger = Arena::enter(cluster.master(), "besieger")?;
    let honest = besieger.task("honest", &spinner())?.mem_mib(16);
    let mut figures = Vec::new();
    for (number, attack) in loudest().into_iter().enumerate() {
        let task = besieger.task(&number.to_string(), &attack.wasm())?;
        let task = attack.task(task);
        let mut parts = Vec::new();
        for _ in 0..ROUNDS {
            let usual = fuel_beside(&neighbour, &besieger, &honest, WINDOW)?;
            let under_attack = fuel_beside(&neighbour, &besieger, &task, WINDOW)?;
            parts.push(float(under_attack) / float(usual));
        }
        let name = format!("neighbour beside a guest that {}", attack.name);
        figures.push(Figure::of(name, "×", parts).at_least(0.9));
    }
    Ok(figures)
}
