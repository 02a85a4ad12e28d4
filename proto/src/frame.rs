//! Frames: how messages follow each other on a Unix socket. A length (u32, little endian), then
//! the encoded message.
//!
//! Owns the bytes only; reading and writing sockets is the daemon's and the runner's business.

use prost::{
    DecodeError, Message,
    bytes::{Buf as _, BufMut as _, BytesMut},
};

/// The longest message in a frame, in bytes: more than any batch, and enough for a runner that
/// names all its tasks.
pub const FRAME_BYTES: usize = 4 * 1024 * 1024;

const LENGTH_BYTES: usize = 4;

/// Why bytes are no frame. After this the stream they came from is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The message is over the bound.
    #[error("a frame of {length} bytes is over the bound of {FRAME_BYTES}")]
    TooLarge {
        /// What the frame says.
        length: usize,
    },
    /// The bytes are not the expected message.
    #[error("a frame holds no message of the expected kind")]
    Malformed(#[from] DecodeError),
}

/// Adds a message to what is to be sent.
///
/// # Errors
/// If it is over the bound; then `buffer` is as it was.
pub fn write(message: &impl Message, buffer: &mut BytesMut) -> Result<(), FrameError> {
    let length = message.encoded_len();
    let Some(prefix) = u32::try_from(length).ok().filter(|_| length <= FRAME_BYTES) else {
        return Err(FrameError::TooLarge { length });
    };
    buffer.reserve(LENGTH_BYTES + length);
    buffer.put_u32_le(prefix);
    // There is room for all of it.
    message.encode_raw(buffer);
    Ok(())
}

/// Takes the first message out of what has come; `None` if it is not all there yet.
///
/// # Errors
/// If what has come is no frame.
pub fn take<T: Message + Default>(buffer: &mut BytesMut) -> Result<Option<T>, FrameError> {
    let Some(prefix) = buffer.first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_le_bytes(*prefix)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES {
        return Err(FrameError::TooLarge { length });
    }
    if buffer.len() < LENGTH_BYTES + length {
        buffer.reserve(LENGTH_BYTES + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(LENGTH_BYTES);
    Ok(Some(T::decode(buffer.split_to(length))?))
}

#[cfg(test)]
mod tests {
    use prost::bytes::{BufMut as _, BytesMut};

    use super::{FRAME_BYTES, FrameError, take, write};
    use crate::v1;

    fn key(task_id: &str) -> v1::TaskKey {
        v1::TaskKey {
            framework_id: "framework-aaaaaaaaaaaaa".into(),
            task_id: task_id.into(),
        }
    }

    #[test]
    fn frames_come_out_whole_and_in_order_however_the_bytes_arrive() {
        let mut sent = BytesMut::new();
        for task_id in ["first", "", "third"] {
            write(&key(task_id), &mut sent).unwrap();
        }
        let mut received = BytesMut::new();
        let mut keys = Vec::new();
        for byte in sent {
            received.put_u8(byte);
            keys.extend(take::<v1::TaskKey>(&mut received).unwrap());
        }
        assert_eq!(keys, ["first", "", "third"].map(key));
        assert!(received.is_empty());
    }

    #[test]
    fn a_frame_over_the_bound_is_refused_on_both_sides() {
        let mut buffer = BytesMut::new();
        let large = key(&"x".repeat(FRAME_BYTES));
        assert!(matches!(
            write(&large, &mut buffer),
            Err(FrameError::TooLarge { .. })
        ));
        assert!(buffer.is_empty());
        buffer.put_u32_le(u32::MAX);
        assert!(matches!(
            take::<v1::TaskKey>(&mut buffer),
            Err(FrameError::TooLarge { .. })
        ));
    }

    #[test]
    fn bytes_that_are_no_message_are_an_error() {
        let mut buffer = BytesMut::from(&[1, 0, 0, 0, 0xff][..]);
        assert!(matches!(
            take::<v1::TaskKey>(&mut buffer),
            Err(FrameError::Malformed(_))
        ));
    }
}
