//! Guests in WebAssembly text, each so small that the bound it meets is visible in the test.

#[path = "../../tests/support/daemon.rs"]
#[allow(dead_code, reason = "the tests of the processes use all of it")]
mod daemon;
mod disk;
mod ends;
mod exceptions;
mod executor;
mod fuel;
mod inputs;
mod io;
mod lab;
mod load;
mod memory;
mod modules;
mod output;
mod protocol;
mod shares;
mod stop;
mod time;
