//! What the compiler takes and what it refuses.

use stoker_types::{Reason, UnknownImports, runner::Outcome};

use super::lab::{command, trial};
use crate::{
    compile::{Refusal, translate},
    engine::{CodeKind, MemoryProfile},
};

fn refusal(wasm: &[u8]) -> Refusal {
    let kind = CodeKind::of(MemoryProfile::Small);
    translate(wasm, kind, UnknownImports::Refuse).unwrap_err()
}

fn refusal_of(wat: &str) -> Refusal {
    refusal(&wat::parse_str(wat).unwrap())
}

#[test]
fn what_is_no_wasm_is_refused_and_named() {
    let cases: [(&[u8], &str); 4] = [
        (b"", "empty"),
        (b"\x7fELF\x02\x01\x01", "starts with \"\\\\x7fELF"),
        (b"(module (func))", "text"),
        (b"\0asm\x01\0\0\0\x01\x99", "not valid WebAssembly"),
    ];
    for (bytes, named) in cases {
        let refusal = refusal(bytes);
        assert_eq!(refusal.reason, Reason::ModuleInvalid, "{named}");
        assert!(
            refusal.message.contains(named),
            "{named}: {}",
            refusal.message
        );
    }
}

#[test]
fn a_component_is_refused_with_what_to_build() {
    let refusal = refusal_of("(component)");
    assert_eq!(refusal.reason, Reason::ModuleInvalid);
    assert!(refusal.message.contains("component"), "{}", refusal.message);
    assert!(
        refusal.message.contains("wasm32-wasip1"),
        "{}",
        refusal.message
    );
}

#[test]
fn a_reactor_or_a_strange_start_is_refused() {
    let cases = [
        r#"(module (func (export "_initialize")))"#,
        r#"(module (memory (export "_start") 1))"#,
        r#"(module (func (export "_start") (param i32)))"#,
        r#"(module (func (export "_start") (result i32) (i32.const 0)))"#,
    ];
    for wat in cases {
        let refusal = refusal_of(wat);
        assert_eq!(refusal.reason, Reason::ModuleInvalid, "{wat}");
        assert!(refusal.message.contains("_start"), "{}", refusal.message);
    }
}

#[test]
fn a_module_with_a_mistake_or_an_unsettled_proposal_is_refused() {
    let cases = [
        r#"(module (func (export "_start") (result i32)) )"#,
        r#"(module (memory i64 1) (func (export "_start")))"#,
        r#"(module (memory 1 1 shared) (func (export "_start")))"#,
    ];
    for wat in cases {
        assert_eq!(refusal_of(wat).reason, Reason::ModuleInvalid, "{wat}");
    }
}

#[test]
fn unknown_imports_are_all_named_with_the_flag_that_lets_them_trap() {
    let wat = r#"(module
        (import "env" "first" (func)) (import "env" "se\ncond" (func (param i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func (param i32 i32 i32 i32) (result i32)))
        (func (export "_start")))"#;
    let refusal = refusal_of(wat);
    assert_eq!(refusal.reason, Reason::ImportUnknown);
    for part in ["env.first", "env.se\\ncond", "--unknown-imports trap"] {
        assert!(
            refusal.message.contains(part),
            "{part}: {}",
            refusal.message
        );
    }
    assert!(!refusal.message.contains("fd_write"), "{}", refusal.message);
}

#[test]
fn of_very_many_unknown_imports_the_first_are_named() {
    let imports: String = (0..1000)
        .map(|index| format!(r#"(import "m" "f{index:04}" (func))"#))
        .collect();
    let refusal = refusal_of(&format!(r#"(module {imports} (func (export "_start")))"#));
    assert!(
        refusal.message.contains("m.f0019 and 980 more"),
        "{}",
        refusal.message
    );
    assert!(refusal.message.len() < 4096);
}

#[test]
fn with_the_flag_an_unknown_function_traps_only_when_it_is_called() {
    let wat = |body: &str| {
        format!(
            r#"(module (import "env" "missing" (func $missing))
                (func (export "_start") {body}))"#
        )
    };
    let end = trial(wat("")).trapping_imports().run();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    let end = trial(wat("(call $missing)")).trapping_imports().run();
    let (reason, message) = end.failure();
    assert_eq!(reason, Reason::Trap);
    assert!(message.contains("env::missing"), "{message}");
}

#[test]
fn what_is_no_function_cannot_be_made_to_trap() {
    let wat = r#"(module (import "env" "memory" (memory 1)) (func (export "_start")))"#;
    let refusal = trial(wat).trapping_imports().compile().unwrap_err();
    assert_eq!(refusal.reason, Reason::ImportUnknown);
    assert!(
        refusal.message.contains("env.memory (a memory)"),
        "{}",
        refusal.message
    );
}

#[test]
fn a_known_import_of_another_type_is_refused() {
    let wat = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i64)))
        (func (export "_start")))"#;
    for compiled in [
        trial(wat).compile(),
        trial(wat).trapping_imports().compile(),
    ] {
        let refusal = compiled.unwrap_err();
        assert_eq!(refusal.reason, Reason::ImportUnknown);
        assert!(refusal.message.contains("proc_exit"), "{}", refusal.message);
    }
}

#[test]
fn too_many_tables_are_refused_before_they_are_compiled() {
    let wat = r#"(module (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)
        (table 1 funcref) (func (export "_start")))"#;
    let refusal = refusal_of(wat);
    assert_eq!(refusal.reason, Reason::ModuleTooLarge);
    assert!(refusal.message.contains("5 tables"), "{}", refusal.message);
}

#[test]
fn code_of_one_profile_does_not_load_in_the_other() {
    let small = trial(command("")).on(MemoryProfile::Small);
    let artifact = small.compile().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &artifact).unwrap();
    let mut modules = trial(command("")).no_modules();
    let key = small.key();
    modules.insert(key, file);
    let unusable = modules.get(&key).err().unwrap();
    assert_eq!(unusable.reason, Reason::ModuleInvalid);
}
