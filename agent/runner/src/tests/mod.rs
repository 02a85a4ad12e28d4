//! Guests in WebAssembly text, each so small that the bound it meets is visible in the test.

#[path = "../../tests/support/daemon.rs"]
mod daemon;
mod ends;
mod exceptions;
mod fuel;
mod io;
mod lab;
mod load;
mod memory;
mod modules;
mod output;
mod protocol;
mod time;
