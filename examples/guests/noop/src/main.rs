//! Does nothing, in as few words as a Rust program can: what a benchmark of launches runs.

fn main() {}
