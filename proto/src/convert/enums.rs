//! The enumerations: one table each, read in both directions.

use stoker_types::{BlobForm, FileKind, Reason, TaskState, UnknownImports, agent::OutputStream};

use super::{artifact::ArtifactKind, error::ConvertError};
use crate::v1;

/// An enumeration whose wire form has a zero that names nothing.
pub(super) trait WireEnum: Sized {
    /// What the number on the wire names; `None` for zero.
    fn from_wire(number: i32) -> Result<Option<Self>, ConvertError>;

    /// What the number on the wire names, where it must name something.
    fn required(number: i32) -> Result<Self, ConvertError> {
        Self::from_wire(number)?
            .ok_or_else(|| ConvertError::new("is not set", "send one of its named values"))
    }
}

macro_rules! wire_enum {
    ($domain:ty = $wire:ty, $kind:literal { $($variant:ident = $wire_variant:ident,)+ }) => {
        impl From<$domain> for $wire {
            fn from(value: $domain) -> Self {
                match value {
                    $(<$domain>::$variant => Self::$wire_variant,)+
                }
            }
        }

        impl WireEnum for $domain {
            fn from_wire(number: i32) -> Result<Option<Self>, ConvertError> {
                match <$wire>::try_from(number) {
                    Ok(<$wire>::Unspecified) => Ok(None),
                    $(Ok(<$wire>::$wire_variant) => Ok(Some(Self::$variant)),)+
                    Err(_) => Err(ConvertError::new(
                        format!(concat!("{} is no ", $kind, " that this version knows"), number),
                        "send one of its named values",
                    )),
                }
            }
        }
    };
}

wire_enum!(TaskState = v1::TaskState, "task state" {
    Staging = TaskStaging,
    Starting = TaskStarting,
    Running = TaskRunning,
    Killing = TaskKilling,
    Finished = TaskFinished,
    Failed = TaskFailed,
    Killed = TaskKilled,
    Error = TaskError,
    Dropped = TaskDropped,
    Unreachable = TaskUnreachable,
    Gone = TaskGone,
    GoneByOperator = TaskGoneByOperator,
    Unknown = TaskUnknown,
});

wire_enum!(Reason = v1::Reason, "reason" {
    Fetching = Fetching,
    Compiling = Compiling,
    ExitCode = ExitCode,
    Trap = Trap,
    FuelExhausted = FuelExhausted,
    MemoryLimit = MemoryLimit,
    Deadline = Deadline,
    OutputLimit = OutputLimit,
    OutputMissing = OutputMissing,
    RunnerLost = RunnerLost,
    LaunchFailed = LaunchFailed,
    ModuleInvalid = ModuleInvalid,
    ModuleTooLarge = ModuleTooLarge,
    ModuleNotFound = ModuleNotFound,
    ImportUnknown = ImportUnknown,
    CompileLimit = CompileLimit,
    DigestMismatch = DigestMismatch,
    InputNotFound = InputNotFound,
    TaskInvalid = TaskInvalid,
    KillRequested = KillRequested,
    KilledByOperator = KilledByOperator,
    FrameworkRemoved = FrameworkRemoved,
    AgentStopped = AgentStopped,
    InvalidOffers = InvalidOffers,
    InsufficientResources = InsufficientResources,
    AgentDisconnected = AgentDisconnected,
    AgentUnreachable = AgentUnreachable,
    AgentReregistered = AgentReregistered,
    AgentRestarted = AgentRestarted,
    AgentRemoved = AgentRemoved,
    Reconciliation = Reconciliation,
    InputInvalid = InputInvalid,
    OutputRefused = OutputRefused,
});

wire_enum!(UnknownImports = v1::UnknownImports, "treatment of unknown imports" {
    Refuse = Refuse,
    Trap = Trap,
});

wire_enum!(BlobForm = v1::BlobForm, "form of a blob" {
    File = File,
    Tar = Tar,
});

wire_enum!(OutputStream = v1::OutputStream, "output stream" {
    Stdout = Stdout,
    Stderr = Stderr,
});

wire_enum!(FileKind = v1::FileKind, "kind of file" {
    File = File,
    Directory = Directory,
    Other = Other,
});

wire_enum!(ArtifactKind = v1::ArtifactKind, "artifact kind" {
    Module = Module,
    Blob = Blob,
});

/// The number of a reason on the wire; zero for none.
pub(super) fn reason_number(reason: Option<Reason>) -> i32 {
    reason
        .map_or(v1::Reason::Unspecified, v1::Reason::from)
        .into()
}

/// The task state that a number on the wire names.
///
/// # Errors
/// If it names none.
pub fn task_state(number: i32) -> Result<TaskState, ConvertError> {
    TaskState::required(number)
}

/// The reason that a number on the wire names, if it is not zero.
///
/// # Errors
/// If it names none.
pub fn reason(number: i32) -> Result<Option<Reason>, ConvertError> {
    Reason::from_wire(number)
}
