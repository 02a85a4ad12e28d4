//! How `dev` divides one machine between its agents. Pure.

use stoker_types::{Milli, PortRange, Ports, Resources};

/// What each of `agents` agents gets of `machine`: equal parts, remainders left unsold.
pub(super) fn divide(machine: &Resources, agents: u16) -> Vec<Resources> {
    let count = u64::from(agents.max(1));
    (0..count)
        .map(|index| Resources {
            cpus: Milli::from_thousandths(machine.cpus.thousandths() / count),
            mem: machine.mem / count,
            disk: machine.disk / count,
            fuel: Milli::from_thousandths(machine.fuel.thousandths() / count),
            ports: part_of_ports(&machine.ports, index, count),
            custom: machine
                .custom
                .iter()
                .map(|(name, amount)| {
                    (
                        name.clone(),
                        Milli::from_thousandths(amount.thousandths() / count),
                    )
                })
                .filter(|(_, amount)| !amount.is_zero())
                .collect(),
        })
        .collect()
}

fn part_of_ports(ports: &Ports, index: u64, count: u64) -> Ports {
    let each = usize::try_from(ports.count() / count).unwrap_or(usize::MAX);
    let skipped = usize::try_from(index)
        .unwrap_or(usize::MAX)
        .saturating_mul(each);
    let part = ports.iter().skip(skipped).take(each);
    Ports::from_ranges(part.map(|port| PortRange {
        first: port,
        last: port,
    }))
}

/// The resources as `--resources` takes them, exact to the byte.
pub(super) fn as_argument(resources: &Resources) -> String {
    let mut text = format!(
        "cpus={};mem={};disk={};fuel={}",
        resources.cpus, resources.mem, resources.disk, resources.fuel
    );
    if !resources.ports.is_empty() {
        text.push_str(&format!(";ports={}", resources.ports));
    }
    for (name, amount) in &resources.custom {
        text.push_str(&format!(";{name}={amount}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_equal_and_together_no_more_than_the_machine() {
        let machine: Resources = "cpus=3;mem=1000;disk=10;fuel=15000;ports=1-10"
            .parse()
            .unwrap();
        let parts = divide(&machine, 3);
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0].cpus, Milli::from_whole(1));
        assert_eq!((parts[2].mem, parts[2].disk), (333, 3));
        assert_eq!(parts[1].ports.to_string(), "4-6");
        let sum = parts
            .iter()
            .try_fold(Resources::default(), |sum, part| sum.checked_add(part));
        assert!(machine.contains(&sum.unwrap()));
    }

    #[test]
    fn an_argument_reads_back_exactly() {
        let resources: Resources = "cpus=0.333;mem=123456789;disk=7;fuel=1.5;ports=5-9"
            .parse()
            .unwrap();
        assert_eq!(as_argument(&resources).parse(), Ok(resources));
    }
}
