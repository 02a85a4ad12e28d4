//! The thread that writes to the registry.
//!
//! Owns the registry while the master runs. What waits is committed together, in order, and
//! answered in order; a write that fails is the last one. Never decides what is written.

use std::{sync::mpsc as blocking, thread, time::Instant};

use stoker_master_core::RegistryOperation;
use tokio::sync::mpsc;

use crate::{
    MasterError,
    metrics::Metrics,
    registry::{Registry, RegistryError},
};

/// Operations and their sequence numbers, in order.
type Operations = Vec<(u64, RegistryOperation)>;

/// The operations that one commit takes at most (but always a whole drain).
const OPERATIONS_PER_COMMIT: usize = 10_000;
/// The operations that may be unanswered before the loop takes no further input.
const MAX_UNANSWERED: usize = 20_000;
/// The commits that may be answered before the loop looks.
const ANSWERS: usize = 16;

/// The loop's end of the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    /// None once the thread was told to end.
    operations: Option<blocking::Sender<Operations>>,
    answers: mpsc::Receiver<Result<Vec<u64>, RegistryError>>,
    unanswered: usize,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        registry: Box<dyn Registry>,
        metrics: Metrics,
    ) -> Result<Self, MasterError> {
        let (operations, queue) = blocking::channel();
        let (answer, answers) = mpsc::channel(ANSWERS);
        let thread = thread::Builder::new()
            .name("registry".to_owned())
            .spawn(move || write_all(registry, &queue, &answer, &metrics))
            .map_err(MasterError::Thread)?;
        Ok(Self {
            operations: Some(operations),
            answers,
            unanswered: 0,
            thread: Some(thread),
        })
    }

    /// Hands over the operations of a drain.
    pub(super) fn submit(&mut self, operations: Operations) {
        if operations.is_empty() {
            return;
        }
        self.unanswered += operations.len();
        // A thread that is gone has answered with the error that ended it, or is about to be
        // found missing: `answered` tells.
        let _is_sent = self.operations.as_ref().map(|queue| queue.send(operations));
    }

    /// Whether the loop may take further inputs.
    pub(super) const fn has_room(&self) -> bool {
        self.unanswered < MAX_UNANSWERED
    }

    /// Waits for the next commit: the numbers that are written now, in order.
    pub(super) async fn answered(&mut self) -> Result<Vec<u64>, MasterError> {
        let sequences = self.answers.recv().await.ok_or(MasterError::WriterGone)??;
        self.unanswered = self.unanswered.saturating_sub(sequences.len());
        Ok(sequences)
    }

    /// Lets the thread write what it was given, and waits for its end.
    pub(super) async fn finish(mut self) -> Result<(), MasterError> {
        self.operations = None;
        while let Some(answer) = self.answers.recv().await {
            answer?;
        }
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if matches!(joined, Ok(Ok(()))) {
            Ok(())
        } else {
            Err(MasterError::WriterGone)
        }
    }
}

fn write_all(
    mut registry: Box<dyn Registry>,
    queue: &blocking::Receiver<Operations>,
    answer: &mpsc::Sender<Result<Vec<u64>, RegistryError>>,
    metrics: &Metrics,
) {
    while let Ok(mut operations) = queue.recv() {
        while operations.len() < OPERATIONS_PER_COMMIT {
            let Ok(more) = queue.try_recv() else { break };
            operations.extend(more);
        }
        let started = Instant::now();
        let result = registry.commit(&operations);
        metrics.registry_commit(operations.len(), started.elapsed());
        let is_written = result.is_ok();
        let sequences = operations
            .into_iter()
            .map(|(sequence, _)| sequence)
            .collect();
        let is_heard = answer.blocking_send(result.map(|()| sequences)).is_ok();
        if !is_written || !is_heard {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use stoker_types::FrameworkId;

    use super::*;
    use crate::registry::scripted::scripted;

    fn operations(sequences: std::ops::RangeInclusive<u64>) -> Operations {
        let forget = |sequence| {
            (
                sequence,
                RegistryOperation::RemoveFramework(FrameworkId::from_bits(sequence)),
            )
        };
        sequences.map(forget).collect()
    }

    #[tokio::test]
    async fn what_waits_during_a_commit_is_written_by_the_next_one() {
        let (registry, script) = scripted();
        let mut writer = Writer::start(Box::new(registry), Metrics::new()).unwrap();
        writer.submit(operations(1..=2));
        script.wait_for_commits(1).await;
        writer.submit(operations(3..=3));
        writer.submit(operations(4..=5));
        script.let_one_commit(true);
        assert_eq!(writer.answered().await.unwrap(), [1, 2]);
        script.let_one_commit(true);
        assert_eq!(writer.answered().await.unwrap(), [3, 4, 5]);
        writer.finish().await.unwrap();
        assert_eq!(script.commits(), [vec![1, 2], vec![3, 4, 5]]);
    }

    #[tokio::test]
    async fn a_write_that_fails_is_the_last_one() {
        let (registry, script) = scripted();
        let mut writer = Writer::start(Box::new(registry), Metrics::new()).unwrap();
        script.let_one_commit(false);
        writer.submit(operations(1..=1));
        let error = writer.answered().await.unwrap_err().to_string();
        assert!(error.contains("term 1 is over"), "{error}");
        writer.submit(operations(2..=2));
        assert!(matches!(
            writer.answered().await,
            Err(MasterError::WriterGone)
        ));
        assert_eq!(script.commits(), [vec![1]]);
    }
}
