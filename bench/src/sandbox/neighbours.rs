//! What a neighbour of another tenant gets beside each hostile guest, against what it gets in the same
//! run beside an honest spinner of the attacker's weight.

use std::time::Duration;

use stoker_tests_hostile::{Arena, loudest, spinner, work_beside};

use super::{
    Laboratory,
    guests::{float, seconds},
    report::Figure,
};
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
        let (mut parts, mut shares) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let usual = work_beside(&neighbour, &besieger, &honest, WINDOW)?;
            let under_attack = work_beside(&neighbour, &besieger, &task, WINDOW)?;
            parts.push(float(under_attack.fuel) / float(usual.fuel));
            shares.push(seconds(under_attack.cpu_time) / seconds(usual.cpu_time));
        }
        let name = format!("neighbour beside a guest that {}", attack.name);
        figures.push(Figure::of(name, "×", parts).at_least(0.9));
        figures.push(Figure::of("  its CPU time", "×", shares));
    }
    Ok(figures)
}
