//! The agent's stream: batches of calls and of events.

mod calls;
mod events;

pub use calls::{decode_calls, encode_calls};
pub use events::{decode_events, encode_events};
