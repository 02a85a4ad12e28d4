//! The driver and the machine: the disk, the preparation, time, and their ends.

use std::time::Duration;

use stoker_agent_core::{
    Agent, Durability, Input, PrepareFailure, PreparePhase, Prepared, Record, UploadFailure, replay,
};
use stoker_types::Reason;

use super::{World, config_of};
use crate::support::{AGENT, compiled, outputs};

impl World {
    pub(super) fn written(&mut self, count: usize) {
        let count = count.min(self.unwritten.len());
        for (sequence, record) in self.unwritten.drain(..count) {
            self.unanswered = Some(sequence);
            self.disk.push(record);
        }
        if let Some(sequence) = self.unanswered {
            self.input(Input::Written { sequence });
        }
    }

    /// What is written is synced where it has to be.
    pub(super) fn synced(&mut self) {
        let last = self
            .disk
            .iter()
            .rposition(|record| record.durability() == Durability::Synced);
        self.synced = self.synced.max(last.map_or(0, |index| index + 1));
        if let Some(sequence) = self.unanswered.take() {
            self.input(Input::Persisted { sequence });
        }
    }

    pub(super) fn prepared(&mut self, n: u8, is_well: bool) {
        let index = usize::from(n) % self.preparing.len().max(1);
        let Some(task) = self.preparing.iter().nth(index).cloned() else {
            return;
        };
        self.preparing.remove(&task);
        let result = if is_well {
            Ok(Prepared {
                module: compiled(),
                stdin: None,
            })
        } else {
            Err(PrepareFailure {
                reason: Reason::ModuleInvalid,
                message: "no Wasm".to_owned(),
            })
        };
        self.input(Input::Prepared {
            task,
            result,
            compile_time: Duration::ZERO,
        });
    }

    pub(super) fn preparing(&mut self, n: u8, is_compiling: bool) {
        if let Some(task) = self.task(n) {
            let phase = if is_compiling {
                PreparePhase::Compiling
            } else {
                PreparePhase::Fetching
            };
            self.input(Input::Preparing { task, phase });
        }
    }

    /// An upload is over, and may have failed.
    pub(super) fn uploaded(&mut self, n: u8, is_well: bool) {
        let index = usize::from(n) % self.uploading.len().max(1);
        let Some(task) = self.uploading.iter().nth(index).cloned() else {
            return;
        };
        self.uploading.remove(&task);
        let result = if is_well {
            Ok(outputs())
        } else {
            Err(UploadFailure {
                reason: Reason::OutputMissing,
                message: "nothing is there".to_owned(),
            })
        };
        self.input(Input::OutputsUploaded { task, result });
    }

    pub(super) fn wait(&mut self, ms: u64) {
        let end = self.now.after(std::time::Duration::from_millis(ms));
        while let Some(deadline) = self.agent.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            self.input(Input::Tick);
        }
        self.now = end;
    }

    /// A while in which nothing goes wrong.
    pub(super) fn work(&mut self, n: u8) {
        self.connect();
        self.admit();
        self.written(usize::MAX);
        self.synced();
        self.prepared(n, true);
        self.runner_answers(n);
        self.runner_obeys(n);
        self.event_comes(n);
        self.written(usize::MAX);
        self.synced();
        self.uploaded(n, true);
    }

    /// The daemon is killed; a part of what was on its way to the disk and to the runners gets
    /// there. With the power, all runners go, and what was not synced.
    pub(super) fn daemon_dies(&mut self, n: u8, power_fails: bool) {
        let reached = usize::from(n) % (self.unwritten.len() + 1);
        let reached: Vec<Record> = self.unwritten.drain(..reached).map(|(_, r)| r).collect();
        self.disk.extend(reached);
        self.unwritten.clear();
        self.unanswered = None;
        self.connection = None;
        self.is_admitted = false;
        self.deaths.clear();
        self.preparing.clear();
        self.uploading.clear();
        if power_fails {
            self.boot += 1;
            self.runners.clear();
            let unsynced = self.disk.len() - self.synced;
            let kept = self.random.below(unsynced as u64 + 1);
            self.disk
                .truncate(self.synced + usize::try_from(kept).expect("few"));
            for known in self.tasks.values_mut() {
                known.may_skip = true;
            }
        }
        for process in self.runners.values_mut() {
            process.has_answered = false;
            let lost = self.random.below(process.inbox.len() as u64 + 1);
            let kept = process.inbox.len() - usize::try_from(lost).expect("few");
            process.inbox.truncate(kept);
        }
        let boot_id = format!("boot-{}", self.boot);
        let recovered = replay(self.disk.clone()).recovered(AGENT, &boot_id);
        assert!(recovered.machine_was_booted || !power_fails || self.disk.is_empty());
        let mut effects = Vec::new();
        let seed = self.random.next_u64();
        self.agent = Agent::new(
            config_of(self.boot),
            seed,
            self.now,
            recovered,
            &mut effects,
        );
        self.agent.check_invariants();
        self.carry_out(effects);
    }

    /// The log is written anew, shorter.
    pub(super) fn compact(&mut self) {
        if !self.unwritten.is_empty() || self.disk.is_empty() {
            return;
        }
        let before = replay(self.disk.clone());
        let snapshot = self.agent.snapshot();
        let mut after = replay(snapshot.clone());
        assert_eq!(after.agent_id, before.agent_id);
        assert_eq!(after.boot_id, before.boot_id);
        for (task, old) in after.tasks.iter().zip(&before.tasks) {
            // That a task was handed to a runner that surely never got it is left out.
            let mut task = task.clone();
            task.runner_id = task.runner_id.or(old.runner_id);
            assert_eq!(task, *old);
        }
        assert_eq!(after.tasks.len(), before.tasks.len());
        after.runners.sort_by_key(|runner| runner.id);
        let mut runners = before.runners;
        runners.sort_by_key(|runner| runner.id);
        assert_eq!(after.runners, runners);
        self.synced = snapshot.len();
        self.disk = snapshot;
        // The snapshot is synced, and stands for all before it.
        if let Some(sequence) = self.unanswered.take() {
            self.input(Input::Persisted { sequence });
        }
    }
}
