//! Panics with its arguments as the message, which ends a Wasm module in the trap `unreachable`.

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        panic!("this guest always panics");
    }
    panic!("{}", words.join(" "));
}
