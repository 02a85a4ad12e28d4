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

/// What each of them tries of a different kind, by its name; the files last.
const LOUDEST: [&str; 12] = [
    "fills all of a large memory, again and again",
    "calls itself for ever",
    "asks for the time, again and again",
    "asks for all the random bytes that it may, again and again",
    "polls as many clocks as it may, again and again",
    "writes a million buffers of nothing at once, again and again",
    "floods both by turns",
    "throws through a deep stack for ever",
    "naps for ever",
    "opens a file again and again and closes it never",
    "makes a million files of nothing",
    "reads a directory of a hundred thousand, again and again",
];

/// One attack of each kind of harm to a neighbour: those that keep a host busy for as long as it
/// lets them.
#[must_use]
pub fn loudest() -> Vec<Attack> {
    let mut all: Vec<Attack> = Family::ALL.into_iter().flat_map(attacks).collect();
    let find = |name: &&str| {
        let index = all.iter().position(|attack| attack.name == *name)?;
        Some(all.swap_remove(index))
    };
    LOUDEST.iter().filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_are_all_there() {
        let names: Vec<&str> = loudest().iter().map(|attack| attack.name).collect();
        assert_eq!(names, LOUDEST);
    }
}
