//! Takes memory, a mebibyte at a time, and writes to every page of it, until it is refused; then it says
//! how far it got and aborts, as programs out of memory do.

/// How much is asked for at a time.
const CHUNK_BYTES: usize = 1024 * 1024;
/// A write every so many bytes makes the memory real on every machine.
const PAGE_BYTES: usize = 4096;

fn main() {
    // Printed first, because the buffer of standard output needs memory too.
    println!("takes memory until it is refused");
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    while let Some(chunk) = one_more_chunk() {
        // Room for the list itself may be what is refused.
        if chunks.try_reserve(1).is_err() {
            break;
        }
        chunks.push(chunk);
    }
    println!("took {} MiB, was refused more", chunks.len());
    std::process::abort();
}

fn one_more_chunk() -> Option<Vec<u8>> {
    let mut chunk = Vec::new();
    chunk.try_reserve_exact(CHUNK_BYTES).ok()?;
    chunk.resize(CHUNK_BYTES, 0);
    for byte in chunk.iter_mut().step_by(PAGE_BYTES) {
        *byte = 1;
    }
    Some(std::hint::black_box(chunk))
}
