//! What a task needs of the blob store.

use stoker_master_core::TaskView;
use stoker_types::{Digest, ModuleReference};

/// The blobs that a task refers to: what it runs and reads while it lives, and what it left for
/// its framework, unless that is over.
pub(super) fn of(task: &TaskView, framework_is_over: bool) -> impl Iterator<Item = Digest> {
    let is_alive = !task.state.is_terminal();
    let module = match &task.task.module {
        ModuleReference::Blob(digest) => Some(*digest),
        ModuleReference::File(_) => None,
    };
    let inputs = task.task.inputs.iter().map(|input| input.blob);
    let needed = module.into_iter().chain(task.task.stdin).chain(inputs);
    let left = task.outputs.iter().map(|output| output.digest);
    needed
        .filter(move |_| is_alive)
        .chain(left.filter(move |_| !framework_is_over))
}
