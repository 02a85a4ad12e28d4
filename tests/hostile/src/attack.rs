//! One attack: the guest, what it asks for, and how it ends.

use stoker_sdk_scheduler::{Reason, StatusUpdate, Task, TaskState};

/// A guest that tries to take what it may not.
#[derive(Clone, Debug)]
pub struct Attack {
    /// What it does, as the end of a sentence that begins with `the guest`.
    pub name: &'static str,
    /// The bound that it meets, by its name in the table of `docs/SECURITY.md`.
    pub bound: &'static str,
    /// How it may end: usually in one way, in several where wasmtime may refuse at two places.
    pub ends: &'static [End],
    text: String,
    asks: fn(Task) -> Task,
}

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself with this exit code, 0 of which means that it was refused as it expected.
    Exits(i32),
    /// `TASK_FAILED` or `TASK_ERROR`, for this reason.
    Fails(Reason),
    /// Never launched: the master refuses its description with a message that says why.
    Refused,
}

impl Attack {
    /// A guest whose module is `text`.
    pub(crate) fn new(
        name: &'static str,
        bound: &'static str,
        text: impl Into<String>,
        ends: &'static [End],
    ) -> Self {
        Self {
            name,
            bound,
            ends,
            text: text.into(),
            asks: |task| task,
        }
    }

    /// What it asks for beside a quarter of a core and 16 MiB.
    pub(crate) fn asking(mut self, asks: fn(Task) -> Task) -> Self {
        self.asks = asks;
        self
    }

    /// Its module.
    ///
    /// # Panics
    /// If it is text that is no module: a mistake in this crate.
    #[must_use]
    pub fn wasm(&self) -> Vec<u8> {
        wasm_of(&self.text)
    }

    /// The task, of a module that is already somewhere.
    #[must_use]
    pub fn task(&self, task: Task) -> Task {
        (self.asks)(task.name(self.name).mem_mib(16))
    }

    /// Whether this is how it is to end.
    #[must_use]
    pub fn is_expected(&self, update: &StatusUpdate) -> bool {
        self.ends.iter().any(|end| end.is(update))
    }
}

impl End {
    fn is(self, update: &StatusUpdate) -> bool {
        match self {
            Self::Exits(0) => update.state == TaskState::Finished,
            Self::Exits(code) => update.exit_code == Some(code),
            Self::Refused => {
                update.state == TaskState::Dropped && update.reason == Some(Reason::InvalidOffers)
            }
            Self::Fails(reason) => {
                update.state == reason.failure_state() && update.reason == Some(reason)
            }
        }
    }
}

/// A module from its text.
pub(crate) fn wasm_of(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
