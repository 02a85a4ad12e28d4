//! The inputs of tasks: blobs, put into their sandboxes before they run.
//!
//! ```text
//!  blob ─▶ staging ─┬─ file ─▶ copied ───┐                    ┌─▶ work/PATH      the guest's own
//!                   └─ tar ──▶ archive, ─┴─▶ staging/RANDOM/ ─┤
//!                              unpack                         └─▶ inputs/PATH    read-only
//! ```
//!
//! A sandbox is staged beside its place and moved there when it is complete: nobody ever finds half
//! of one, and what is given up removes itself. `archive` reads tars and trusts none of them,
//! `unpack` makes files of their entries, `staging` keeps to the task's disk. Fetching blobs is the
//! artifact store's business; what a guest may do to its inputs is the runner's, which hands
//! out `inputs/` for reading only.

mod archive;
mod staging;
mod unpack;

pub(crate) use staging::{Staging, StagingError, drop_read_only};

#[cfg(test)]
mod tests;
