//! One stream, from its opening to its end.

use stoker_agent_core::{ConnectionId, Input};
use stoker_proto::{convert::agent::decode_events, v1::agent_service_client::AgentServiceClient};
use stoker_types::{agent::AgentCall, limit};
use tokio::sync::mpsc;
use tonic::{Status, transport::Channel};

use super::{dial::StreamEnd, outgoing};

/// Passes calls out and events in; `opened` is called when the master has taken the stream.
pub(super) async fn pass(
    channel: Channel,
    connection: ConnectionId,
    calls: mpsc::Receiver<AgentCall>,
    inputs: &mpsc::Sender<Input>,
    opened: impl FnOnce(),
) -> StreamEnd {
    let mut client = AgentServiceClient::new(channel)
        .max_decoding_message_size(limit::GRPC_MESSAGE_BYTES)
        .max_encoding_message_size(limit::GRPC_MESSAGE_BYTES);
    let mut was_heard = false;
    let end = |was_heard, cause: String| StreamEnd { was_heard, cause };
    // Calls are sent while this waits: a master may want to hear who it is before it answers.
    let mut batches = match client.connect(outgoing::batches(calls)).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return end(was_heard, describe(&status)),
    };
    opened();
    loop {
        let batch = match batches.message().await {
            Ok(Some(batch)) => batch,
            Ok(None) => return end(was_heard, "the master ended the stream".to_owned()),
            Err(status) => return end(was_heard, describe(&status)),
        };
        was_heard = true;
        let (epoch, events) = match decode_events(batch) {
            Ok(decoded) => decoded,
            Err(error) => {
                return end(
                    was_heard,
                    format!("the master said what makes no sense: {error}"),
                );
            }
        };
        for event in events {
            if inputs
                .send(Input::Master {
                    connection,
                    epoch,
                    event,
                })
                .await
                .is_err()
            {
                return end(was_heard, "the agent ends".to_owned());
            }
        }
    }
}

fn describe(status: &Status) -> String {
    if status.message().is_empty() {
        status.code().to_string()
    } else {
        status.message().to_owned()
    }
}
