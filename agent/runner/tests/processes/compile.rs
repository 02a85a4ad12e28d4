//! `stoker compile`: stdin, stdout, stderr, exit codes, and its limits.

use std::{
    fs::File,
    process::{Command, Output, Stdio},
    time::Duration,
};

use stoker_agent_runner::{
    compile::Settings,
    engine::{CodeKind, MemoryProfile, compile_key},
    local::compile_in_child,
};
use stoker_types::{Hardening, Reason};

use crate::program::{self, HELLO, bomb, wasm};

pub(crate) const CASES: &[crate::Case] = &[
    ("compile_writes_an_artifact", writes_an_artifact),
    (
        "compile_refuses_in_one_line_of_json",
        refuses_in_one_line_of_json,
    ),
    ("compile_names_a_wrong_flag", names_a_wrong_flag),
    ("compile_prints_its_key", prints_its_key),
    (
        "compile_prints_how_it_is_confined",
        prints_how_it_is_confined,
    ),
    ("compile_ends_at_its_cpu_limit", ends_at_its_cpu_limit),
    (
        "compile_is_not_started_for_what_is_not_there",
        is_not_started_for_what_is_not_there,
    ),
];

fn run(arguments: &[&str], module: Option<&std::path::Path>) -> Output {
    let stdin = module.map_or_else(Stdio::null, |path| File::open(path).unwrap().into());
    Command::new(program::path())
        .arg("compile")
        .args(arguments)
        .stdin(stdin)
        .output()
        .unwrap()
}

fn writes_an_artifact() {
    let module = wasm(HELLO);
    let output = run(
        &["--profile", "small", "--cpu-seconds", "60"],
        Some(module.path()),
    );
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stdout.starts_with(b"\x7fELF"),
        "an artifact is an ELF file"
    );
    assert_eq!(output.stderr, b"");
}

fn refuses_in_one_line_of_json() {
    let module = wasm(r#"(module (import "env" "f" (func)) (func (export "_start")))"#);
    let output = run(&["--profile", "small"], Some(module.path()));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let line: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(line["reason"], "IMPORT_UNKNOWN");
    assert!(
        line["message"].as_str().unwrap().contains("env.f"),
        "{line}"
    );
    let trapping = run(
        &["--profile", "small", "--unknown-imports", "trap"],
        Some(module.path()),
    );
    assert_eq!(trapping.status.code(), Some(0));
    let short = run(&["--module-bytes", "10"], Some(module.path()));
    let line: serde_json::Value = serde_json::from_slice(&short.stderr).unwrap();
    assert_eq!(line["reason"], "MODULE_TOO_LARGE");
}

fn names_a_wrong_flag() {
    let output = run(&["--fast"], None);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--fast"));
}

fn prints_its_key() {
    let output = run(&["--print-key", "--profile", "large"], None);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        printed.trim_end(),
        compile_key(CodeKind::of(MemoryProfile::Large)).unwrap()
    );
}

fn prints_how_it_is_confined() {
    let printed = run(&["--print-hardening"], None);
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    let hardening = Hardening {
        landlock: printed["landlock"].as_u64().unwrap().try_into().unwrap(),
        seccomp: printed["seccomp"].as_bool().unwrap(),
    };
    let required = run(&["--print-hardening", "--require-hardening"], None);
    match hardening.missing() {
        None => assert_eq!(required.status.code(), Some(0)),
        Some(missing) => {
            let said = String::from_utf8_lossy(&required.stderr);
            assert!(said.contains(&missing), "{said}");
        }
    }
}

fn compile(module: &std::path::Path, settings: &Settings) -> Result<File, Reason> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let compiled = runtime.block_on(compile_in_child(&program::path(), module, settings));
    compiled.map_err(|refusal| refusal.reason)
}

fn ends_at_its_cpu_limit() {
    let module = wasm(&bomb());
    let mut settings = Settings::new(MemoryProfile::Small);
    settings.cpu_seconds = Some(1);
    let begun = std::time::Instant::now();
    assert_eq!(
        compile(module.path(), &settings).err(),
        Some(Reason::CompileLimit)
    );
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
}

fn is_not_started_for_what_is_not_there() {
    let mut settings = Settings::new(MemoryProfile::Small);
    let missing = std::path::Path::new("/no/such/module.wasm");
    assert_eq!(
        compile(missing, &settings).err(),
        Some(Reason::ModuleNotFound)
    );
    let folder = std::path::Path::new("/");
    assert_eq!(
        compile(folder, &settings).err(),
        Some(Reason::ModuleNotFound)
    );
    settings.module_bytes = 10;
    let module = wasm(HELLO);
    assert_eq!(
        compile(module.path(), &settings).err(),
        Some(Reason::ModuleTooLarge)
    );
}
