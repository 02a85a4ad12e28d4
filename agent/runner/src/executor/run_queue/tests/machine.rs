//! A machine on which simulated guests run.

use std::time::{Duration, Instant};

use super::super::{RunQueue, Share, Spent, TaskId, Turn};

/// What a guest burns in a microsecond, unless told.
const FUEL_PER_MICRO: u64 = 10_000;

/// What a guest does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Habit {
    /// Never waits.
    Spins,
    /// Waits for `pause` after each `work` of CPU time.
    Sleeps { work: Duration, pause: Duration },
}

/// One simulated task; its fibers are named by its index.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) id: TaskId,
    /// The CPU time that it got.
    pub(super) cpu: Duration,
    /// The fuel that it burnt.
    pub(super) fuel: u64,
    /// The longest that it could run and did not.
    pub(super) longest_wait: Duration,
    habit: Habit,
    fuel_per_micro: u64,
    until_pause: Duration,
    ready_at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    guest: usize,
    ends: Instant,
    spent: Spent,
    pauses: bool,
}

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) queue: RunQueue<usize>,
    pub(super) now: Instant,
    pub(super) guests: Vec<Guest>,
    workers: Vec<Option<Running>>,
    /// Guests that sleep by themselves.
    wakes: Vec<(Instant, usize)>,
}

impl Machine {
    pub(super) fn new(workers: usize) -> Self {
        let now = Instant::now();
        Self {
            queue: RunQueue::new(workers, now),
            now,
            guests: Vec::new(),
            workers: vec![None; workers],
            wakes: Vec::new(),
        }
    }

    /// A new task with one fiber that can run.
    pub(super) fn spawn(&mut self, share: &Share, habit: Habit) -> usize {
        self.spawn_at_speed(share, habit, FUEL_PER_MICRO)
    }

    pub(super) fn spin(&mut self, share: &Share) -> usize {
        self.spawn(share, Habit::Spins)
    }

    pub(super) fn spawn_at_speed(
        &mut self,
        share: &Share,
        habit: Habit,
        fuel_per_micro: u64,
    ) -> usize {
        let id = self.queue.admit(share, self.now);
        let index = self.guests.len();
        self.guests.push(Guest {
            id,
            cpu: Duration::ZERO,
            fuel: 0,
            longest_wait: Duration::ZERO,
            habit,
            fuel_per_micro,
            until_pause: match habit {
                Habit::Spins => Duration::MAX,
                Habit::Sleeps { work, .. } => work,
            },
            ready_at: self.now,
        });
        self.queue.push(id, index, Duration::ZERO, self.now);
        index
    }

    /// One more fiber of a guest's task.
    pub(super) fn fork(&mut self, guest: usize) {
        let id = self.guests[guest].id;
        self.queue.push(id, guest, Duration::ZERO, self.now);
    }

    pub(super) fn kill(&mut self, guest: usize) {
        self.queue.retire(self.guests[guest].id, self.now);
        self.wakes.retain(|(_, sleeper)| *sleeper != guest);
    }

    /// The CPU time that each guest gets within `time`.
    pub(super) fn window(&mut self, time: Duration) -> Vec<Duration> {
        let before: Vec<_> = self.guests.iter().map(|guest| guest.cpu).collect();
        self.run(time);
        let used = self.guests.iter().zip(before);
        used.map(|(guest, before)| guest.cpu - before).collect()
    }

    /// Lets `time` pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.queue.release(self.now);
            for worker in 0..self.workers.len() {
                if self.workers[worker].is_none() {
                    self.workers[worker] = self.start();
                }
            }
            let next = self.next_event();
            if next.is_none_or(|at| at > end) {
                self.now = end;
                return;
            }
            self.now = self.now.max(next.unwrap());
            self.settle();
        }
    }

    /// How many workers run fibers of a guest's task.
    pub(super) fn workers_of(&self, guest: usize) -> usize {
        let running = self.workers.iter().flatten();
        running.filter(|running| running.guest == guest).count()
    }

    fn start(&mut self) -> Option<Running> {
        let Turn {
            task: _,
            fiber: index,
            fuel,
        } = self.queue.pop(self.now)?;
        let guest = &mut self.guests[index];
        guest.longest_wait = guest.longest_wait.max(self.now - guest.ready_at);
        let speed = guest.fuel_per_micro;
        let whole = Duration::from_nanos((fuel * 1000).div_ceil(speed));
        let cpu = whole.min(guest.until_pause);
        let fuel = fuel.min(u64::try_from(cpu.as_nanos()).unwrap() * speed / 1000);
        guest.until_pause -= cpu;
        Some(Running {
            guest: index,
            ends: self.now + cpu,
            spent: Spent {
                cpu,
                fuel,
                wake_by: None,
            },
            pauses: guest.until_pause.is_zero(),
        })
    }

    fn next_event(&self) -> Option<Instant> {
        let ends = self.workers.iter().flatten().map(|running| running.ends);
        let wakes = self.wakes.iter().map(|(at, _)| *at);
        ends.chain(wakes).chain(self.queue.next_release()).min()
    }

    /// Does what is due now.
    fn settle(&mut self) {
        for worker in 0..self.workers.len() {
            let due = self.workers[worker].filter(|running| running.ends <= self.now);
            if let Some(running) = due {
                self.workers[worker] = None;
                self.finish(running);
            }
        }
        let now = self.now;
        let due = self.wakes.extract_if(.., |(at, _)| *at <= now);
        for (_, index) in due.collect::<Vec<_>>() {
            self.guests[index].ready_at = now;
            let id = self.guests[index].id;
            self.queue.push(id, index, Duration::ZERO, now);
        }
    }

    fn finish(&mut self, running: Running) {
        let guest = &mut self.guests[running.guest];
        guest.cpu += running.spent.cpu;
        guest.fuel += running.spent.fuel;
        guest.ready_at = self.now;
        let again = (!running.pauses).then_some(running.guest);
        if let (true, Habit::Sleeps { work, pause }) = (running.pauses, guest.habit) {
            guest.until_pause = work;
            self.wakes.push((self.now + pause, running.guest));
        }
        let id = guest.id;
        self.queue.finish(id, running.spent, again, self.now);
    }
}
