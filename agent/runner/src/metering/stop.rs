//! Why the host ends a guest from within one of its calls.

/// The error that the call hook or a host function raises; it unwinds the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// The fuel budget is used up.
    #[error("the fuel budget is used up")]
    FuelExhausted,
    /// The task is to end.
    #[error("the task was killed")]
    Killed,
    /// The guest wrote more than it may.
    #[error("the output limit is reached")]
    OutputLimit,
}
