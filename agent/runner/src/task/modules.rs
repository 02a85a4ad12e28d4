//! The modules that a runner has mapped, ready to be instantiated.

use std::{collections::HashMap, fs::File};

use stoker_types::{Reason, runner::CompiledKey};
use wasmtime::{Engine, InstancePre, Linker, Module};

use crate::{engine, guest::Guest, wasi};

/// The modules of one runner: each takes a few of the kernel's mappings.
const MOST_MODULES: usize = 1024;

/// Why a module cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// For the status of a task that wants it.
    pub(crate) reason: Reason,
    /// What exactly.
    pub(crate) message: String,
}

/// All mapped modules, and why those that were sent and could not be mapped could not.
pub(crate) struct Modules {
    engine: Engine,
    linker: Linker<Guest>,
    by_key: HashMap<CompiledKey, Result<InstancePre<Guest>, Unusable>>,
}

impl Modules {
    /// No modules yet.
    ///
    /// # Errors
    /// If the host's functions cannot be defined.
    pub(crate) fn new(engine: Engine) -> wasmtime::Result<Self> {
        Ok(Self {
            linker: wasi::linker(&engine)?,
            engine,
            by_key: HashMap::new(),
        })
    }

    /// Maps compiled code as `key`, unless there is some already. That it cannot be mapped is told
    /// to the tasks that want it.
    pub(crate) fn insert(&mut self, key: CompiledKey, artifact: File) {
        if self.by_key.get(&key).is_some_and(Result::is_ok) {
            return;
        }
        if self.by_key.len() >= MOST_MODULES && !self.by_key.contains_key(&key) {
            tracing::warn!(module = %key.wasm, "the runner has {MOST_MODULES} modules: no more");
            return;
        }
        let module = self.prepare(key, artifact);
        if let Err(unusable) = &module {
            tracing::warn!(module = %key.wasm, reason = %unusable.reason, "{}", unusable.message);
        }
        self.by_key.insert(key, module);
    }

    /// The module of `key`, to be instantiated.
    pub(crate) fn get(&self, key: &CompiledKey) -> Result<InstancePre<Guest>, Unusable> {
        self.by_key.get(key).cloned().unwrap_or_else(|| {
            Err(Unusable {
                reason: Reason::LaunchFailed,
                message: format!("the runner does not have the module {}", key.wasm),
            })
        })
    }

    fn prepare(&self, key: CompiledKey, artifact: File) -> Result<InstancePre<Guest>, Unusable> {
        let module = engine::load(&self.engine, artifact).map_err(|error| Unusable {
            reason: Reason::ModuleInvalid,
            message: format!("the compiled module does not load here: {error:#}"),
        })?;
        let linked = if key.traps_unknown_imports {
            unknown_imports_as_traps(&self.linker, &module)
                .and_then(|linker| linker.instantiate_pre(&module))
        } else {
            self.linker.instantiate_pre(&module)
        };
        linked.map_err(|error| Unusable {
            reason: Reason::ImportUnknown,
            message: super::message::escaped(&format!("{error:#}")),
        })
    }
}

/// A linker in which those functions that `module` imports and nobody provides trap.
///
/// # Errors
/// If a trap cannot be defined.
pub(crate) fn unknown_imports_as_traps(
    linker: &Linker<Guest>,
    module: &Module,
) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = linker.clone();
    linker.define_unknown_imports_as_traps(module)?;
    Ok(linker)
}

impl std::fmt::Debug for Modules {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Modules")
            .field("count", &self.by_key.len())
            .finish_non_exhaustive()
    }
}
