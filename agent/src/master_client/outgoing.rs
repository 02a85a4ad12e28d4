//! The agent's calls as a stream of batches: all that has gathered, within a batch's bounds.

use std::collections::VecDeque;

use futures_util::{Stream, stream};
use stoker_proto::{convert::agent::encode_calls, v1};
use stoker_types::{agent::AgentCall, limit};
use tokio::sync::mpsc;

/// Batches until the other end of `calls` is dropped.
pub(super) fn batches(
    calls: mpsc::Receiver<AgentCall>,
) -> impl Stream<Item = v1::AgentCalls> + Send + 'static {
    let state = (calls, VecDeque::new());
    stream::unfold(state, |(mut calls, mut ready)| async move {
        while ready.is_empty() {
            let mut gathered = Vec::new();
            if calls.recv_many(&mut gathered, limit::BATCH_ITEMS).await == 0 {
                return None;
            }
            ready.extend(encode_calls(gathered));
        }
        let batch = ready.pop_front()?;
        Some((batch, (calls, ready)))
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn what_has_gathered_goes_out_together() {
        let (sender, calls) = mpsc::channel(2000);
        for _ in 0..1500 {
            sender.try_send(AgentCall::Pong).unwrap();
        }
        drop(sender);
        let sizes: Vec<usize> = batches(calls)
            .map(|batch| batch.calls.len())
            .collect()
            .await;
        assert_eq!(sizes, [1000, 500]);
    }
}
