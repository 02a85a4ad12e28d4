//! Frames over a runner's socket, in both directions, and descriptors beside them.
//!
//! Owns the connection's bytes. What the frames say is the supervisor's business.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use bytes::{Buf as _, BytesMut};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use stoker_proto::{
    convert::{
        ConvertError,
        runner::{DaemonFrame, RunnerFrame, encode_orders},
    },
    frame::{self, FrameError},
    v1,
};
use stoker_types::runner::{Hello, Order};
use tokio::{io::Interest, net::UnixStream};

/// What is read from the socket at once.
const READ_BYTES: usize = 64 * 1024;

/// Why a connection to a runner is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// The socket is closed or broken.
    #[error("lost its connection: {0}")]
    Io(#[from] io::Error),
    /// The other side sent no frame.
    #[error("sent what is no frame: {0}")]
    Frame(#[from] FrameError),
    /// The other side sent a frame that breaks a rule.
    #[error("sent a frame that breaks a rule: {0}")]
    Content(#[from] ConvertError),
    /// The other side sent a right frame at a wrong time.
    #[error("{0}")]
    Protocol(String),
}

/// An order, and the descriptor that travels beside it.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// What the runner is to do.
    pub(crate) order: Order,
    /// The compiled code, for [`Order::Module`]; the standard input, for [`Order::Launch`].
    pub(crate) descriptor: Option<OwnedFd>,
}

impl From<Order> for Outgoing {
    fn from(order: Order) -> Self {
        Self {
            order,
            descriptor: None,
        }
    }
}

/// Sends the first frame of a connection.
pub(crate) async fn send_hello(stream: &UnixStream, hello: Hello) -> Result<(), ConnectionError> {
    send_frame(stream, &DaemonFrame::Hello(hello).into(), None).await
}

/// Sends orders in few frames. One with a descriptor has a frame to itself, and the descriptor
/// arrives with that frame's first byte.
pub(crate) async fn send_orders(
    stream: &UnixStream,
    outgoing: Vec<Outgoing>,
) -> Result<(), ConnectionError> {
    let mut plain = Vec::new();
    for Outgoing { order, descriptor } in outgoing {
        match descriptor {
            None => plain.push(order),
            Some(descriptor) => {
                send_plain(stream, std::mem::take(&mut plain)).await?;
                for frame in encode_orders(vec![order]) {
                    send_frame(stream, &frame, Some(descriptor.as_fd())).await?;
                }
            }
        }
    }
    send_plain(stream, plain).await
}

async fn send_plain(stream: &UnixStream, orders: Vec<Order>) -> Result<(), ConnectionError> {
    for frame in encode_orders(orders) {
        send_frame(stream, &frame, None).await?;
    }
    Ok(())
}

async fn send_frame(
    stream: &UnixStream,
    message: &v1::DaemonFrame,
    mut descriptor: Option<BorrowedFd<'_>>,
) -> Result<(), ConnectionError> {
    let mut bytes = BytesMut::new();
    frame::write(message, &mut bytes)?;
    while !bytes.is_empty() {
        stream.writable().await?;
        let sent = stream.try_io(Interest::WRITABLE, || send_some(stream, &bytes, descriptor));
        match sent {
            Ok(sent) => {
                bytes.advance(sent);
                descriptor = None;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn send_some(
    stream: &UnixStream,
    bytes: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor]);
    if let Some(descriptors) = &descriptors
        && !control.push(SendAncillaryMessage::ScmRights(descriptors))
    {
        return Err(io::Error::other("there is no room for a descriptor"));
    }
    // A closed socket is an error here, not a signal that ends the daemon.
    Ok(sendmsg(
        stream,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?)
}

/// Reads a runner's frames.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    buffer: BytesMut,
}

impl FrameReader {
    /// The next frame; `None` when the runner has closed the connection between two frames.
    ///
    /// Cancelling loses nothing.
    pub(crate) async fn next(
        &mut self,
        stream: &UnixStream,
    ) -> Result<Option<RunnerFrame>, ConnectionError> {
        loop {
            if let Some(message) = frame::take::<v1::RunnerFrame>(&mut self.buffer)? {
                return Ok(Some(message.try_into()?));
            }
            self.buffer.reserve(READ_BYTES);
            stream.readable().await?;
            match stream.try_read_buf(&mut self.buffer) {
                Ok(0) if self.buffer.is_empty() => return Ok(None),
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A process that dies with unread orders resets the connection.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
