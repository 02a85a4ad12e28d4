//! Looks at a module before any work goes into it: what it is, what it exports, what it imports.

use std::{collections::BTreeSet, fmt::Write as _};

use stoker_types::{GuestLimits, Reason, UnknownImports};
use wasmparser::{Encoding, ExternalKind, Parser, Payload, TypeRef};
use wasmtime::{ExternType, Module};

use super::Refusal;
use crate::task::ENTRY;

/// The imports that a refusal names.
const NAMED_IMPORTS: usize = 20;
/// The characters of one import's name that are shown.
const NAME_CHARACTERS: usize = 120;

/// Refuses what cannot run here, as far as the sections tell. `is_provided` says whether the host
/// has a function of that module and name.
///
/// Mistakes in the module itself are the compiler's to find.
pub(super) fn sections(
    wasm: &[u8],
    unknown_imports: UnknownImports,
    limits: &GuestLimits,
    mut is_provided: impl FnMut(&str, &str) -> bool,
) -> Result<(), Refusal> {
    if !wasm.starts_with(b"\0asm") {
        return Err(invalid(not_wasm(wasm)));
    }
    let mut imports = Imports::default();
    let mut has_entry = false;
    let mut counts = Counts::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| malformed(&error))? {
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => {
                return Err(invalid(
                    "the module is a component; this version of Stoker runs core modules with \
                     WASI preview 1: build for wasm32-wasip1"
                        .to_owned(),
                ));
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(|error| malformed(&error))?;
                    if !is_provided(import.module, import.name) {
                        imports.add(import.module, import.name, import.ty);
                    }
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table.map_err(|error| malformed(&error))?;
                    counts.add_table(table.ty.initial);
                }
            }
            Payload::FunctionSection(section) => counts.functions = section.count().into(),
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(|error| malformed(&error))?;
                    has_entry |= export.name == ENTRY && export.kind == ExternalKind::Func;
                }
            }
            _ => {}
        }
    }
    imports.judge(unknown_imports)?;
    counts.judge(limits)?;
    if !has_entry {
        return Err(no_entry());
    }
    Ok(())
}

/// Refuses an entry that is not a function without parameters and results.
pub(super) fn entry(module: &Module) -> Result<(), Refusal> {
    match module.get_export(ENTRY) {
        Some(ExternType::Func(function))
            if function.params().len() == 0 && function.results().len() == 0 =>
        {
            Ok(())
        }
        Some(_) => Err(invalid(format!(
            "the module's {ENTRY} takes parameters or gives results; a command's does neither"
        ))),
        None => Err(no_entry()),
    }
}

/// What a module has of the things that are counted.
#[derive(Default)]
struct Counts {
    functions: u64,
    tables: u64,
    /// Of the table that has the most at its start.
    table_elements: u64,
}

impl Counts {
    fn add_table(&mut self, elements: u64) {
        self.tables += 1;
        self.table_elements = self.table_elements.max(elements);
    }

    fn judge(&self, limits: &GuestLimits) -> Result<(), Refusal> {
        let counts = [
            (self.functions, limits.functions, "functions", "functions"),
            (self.tables, limits.tables, "tables", "tables"),
            (
                self.table_elements,
                limits.table_elements,
                "elements in one table",
                "table_elements",
            ),
        ];
        for (count, most, what, name) in counts {
            if count > most {
                let message = format!(
                    "the module has {count} {what}; a task may have {most}: make it smaller, or \
                     raise {name} under [limits] of the agent"
                );
                return Err(Refusal::new(Reason::ModuleTooLarge, message));
            }
        }
        Ok(())
    }
}

/// The imports that the host does not provide.
#[derive(Default)]
struct Imports {
    /// Could be made to trap.
    functions: BTreeSet<String>,
    /// Could not.
    others: BTreeSet<String>,
}

impl Imports {
    fn add(&mut self, module: &str, name: &str, kind: TypeRef) {
        let shown = format!("{}.{}", shown(module), shown(name));
        match kind {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => self.functions.insert(shown),
            TypeRef::Table(_) => self.others.insert(format!("{shown} (a table)")),
            TypeRef::Memory(_) => self.others.insert(format!("{shown} (a memory)")),
            TypeRef::Global(_) => self.others.insert(format!("{shown} (a global)")),
            TypeRef::Tag(_) => self.others.insert(format!("{shown} (a tag)")),
        };
    }

    fn judge(&self, unknown_imports: UnknownImports) -> Result<(), Refusal> {
        let message = if !self.others.is_empty() {
            format!(
                "the module imports what Stoker does not provide, and what is no function cannot \
                 be made to trap: {}",
                listed(&self.others)
            )
        } else if !self.functions.is_empty() && unknown_imports == UnknownImports::Refuse {
            format!(
                "the module imports what Stoker does not provide: {}; with --unknown-imports trap \
                 it runs and traps when it calls one",
                listed(&self.functions)
            )
        } else {
            return Ok(());
        };
        Err(Refusal::new(Reason::ImportUnknown, message))
    }
}

/// The first names, and how many more there are.
fn listed(names: &BTreeSet<String>) -> String {
    let first: Vec<&str> = names
        .iter()
        .take(NAMED_IMPORTS)
        .map(String::as_str)
        .collect();
    let mut text = first.join(", ");
    if names.len() > NAMED_IMPORTS {
        // Writing to a String cannot fail.
        let _infallible = write!(text, " and {} more", names.len() - NAMED_IMPORTS);
    }
    text
}

/// A name that the module's author chose, fit to be shown.
fn shown(name: &str) -> String {
    name.chars()
        .take(NAME_CHARACTERS)
        .flat_map(char::escape_default)
        .collect()
}

fn invalid(message: String) -> Refusal {
    Refusal::new(Reason::ModuleInvalid, message)
}

fn malformed(error: &wasmparser::BinaryReaderError) -> Refusal {
    invalid(format!("the module is not valid WebAssembly: {error}"))
}

fn no_entry() -> Refusal {
    invalid(format!(
        "the module exports no function {ENTRY}, so it is a library or a reactor; a task runs a \
         command: build a program with a main function for wasm32-wasip1"
    ))
}

fn not_wasm(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(16)];
    let text = String::from_utf8_lossy(bytes.get(..1024).unwrap_or(bytes));
    if text.trim_start().starts_with("(module") || text.trim_start().starts_with("(component") {
        return "the module is WebAssembly text: translate it first, with wat2wasm or wasm-tools \
                parse"
            .to_owned();
    }
    if bytes.is_empty() {
        return "the module is empty, so it is not WebAssembly".to_owned();
    }
    format!(
        "the module is not WebAssembly: it starts with {:?}",
        start.escape_ascii().to_string()
    )
}
