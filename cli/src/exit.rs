//! Exit codes: what `stoker` tells the shell. `docs/guide` and `--help` list the same numbers.
//!
//! Owns the mapping from a task's end to a number; never ends the process itself.

use std::process::ExitCode;

use stoker_types::{Reason, TaskState};

/// Something did not work.
pub(crate) const FAILED: ExitCode = ExitCode::FAILURE;
/// Everything worked.
pub(crate) const DONE: ExitCode = ExitCode::SUCCESS;

const DEADLINE: u8 = 124;
const FUEL_EXHAUSTED: u8 = 125;
/// `stoker run` was refused, or the task did not start in time.
pub(crate) const REFUSED: u8 = 126;
const TRAPPED: u8 = 134;
const KILLED: u8 = 137;
const OURS: u8 = 1;

/// What `stoker run` exits with when its task has ended so.
///
/// A guest's own code is passed on up to 125; higher ones would read as signals to a shell, so
/// they become 134 like a trap.
pub(crate) fn of_task(state: TaskState, reason: Option<Reason>, guest: Option<i32>) -> u8 {
    match (state, reason) {
        (TaskState::Finished, _) => 0,
        (TaskState::Failed, Some(Reason::ExitCode)) => guest
            .and_then(|code| u8::try_from(code).ok())
            .filter(|code| *code < REFUSED)
            .unwrap_or(TRAPPED),
        (TaskState::Failed, Some(Reason::Deadline)) => DEADLINE,
        (TaskState::Failed, Some(Reason::FuelExhausted)) => FUEL_EXHAUSTED,
        (TaskState::Failed, Some(Reason::Trap)) => TRAPPED,
        (TaskState::Failed, Some(Reason::MemoryLimit | Reason::OutputLimit)) => KILLED,
        (TaskState::Killed, _) => KILLED,
        (TaskState::Error, _) => REFUSED,
        _ => OURS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_s_own_code_is_passed_on_up_to_125() {
        let failed = |code| of_task(TaskState::Failed, Some(Reason::ExitCode), Some(code));
        assert_eq!(
            [failed(1), failed(7), failed(124), failed(125)],
            [1, 7, 124, 125]
        );
        assert_eq!(
            [
                failed(126),
                failed(127),
                failed(255),
                failed(-1),
                failed(256)
            ],
            [134; 5]
        );
    }

    #[test]
    fn each_end_has_its_number() {
        let failed = |reason| of_task(TaskState::Failed, Some(reason), None);
        assert_eq!(of_task(TaskState::Finished, None, Some(0)), 0);
        assert_eq!(failed(Reason::Deadline), 124);
        assert_eq!(failed(Reason::FuelExhausted), 125);
        assert_eq!(failed(Reason::Trap), 134);
        assert_eq!(failed(Reason::MemoryLimit), 137);
        assert_eq!(failed(Reason::OutputLimit), 137);
        assert_eq!(failed(Reason::RunnerLost), 1);
        assert_eq!(failed(Reason::OutputMissing), 1);
        assert_eq!(
            of_task(TaskState::Killed, Some(Reason::KillRequested), None),
            137
        );
        assert_eq!(
            of_task(TaskState::Error, Some(Reason::ModuleInvalid), None),
            126
        );
        assert_eq!(of_task(TaskState::Unreachable, None, None), 1);
    }
}
