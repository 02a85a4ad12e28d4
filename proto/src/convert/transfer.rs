//! What the master asks an agent to send of a sandbox.

use stoker_types::agent::{OutputStream, TransferRequest, Wanted};

use super::{
    enums::WireEnum as _,
    error::{ConvertError, Under as _},
    read::{parse, required},
};
use crate::v1::{self, transfer_request as wire};

impl From<TransferRequest> for v1::TransferRequest {
    fn from(request: TransferRequest) -> Self {
        Self {
            ticket: request.ticket,
            task: Some(request.task.into()),
            wanted: Some(request.wanted.into()),
        }
    }
}

impl TryFrom<v1::TransferRequest> for TransferRequest {
    type Error = ConvertError;

    fn try_from(request: v1::TransferRequest) -> Result<Self, Self::Error> {
        Ok(Self {
            ticket: request.ticket,
            task: required(request.task)
                .and_then(TryInto::try_into)
                .under("task")?,
            wanted: required(request.wanted)?.try_into()?,
        })
    }
}

impl From<Wanted> for wire::Wanted {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Output {
                stream,
                offset,
                follow,
            } => Self::Output(wire::Output {
                stream: v1::OutputStream::from(stream).into(),
                offset,
                follow,
            }),
            Wanted::Listing { path, recursive } => Self::Listing(wire::Listing {
                path: path.to_string(),
                recursive,
            }),
            Wanted::File { path, offset } => Self::File(wire::File {
                path: path.to_string(),
                offset,
            }),
        }
    }
}

impl TryFrom<wire::Wanted> for Wanted {
    type Error = ConvertError;

    fn try_from(wanted: wire::Wanted) -> Result<Self, Self::Error> {
        match wanted {
            wire::Wanted::Output(output) => Ok(Self::Output {
                stream: OutputStream::required(output.stream)
                    .under("stream")
                    .under("output")?,
                offset: output.offset,
                follow: output.follow,
            }),
            wire::Wanted::Listing(listing) => Ok(Self::Listing {
                path: parse(&listing.path).under("path").under("listing")?,
                recursive: listing.recursive,
            }),
            wire::Wanted::File(file) => Ok(Self::File {
                path: parse(&file.path).under("path").under("file")?,
                offset: file.offset,
            }),
        }
    }
}
