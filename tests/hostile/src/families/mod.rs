//! The attacks, a family a file: each file says what its guests are after.

mod descriptors;
mod exceptions;
mod files;
mod host_calls;
mod memory;
mod modules;
mod output;
mod stack;
mod time;

use crate::Attack;

/// What a guest is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Descriptors: as many as there are.
    Descriptors,
    /// Exceptions: storms of them, and what they leave.
    Exceptions,
    /// Files: room on disk, inodes, directories, and what lies outside.
    Files,
    /// The host's own time and memory, by way of its functions.
    HostCalls,
    /// Memory: linear memories, tables, initial sizes.
    Memory,
    /// The compiler and the loader, by way of the module itself.
    Modules,
    /// The log's room, and whoever writes it.
    Output,
    /// Stack: recursion, and the traps at its end.
    Stack,
    /// Time and work: to run, or to wait, for longer than it may.
    Time,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Descriptors,
        Self::Exceptions,
        Self::Files,
        Self::HostCalls,
        Self::Memory,
        Self::Modules,
        Self::Output,
        Self::Stack,
        Self::Time,
    ];
}

/// A guest that keeps nearly all the descriptors that it may have, for a year.
pub(crate) fn descriptor_keeper() -> String {
    descriptors::keeper()
}

/// A module that takes minutes to compile; another one for each number.
pub(crate) fn compile_bomb(number: usize) -> String {
    modules::bomb(number)
}

/// The attacks of a family.
#[must_use]
pub fn attacks(family: Family) -> Vec<Attack> {
    match family {
        Family::Descriptors => descriptors::attacks(),
        Family::Exceptions => exceptions::attacks(),
        Family::Files => files::attacks(),
        Family::HostCalls => host_calls::attacks(),
        Family::Memory => memory::attacks(),
        Family::Modules => modules::attacks(),
        Family::Output => output::attacks(),
        Family::Stack => stack::attacks(),
        Family::Time => time::attacks(),
    }
}
