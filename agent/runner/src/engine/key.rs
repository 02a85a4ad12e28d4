//! The name under which compiled code may be cached.

use std::hash::{DefaultHasher, Hash, Hasher};

use wasmtime::{Engine, ModuleVersionStrategy};

use super::{MemoryProfile, Purpose, build};

/// The part of a compiled module's cache key that stands for this build of Stoker, this machine's
/// kind of processor and the memory profile: code of the same key loads, any other is refused.
///
/// # Errors
/// If the engine cannot be made on this machine.
pub fn compile_key(profile: MemoryProfile) -> Result<String, wasmtime::Error> {
    Ok(key_of(&build(profile, Purpose::Compile)?, profile))
}

fn key_of(engine: &Engine, profile: MemoryProfile) -> String {
    // Its keys are fixed: the same on every run of one build, which is all that a cache needs.
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let version = ModuleVersionStrategy::WasmtimeVersion.as_str().to_owned();
    format!("wasmtime-{version}-{:016x}-{profile}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_and_compiling_have_one_key_and_the_profiles_two() {
        for profile in [MemoryProfile::Large, MemoryProfile::Small] {
            let running = build(profile, Purpose::Run { slots: 2 }).unwrap();
            assert_eq!(compile_key(profile).unwrap(), key_of(&running, profile));
        }
        assert_ne!(
            compile_key(MemoryProfile::Large).unwrap(),
            compile_key(MemoryProfile::Small).unwrap()
        );
    }
}
