//! The attacks, a family a file: each file says what its guests are after.

mod memory;
mod stack;
mod time;

use crate::Attack;

/// What a guest is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Memory: linear memories, tables, initial sizes.
    Memory,
    /// Stack: recursion, and the traps at its end.
    Stack,
    /// Time and work: to run, or to wait, for longer than it may.
    Time,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Stack, Self::Time];
}

/// The attacks of a family.
#[must_use]
pub fn attacks(family: Family) -> Vec<Attack> {
    match family {
        Family::Memory => memory::attacks(),
        Family::Stack => stack::attacks(),
        Family::Time => time::attacks(),
    }
}
