//! Has the linker export what Stoker calls: of a program it exports nothing but `_start` by itself.

fn main() {
    let family = std::env::var("CARGO_CFG_TARGET_FAMILY");
    if family.is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-bins=--export=stoker_stop");
    }
}
