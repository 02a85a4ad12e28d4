//! Effects as lines that a person reads: `c1 <- offers offer-1-1 A1 default cpus=4;…`.
//!
//! Frameworks are F1, F2, … in the order in which they were first seen; agents A1, A2, … by their
//! bits; connections c1, c2, … as the test numbers them.

use stoker_master_core::{
    AgentView, Change, ConnectionId, Effect, FrameworkView, RegistryOperation, TaskView,
};
use stoker_types::{
    AgentId, FrameworkId, StatusUpdate, TaskKey, Timestamp, agent::AgentEvent, scheduler::Event,
};

/// The short names of frameworks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    frameworks: Vec<FrameworkId>,
}

impl Names {
    pub(crate) fn framework(&mut self, id: FrameworkId) -> String {
        let position = self.frameworks.iter().position(|known| *known == id);
        let position = position.unwrap_or_else(|| {
            self.frameworks.push(id);
            self.frameworks.len() - 1
        });
        format!("F{}", position + 1)
    }

    /// The framework that was first seen last.
    pub(crate) fn last(&self) -> FrameworkId {
        *self.frameworks.last().expect("a framework was seen")
    }

    fn key(&mut self, key: &TaskKey) -> String {
        format!("{}/{}", self.framework(key.framework_id), key.task_id)
    }

    /// The text with the long ids of known frameworks and small agents made short.
    fn shorten(&mut self, text: &str) -> String {
        let mut short = text.to_owned();
        for (index, id) in self.frameworks.iter().enumerate() {
            short = short.replace(&id.to_string(), &format!("F{}", index + 1));
        }
        for bits in 1..=9 {
            let id = AgentId::from_bits(bits);
            short = short.replace(&id.to_string(), &agent(id));
        }
        short
    }

    /// One effect as a line.
    pub(crate) fn effect(&mut self, effect: &Effect) -> String {
        match effect {
            Effect::ToScheduler { connection, event } => {
                format!("{} <- {}", stream(*connection), self.event(event))
            }
            Effect::ToAgent { connection, event } => {
                format!("{} <- {}", stream(*connection), self.agent_event(event))
            }
            Effect::Disconnect { connection } => format!("end {}", stream(*connection)),
            Effect::Persist {
                sequence,
                operation,
            } => format!("persist {sequence}: {}", self.operation(operation)),
            Effect::Reply { request, result } => match result {
                Ok(()) => format!("reply {}: done", request.0),
                Err(refusal) => {
                    format!(
                        "reply {}: {}",
                        request.0,
                        self.shorten(&refusal.to_string())
                    )
                }
            },
            Effect::Changed(change) => format!("show {}", self.change(change)),
        }
    }

    fn event(&mut self, event: &Event) -> String {
        match event {
            Event::Subscribed { framework_id, .. } => {
                format!("subscribed {}", self.framework(*framework_id))
            }
            Event::Offers(offers) => {
                let offers: Vec<String> = offers
                    .iter()
                    .map(|offer| {
                        let (agent, role) = (agent(offer.agent_id), &offer.role);
                        format!("{} {agent} {role} {}", offer.id, offer.resources)
                    })
                    .collect();
                format!("offers {}", offers.join(", "))
            }
            Event::Rescind { offer_id } => format!("rescind {offer_id}"),
            Event::Update(update) => self.update(update),
            Event::Refused { call_id, message } => {
                format!("refused {call_id}: {}", self.shorten(message))
            }
            Event::Heartbeat => "heartbeat".to_owned(),
            Event::Error { message, retry } => {
                let retry = if *retry { "error" } else { "final error" };
                format!("{retry}: {}", self.shorten(message))
            }
        }
    }

    fn update(&mut self, update: &StatusUpdate) -> String {
        let key = self.key(&update.task);
        let agent = update.agent_id.map_or_else(|| "-".to_owned(), agent);
        let reason = update.reason.map_or("", |reason| reason.as_str());
        let (number, state) = (update.number, update.state);
        let mut text = format!("update {key}#{number} {agent} {state} {reason}");
        if !update.message.is_empty() {
            text = format!("{text}: {}", self.shorten(&update.message));
        }
        text.trim_end().to_owned()
    }

