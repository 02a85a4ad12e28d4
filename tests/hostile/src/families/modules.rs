//! Modules that are after the compiler and the loader: by their size, by what they import, by what
//! is hard to compile.

use stoker_sdk_scheduler::{Reason, Task, UnknownImports};

use crate::{
    attack::{Attack, End},
    text::{command, program},
};

const PAGE: &str = "(memory (export \"memory\") 1)";
const COMPILE: &str = "compile time";
const IMPORTS: &str = "imports";
const FUNCTIONS: &str = "functions";
const UNKNOWN: &[End] = &[End::Fails(Reason::ImportUnknown)];

pub(super) fn attacks() -> Vec<Attack> {
    [imports(), sizes(), bombs()].concat()
}

fn importing(field: &str) -> String {
    format!("(module {field} {PAGE} (func (export \"_start\")))")
}

fn imports() -> Vec<Attack> {
    let attack = |name, text: String| Attack::new(name, IMPORTS, text, UNKNOWN);
    vec![
        attack(
            "imports a function of the host's system",
            importing("(import \"env\" \"system\" (func (param i32) (result i32)))"),
        ),
        attack(
            "imports another WASI",
            importing("(import \"wasi_unstable\" \"fd_write\" (func))"),
        ),
        attack(
            "imports a thread",
            importing("(import \"wasi\" \"thread-spawn\" (func (param i32) (result i32)))"),
        ),
        attack(
            "imports a memory",
            importing("(import \"env\" \"memory\" (memory 1))"),
        ),
        attack(
            "imports a table and a global",
            importing(
                "(import \"env\" \"t\" (table 1 funcref)) (import \"env\" \"g\" (global i32))",
            ),
        )
        .asking(|task: Task| task.unknown_imports(UnknownImports::Trap)),
        attack(
            "imports a function of WASI under another type",
            importing("(import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i64)))"),
        ),
        attack(
            "imports fifty thousand functions of terrible names",
            importing(
                &(0..50_000)
                    .map(|number| {
                        format!("(import \"\\1b[2J\" \"{}{number}\" (func))", "n".repeat(40))
                    })
                    .collect::<String>(),
            ),
        ),
        Attack::new(
            "calls what nobody provides",
            IMPORTS,
            "(module (import \"env\" \"f\" (func $f)) (func (export \"_start\") (call $f)))",
            &[End::Fails(Reason::Trap)],
        )
        .asking(|task| task.unknown_imports(UnknownImports::Trap)),
    ]
}

fn sizes() -> Vec<Attack> {
    let many = "(func)".repeat(200_000);
    let globals = "(global i32 (i32.const 0))".repeat(200_000);
    vec![
        Attack::new(
            "has two hundred thousand functions",
            FUNCTIONS,
            program(&format!("{PAGE} {many}"), ""),
            &[End::Fails(Reason::ModuleTooLarge)],
        ),
        Attack::new(
            "has two hundred thousand globals",
            "module size",
            program(&format!("{PAGE} {globals}"), ""),
            &[
                End::Fails(Reason::ModuleInvalid),
                End::Fails(Reason::ModuleTooLarge),
            ],
        ),
        Attack::new(
            "is larger than the agent takes",
            "module size",
            program(
                &format!("{PAGE} (data (i32.const 0) \"{}\")", "x".repeat(40 << 20)),
                "",
            ),
            &[End::Fails(Reason::ModuleTooLarge)],
        ),
        Attack::new(
            "has fifty thousand locals in each of its functions",
            COMPILE,
            program(
                &format!(
                    "{PAGE} {}",
                    format!("(func (local {}))", "i64 ".repeat(50_000)).repeat(20)
                ),
                "",
            ),
            &[End::Exits(0), End::Fails(Reason::CompileLimit)],
        ),
    ]
}

/// A module that takes minutes to compile; another one for each number.
pub(super) fn bomb(number: usize) -> String {
    let depth = 2000;
    let loops = format!(
        "{}{}{}",
        "(loop (local.set 0 (i64.add (local.get 1) (local.get 2)))".repeat(depth),
        "(br_if 0 (i32.wrap_i64 (local.get 0)))",
        ")".repeat(depth)
    );
    let locals = "i64 ".repeat(200);
    let number = format!("(global i32 (i32.const {number}))");
    program(
        &format!("{PAGE} {number} (func (local {locals}) {loops})"),
        "",
    )
}

fn bombs() -> Vec<Attack> {
    let cases = "0 ".repeat(60_000);
    let blocks = format!(
        "{}(br_table {} (local.get 0)){}",
        "(block ".repeat(5000),
        (0..5000).map(|n| format!("{n} ")).collect::<String>(),
        ")".repeat(5000)
    );
    vec![
        Attack::new(
            "nests two thousand loops over two hundred locals",
            COMPILE,
            bomb(0),
            &[End::Fails(Reason::CompileLimit), End::Exits(0)],
        ),
        Attack::new(
            "branches to sixty thousand places",
            COMPILE,
            program(
                &format!("{PAGE} (func (param i32) (block (br_table {cases} 0 (local.get 0))))"),
                "",
            ),
            &[
                End::Fails(Reason::CompileLimit),
                End::Fails(Reason::ModuleInvalid),
                End::Exits(0),
            ],
        ),
        Attack::new(
            "branches out of five thousand blocks",
            COMPILE,
            program(&format!("{PAGE} (func (param i32) {blocks})"), ""),
            &[End::Fails(Reason::CompileLimit), End::Exits(0)],
        ),
        Attack::new(
            "has no code that could be run",
            "language",
            command("").replace("_start", "_stop"),
            &[End::Fails(Reason::ModuleInvalid)],
        ),
    ]
}
