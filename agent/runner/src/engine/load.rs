//! Maps compiled code: the one file with unsafe code.

#![allow(
    unsafe_code,
    reason = "wasmtime trusts the bytes that it maps, so saying that they are ours is unsafe"
)]

use std::fs::File;

use wasmtime::{Engine, Module};

/// Maps the compiled module in `artifact`.
///
/// Code of another version, another configuration or another kind of processor is refused here by
/// wasmtime itself; so is a file that is no compiled module.
pub(crate) fn load(engine: &Engine, artifact: File) -> wasmtime::Result<Module> {
    // SAFETY: the bytes were written by `stoker compile`, a process of this program. In a runner
    // the descriptor comes from the agent's daemon over a socket that only it has, and the daemon
    // passes on nothing but files of its cache that it has authenticated with its own key; in
    // `run --local` it is an unlinked file that only the compile child and this process ever had.
    // Neither is written again after its compilation.
    unsafe { Module::deserialize_open_file(engine, artifact) }
}
