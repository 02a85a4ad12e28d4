//! Resource vectors and attributes.

use std::collections::BTreeMap;

use stoker_types::{Attributes, Milli, PortRange, Ports, Resources, limit};

use super::{
    error::{ConvertError, Under as _},
    read::{check_count, list, quoted},
};
use crate::v1;

impl From<Resources> for v1::Resources {
    fn from(resources: Resources) -> Self {
        Self {
            cpus_milli: resources.cpus.thousandths(),
            mem_bytes: resources.mem,
            disk_bytes: resources.disk,
            fuel_milli: resources.fuel.thousandths(),
            ports: resources.ports.ranges().iter().map(range).collect(),
            custom_milli: resources
                .custom
                .into_iter()
                .map(|(name, amount)| (name, amount.thousandths()))
                .collect(),
        }
    }
}

fn range(range: &PortRange) -> v1::PortRange {
    v1::PortRange {
        first: u32::from(range.first),
        last: u32::from(range.last),
    }
}

impl TryFrom<v1::Resources> for Resources {
    type Error = ConvertError;

    fn try_from(resources: v1::Resources) -> Result<Self, Self::Error> {
        let ranges = list(resources.ports, "ports", limit::PORT_RANGES, port_range)?;
        Ok(Self {
            cpus: Milli::from_thousandths(resources.cpus_milli),
            mem: resources.mem_bytes,
            disk: resources.disk_bytes,
            fuel: Milli::from_thousandths(resources.fuel_milli),
            ports: Ports::from_ranges(ranges),
            custom: custom(resources.custom_milli).under("custom_milli")?,
        })
    }
}

fn port_range(range: v1::PortRange) -> Result<PortRange, ConvertError> {
    let ends = (u16::try_from(range.first), u16::try_from(range.last));
    if let (Ok(first @ 1..), Ok(last)) = ends
        && first <= last
    {
        return Ok(PortRange { first, last });
    }
    Err(ConvertError::new(
        format!("{}-{} are no ports", range.first, range.last),
        "write a first and a last port of 1 to 65535, the last not below the first",
    ))
}

fn custom(amounts: BTreeMap<String, u64>) -> Result<BTreeMap<String, Milli>, ConvertError> {
    check_count(amounts.len(), limit::CUSTOM_RESOURCES)?;
    let mut custom = BTreeMap::new();
    for (name, thousandths) in amounts {
        if !Resources::is_custom_name(&name) {
            return Err(ConvertError::new(
                format!("{} is no name for a custom resource", quoted(&name)),
                "write a-z, then a-z 0-9 _ -, at most 64 of them, and no resource that has a \
                 field of its own",
            ));
        }
        // An entry of nothing is no entry.
        if thousandths > 0 {
            custom.insert(name, Milli::from_thousandths(thousandths));
        }
    }
    Ok(custom)
}

/// The wire form of attributes.
pub(super) fn write_attributes(attributes: &Attributes) -> BTreeMap<String, String> {
    attributes
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Attributes from their wire form.
pub(super) fn read_attributes(
    attributes: BTreeMap<String, String>,
) -> Result<Attributes, ConvertError> {
    Attributes::from_pairs(attributes).map_err(|error| ConvertError::new(error.to_string(), ""))
}
