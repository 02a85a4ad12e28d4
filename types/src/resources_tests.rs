//! The algebra of resources, as properties; their text form, by example.

use proptest::prelude::*;

use super::*;
use crate::PortRange;

fn ports() -> impl Strategy<Value = Ports> {
    prop::collection::vec((1_u16..200, 0_u16..20), 0..6).prop_map(|ranges| {
        Ports::from_ranges(ranges.into_iter().map(|(first, length)| PortRange {
            first,
            last: first + length,
        }))
    })
}

prop_compose! {
    fn resources()(
        cpus in 0_u64..1 << 40,
        mem in 0_u64..1 << 50,
        disk in 0_u64..1 << 50,
        fuel in 0_u64..1 << 50,
        ports in ports(),
        custom in prop::collection::btree_map("[a-z]{1,2}", (1_u64..1 << 40).prop_map(Milli::from_thousandths), 0..4),
    ) -> Resources {
        Resources { cpus: Milli::from_thousandths(cpus), mem, disk, fuel: Milli::from_thousandths(fuel), ports, custom }
    }
}

proptest! {
    #[test]
    fn what_was_added_can_be_taken_out_again(one in resources(), other in resources()) {
        if let Some(sum) = one.checked_add(&other) {
            prop_assert!(sum.contains(&one) && sum.contains(&other));
            prop_assert_eq!(sum.checked_sub(&other), Some(one));
        } else {
            prop_assert!(!one.ports.is_disjoint(&other.ports));
        }
    }

    #[test]
    fn exactly_what_is_contained_can_be_taken(one in resources(), other in resources()) {
        prop_assert_eq!(one.contains(&other), one.checked_sub(&other).is_some());
        prop_assert!(one.contains(&one) && one.contains(&Resources::default()));
        prop_assert_eq!(one.checked_sub(&one), Some(Resources::default()));
    }

    #[test]
    fn a_set_of_ports_is_the_set_of_its_numbers(one in ports(), other in ports()) {
        let set = |ports: &Ports| ports.iter().collect::<std::collections::BTreeSet<u16>>();
        let (left, right) = (set(&one), set(&other));
        prop_assert_eq!(one.contains(&other), left.is_superset(&right));
        prop_assert_eq!(one.is_disjoint(&other), left.is_disjoint(&right));
        prop_assert_eq!(one.count(), left.len() as u64);
        if let Some(rest) = one.checked_sub(&other) {
            prop_assert_eq!(set(&rest), left.difference(&right).copied().collect());
        }
    }

    #[test]
    fn an_amount_round_trips_through_its_text(thousandths: u64) {
        let amount = Milli::from_thousandths(thousandths);
        prop_assert_eq!(amount.to_string().parse::<Milli>(), Ok(amount));
    }
}

#[test]
fn resources_are_read_as_the_operator_writes_them() {
    let resources: Resources = "cpus=2;mem=4GiB; fuel=10000.5;ports=31000-31999,80;gpu=1"
        .parse()
        .unwrap();
    assert_eq!(resources.cpus, Milli::from_whole(2));
    assert_eq!(resources.mem, 4 << 30);
    assert_eq!(resources.fuel, Milli::from_thousandths(10_000_500));
    assert_eq!(resources.ports.count(), 1001);
    assert_eq!(resources.custom_amount("gpu"), Milli::from_whole(1));
    assert_eq!(
        resources.to_string(),
        "cpus=2;mem=4.0 GiB;fuel=10000.5;ports=80-80,31000-31999;gpu=1"
    );
}

#[test]
fn each_mistake_is_named() {
    for (text, part_of_message) in [
        ("cpus", "NAME=AMOUNT"),
        ("cpus=two", "three decimals"),
        ("cpus=0.0001", "three decimals"),
        ("cpus=1;cpus=2", "twice"),
        ("mem=lots", "64MiB"),
        ("ports=9-1", "31000-31999"),
        ("ports=0-10", "31000-31999"),
        ("GPU=1", "no name"),
        ("cpus=99999999999999999999", "no amount"),
    ] {
        let message = text.parse::<Resources>().unwrap_err().to_string();
        assert!(message.contains(part_of_message), "{text}: {message}");
    }
}
