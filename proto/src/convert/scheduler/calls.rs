//! What a scheduler asks: from its SDK to the master.

use std::time::Duration;

use stoker_types::{
    OfferFilter, OfferId, limit,
    scheduler::{Call, NumberedCall, Operation},
};

use crate::{
    convert::{
        batch,
        error::{ConvertError, Under as _},
        introduction::{read_roles, write_roles},
        read::{
            bounded_millis, check_count, check_length, grace, list, millis, parse, parse_optional,
            required, write_optional,
        },
    },
    v1::{self, scheduler_call as wire},
};

/// A call that breaks a rule of the wire: the answer to it is a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("call {call_id}: {error}")]
pub struct RefusedCall {
    /// Which call.
    pub call_id: u64,
    /// What is wrong with it.
    pub error: ConvertError,
}

/// Reads a batch: each call by itself, in order.
///
/// # Errors
/// If the batch holds more than `limit::BATCH_ITEMS` calls: that ends the stream.
pub fn decode_calls(
    batch: v1::SchedulerCalls,
) -> Result<Vec<Result<NumberedCall, RefusedCall>>, ConvertError> {
    check_count(batch.calls.len(), limit::BATCH_ITEMS).under("calls")?;
    Ok(batch.calls.into_iter().map(TryInto::try_into).collect())
}

/// Writes batches within their bounds. Calls that are too large for any batch are refused here,
/// as the master would refuse them.
pub fn encode_calls(
    calls: impl IntoIterator<Item = NumberedCall>,
) -> (Vec<v1::SchedulerCalls>, Vec<RefusedCall>) {
    let mut refused = Vec::new();
    let fitting = calls
        .into_iter()
        .map(v1::SchedulerCall::from)
        .filter(|call| {
            let fits = batch::fits(call);
            if !fits {
                refused.push(RefusedCall {
                    call_id: call.call_id,
                    error: ConvertError::new(
                        format!("the call is larger than {} bytes", limit::BATCH_BYTES),
                        "launch fewer tasks in one accept, or pass their input as blobs",
                    ),
                });
            }
            fits
        });
    let batches = batch::split(fitting, limit::BATCH_BYTES)
        .into_iter()
        .map(|calls| v1::SchedulerCalls { calls })
        .collect();
    (batches, refused)
}

impl TryFrom<v1::SchedulerCall> for NumberedCall {
    type Error = RefusedCall;

    fn try_from(call: v1::SchedulerCall) -> Result<Self, Self::Error> {
        let call_id = call.call_id;
        match required(call.call).under("call").and_then(read_call) {
            Ok(call) => Ok(Self { call_id, call }),
            Err(error) => Err(RefusedCall { call_id, error }),
        }
    }
}

fn read_call(call: wire::Call) -> Result<Call, ConvertError> {
    match call {
        wire::Call::Subscribe(subscribe) => read_subscribe(subscribe).under("subscribe"),
        wire::Call::Teardown(wire::Teardown {}) => Ok(Call::Teardown),
        wire::Call::Accept(accept) => read_accept(accept).under("accept"),
        wire::Call::Decline(decline) => read_decline(decline).under("decline"),
        wire::Call::Revive(revive) => Ok(Call::Revive {
            roles: read_roles(revive.roles, "roles").under("revive")?,
        }),
        wire::Call::Suppress(suppress) => Ok(Call::Suppress {
            roles: read_roles(suppress.roles, "roles").under("suppress")?,
        }),
        wire::Call::Kill(kill) => Ok(Call::Kill {
            task_id: parse(&kill.task_id).under("task_id").under("kill")?,
            grace: kill.grace_ms.map(grace).transpose().under("kill")?,
        }),
        wire::Call::Acknowledge(acknowledge) => read_acknowledge(&acknowledge).under("acknowledge"),
        wire::Call::Reconcile(reconcile) => Ok(Call::Reconcile {
            tasks: list(reconcile.task_ids, "task_ids", limit::BATCH_ITEMS, |id| {
                parse(&id)
            })
            .under("reconcile")?,
        }),
        wire::Call::Message(message) => read_message(message).under("message"),
    }
}

fn read_subscribe(subscribe: wire::Subscribe) -> Result<Call, ConvertError> {
    Ok(Call::Subscribe {
        framework: required(subscribe.framework)
            .and_then(TryInto::try_into)
            .under("framework")?,
        framework_id: parse_optional(&subscribe.framework_id).under("framework_id")?,
        suppressed_roles: read_roles(subscribe.suppressed_roles, "suppressed_roles")?,
    })
}

fn read_accept(accept: wire::Accept) -> Result<Call, ConvertError> {
    let launched = accept
        .operations
        .iter()
        .map(|operation| match &operation.operation {
            Some(v1::operation::Operation::Launch(launch)) => launch.tasks.len(),
            None => 0,
        });
    check_count(launched.sum(), limit::TASKS_PER_ACCEPT).under("operations")?;
    Ok(Call::Accept {
        offer_ids: read_offer_ids(accept.offer_ids)?,
        operations: list(
            accept.operations,
            "operations",
            limit::TASKS_PER_ACCEPT,
            TryInto::try_into,
        )?,
        filter: read_filter(accept.filter).under("filter")?,
    })
}

