//! How far the work is, in numbers, and in one line for people.
//!
//! Owns nothing but the numbers of one moment.

use std::{collections::BTreeMap, fmt};

use stoker_sdk_scheduler::size;

/// The numbers of one moment. A pair is what is done, of what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) maps: (usize, usize),
    pub(crate) reductions: (usize, usize),
    pub(crate) bytes: (u64, u64),
    /// Tasks that have not ended, by state.
    pub(crate) states: BTreeMap<&'static str, usize>,
    /// Tasks that were lost and launched again, by reason.
    pub(crate) lost: BTreeMap<String, usize>,
}

impl Tally {
    /// How many tasks were launched again, and why: `3 (RUNNER_LOST 3)`.
    pub(crate) fn launched_again(&self) -> Option<String> {
        let count: usize = self.lost.values().sum();
        (count > 0).then(|| format!("{count} ({})", listed(&self.lost)))
    }
}

/// `map 3/8, reduce 0/4, 1.0 MiB of 3.0 MiB; TASK_RUNNING 4, waiting 1; launched again: …`.
impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (maps, all_maps) = self.maps;
        let (reductions, all_reductions) = self.reductions;
        write!(
            formatter,
            "map {maps}/{all_maps}, reduce {reductions}/{all_reductions}, "
        )?;
        let (bytes, all_bytes) = self.bytes;
        let (bytes, all_bytes) = (size::display(bytes), size::display(all_bytes));
        write!(formatter, "{bytes} of {all_bytes}")?;
        if !self.states.is_empty() {
            write!(formatter, "; {}", listed(&self.states))?;
        }
        match self.launched_again() {
            Some(again) => write!(formatter, "; launched again: {again}"),
            None => Ok(()),
        }
    }
}

fn listed<N: fmt::Display>(counts: &BTreeMap<N, usize>) -> String {
    let counts = counts.iter();
    let counts: Vec<String> = counts
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_one_line() {
        let mut tally = Tally {
            maps: (3, 8),
            reductions: (0, 4),
            bytes: (1 << 20, 3 << 20),
            states: BTreeMap::from([("waiting", 1), ("TASK_RUNNING", 4)]),
            lost: BTreeMap::new(),
        };
        assert_eq!(
            tally.to_string(),
            "map 3/8, reduce 0/4, 1.0 MiB of 3.0 MiB; TASK_RUNNING 4, waiting 1"
        );
        tally.states.clear();
        tally.lost.insert("RUNNER_LOST".to_owned(), 2);
        assert_eq!(
            tally.to_string(),
            "map 3/8, reduce 0/4, 1.0 MiB of 3.0 MiB; launched again: 2 (RUNNER_LOST 2)"
        );
    }
}
