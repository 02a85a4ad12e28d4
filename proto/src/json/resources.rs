//! Resources in JSON: exact decimals, whole bytes, ranges of ports.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use stoker_types::Ports;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, Type},
};

use super::number::Decimal;

/// A vector of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resources {
    /// Guaranteed CPU time, in cores.
    pub cpus: Decimal,
    /// Memory, in bytes.
    pub mem: u64,
    /// Disk, in bytes.
    pub disk: u64,
    /// The fuel rate, in millions of fuel units a second.
    pub fuel: Decimal,
    /// Network ports.
    pub ports: PortList,
    /// Whatever else an operator sells, by name.
    pub custom: BTreeMap<String, Decimal>,
}

impl From<&stoker_types::Resources> for Resources {
    fn from(resources: &stoker_types::Resources) -> Self {
        Self {
            cpus: resources.cpus.into(),
            mem: resources.mem,
            disk: resources.disk,
            fuel: resources.fuel.into(),
            ports: PortList(resources.ports.clone()),
            custom: resources
                .custom
                .iter()
                .map(|(name, amount)| (name.clone(), Decimal(*amount)))
                .collect(),
        }
    }
}

impl From<Resources> for stoker_types::Resources {
    fn from(resources: Resources) -> Self {
        let Decimal(cpus) = resources.cpus;
        let Decimal(fuel) = resources.fuel;
        let PortList(ports) = resources.ports;
        Self {
            cpus,
            mem: resources.mem,
            disk: resources.disk,
            fuel,
            ports,
            custom: resources
                .custom
                .into_iter()
                .map(|(name, Decimal(amount))| (name, amount))
                .filter(|(_, amount)| !amount.is_zero())
                .collect(),
        }
    }
}

/// A set of ports: a list of ranges, `["31000-31999"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortList(pub Ports);

impl Serialize for PortList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ranges = self.0.ranges().iter();
        serializer.collect_seq(ranges.map(|range| format!("{}-{}", range.first, range.last)))
    }
}

impl<'de> Deserialize<'de> for PortList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ranges = Vec::<String>::deserialize(deserializer)?;
        if ranges.is_empty() {
            return Ok(Self::default());
        }
        let ports = ranges.join(",").parse().map_err(D::Error::custom)?;
        Ok(Self(ports))
    }
}

impl PartialSchema for PortList {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .description(Some("Ranges of ports, both ends included."))
            .items(
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .examples(["31000-31999"]),
            )
            .into()
    }
}

impl ToSchema for PortList {}
