//! The master's effects, carried out in order, and what the checker notes of them.

use stoker_master_core::{Change, Effect, FrameworkState, Input, RegistryOperation};
use stoker_types::{
    AgentId, FrameworkId, Offer, Reason, Timestamp, agent::AgentEvent, scheduler::Event,
};

use super::{MasterProcess, inputs};
use crate::{
    describe,
    network::{self, ConnectionNumber, Message, Side},
    planted::Planted,
    scene::Scene,
    trace::Who,
};

/// Added to the number of an offer that is made twice, so that its id is another one.
const SECOND_ID: u64 = 1_000_000;

impl MasterProcess {
    /// Carries effects out. What the core is to hear because of them.
    pub(super) fn carry_out(
        &mut self,
        scene: &mut Scene,
        effects: Vec<Effect>,
        operations: &mut Vec<(u64, RegistryOperation)>,
    ) -> Vec<Input> {
        let mut followups = Vec::new();
        for effect in effects {
            match effect {
                Effect::ToScheduler { connection, event } => {
                    self.tell_scheduler(scene, connection.0, event);
                }
                Effect::ToAgent { connection, event } => {
                    self.tell_agent(scene, connection.0, event);
                }
                Effect::Disconnect { connection } => {
                    followups.extend(self.disconnect(scene, connection.0));
                }
                Effect::Persist {
                    sequence,
                    operation,
                } => {
                    scene.note(Who::Master, || {
                        format!("-> registry {sequence} {}", describe::operation(&operation))
                    });
                    if let RegistryOperation::RemoveFramework(framework_id) = operation {
                        let now = self.clock.now(scene.now);
                        scene.checker.framework_over(framework_id, now);
                    }
                    operations.push((sequence, operation));
                }
                Effect::Reply { .. } => {}
                Effect::Changed(change) => self.show(scene, &change),
            }
        }
        followups
    }

    /// Ends a stream after what it was told; the core hears of it as of any other end.
    fn disconnect(&mut self, scene: &mut Scene, number: ConnectionNumber) -> Option<Input> {
        let end = self.streams.get(&number)?;
        scene.note(Who::Master, || format!("-> #{number} end of the stream"));
        scene.checker.stream_ended(number);
        network::finish(scene, number, Side::Server);
        Some(inputs::of_end(number, end.peer))
    }

    fn show(&self, scene: &mut Scene, change: &Change) {
        if let Change::Framework(view) = change
            && view.state == FrameworkState::Completed
        {
            let now = self.clock.now(scene.now);
            scene.checker.framework_over(view.id, now);
        }
    }

    // ---- Schedulers. ----

    fn tell_scheduler(&mut self, scene: &mut Scene, number: ConnectionNumber, event: Event) {
        scene.note(Who::Master, || {
            format!("-> #{number} {}", describe::scheduler_event(&event))
        });
        match event {
            Event::Offers(offers) => return self.offer(scene, number, offers),
            Event::Subscribed { framework_id, .. } => {
                self.observe_subscribed(scene, number, framework_id);
            }
            Event::Rescind { offer_id } => scene.checker.offer_over(offer_id),
            Event::Update(ref update) => {
                if update.reason == Some(Reason::AgentUnreachable) {
                    self.observe_unreachable(scene, update.agent_id);
                }
                scene.checker.update_told(update);
            }
            Event::Refused { .. } | Event::Heartbeat | Event::Error { .. } => {}
        }
        self.say(scene, number, event);
    }

    fn observe_subscribed(
        &mut self,
        scene: &mut Scene,
        number: ConnectionNumber,
        framework_id: FrameworkId,
    ) {
        let record = self.registry.framework(framework_id);
        let is_written = record.is_some_and(|record| record.failover_deadline.is_none());
        let Some(end) = self.streams.get_mut(&number) else {
            return;
        };
        end.framework_id = Some(framework_id);
        let stream = (number, end.failover_timeout);
        scene.checker.subscribed(framework_id, stream, is_written);
    }

    fn observe_unreachable(&self, scene: &mut Scene, agent_id: Option<AgentId>) {
        let record = agent_id.and_then(|agent_id| self.registry.agent(agent_id));
        let is_written = record.is_some_and(|record| record.unreachable_since.is_some());
        scene.checker.unreachable_told(agent_id, is_written);
    }

    fn offer(&mut self, scene: &mut Scene, number: ConnectionNumber, mut offers: Vec<Offer>) {
        let is_planted = scene.plan.planted == Some(Planted::OfferTwice);
        if is_planted && scene.is_unlucky(1) {
            let mut again = offers.clone();
            again.truncate(1);
            for offer in &mut again {
                offer.id.number += SECOND_ID;
            }
            offers.extend(again);
        }
        scene.checker.offers_made(number, &offers);
        self.say(scene, number, Event::Offers(offers));
    }

    fn say(&self, scene: &mut Scene, number: ConnectionNumber, event: Event) {
        if self.streams.contains_key(&number) {
            let message = Message::SchedulerEvent(self.epoch, event);
            network::send(scene, number, Side::Client, message);
        }
    }

    // ---- Agents. ----

    fn tell_agent(&mut self, scene: &mut Scene, number: ConnectionNumber, event: AgentEvent) {
        scene.note(Who::Master, || {
            format!("-> #{number} {}", describe::agent_event(&event))
        });
        let now = self.clock.now(scene.now);
        self.observe_agent_event(scene, (number, now), &event);
        if self.streams.contains_key(&number) {
            let message = Message::AgentEvent(self.epoch, event);
            network::send(scene, number, Side::Client, message);
        }
    }

    fn observe_agent_event(
        &mut self,
        scene: &mut Scene,
        (number, now): (ConnectionNumber, Timestamp),
        event: &AgentEvent,
    ) {
        let Some(end) = self.streams.get_mut(&number) else {
            return;
        };
        let Some(agent_id) = end.agent_id else {
            return;
        };
        match event {
            AgentEvent::Registered { .. } => {
                let told = std::mem::take(&mut end.told);
                let record = self.registry.agent(agent_id);
                let is_written = record.is_some_and(|record| record.unreachable_since.is_none());
                scene
                    .checker
                    .agent_registered(agent_id, (number, is_written), &told);
            }
            AgentEvent::Launch(launch) => scene.checker.launch_sent(agent_id, launch),
            AgentEvent::Kill { task, .. } => scene.checker.kill_sent(agent_id, task),
            AgentEvent::ShutdownFramework { framework_id } => {
                scene.checker.shutdown_sent(agent_id, *framework_id, now);
            }
            AgentEvent::Refused { message, retry } => {
                scene.checker.agent_refused(agent_id, message, *retry);
            }
            AgentEvent::Acknowledge { .. }
            | AgentEvent::ResendUpdates { .. }
            | AgentEvent::Transfer(_)
            | AgentEvent::Ping => {}
        }
    }
}
