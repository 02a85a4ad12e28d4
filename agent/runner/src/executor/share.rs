//! What a task may have of the workers' time, and of fuel a second.

use stoker_types::{Milli, TaskInfo};

/// Numbers the tenants of a process, from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TenantIndex(pub(crate) u32);

impl TenantIndex {
    /// The tenant of a process that has only one.
    pub(crate) const ONLY: Self = Self(0);
}

/// The share of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Whose task it is.
    pub(crate) tenant: TenantIndex,
    /// Its guarantee: a weight, and a width.
    pub(crate) cpus: Milli,
    /// Whether it gets no more than its `cpus`, however idle the workers are.
    pub(crate) is_strict: bool,
    /// The millions of fuel units a second that it never exceeds; no ceiling if zero.
    pub(crate) fuel: Milli,
}

impl Share {
    /// What a task of the only tenant asked for.
    pub(crate) const fn of(task: &TaskInfo) -> Self {
        Self {
            tenant: TenantIndex::ONLY,
            cpus: task.resources.cpus,
            is_strict: task.limits.strict,
            fuel: task.resources.fuel,
        }
    }
}
