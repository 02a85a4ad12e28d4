//! The one engine of a process: its settings, the kinds of code, and the key of what it compiles.
//!
//! Owns every wasmtime setting that decides what a guest may be made of and where its memory lies.
//! What one guest may *use* is decided per store, in `limits` and `metering`.

mod config;
mod key;
mod load;
mod profile;

pub use key::compile_key;
pub use profile::{MemoryProfile, UnknownMemoryProfile};

pub(crate) use load::load;

use stoker_types::GuestLimits;
use wasmtime::Engine;

use crate::metering::Metering;

/// How many tasks a runner holds at once, unless set otherwise.
pub const DEFAULT_SLOTS: u32 = 1000;

/// What compiled code depends on: code of one kind loads only in an engine of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodeKind {
    /// How the guests' memories are laid out.
    pub profile: MemoryProfile,
    /// How their work is metered.
    pub metering: Metering,
    /// What the guests may take from the host; what a module may hold of it is checked when it is
    /// compiled.
    pub limits: GuestLimits,
}

impl CodeKind {
    /// Code for a profile, metered and bounded as usual.
    #[must_use]
    pub fn of(profile: MemoryProfile) -> Self {
        Self {
            profile,
            metering: Metering::Fuel,
            limits: GuestLimits::default(),
        }
    }
}

/// What an engine is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To run up to this many guests at once.
    Run {
        /// How many.
        slots: u32,
    },
    /// To compile and check modules: reserves no memory for guests.
    Compile,
}

/// The engine of this process.
///
/// What `Compile` compiles, `Run` of the same kind loads: the purpose changes no setting that
/// compiled code depends on.
pub(crate) fn build(kind: CodeKind, purpose: Purpose) -> wasmtime::Result<Engine> {
    Engine::new(&config::config(kind, purpose))
}

/// The engine of a runner with so many slots, for the yardstick of `bench`: what is compared with a
/// runner is to differ from it in nothing but Stoker.
///
/// # Errors
/// If the engine cannot be made on this machine.
pub fn for_yardstick(profile: MemoryProfile, slots: u32) -> wasmtime::Result<Engine> {
    build(CodeKind::of(profile), Purpose::Run { slots })
}

/// The same engine without any metering, to show what metering costs. No runner has it.
///
/// # Errors
/// If the engine cannot be made on this machine.
pub fn for_yardstick_unmetered(profile: MemoryProfile, slots: u32) -> wasmtime::Result<Engine> {
    let mut config = config::config(CodeKind::of(profile), Purpose::Run { slots });
    config.consume_fuel(false);
    Engine::new(&config)
}
