//! The name under which compiled code may be cached.

use std::hash::{DefaultHasher, Hash, Hasher};

use wasmtime::{Engine, ModuleVersionStrategy};

use super::{CodeKind, Purpose, build};

/// The part of a compiled module's cache key that stands for this build of Stoker, this machine's
/// kind of processor, the memory profile and the metering: code of the same key loads, any other is
/// refused.
///
/// # Errors
/// If the engine cannot be made on this machine.
pub fn compile_key(kind: CodeKind) -> Result<String, wasmtime::Error> {
    Ok(key_of(&build(kind, Purpose::Compile)?, kind))
}

fn key_of(engine: &Engine, kind: CodeKind) -> String {
    let CodeKind {
        profile,
        metering,
        limits,
    } = kind;
    // Its keys are fixed: the same on every run of one build, which is all that a cache needs.
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    // A module that passed under other bounds is looked at again.
    (limits.functions, limits.tables, limits.table_elements).hash(&mut hasher);
    let version = ModuleVersionStrategy::WasmtimeVersion.as_str().to_owned();
    let hash = hasher.finish();
    format!("wasmtime-{version}-{hash:016x}-{profile}-{metering}")
}

#[cfg(test)]
mod tests {
    use super::{super::MemoryProfile, *};

    #[test]
    fn running_and_compiling_have_one_key_and_the_profiles_two() {
        let [large, small] = [MemoryProfile::Large, MemoryProfile::Small].map(CodeKind::of);
        for kind in [large, small] {
            let running = build(kind, Purpose::Run { slots: 2 }).unwrap();
            assert_eq!(compile_key(kind).unwrap(), key_of(&running, kind));
        }
        assert_ne!(compile_key(large).unwrap(), compile_key(small).unwrap());
        assert!(compile_key(large).unwrap().ends_with("-large-fuel"));
    }
}
