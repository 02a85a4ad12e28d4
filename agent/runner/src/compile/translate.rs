//! Checks a module and turns it into an artifact.

use stoker_types::{Reason, UnknownImports};
use wasmtime::{Linker, Module};

use super::{Refusal, check};
use crate::{
    engine::{self, CodeKind, Purpose},
    guest::Guest,
    task::unknown_imports_as_traps,
    wasi::{self, Provided},
};

/// The artifact of `wasm`: what `engine::load` maps in an engine of the same kind of code.
pub(crate) fn translate(
    wasm: &[u8],
    kind: CodeKind,
    unknown_imports: UnknownImports,
) -> Result<Vec<u8>, Refusal> {
    let engine = engine::build(kind, Purpose::Compile)
        .map_err(|error| Refusal::ours("make the engine", &error))?;
    let linker =
        wasi::linker(&engine).map_err(|error| Refusal::ours("define the imports", &error))?;
    let mut provided = Provided::by(&linker);
    check::sections(wasm, unknown_imports, &kind.limits, |module, name| {
        provided.has(module, name)
    })?;
    let module = Module::new(&engine, wasm).map_err(|error| {
        Refusal::new(
            Reason::ModuleInvalid,
            format!("the module does not compile: {}", first_lines(&error)),
        )
    })?;
    check::entry(&module)?;
    check_import_types(&linker, &module, unknown_imports)?;
    module
        .serialize()
        .map_err(|error| Refusal::ours("write the compiled module", &error))
}

/// Refuses an import that is provided, but not with the type that the module wants.
fn check_import_types(
    linker: &Linker<Guest>,
    module: &Module,
    unknown_imports: UnknownImports,
) -> Result<(), Refusal> {
    let linked = match unknown_imports {
        UnknownImports::Refuse => linker.instantiate_pre(module),
        UnknownImports::Trap => unknown_imports_as_traps(linker, module)
            .and_then(|linker| linker.instantiate_pre(module)),
    };
    linked.map(drop).map_err(|error| {
        Refusal::new(
            Reason::ImportUnknown,
            format!(
                "an import has another type than Stoker provides: {}",
                first_lines(&error)
            ),
        )
    })
}

/// An error on one line, cut, without what would control a terminal.
fn first_lines(error: &wasmtime::Error) -> String {
    let mut line = String::new();
    for character in format!("{error:#}").chars().take(1000) {
        match character {
            '\n' => line.push(' '),
            control if control.is_control() => line.extend(control.escape_default()),
            other => line.push(other),
        }
    }
    line
}
