//! What survives the daemon: the checkpoint log is read ([`replay`]), its tasks are taken up
//! again ([`restore`]), its runners are found again ([`adopt`]), and it is written anew, shorter
//! ([`snapshot`]).

pub(crate) mod adopt;
mod replay;
pub(crate) mod restore;
mod snapshot;

pub use replay::{Replayed, replay};
