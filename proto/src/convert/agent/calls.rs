//! What an agent tells the master.

use stoker_types::{
    Reason, TaskState,
    agent::{AgentCall, RunnerInfo, TaskSnapshot},
    limit,
    runner::Tenant,
};

use crate::{
    convert::{
        batch,
        enums::{WireEnum as _, reason_number},
        error::{ConvertError, Under as _},
        read::{list, parse, required, text},
    },
    v1::{self, agent_call as wire},
};

/// The runners that one agent may have.
const RUNNERS_PER_AGENT: usize = 4096;

/// Reads a batch, in order.
///
/// # Errors
/// If the batch is over its bound or a call breaks a rule.
pub fn decode_calls(batch: v1::AgentCalls) -> Result<Vec<AgentCall>, ConvertError> {
    list(batch.calls, "calls", limit::BATCH_ITEMS, TryInto::try_into)
}

/// Writes batches within their bounds; a snapshot of many or large tasks is spread over several
/// calls, and only the last one of them says that it is the last.
pub fn encode_calls(calls: impl IntoIterator<Item = AgentCall>) -> Vec<v1::AgentCalls> {
    let calls = calls.into_iter().flat_map(|call| match call {
        AgentCall::Snapshot { tasks, last } => write_snapshot(tasks, last),
        other => vec![v1::AgentCall::from(other)],
    });
    batch::split(calls, limit::BATCH_BYTES)
        .into_iter()
        .map(|calls| v1::AgentCalls { calls })
        .collect()
}

fn write_snapshot(tasks: Vec<TaskSnapshot>, last: bool) -> Vec<v1::AgentCall> {
    let tasks = tasks.into_iter().map(v1::TaskSnapshot::from);
    let mut parts = batch::split(tasks, batch::PART_BYTES);
    let final_part = parts.pop().unwrap_or_default();
    parts
        .into_iter()
        .map(|tasks| wire::Snapshot { tasks, last: false })
        .chain([wire::Snapshot {
            tasks: final_part,
            last,
        }])
        .map(|snapshot| wire::Call::Snapshot(snapshot).into())
        .collect()
}

impl From<wire::Call> for v1::AgentCall {
    fn from(call: wire::Call) -> Self {
        Self { call: Some(call) }
    }
}

impl From<AgentCall> for v1::AgentCall {
    fn from(call: AgentCall) -> Self {
        match call {
            AgentCall::Register { agent, boot_id } => wire::Call::Register(wire::Register {
                agent: Some(agent.into()),
                boot_id,
            }),
            AgentCall::Snapshot { tasks, last } => wire::Call::Snapshot(wire::Snapshot {
                tasks: tasks.into_iter().map(Into::into).collect(),
                last,
            }),
            AgentCall::Update(update) => wire::Call::Update(update.into()),
            AgentCall::Pong => wire::Call::Pong(wire::Pong {}),
            AgentCall::Runners(runners) => wire::Call::Runners(wire::Runners {
                runners: runners.into_iter().map(Into::into).collect(),
            }),
            AgentCall::Unregister => wire::Call::Unregister(wire::Unregister {}),
            AgentCall::Usages(tasks) => wire::Call::Usages(wire::Usages {
                tasks: tasks.into_iter().map(Into::into).collect(),
            }),
        }
        .into()
    }
}

impl TryFrom<v1::AgentCall> for AgentCall {
    type Error = ConvertError;

    fn try_from(call: v1::AgentCall) -> Result<Self, Self::Error> {
        match required(call.call)? {
            wire::Call::Register(register) => read_register(register).under("register"),
            wire::Call::Snapshot(snapshot) => Ok(Self::Snapshot {
                tasks: list(
                    snapshot.tasks,
                    "tasks",
                    limit::BATCH_ITEMS,
                    TryInto::try_into,
                )
                .under("snapshot")?,
                last: snapshot.last,
            }),
            wire::Call::Update(update) => update.try_into().under("update").map(Self::Update),
            wire::Call::Pong(wire::Pong {}) => Ok(Self::Pong),
            wire::Call::Runners(wire::Runners { runners }) => {
                list(runners, "runners", RUNNERS_PER_AGENT, TryInto::try_into)
                    .under("runners")
                    .map(Self::Runners)
            }
            wire::Call::Unregister(wire::Unregister {}) => Ok(Self::Unregister),
            wire::Call::Usages(wire::Usages { tasks }) => {
                list(tasks, "tasks", limit::BATCH_ITEMS, TryInto::try_into)
                    .under("usages")
                    .map(Self::Usages)
            }
        }
    }
}

fn read_register(register: wire::Register) -> Result<AgentCall, ConvertError> {
    Ok(AgentCall::Register {
        agent: required(register.agent)
            .and_then(TryInto::try_into)
            .under("agent")?,
        boot_id: text(register.boot_id, limit::NAME_BYTES).under("boot_id")?,
    })
}

impl From<TaskSnapshot> for v1::TaskSnapshot {
    fn from(snapshot: TaskSnapshot) -> Self {
        Self {
            launch: Some(snapshot.launch.into()),
            state: v1::TaskState::from(snapshot.state).into(),
            reason: reason_number(snapshot.reason),
            latest_number: snapshot.latest_number,
            acknowledged_number: snapshot.acknowledged_number,
            usage: Some(snapshot.usage.into()),
        }
    }
}

impl TryFrom<v1::TaskSnapshot> for TaskSnapshot {
    type Error = ConvertError;

    fn try_from(snapshot: v1::TaskSnapshot) -> Result<Self, Self::Error> {
        Ok(Self {
            launch: required(snapshot.launch)
                .and_then(TryInto::try_into)
                .under("launch")?,
            state: TaskState::required(snapshot.state).under("state")?,
            reason: Reason::from_wire(snapshot.reason).under("reason")?,
            latest_number: snapshot.latest_number,
            acknowledged_number: snapshot.acknowledged_number,
            usage: snapshot.usage.unwrap_or_default().into(),
        })
    }
}

impl From<RunnerInfo> for v1::RunnerInfo {
    fn from(runner: RunnerInfo) -> Self {
        let tenant = Tenant {
            framework_id: runner.framework_id,
            role: runner.role,
        };
        Self {
            runner_id: runner.id.to_string(),
            pid: runner.pid,
            tenant: Some(tenant.into()),
            tasks: runner.tasks,
        }
    }
}

impl TryFrom<v1::RunnerInfo> for RunnerInfo {
    type Error = ConvertError;

    fn try_from(runner: v1::RunnerInfo) -> Result<Self, Self::Error> {
        let tenant: Tenant = required(runner.tenant)
            .and_then(TryInto::try_into)
            .under("tenant")?;
        Ok(Self {
            id: parse(&runner.runner_id).under("runner_id")?,
            pid: runner.pid,
            framework_id: tenant.framework_id,
            role: tenant.role,
            tasks: runner.tasks,
        })
    }
}
