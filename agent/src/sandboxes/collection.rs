//! Which sandboxes are to go.
//!
//! Pure: owns the decision, and nothing that it is made of. Whether one is in use is asked at the
//! moment of its removal, by [`KnownTasks`](crate::known_tasks::KnownTasks).

use std::time::Duration;

use stoker_types::{TaskKey, Timestamp};

/// The sandbox of a task that is not alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Whose.
    pub(super) task: TaskKey,
    /// When the task was last seen alive, or wrote.
    pub(super) left_at: Timestamp,
}

/// Why a sandbox goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// It was kept for so long.
    Expired(Duration),
    /// The file system was short of space.
    Evicted,
}

/// The sandboxes in the order in which they go: the one that was left first is first.
pub(super) fn oldest_first(mut kept: Vec<Kept>) -> Vec<Kept> {
    kept.sort_by(|one, other| (one.left_at, &one.task).cmp(&(other.left_at, &other.task)));
    kept
}

/// Why a sandbox goes now, if it does: `free` bytes are left where it lies, and `wanted` are to be.
pub(super) fn removal(
    kept: &Kept,
    now: Timestamp,
    retention: Duration,
    (free, wanted): (u64, u64),
) -> Option<Removal> {
    if now.since(kept.left_at) > retention {
        Some(Removal::Expired(retention))
    } else if free < wanted {
        Some(Removal::Evicted)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn kept(name: &str, hour: u32) -> Kept {
        Kept {
            task: format!("framework-aaaaaaaaaaaaa/{name}").parse_key(),
            left_at: Timestamp::default().after(HOUR * hour),
        }
    }

    trait ParseKey {
        fn parse_key(&self) -> TaskKey;
    }

    impl ParseKey for String {
        fn parse_key(&self) -> TaskKey {
            let (framework, task) = self.split_once('/').unwrap();
            TaskKey {
                framework_id: framework.parse().unwrap(),
                task_id: task.parse().unwrap(),
            }
        }
    }

    #[test]
    fn the_one_that_was_left_first_goes_first() {
        let order = oldest_first(vec![kept("b", 2), kept("c", 1), kept("a", 2)]);
        assert_eq!(order, [kept("c", 1), kept("a", 2), kept("b", 2)]);
    }

    #[test]
    fn a_sandbox_goes_after_its_time_or_when_space_is_short() {
        let now = Timestamp::default().after(HOUR * 10);
        let why = |hour, free| removal(&kept("a", hour), now, HOUR * 3, (free, 100));
        assert_eq!(why(6, 100), Some(Removal::Expired(HOUR * 3)));
        assert_eq!(why(7, 100), None, "not longer than that");
        assert_eq!(why(11, 100), None, "a clock that went back");
        assert_eq!(why(10, 99), Some(Removal::Evicted));
    }
}
