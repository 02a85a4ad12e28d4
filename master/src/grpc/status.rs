//! Everything that a gRPC client may be answered instead of what it asked for.
//!
//! Owns the one place where a `tonic::Status` is made: which code goes with which error. The
//! words come from the errors themselves.

use std::time::Duration;

use stoker_proto::convert::ConvertError;
use tonic::{Code, Status};

use crate::{
    blobs::BlobError,
    driver::{AskError, Ending, LoopEnded},
    transfers::{TicketUnknown, TransferError},
};

/// A message that breaks a rule of the wire.
pub(super) fn invalid(error: &ConvertError) -> Status {
    Status::invalid_argument(error.to_string())
}

/// A stream that does not go as it must.
pub(super) fn nonsense(what_would_be_right: impl Into<String>) -> Status {
    Status::invalid_argument(what_would_be_right)
}

/// How a stream's end reads to its peer; none where it is simply over.
pub(super) fn ending(ending: &Ending) -> Option<Status> {
    match ending {
        Ending::Finished => None,
        Ending::TooSlow => Some(Status::resource_exhausted(
            "this stream was not read as fast as it was written: connect again, and reconcile",
        )),
        Ending::Nonsense(message) => Some(Status::invalid_argument(message.clone())),
        Ending::TooManyPeers => Some(Status::resource_exhausted(
            "this master has as many schedulers and agents as it takes (max_peers): try later",
        )),
        Ending::ShuttingDown => Some(loop_ended(LoopEnded)),
    }
}

/// The master is going down.
pub(super) fn loop_ended(error: LoopEnded) -> Status {
    Status::unavailable(error.to_string())
}

/// An operator's command was not carried out.
pub(super) fn ask(error: &AskError) -> Status {
    use stoker_master_core::OperatorRefusal as Refusal;
    let code = match error {
        AskError::Ended(ended) => return loop_ended(*ended),
        AskError::Refused(Refusal::TaskUnknown(_) | Refusal::FrameworkUnknown(_)) => Code::NotFound,
        AskError::Refused(Refusal::TaskEnded { .. }) => Code::FailedPrecondition,
        AskError::Refused(Refusal::AgentUnavailable(_)) => Code::Unavailable,
    };
    Status::new(code, error.to_string())
}

/// The blob store did not do what it was asked. What an operator of the master should know is
/// logged here, once.
pub(super) fn blob(error: &BlobError) -> Status {
    let code = match error {
        BlobError::TooLarge(_) | BlobError::Mismatch { .. } => Code::InvalidArgument,
        BlobError::Full { .. } | BlobError::TooMany => Code::ResourceExhausted,
        BlobError::NotFound(_) => Code::NotFound,
        BlobError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            tracing::error!(%error, "the disk of the blob store is full");
            Code::ResourceExhausted
        }
        BlobError::Io { .. } => {
            tracing::error!(%error, "the blob store failed");
            Code::Internal
        }
    };
    Status::new(code, error.to_string())
}

/// An uploader stopped in the middle.
pub(super) fn upload_idle(waited: Duration) -> Status {
    let waited = stoker_types::duration::display(waited);
    Status::deadline_exceeded(format!(
        "nothing of the upload came for {waited}: upload again"
    ))
}

/// A transfer gave no (more) output.
pub(super) fn transfer(error: &TransferError) -> Status {
    let code = match error {
        TransferError::TimedOut(_) => Code::DeadlineExceeded,
        TransferError::Failed(_) => Code::FailedPrecondition,
        TransferError::Interrupted => Code::Unavailable,
    };
    Status::new(code, error.to_string())
}

/// An agent brought a transfer that nobody waits for.
pub(super) fn ticket(error: TicketUnknown) -> Status {
    Status::not_found(error.to_string())
}

/// A watcher fell behind.
pub(super) fn watch_lagged(missed: u64) -> Status {
    Status::resource_exhausted(format!(
        "this watch fell behind and missed {missed} changes: watch again to be told everything"
    ))
}

/// There is no such method here.
pub(crate) fn unimplemented(path: &str) -> axum::response::Response {
    let message =
        format!("{path} is no method of this master; its services are listed by reflection");
    Status::unimplemented(message).into_http()
}
