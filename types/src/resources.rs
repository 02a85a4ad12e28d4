//! Resources: what agents sell, offers hold and tasks use. Fixed point only; the algebra is total.
//!
//! Owns the vector and its text form. Who holds what is the ledgers' business, in the cores.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{Milli, MilliParseError, Ports, limit, size};

/// A vector of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Guaranteed CPU time, in cores.
    pub cpus: Milli,
    /// Memory, in bytes.
    pub mem: u64,
    /// Disk, in bytes.
    pub disk: u64,
    /// The fuel rate: millions of fuel units a second.
    pub fuel: Milli,
    /// Network ports.
    pub ports: Ports,
    /// Whatever else an operator sells, by name; an entry is never zero.
    pub custom: BTreeMap<String, Milli>,
}

impl Resources {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether all of `other` could be taken out of this.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.cpus >= other.cpus
            && self.mem >= other.mem
            && self.disk >= other.disk
            && self.fuel >= other.fuel
            && self.ports.contains(&other.ports)
            && other
                .custom
                .iter()
                .all(|(name, amount)| self.custom_amount(name) >= *amount)
    }

    /// The sum, unless an amount overflows or a port is in both.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let mut custom = self.custom.clone();
        for (name, amount) in &other.custom {
            let sum = self.custom_amount(name).checked_add(*amount)?;
            custom.insert(name.clone(), sum);
        }
        custom.retain(|_, amount| !amount.is_zero());
        Some(Self {
            cpus: self.cpus.checked_add(other.cpus)?,
            mem: self.mem.checked_add(other.mem)?,
            disk: self.disk.checked_add(other.disk)?,
            fuel: self.fuel.checked_add(other.fuel)?,
            ports: self.ports.checked_add(&other.ports)?,
            custom,
        })
    }

    /// What is left without `other`, if all of `other` is in this.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        let mut custom = self.custom.clone();
        for (name, amount) in &other.custom {
            let rest = self.custom_amount(name).checked_sub(*amount)?;
            custom.insert(name.clone(), rest);
        }
        custom.retain(|_, amount| !amount.is_zero());
        Some(Self {
            cpus: self.cpus.checked_sub(other.cpus)?,
            mem: self.mem.checked_sub(other.mem)?,
            disk: self.disk.checked_sub(other.disk)?,
            fuel: self.fuel.checked_sub(other.fuel)?,
            ports: self.ports.checked_sub(&other.ports)?,
            custom,
        })
    }

    /// Whether a custom resource may be called `name`: `[a-z][a-z0-9_-]*`, at most 64 bytes, and
    /// none of the resources that have a field of their own.
    #[must_use]
    pub fn is_custom_name(name: &str) -> bool {
        is_valid_name(name) && !matches!(name, "cpus" | "mem" | "disk" | "fuel" | "ports")
    }

    /// The amount of the custom resource `name`; zero if there is none.
    #[must_use]
    pub fn custom_amount(&self, name: &str) -> Milli {
        self.custom.get(name).copied().unwrap_or_default()
    }
}

impl fmt::Display for Resources {
    /// `cpus=2;mem=4.0 GiB;…`, without what is zero; `nothing` when all is.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.cpus.is_zero() {
            parts.push(format!("cpus={}", self.cpus));
        }
        if self.mem > 0 {
            parts.push(format!("mem={}", size::display(self.mem)));
        }
        if self.disk > 0 {
            parts.push(format!("disk={}", size::display(self.disk)));
        }
        if !self.fuel.is_zero() {
            parts.push(format!("fuel={}", self.fuel));
        }
        if !self.ports.is_empty() {
            parts.push(format!("ports={}", self.ports));
        }
        parts.extend(
            self.custom
                .iter()
                .map(|(name, amount)| format!("{name}={amount}")),
        );
        if parts.is_empty() {
            return formatter.write_str("nothing");
        }
        formatter.write_str(&parts.join(";"))
    }
}

/// Why a text is no resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourcesParseError {
    /// A part without `=`, or without a name.
    #[error(
        "{0:?} is no resource: write NAME=AMOUNT, as in cpus=2;mem=4GiB;fuel=10000;ports=31000-31999"
    )]
    Part(String),
    /// A name that is given twice.
    #[error("{0} is given twice")]
    Twice(String),
    /// A custom name that is not `[a-z][a-z0-9_-]*`, or too many of them.
    #[error("{0:?} is no name for a resource: write a-z, then a-z 0-9 _ -, at most 64 of them")]
    Name(String),
    /// An amount in cores, fuel or a custom unit that is none.
    #[error("{name}: {source}")]
    Amount {
        /// Which resource.
        name: String,
        /// What is wrong with it.
        source: MilliParseError,
    },
    /// An amount of bytes that is none.
    #[error("{name}: {message}")]
    Size {
        /// Which resource.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// Ports that are none.
    #[error("{0:?} are no ports: write ranges, as in 31000-31999,32500")]
    Ports(String),
}

/// Whether `name` may name a custom resource or an attribute: `[a-z][a-z0-9_-]*`, at most 64 bytes.
pub(crate) fn is_valid_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
        })
}

impl FromStr for Resources {
    type Err = ResourcesParseError;

    /// Reads `cpus=2;mem=4GiB;fuel=10000;ports=31000-31999`: any part may be left out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut resources = Self::default();
        let mut seen = std::collections::BTreeSet::new();
        for part in text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, amount) = part
                .split_once('=')
                .map(|(name, amount)| (name.trim(), amount.trim()))
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| ResourcesParseError::Part(part.chars().take(80).collect()))?;
            if !seen.insert(name) {
                return Err(ResourcesParseError::Twice(name.to_owned()));
            }
            resources.set(name, amount)?;
        }
        Ok(resources)
    }
}

impl Resources {
    fn set(&mut self, name: &str, amount: &str) -> Result<(), ResourcesParseError> {
        let milli = || {
            amount
                .parse::<Milli>()
                .map_err(|source| ResourcesParseError::Amount {
                    name: name.to_owned(),
                    source,
                })
        };
        let bytes = || {
            size::parse(amount).map_err(|message| ResourcesParseError::Size {
                name: name.to_owned(),
                message,
            })
        };
        match name {
            "cpus" => self.cpus = milli()?,
            "fuel" => self.fuel = milli()?,
            "mem" => self.mem = bytes()?,
            "disk" => self.disk = bytes()?,
            "ports" => self.ports = amount.parse()?,
            custom if is_valid_name(custom) && self.custom.len() < limit::CUSTOM_RESOURCES => {
                let amount = milli()?;
                if !amount.is_zero() {
                    self.custom.insert(custom.to_owned(), amount);
                }
            }
            other => return Err(ResourcesParseError::Name(other.chars().take(80).collect())),
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;
