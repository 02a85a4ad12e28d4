//! What takes blobs away that nobody needs: a task that looks now and then.
//!
//! Owns the rhythm. What the cluster refers to is asked of the read model; what is due is decided
//! in `collection`; the store does the removing.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::BlobStore;
use crate::{Settings, clock::Clock, metrics::Metrics, read_model::ReadModel};

/// What collects.
#[derive(Debug)]
pub(crate) struct Collector {
    /// From where.
    pub blobs: BlobStore,
    /// What knows the references.
    pub model: Arc<ReadModel>,
    /// The time.
    pub clock: Clock,
    /// Where it is counted.
    pub metrics: Metrics,
    /// When it looks, and how long blobs are kept.
    pub settings: Settings,
}

impl Collector {
    /// Collects until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let interval = self.settings.blob_collection_interval;
        // Agents that are not back yet have tasks whose references are not known yet.
        let wait = interval.max(self.settings.timeouts.reregister);
        let mut looks = interval_at(Instant::now() + wait, interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = looks.tick() => self.collect().await,
            }
        }
    }

    async fn collect(&self) {
        let references = self.model.blob_references();
        let now = self.clock.now();
        let retention = self.settings.blob_retention;
        match self.blobs.collect(references, now, retention).await {
            Ok(collected) if collected.blobs == 0 => {}
            Ok(collected) => {
                self.metrics.blobs_collected(collected.blobs);
                tracing::info!(
                    blobs = collected.blobs,
                    bytes = collected.bytes,
                    "blobs that nothing refers to were removed"
                );
            }
            // The next look tries again.
            Err(error) => tracing::error!(%error, "blobs could not be collected"),
        }
    }
}
