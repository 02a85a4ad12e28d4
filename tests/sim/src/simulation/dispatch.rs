//! Which event goes to whom.

use super::{LOOK_EVERY, Simulation};
use crate::{
    events::{Event, Process},
    faults,
    network::{self, ConnectionNumber, Peer, Side},
    trace::Who,
};

impl Simulation {
    /// Lets one thing happen; says whether that was the last.
    pub(super) fn step(&mut self, event: Event) -> bool {
        if self.is_deferred(&event) {
            return false;
        }
        let scene = &mut self.scene;
        match event {
            Event::Start(process) => self.start(process),
            Event::Due(process) => self.look_at(process),
            Event::Arrival { number, at } => self.arrive(number, at),
            Event::GiveUp {
                number,
                side,
                generation,
            } => self.give_up(number, side, generation),
            Event::Dialled { peer, attempt } => self.dialled(peer, attempt),
            Event::LinkMended { peer, generation } => network::link_mended(scene, peer, generation),
            Event::Committed { life } => self.master.committed(scene, life),
            Event::HeldBack { scheduler, life } => {
                if let Some(scheduler) = self.schedulers.get_mut(scheduler) {
                    scheduler.release_held_back(scene, life);
                }
            }
            Event::Trouble => self.trouble(),
            Event::Calm => {
                self.calm_since = self.scene.now;
                faults::calm_down(self);
                self.scene.later(LOOK_EVERY, Event::Look);
            }
            Event::Look => return self.look(),
            Event::Daemon { agent, life, what } => {
                if let Some(machine) = self.machines.get_mut(agent) {
                    machine.happen_in_daemon(scene, life, what);
                }
            }
            Event::Runner {
                agent,
                runner_id,
                what,
            } => {
                if let Some(machine) = self.machines.get_mut(agent) {
                    machine.happen_in_runner(scene, runner_id, what);
                }
            }
        }
        false
    }

    fn start(&mut self, process: Process) {
        let scene = &mut self.scene;
        self.paused.remove(&process);
        match process {
            Process::Master => self.master.start(scene),
            Process::Agent(index) => {
                if let Some(machine) = self.machines.get_mut(index) {
                    machine.start(scene);
                }
            }
            Process::Scheduler(index) => {
                if let Some(scheduler) = self.schedulers.get_mut(index) {
                    scheduler.start(scene);
                }
            }
        }
    }

    fn look_at(&mut self, process: Process) {
        let scene = &mut self.scene;
        match process {
            Process::Master => self.master.look(scene),
            Process::Agent(index) => {
                if let Some(machine) = self.machines.get_mut(index) {
                    machine.look(scene);
                }
            }
            Process::Scheduler(index) => {
                if let Some(scheduler) = self.schedulers.get_mut(index) {
                    scheduler.look(scene);
                }
            }
        }
    }

    // ---- The network. ----

    fn dialled(&mut self, peer: Peer, attempt: u64) {
        let is_awaited = match peer {
            Peer::Agent(index) => self.machines.get(index).is_some_and(|m| m.awaits(attempt)),
            Peer::Scheduler(index) => self
                .schedulers
                .get(index)
                .is_some_and(|s| s.awaits(attempt)),
        };
        if !is_awaited {
            return;
        }
        let scene = &mut self.scene;
        let is_met = self.master.is_up() && scene.network.can_dial(peer);
        let number = is_met.then(|| network::open(scene, peer));
        if let Some(number) = number {
            self.master.accept(number, peer);
        }
        match peer {
            Peer::Agent(index) => {
                if let Some(machine) = self.machines.get_mut(index) {
                    machine.dialled(scene, number);
                }
            }
            Peer::Scheduler(index) => {
                if let Some(scheduler) = self.schedulers.get_mut(index) {
                    scheduler.dialled(scene, number);
                }
            }
        }
    }

    fn arrive(&mut self, number: ConnectionNumber, at: Side) {
        if let Some(arrived) = network::arrival(&mut self.scene, number, at) {
            let news = (arrived.messages, arrived.has_ended);
            self.tell(number, at, (arrived.peer, news));
        }
    }

    fn give_up(&mut self, number: ConnectionNumber, side: Side, generation: Option<u64>) {
        if self.scene.network.is_same(number, generation)
            && let Some(peer) = network::give_up(&mut self.scene, number, side)
        {
            self.scene
                .note(Who::World, || format!("{side:?} gives stream #{number} up"));
            self.tell(number, side, (peer, (Vec::new(), true)));
        }
    }

    fn tell(
        &mut self,
        number: ConnectionNumber,
        at: Side,
        (peer, news): (Peer, (Vec<network::Message>, bool)),
    ) {
        let scene = &mut self.scene;
        match (at, peer) {
            (Side::Server, _) => self.master.hear(scene, number, news),
            (Side::Client, Peer::Agent(index)) => {
                if let Some(machine) = self.machines.get_mut(index) {
                    machine.hear(scene, number, news);
                }
            }
            (Side::Client, Peer::Scheduler(index)) => {
                if let Some(scheduler) = self.schedulers.get_mut(index) {
                    scheduler.hear(scene, number, news);
                }
            }
        }
    }
}
