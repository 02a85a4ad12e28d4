//! About how much memory an event holds.
//!
//! Owns a cheap estimate for the bound of a peer's queue; never the exact size on the wire, which
//! only the batch on its way out knows.

use stoker_types::{
    Attributes, Offer, Resources, StatusUpdate, TaskInfo, agent::AgentEvent, scheduler::Event,
};

use super::outbox::Weigh;

/// What anything costs in a queue, its fields of fixed size included.
const BASE: usize = 256;
/// What an entry of a map or a list costs beside its text.
const ENTRY: usize = 64;

impl Weigh for Event {
    fn weight(&self) -> usize {
        BASE + match self {
            Self::Offers(offers) => offers.iter().map(offer).sum(),
            Self::Update(update) => status_update(update),
            Self::Refused { message, .. } | Self::Error { message, .. } => message.len(),
            Self::Subscribed { .. } | Self::Rescind { .. } | Self::Heartbeat => 0,
        }
    }
}

impl Weigh for AgentEvent {
    fn weight(&self) -> usize {
        BASE + match self {
            Self::Launch(launch) => task(&launch.task) + resources(&launch.allocated),
            Self::Refused { message, .. } => message.len(),
            Self::Registered { .. }
            | Self::Kill { .. }
            | Self::ShutdownFramework { .. }
            | Self::Acknowledge { .. }
            | Self::ResendUpdates { .. }
            | Self::Transfer(_)
            | Self::Ping => 0,
        }
    }
}

fn offer(offer: &Offer) -> usize {
    BASE + offer.hostname.len() + attributes(&offer.attributes) + resources(&offer.resources)
}

fn attributes(attributes: &Attributes) -> usize {
    attributes
        .iter()
        .map(|(name, value)| ENTRY + name.len() + value.len())
        .sum()
}

fn resources(resources: &Resources) -> usize {
    let custom: usize = resources.custom.keys().map(|name| ENTRY + name.len()).sum();
    custom + ENTRY * resources.ports.ranges().len()
}

fn status_update(update: &StatusUpdate) -> usize {
    let outputs = update
        .outputs
        .iter()
        .map(|output| ENTRY * 2 + output.path.len() + output.content.as_ref().map_or(0, Vec::len));
    update.message.len() + outputs.sum::<usize>()
}

fn task(task: &TaskInfo) -> usize {
    let arguments: usize = task
        .arguments
        .iter()
        .map(|argument| ENTRY + argument.len())
        .sum();
    let environment = task.environment.iter();
    let environment: usize = environment
        .map(|variable| ENTRY + variable.name.len() + variable.value.len())
        .sum();
    let inputs: usize = task
        .inputs
        .iter()
        .map(|input| ENTRY * 2 + input.path.len())
        .sum();
    let outputs: usize = task.outputs.iter().map(|path| ENTRY + path.len()).sum();
    task.name.len() + arguments + environment + inputs + outputs + resources(&task.resources)
}
