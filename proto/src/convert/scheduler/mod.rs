//! The scheduler's stream: batches of calls and of events.
//!
//! One call that breaks a rule does not end its stream: it is answered by a refusal that names it.

mod calls;
mod events;

pub use calls::{RefusedCall, decode_calls, encode_calls};
pub use events::{decode_events, encode_events};
