//! The control thread's part of the executor: lets fibers go on whose debts are paid.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::{Shared, cpu};

/// Runs until the executor is gone.
pub(super) async fn run(shared: Arc<Shared>) {
    cpu::forgo();
    while let Ok(next) = shared.dispatch.release() {
        let earlier = shared.dispatch.earlier_release();
        match next {
            None => earlier.await,
            Some(at) => tokio::select! {
                () = sleep_until(Instant::from_std(at)) => {}
                () = earlier => {}
            },
        }
    }
}
