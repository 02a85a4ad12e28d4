//! Compiles `stoker/v1/*.proto` into Rust, and into the descriptor set that reflection serves.
//!
//! protox parses the files, so no `protoc` is needed on any machine.

use std::{env, error::Error, fs, path::PathBuf};

const FILES: [&str; 7] = [
    "stoker/v1/agent.proto",
    "stoker/v1/artifact.proto",
    "stoker/v1/operator.proto",
    "stoker/v1/runner.proto",
    "stoker/v1/scheduler.proto",
    "stoker/v1/storage.proto",
    "stoker/v1/types.proto",
];

/// What carries bulk data: its bytes are taken over from the transport's buffer, not copied.
const BULK: [&str; 5] = [
    ".stoker.v1.FileChunk",
    ".stoker.v1.GetChunk",
    ".stoker.v1.OutputChunk",
    ".stoker.v1.PutRequest",
    ".stoker.v1.TransferChunk",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=stoker");
    let mut compiler = protox::Compiler::new(["."])?;
    // Comments become rustdoc, and what `grpcurl describe` prints.
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(FILES)?;

    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(
        folder.join("stoker.v1.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    let mut builder = tonic_prost_build::configure()
        // Ordered maps: one value has one encoding, on disk too.
        .btree_map(".")
        // Its `connect(address)` would clash with our own `Connect`; clients are made from a
        // channel with `new`.
        .build_transport(false);
    for path in BULK {
        builder = builder.bytes(path);
    }
    builder.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
