//! What tasks have used, summed by framework and role since this master's start.
//!
//! Owns the sums, which never go back: each task adds what it used since it was last seen, and a
//! task that ends or is forgotten takes nothing away. Never more than a bounded number of them.

use std::{collections::BTreeMap, time::Duration};

use stoker_master_core::TaskView;
use stoker_types::{FrameworkId, Role, Usage};

/// The sums that are kept apart, of frameworks in roles and of roles alike; the others are in one.
const MOST_SUMS: usize = 1000;

/// What several tasks have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Fuel, in units.
    pub fuel: u64,
    /// CPU time of runners.
    pub cpu: Duration,
    /// Time in host calls.
    pub host: Duration,
    /// CPU time of compilations.
    pub compile: Duration,
    /// Bytes written to files.
    pub bytes_written: u64,
    /// Bytes sent out.
    pub bytes_out: u64,
    /// The memory that they have now, in bytes.
    pub memory: u64,
}

impl Sum {
    /// Adds what came between two looks at a task.
    fn add(&mut self, before: &Usage, now: &Usage) {
        let more = |now: u64, before: u64| now.saturating_sub(before);
        let longer = |now: Duration, before: Duration| now.saturating_sub(before);
        self.fuel += more(now.fuel_used, before.fuel_used);
        self.cpu += longer(now.cpu_time, before.cpu_time);
        self.host += longer(now.host_time, before.host_time);
        self.compile += longer(now.compile_time, before.compile_time);
        self.bytes_written += more(now.bytes_written, before.bytes_written);
        self.bytes_out += more(now.bytes_out, before.bytes_out);
    }
}

/// All sums.
#[derive(Clone, Debug, Default)]
pub(crate) struct Used {
    by_tenant: Sums<(FrameworkId, Role)>,
    by_role: Sums<Role>,
}

/// Sums by what they are of.
#[derive(Clone, Debug)]
struct Sums<K> {
    named: BTreeMap<K, Sum>,
    others: Sum,
}

impl<K> Default for Sums<K> {
    fn default() -> Self {
        Self {
            named: BTreeMap::new(),
            others: Sum::default(),
        }
    }
}

impl<K: Ord> Sums<K> {
    /// The sum of `key`; that of all others if there is no room for one.
    fn of(&mut self, key: K) -> &mut Sum {
        if self.named.len() >= MOST_SUMS && !self.named.contains_key(&key) {
            return &mut self.others;
        }
        self.named.entry(key).or_default()
    }

    fn iter(&self) -> impl Iterator<Item = (Option<&K>, &Sum)> {
        let named = self.named.iter().map(|(key, sum)| (Some(key), sum));
        let others = (self.others != Sum::default()).then_some((None, &self.others));
        named.chain(others)
    }
}

impl Used {
    /// A task is seen that had used `before` when it was last seen.
    pub(super) fn book(&mut self, task: &TaskView, before: &Usage) {
        let tenant = (task.key.framework_id, task.role.clone());
        self.by_tenant.of(tenant).add(before, &task.usage);
        self.by_role.of(task.role.clone()).add(before, &task.usage);
    }

    /// Adds the memory that a task has now.
    pub(super) fn hold(&mut self, task: &TaskView) {
        if task.usage.mem > 0 && !task.state.is_terminal() {
            let tenant = (task.key.framework_id, task.role.clone());
            self.by_tenant.of(tenant).memory += task.usage.mem;
            self.by_role.of(task.role.clone()).memory += task.usage.mem;
        }
    }

    /// A framework is not shown any more: the sums of its roles are all that is left of it.
    pub(super) fn forget(&mut self, framework_id: FrameworkId) {
        let of_another = |(id, _): &(FrameworkId, Role), _: &mut Sum| *id != framework_id;
        self.by_tenant.named.retain(of_another);
    }

    /// The sum of each framework in each role, and of those that are in none of these.
    pub(crate) fn by_tenant(&self) -> impl Iterator<Item = (Option<&(FrameworkId, Role)>, &Sum)> {
        self.by_tenant.iter()
    }

    /// The sum of each role, and of those that are in none of these.
    pub(crate) fn by_role(&self) -> impl Iterator<Item = (Option<&Role>, &Sum)> {
        self.by_role.iter()
    }
}

#[cfg(test)]
mod tests {
    use stoker_master_core::Change;
    use stoker_types::TaskState;

    use super::*;
    use crate::read_model::tests::task;

    fn view(name: &str, fuel: u64) -> TaskView {
        let Change::Task(mut view) = task(name, TaskState::Running) else {
            unreachable!()
        };
        view.usage = Usage {
            fuel_used: fuel,
            ..Usage::default()
        };
        *view
    }

    fn fuel(used: &Used) -> Vec<(bool, u64)> {
        let sums = used.by_tenant();
        sums.map(|(tenant, sum)| (tenant.is_some(), sum.fuel))
            .collect()
    }

    #[test]
    fn a_sum_never_goes_back() {
        let mut used = Used::default();
        let more = view("a", 10);
        used.book(&more, &Usage::default());
        // An agent's daemon was started anew and knows less.
        used.book(&view("a", 4), &more.usage);
        used.book(&view("b", 5), &Usage::default());
        assert_eq!(fuel(&used), [(true, 15)]);
        used.forget(more.key.framework_id);
        assert_eq!(fuel(&used), []);
        let by_role: Vec<u64> = used.by_role().map(|(_, sum)| sum.fuel).collect();
        assert_eq!(by_role, [15]);
    }

    #[test]
    fn past_the_bound_all_are_in_one_sum() {
        let mut used = Used::default();
        let mut last = view("a", 1);
        for number in 0..=MOST_SUMS as u64 + 1 {
            last.key.framework_id = FrameworkId::from_bits(number);
            used.book(&last, &Usage::default());
        }
        assert_eq!(used.by_tenant().count(), MOST_SUMS + 1);
        assert_eq!(
            used.by_tenant().last().unwrap(),
            (
                None,
                &Sum {
                    fuel: 2,
                    ..Sum::default()
                }
            )
        );
    }
}
