//! Why a task cannot be prepared: the reasons, and messages that say what to do.

use std::{fmt::Display, io, path::Path};

use stoker_agent_core::PrepareFailure;
use stoker_types::{Digest, Reason, size};

/// What is being fetched: errors speak of it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The code.
    Module,
    /// What the task reads on its standard input, or finds in its sandbox.
    Blob,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Blob => "blob",
        }
    }
}

fn failure(reason: Reason, message: String) -> PrepareFailure {
    PrepareFailure { reason, message }
}

/// What failed for all who need it failed for this part of a task.
pub(super) fn of_part(part: &str, error: &PrepareFailure) -> PrepareFailure {
    failure(error.reason, format!("{part}: {}", error.message))
}

/// Something of the agent's own broke.
pub(super) fn ours(operation: &str, error: &impl Display) -> PrepareFailure {
    failure(
        Reason::LaunchFailed,
        format!("the agent failed to {operation}: {error}"),
    )
}

/// The master does not have it.
pub(super) fn not_stored(kind: Kind, digest: Digest) -> PrepareFailure {
    match kind {
        Kind::Module => failure(
            Reason::ModuleNotFound,
            format!("the master has no module {digest}: upload it with stoker module push"),
        ),
        Kind::Blob => failure(
            Reason::InputNotFound,
            format!("the master has no blob {digest}: upload it first"),
        ),
    }
}

/// The master could not be asked.
pub(super) fn not_fetched(kind: Kind, digest: Digest, error: &str) -> PrepareFailure {
    let kind = kind.name();
    failure(
        Reason::LaunchFailed,
        format!("failed to fetch the {kind} {digest} from the master: {error}"),
    )
}

/// It is over the agent's bound.
pub(super) fn too_large(kind: Kind, bytes: Option<u64>, most: u64) -> PrepareFailure {
    let (reason, setting) = match kind {
        Kind::Module => (Reason::ModuleTooLarge, "max_module"),
        Kind::Blob => (Reason::InputInvalid, "max_input"),
    };
    let (kind, most) = (kind.name(), size::display(most));
    let is = bytes.map_or_else(
        || "is larger".to_owned(),
        |bytes| format!("has {}", size::display(bytes)),
    );
    let message = format!(
        "the {kind} {is}, and this agent takes up to {most}: make it smaller, or raise {setting} \
         of the agent"
    );
    failure(reason, message)
}

/// The bytes are not those that were named.
pub(super) fn mismatch(what: &impl Display, expected: Digest, found: Digest) -> PrepareFailure {
    failure(
        Reason::DigestMismatch,
        format!(
            "{what} has the digest {found}, and the task names {expected}: name the one that is \
             meant"
        ),
    )
}

/// A `file:` module that cannot be opened.
pub(super) fn file(path: &Path, hostname: &str, error: &io::Error) -> PrepareFailure {
    let path = path.display();
    let what = match error.kind() {
        io::ErrorKind::NotFound => {
            format!("there is no file {path} on the agent's machine {hostname}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("the agent on {hostname} may not read the file {path}")
        }
        _ => format!("the agent on {hostname} cannot read the file {path} ({error})"),
    };
    let advice = "a file: module lies on each agent's own disk; upload it with stoker module \
                  push to use it everywhere";
    failure(Reason::ModuleNotFound, format!("{what}: {advice}"))
}

/// A `file:` module that is a folder, a pipe or a device.
pub(super) fn not_regular(path: &Path) -> PrepareFailure {
    let path = path.display();
    failure(
        Reason::ModuleNotFound,
        format!("{path} is no regular file: name a file that holds the module"),
    )
}
