//! Hostile guests: for each thing that a guest can take from its host, the guests that try to take
//! more, and how each of them ends.
//!
//! Owns the attacks, as data, and a framework that launches them ([`Arena`]); judges nothing. The
//! test `hostile` checks every end on a real cluster, and a benchmark can run the same list
//! beside a neighbour.
//!
//! ```
//! use stoker_tests_hostile::{Family, attacks};
//!
//! let spinning = attacks(Family::Time).into_iter().find(|attack| attack.name == "spins");
//! assert!(spinning.is_some_and(|attack| attack.wasm().starts_with(b"\0asm")));
//! ```

mod arena;
mod attack;
mod families;
mod siege;
mod text;

pub use arena::{Arena, Contender};
pub use attack::{Attack, End};
pub use families::{Family, attacks, loudest};
pub use siege::{Work, work_beside};

/// A guest that does nothing and ends well: an honest task.
#[must_use]
pub fn noop() -> Vec<u8> {
    attack::wasm_of(&text::command(""))
}

/// A guest that crashes at once.
#[must_use]
pub fn crasher() -> Vec<u8> {
    attack::wasm_of(&text::command("unreachable"))
}

/// A guest that opens 200 files and sleeps with them for a year; it needs a disk.
#[must_use]
pub fn descriptor_keeper() -> Vec<u8> {
    attack::wasm_of(&families::descriptor_keeper())
}

/// A module that takes minutes to compile; another one for each number.
#[must_use]
pub fn compile_bomb(number: usize) -> Vec<u8> {
    attack::wasm_of(&families::compile_bomb(number))
}

/// A guest that does nothing, of a module that holds these fields.
///
/// # Panics
/// If the fields are not those of a module.
#[must_use]
pub fn holding(fields: &str) -> Vec<u8> {
    let memory = "(memory (export \"memory\") 1)";
    attack::wasm_of(&text::program(&format!("{memory} {fields}"), ""))
}

/// A guest that counts for ever: an honest spinner, which wants all the time that it can get.
#[must_use]
pub fn spinner() -> Vec<u8> {
    attack::wasm_of(&text::command("(loop $again (br $again))"))
}
