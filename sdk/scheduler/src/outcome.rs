//! What a task's state means for its framework: over or not, and worth another launch or not.
//!
//! Owns the one reading of states and reasons that most schedulers need; never acts on it.

use stoker_types::{Reason, StatusUpdate, TaskState};

/// What has become of a task, for a scheduler that decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nothing yet: it is on its way, runs, or cannot be seen for now.
    Alive,
    /// It did its work.
    Succeeded,
    /// It failed by itself: another exit code, a trap, a bound that it met, a description that is
    /// wrong. The same again would likely fail again.
    Failed,
    /// Its framework or an operator wanted it to end.
    Killed,
    /// It was lost through no fault of its own: it never ran, or what it ran on is gone. Launch the
    /// same as a new task, if it bears to run twice; some of its work may be done.
    Lost,
}

impl Outcome {
    /// What this update says.
    ///
    /// `TASK_UNREACHABLE` and `TASK_UNKNOWN` are [`Alive`](Self::Alive): the task may come back. A
    /// scheduler that would rather run it twice than wait may treat them as lost, and kill the
    /// first if it returns.
    #[must_use]
    pub const fn of(update: &StatusUpdate) -> Self {
        match update.state {
            TaskState::Staging
            | TaskState::Starting
            | TaskState::Running
            | TaskState::Killing
            | TaskState::Unreachable
            | TaskState::Unknown => Self::Alive,
            TaskState::Finished => Self::Succeeded,
            TaskState::Error => Self::Failed,
            TaskState::Dropped | TaskState::Gone | TaskState::GoneByOperator => Self::Lost,
            TaskState::Failed => match update.reason {
                Some(Reason::RunnerLost | Reason::LaunchFailed) => Self::Lost,
                _ => Self::Failed,
            },
            TaskState::Killed => match update.reason {
                Some(Reason::AgentStopped) => Self::Lost,
                _ => Self::Killed,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use stoker_types::{FrameworkId, TaskKey, Timestamp, Usage};

    use super::*;

    fn outcome(state: TaskState, reason: impl Into<Option<Reason>>) -> Outcome {
        Outcome::of(&StatusUpdate {
            task: TaskKey {
                framework_id: FrameworkId::from_bits(1),
                task_id: "a".parse().unwrap(),
            },
            agent_id: None,
            number: 0,
            state,
            reason: reason.into(),
            message: String::new(),
            exit_code: None,
            usage: Usage::default(),
            outputs: Vec::new(),
            at: Timestamp::default(),
        })
    }

    #[test]
    fn only_what_has_not_ended_is_alive() {
        for state in TaskState::ALL {
            let is_alive = outcome(*state, None) == Outcome::Alive;
            assert_eq!(is_alive, !state.is_terminal(), "{state}");
        }
    }

    #[test]
    fn the_reason_tells_a_fault_from_bad_luck() {
        for (state, reason, expected) in [
            (TaskState::Failed, Reason::ExitCode, Outcome::Failed),
            (TaskState::Failed, Reason::MemoryLimit, Outcome::Failed),
            (TaskState::Failed, Reason::RunnerLost, Outcome::Lost),
            (TaskState::Killed, Reason::KillRequested, Outcome::Killed),
            (TaskState::Killed, Reason::AgentStopped, Outcome::Lost),
            (TaskState::Dropped, Reason::InvalidOffers, Outcome::Lost),
            (TaskState::Error, Reason::ModuleInvalid, Outcome::Failed),
        ] {
            assert_eq!(outcome(state, reason), expected, "{state} {reason}");
        }
    }
}