fn read_decline(decline: wire::Decline) -> Result<Call, ConvertError> {
    Ok(Call::Decline {
        offer_ids: read_offer_ids(decline.offer_ids)?,
        filter: read_filter(decline.filter).under("filter")?,
    })
}

fn read_acknowledge(acknowledge: &wire::Acknowledge) -> Result<Call, ConvertError> {
    Ok(Call::Acknowledge {
        agent_id: parse(&acknowledge.agent_id).under("agent_id")?,
        task_id: parse(&acknowledge.task_id).under("task_id")?,
        number: acknowledge.number,
    })
}

fn read_message(message: wire::Message) -> Result<Call, ConvertError> {
    check_length(message.data.len(), limit::FRAMEWORK_MESSAGE_BYTES).under("data")?;
    Ok(Call::Message {
        agent_id: parse(&message.agent_id).under("agent_id")?,
        task_id: parse(&message.task_id).under("task_id")?,
        data: message.data,
    })
}

fn read_offer_ids(offer_ids: Vec<String>) -> Result<Vec<OfferId>, ConvertError> {
    list(offer_ids, "offer_ids", limit::OFFERS_PER_CALL, |id| {
        parse(&id)
    })
}

fn read_filter(filter: Option<v1::OfferFilter>) -> Result<OfferFilter, ConvertError> {
    let Some(v1::OfferFilter { refuse_ms }) = filter else {
        return Ok(OfferFilter::default());
    };
    let refuse = u64::try_from(refuse_ms)
        .map_err(|_| {
            ConvertError::new(
                format!("{refuse_ms} ms is negative"),
                "write 0 to be offered the same again at once, or leave the filter out for 5 s",
            )
        })
        .and_then(|milliseconds| bounded_millis(milliseconds, limit::FILTER_SECONDS))
        .under("refuse_ms")?;
    Ok(OfferFilter { refuse })
}

impl TryFrom<v1::Operation> for Operation {
    type Error = ConvertError;

    fn try_from(operation: v1::Operation) -> Result<Self, Self::Error> {
        match required(operation.operation)? {
            v1::operation::Operation::Launch(launch) => Ok(Self::Launch {
                tasks: list(
                    launch.tasks,
                    "tasks",
                    limit::TASKS_PER_ACCEPT,
                    TryInto::try_into,
                )
                .under("launch")?,
            }),
        }
    }
}

impl From<NumberedCall> for v1::SchedulerCall {
    fn from(call: NumberedCall) -> Self {
        Self {
            call_id: call.call_id,
            call: Some(write_call(call.call)),
        }
    }
}

fn write_call(call: Call) -> wire::Call {
    match call {
        Call::Subscribe {
            framework,
            framework_id,
            suppressed_roles,
        } => wire::Call::Subscribe(wire::Subscribe {
            framework: Some(framework.into()),
            framework_id: write_optional(framework_id),
            suppressed_roles: write_roles(&suppressed_roles),
        }),
        Call::Teardown => wire::Call::Teardown(wire::Teardown {}),
        Call::Accept {
            offer_ids,
            operations,
            filter,
        } => wire::Call::Accept(wire::Accept {
            offer_ids: texts(&offer_ids),
            operations: operations.into_iter().map(Into::into).collect(),
            filter: Some(filter.into()),
        }),
        Call::Decline { offer_ids, filter } => wire::Call::Decline(wire::Decline {
            offer_ids: texts(&offer_ids),
            filter: Some(filter.into()),
        }),
        Call::Revive { roles } => wire::Call::Revive(wire::Revive {
            roles: write_roles(&roles),
        }),
        Call::Suppress { roles } => wire::Call::Suppress(wire::Suppress {
            roles: write_roles(&roles),
        }),
        Call::Kill { task_id, grace } => wire::Call::Kill(wire::Kill {
            task_id: task_id.to_string(),
            grace_ms: grace.map(millis),
        }),
        Call::Acknowledge {
            agent_id,
            task_id,
            number,
        } => wire::Call::Acknowledge(wire::Acknowledge {
            agent_id: agent_id.to_string(),
            task_id: task_id.to_string(),
            number,
        }),
        Call::Reconcile { tasks } => wire::Call::Reconcile(wire::Reconcile {
            task_ids: texts(&tasks),
        }),
        Call::Message {
            agent_id,
            task_id,
            data,
        } => wire::Call::Message(wire::Message {
            agent_id: agent_id.to_string(),
            task_id: task_id.to_string(),
            data,
        }),
    }
}

fn texts(ids: &[impl ToString]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

impl From<OfferFilter> for v1::OfferFilter {
    fn from(filter: OfferFilter) -> Self {
        let longest = Duration::from_secs(limit::FILTER_SECONDS);
        Self {
            // 365 days are far within the range.
            refuse_ms: i64::try_from(millis(filter.refuse.min(longest))).unwrap_or(i64::MAX),
        }
    }
}

impl From<Operation> for v1::Operation {
    fn from(operation: Operation) -> Self {
        let operation = match operation {
            Operation::Launch { tasks } => {
                v1::operation::Operation::Launch(v1::operation::Launch {
                    tasks: tasks.into_iter().map(Into::into).collect(),
                })
            }
        };
        Self {
            operation: Some(operation),
        }
    }
}
