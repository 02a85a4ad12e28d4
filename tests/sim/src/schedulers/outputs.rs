//! What a scheduler's core wants done, in order; and the bug that may be planted in this driver.

use stoker_sdk_scheduler::{
    Ending,
    core::{Input, Output},
};
use stoker_types::scheduler::{Call, Event as Said, NumberedCall};

use super::{CONNECT_WITHIN, DOWN, ScheduleInput, SchedulerProcess};
use crate::{
    describe,
    events::Event,
    network::{self, Message, Peer, Side},
    random::Span,
    scene::Scene,
};

/// How long a planted driver keeps an update from its author.
const HELD_BACK: Span = Span::millis(5, 3_000);

impl SchedulerProcess {
    pub(super) fn carry_out(&mut self, scene: &mut Scene, output: Output) {
        match output {
            Output::Connect => self.dial(scene),
            Output::Disconnect => self.hang_up(scene),
            Output::Send(call) => {
                scene.note(self.who(), || format!("-> {}", describe::call(&call)));
                self.send(scene, call);
            }
            Output::Lost { .. } => {}
            Output::Stop(ending) => self.end(scene, &ending),
        }
    }

    fn send(&self, scene: &mut Scene, call: NumberedCall) {
        if let Some(number) = self.connection {
            network::send(scene, number, Side::Server, Message::SchedulerCall(call));
        }
    }

    fn dial(&mut self, scene: &mut Scene) {
        self.hang_up(scene);
        self.attempts += 1;
        let (peer, attempt) = (Peer::Scheduler(self.index), self.attempts);
        let span = if scene.network.can_dial(peer) {
            scene.plan.times.message
        } else {
            CONNECT_WITHIN
        };
        scene.sometime(span, Event::Dialled { peer, attempt });
    }

    fn hang_up(&mut self, scene: &mut Scene) {
        self.attempts += 1;
        self.held_back.clear();
        if let Some(number) = self.connection.take() {
            network::close(scene, number);
        }
    }

    /// It is over: by its own wish, or because it was told so. Then another framework takes its
    /// place, if it has not got what it wanted.
    fn end(&mut self, scene: &mut Scene, ending: &Ending) {
        scene.note(self.who(), || format!("ends: {ending:?}"));
        let Some(core) = self.core.take() else {
            return;
        };
        let framework_id = core.framework_id();
        let notes = core.into_scheduler().notes;
        match ending {
            Ending::Stopped => self.is_done = true,
            Ending::Refused { message } | Ending::Ended { message } => {
                scene.checker.turned_away(framework_id, message);
            }
            Ending::NoMaster { .. } | Ending::MasterLost { .. } => {}
        }
        self.saved = notes.of_a_new_framework();
        // What was to be sent before is sent: the stream ends behind it.
        if let Some(number) = self.connection.take() {
            network::finish(scene, number, Side::Client);
        }
        self.is_gone(scene, false);
        scene.sometime(DOWN, Event::Start(self.process()));
    }

    // ---- The planted bug. ----

    /// Acknowledges updates as they come, and lets the core see them later.
    pub(super) fn hold_back(&mut self, scene: &mut Scene, inputs: Vec<ScheduleInput>) {
        for input in &inputs {
            if let Input::Event {
                event: Said::Update(update),
                ..
            } = input
                && let Some(agent_id) = update.agent_id.filter(|_| update.needs_acknowledgement())
            {
                let call = Call::Acknowledge {
                    agent_id,
                    task_id: update.task.task_id.clone(),
                    number: update.number,
                };
                self.send(scene, NumberedCall { call_id: 0, call });
            }
        }
        self.held_back.extend(inputs);
        let (scheduler, life) = (self.index, self.life);
        scene.sometime(HELD_BACK, Event::HeldBack { scheduler, life });
    }

    pub(crate) fn release_held_back(&mut self, scene: &mut Scene, life: u64) {
        if life == self.life {
            self.release(scene);
        }
    }

    pub(super) fn release(&mut self, scene: &mut Scene) {
        let inputs = std::mem::take(&mut self.held_back);
        if !inputs.is_empty() {
            self.turn(scene, inputs);
        }
    }
}
