//! Commands for a runner as orders: modules before the launches that want them, and only the latest
//! confirmation.

use std::{collections::HashSet, fs::File, os::fd::OwnedFd, path::Path};

use stoker_types::{
    agent::Launch,
    runner::{CompiledKey, Order},
};

use super::{
    Context,
    frames::Outgoing,
    launch,
    supervise::{Command, Over},
};
use crate::{artifacts::CompiledModule, governor::Ruling, sandboxes::discard};

/// Orders that are sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    outgoing: Vec<Outgoing>,
    /// Only the latest confirmation counts.
    confirm: Option<u64>,
    /// Why nothing may follow this batch, if so.
    pub(super) over: Option<Over>,
}

impl Batch {
    /// Adds a command. `sent` are the modules that the runner has.
    pub(super) fn add(
        &mut self,
        context: &Context,
        sent: &mut HashSet<CompiledKey>,
        command: Command,
    ) {
        match command {
            Command::Order(Order::Confirm { event }) => self.confirm = Some(event),
            Command::Order(order) => {
                if order == Order::Shutdown {
                    self.over = Some(Over::Stopping);
                }
                self.outgoing.push(order.into());
            }
            Command::KillProcess => {
                self.over = Some(Over::Kill("was to end at once".to_owned()));
            }
            Command::Launch {
                launch,
                key,
                module,
                stdin,
            } => {
                if !sent.contains(&key) {
                    self.add_module(sent, key, module.as_deref());
                }
                self.add_launch(context, *launch, key, stdin);
            }
        }
    }

    /// A module that cannot be sent is missed by the runner, which says so of each task.
    fn add_module(
        &mut self,
        sent: &mut HashSet<CompiledKey>,
        key: CompiledKey,
        module: Option<&CompiledModule>,
    ) {
        match module.map(CompiledModule::open) {
            Some(Ok(descriptor)) => {
                sent.insert(key);
                let order = Order::Module { key };
                self.outgoing.push(Outgoing {
                    order,
                    descriptor: Some(descriptor),
                });
            }
            Some(Err(error)) => {
                tracing::error!(module = %key.wasm, %error, "cannot open a compiled module");
            }
            None => tracing::error!(module = %key.wasm, "a module is not at hand"),
        }
    }

    fn add_launch(
        &mut self,
        context: &Context,
        launch: Launch,
        key: CompiledKey,
        stdin: Option<String>,
    ) {
        let settings = &context.settings;
        let is_staged = !launch.task.inputs.is_empty();
        let descriptor = stdin.and_then(|path| open_stdin(&path));
        let has_stdin = descriptor.is_some();
        let (agent_id, sandboxes) = (settings.agent_id, &settings.sandboxes);
        let launch = launch::runner_launch(launch, key, has_stdin, agent_id, sandboxes);
        // One look at a name; there is something to remove only if an id is used again.
        // A sandbox with inputs took the place of an earlier one when it was made.
        if !is_staged && let Err(error) = discard(Path::new(&launch.sandbox)) {
            tracing::warn!(sandbox = launch.sandbox, %error, "cannot remove an earlier sandbox");
        }
        self.outgoing.push(Outgoing {
            order: Order::Launch(Box::new(launch)),
            descriptor,
        });
    }

    /// Adds what the governor says. Nothing follows the end of a runner.
    pub(super) fn add_ruling(&mut self, ruling: Ruling) {
        match ruling {
            Ruling::Budget(budget) => self.outgoing.push(Order::Budget(budget).into()),
            Ruling::Kill { message } => self.over = Some(Over::Kill(message)),
        }
    }

    /// All orders, in order.
    pub(super) fn finish(mut self) -> Vec<Outgoing> {
        if let Some(event) = self.confirm {
            self.outgoing.push(Order::Confirm { event }.into());
        }
        self.outgoing
    }
}

/// A standard input that cannot be opened is missed by the runner, which says so.
fn open_stdin(path: &str) -> Option<OwnedFd> {
    File::open(path)
        .inspect_err(|error| tracing::error!(path, %error, "cannot open a task's stdin"))
        .ok()
        .map(OwnedFd::from)
}