    fn agent_event(&mut self, event: &AgentEvent) -> String {
        match event {
            AgentEvent::Registered { agent_id, epoch } => {
                format!("registered {} in epoch {epoch}", agent(*agent_id))
            }
            AgentEvent::Launch(launch) => {
                let framework = self.framework(launch.framework_id);
                let (task, role) = (&launch.task.id, &launch.role);
                format!("launch {framework}/{task} {role} {}", launch.allocated)
            }
            AgentEvent::Kill {
                task,
                reason,
                grace,
            } => {
                let within = grace.map(|grace| format!(" in {grace:?}"));
                let within = within.unwrap_or_default();
                format!("kill {} {reason}{within}", self.key(task))
            }
            AgentEvent::ShutdownFramework { framework_id } => {
                format!("shutdown {}", self.framework(*framework_id))
            }
            AgentEvent::Acknowledge { task, number } => {
                format!("acknowledge {}#{number}", self.key(task))
            }
            AgentEvent::ResendUpdates { framework_id } => {
                format!("resend {}", self.framework(*framework_id))
            }
            AgentEvent::Transfer(transfer) => {
                let key = self.key(&transfer.task);
                format!("transfer {} {key} {:?}", transfer.ticket, transfer.wanted)
            }
            AgentEvent::Ping => "ping".to_owned(),
            AgentEvent::Refused { message, retry } => {
                let retry = if *retry { "refused" } else { "finally refused" };
                format!("{retry}: {}", self.shorten(message))
            }
        }
    }

    fn operation(&mut self, operation: &RegistryOperation) -> String {
        match operation {
            RegistryOperation::PutAgent(record) => {
                let since = at("unreachable since", record.unreachable_since);
                format!("put {}{since}", agent(record.agent.id))
            }
            RegistryOperation::PutFramework(record) => {
                let until = at("until", record.failover_deadline);
                format!("put {}{until}", self.framework(record.id))
            }
            RegistryOperation::RemoveFramework(id) => format!("remove {}", self.framework(*id)),
        }
    }

    fn change(&mut self, change: &Change) -> String {
        match change {
            Change::Agent(view) => show_agent(view),
            Change::Framework(view) => self.show_framework(view),
            Change::FrameworkForgotten(id) => format!("{} no more", self.framework(*id)),
            Change::Task(view) => self.show_task(view),
            Change::Usage(used) => format!("{} used more", self.key(&used.task)),
            Change::TaskForgotten(key) => format!("{} no more", self.key(key)),
            Change::Offer(view) => {
                let framework = self.framework(view.offer.framework_id);
                format!("{} for {framework}", view.offer.id)
            }
            Change::OfferRemoved(id) => format!("{id} no more"),
        }
    }

    fn show_framework(&mut self, view: &FrameworkView) -> String {
        format!("{} {:?}", self.framework(view.id), view.state)
    }

    fn show_task(&mut self, view: &TaskView) -> String {
        let reason = view.reason.map_or("", |reason| reason.as_str());
        let text = format!("{} {} {reason}", self.key(&view.key), view.state);
        text.trim_end().to_owned()
    }
}

fn show_agent(view: &AgentView) -> String {
    let (used, offered) = (&view.used, &view.offered);
    let id = agent(view.agent.id);
    format!("{id} {:?} used {used} offered {offered}", view.state)
}

/// `A1` for the agent of bits 1.
pub(crate) fn agent(id: AgentId) -> String {
    format!("A{}", id.bits())
}

fn stream(connection: ConnectionId) -> String {
    format!("c{}", connection.0)
}

fn at(word: &str, time: Option<Timestamp>) -> String {
    let seconds = |time: Timestamp| (time.as_micros() - super::fixture::START) / 1_000_000;
    time.map_or_else(String::new, |time| format!(" {word} {}s", seconds(time)))
}
