//! Reads frames and the descriptors beside them from a daemon.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::fd::OwnedFd,
};

use bytes::BytesMut;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use stoker_proto::{convert::runner::DaemonFrame, frame, v1};
use tokio::{
    io::Interest,
    net::{UnixStream, unix::OwnedReadHalf},
};

use super::invalid;

/// What is read at once.
const READ_BYTES: usize = 64 << 10;
/// The descriptors that may come with one read.
const DESCRIPTORS_PER_READ: usize = 16;
/// The descriptors that may wait for their frames.
const MOST_DESCRIPTORS: usize = 64;

/// The reading half of a connection. Reading may be broken off anywhere and nothing is lost.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: OwnedReadHalf,
    received: BytesMut,
    descriptors: VecDeque<OwnedFd>,
    chunk: Box<[u8]>,
}

impl Connection {
    /// Reads from `socket`.
    pub(crate) fn new(socket: OwnedReadHalf) -> Self {
        Self {
            socket,
            received: BytesMut::new(),
            descriptors: VecDeque::new(),
            chunk: vec![0; READ_BYTES].into_boxed_slice(),
        }
    }

    /// The next frame.
    ///
    /// # Errors
    /// If the connection is over or the daemon sends nonsense.
    pub(crate) async fn frame(&mut self) -> io::Result<DaemonFrame> {
        loop {
            if let Some(frame) =
                frame::take::<v1::DaemonFrame>(&mut self.received).map_err(invalid)?
            {
                return DaemonFrame::try_from(frame).map_err(invalid);
            }
            self.fill().await?;
        }
    }

    /// The descriptor that came with the frame of a module, or of a launch.
    pub(crate) fn take_descriptor(&mut self) -> Option<File> {
        self.descriptors.pop_front().map(File::from)
    }

    /// Waits for more bytes.
    async fn fill(&mut self) -> io::Result<()> {
        let (chunk, descriptors) = (&mut self.chunk, &mut self.descriptors);
        let socket: &UnixStream = self.socket.as_ref();
        let length = socket
            .async_io(Interest::READABLE, || receive(socket, chunk, descriptors))
            .await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.descriptors.len() > MOST_DESCRIPTORS {
            return Err(invalid("descriptors without frames"));
        }
        self.received.extend_from_slice(&self.chunk[..length]);
        Ok(())
    }
}

/// Reads what is there, descriptors included.
fn receive(
    socket: &UnixStream,
    chunk: &mut [u8],
    descriptors: &mut VecDeque<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_PER_READ))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(chunk)];
    let received = recvmsg(socket, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(invalid("too many descriptors at once, or none left"));
    }
    Ok(received.bytes)
}
