//! The queue on a simulated machine: its own clock, guests that spin or sleep, and exact figures.

mod ceilings;
mod machine;
mod properties;
mod shares;
mod turns;

use std::time::Duration;

use super::{super::share::TenantIndex, Share};

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The share of a task with so many cores, of the only tenant.
fn cpus(cpus: &str) -> Share {
    Share {
        tenant: TenantIndex::ONLY,
        cpus: cpus.parse().unwrap(),
        is_strict: false,
        fuel: "0".parse().unwrap(),
    }
}

/// The same share, of another tenant.
fn of_tenant(index: u32, share: Share) -> Share {
    Share {
        tenant: TenantIndex(index),
        ..share
    }
}
