//! The frames between a daemon and its runners.

use std::time::Duration;

use stoker_types::{
    Reason, TaskKey, TaskUsage, limit,
    runner::{
        BUDGET_WINDOW, Budget, CompiledKey, Event, Hello, Load, NumberedEvent, Order, Outcome,
        RunnerLaunch, Welcome,
    },
};

use super::{
    batch,
    enums::WireEnum as _,
    error::{ConvertError, Under as _},
    read::{
        check_length, grace, list, message, millis, nanos, parse, quoted, required,
        without_zero_bytes,
    },
    task::own_environment,
};
use crate::v1::{self, daemon_frame, runner_event, runner_frame, runner_order};

/// The tasks that a runner may hold at once, parked ones included.
const TASKS_PER_RUNNER: usize = 16 * 1024;

/// The longest path on an agent's own disk.
const HOST_PATH_BYTES: usize = 4096;

/// A frame from the daemon to a runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DaemonFrame {
    /// The first frame of a connection.
    Hello(Hello),
    /// To be carried out in order.
    Orders(Vec<Order>),
}

/// A frame from a runner to the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunnerFrame {
    /// The answer to a hello.
    Welcome(Welcome),
    /// What happened, in order.
    Events(Vec<NumberedEvent>),
    /// The hello was not right; the connection ends.
    Refused {
        /// Why.
        message: String,
    },
    /// How busy it is.
    Load(Load),
    /// What tasks have used; at most 1,000.
    Usages(Vec<TaskUsage>),
}

/// Writes orders as frames within their bounds. An order that maps a module has a frame to itself,
/// so that it is plain which frame a file descriptor belongs to.
#[must_use]
pub fn encode_orders(orders: Vec<Order>) -> Vec<v1::DaemonFrame> {
    let mut frames = Vec::new();
    let mut others = Vec::new();
    for order in orders {
        if matches!(order, Order::Module { .. }) {
            frames.extend(order_frames(std::mem::take(&mut others)));
            frames.extend(order_frames(vec![order]));
        } else {
            others.push(order);
        }
    }
    frames.extend(order_frames(others));
    frames
}

fn order_frames(orders: Vec<Order>) -> impl Iterator<Item = v1::DaemonFrame> {
    let orders = orders.into_iter().map(v1::RunnerOrder::from);
    batch::split(orders, limit::BATCH_BYTES)
        .into_iter()
        .map(|orders| daemon_frame::Frame::Orders(daemon_frame::Orders { orders }).into())
}

/// Writes events as frames within their bounds.
pub fn encode_events(events: impl IntoIterator<Item = NumberedEvent>) -> Vec<v1::RunnerFrame> {
    let events = events.into_iter().map(v1::RunnerEvent::from);
    batch::split(events, limit::BATCH_BYTES)
        .into_iter()
        .map(|events| runner_frame::Frame::Events(runner_frame::Events { events }).into())
        .collect()
}

impl From<daemon_frame::Frame> for v1::DaemonFrame {
    fn from(frame: daemon_frame::Frame) -> Self {
        Self { frame: Some(frame) }
    }
}

impl From<DaemonFrame> for v1::DaemonFrame {
    fn from(frame: DaemonFrame) -> Self {
        match frame {
            DaemonFrame::Hello(hello) => daemon_frame::Frame::Hello(daemon_frame::Hello {
                runner_id: hello.runner_id.to_string(),
                nonce: hello.nonce,
                protocol_version: hello.protocol_version,
                confirmed_event: hello.confirmed_event,
            }),
            DaemonFrame::Orders(orders) => daemon_frame::Frame::Orders(daemon_frame::Orders {
                orders: orders.into_iter().map(Into::into).collect(),
            }),
        }
        .into()
    }
}

impl TryFrom<v1::DaemonFrame> for DaemonFrame {
    type Error = ConvertError;

    fn try_from(frame: v1::DaemonFrame) -> Result<Self, Self::Error> {
        match required(frame.frame)? {
            daemon_frame::Frame::Hello(hello) => Ok(Self::Hello(Hello {
                runner_id: parse(&hello.runner_id).under("runner_id").under("hello")?,
                nonce: hello.nonce,
                protocol_version: hello.protocol_version,
                confirmed_event: hello.confirmed_event,
            })),
            daemon_frame::Frame::Orders(daemon_frame::Orders { orders }) => {
                list(orders, "orders", limit::BATCH_ITEMS, TryInto::try_into)
                    .under("orders")
                    .map(Self::Orders)
            }
        }
    }
}

impl From<runner_frame::Frame> for v1::RunnerFrame {
    fn from(frame: runner_frame::Frame) -> Self {
        Self { frame: Some(frame) }
    }
}

impl From<RunnerFrame> for v1::RunnerFrame {
    fn from(frame: RunnerFrame) -> Self {
        match frame {
            RunnerFrame::Welcome(welcome) => runner_frame::Frame::Welcome(runner_frame::Welcome {
                runner_id: welcome.runner_id.to_string(),
                pid: welcome.pid,
                protocol_version: welcome.protocol_version,
                tasks: welcome.tasks.into_iter().map(Into::into).collect(),
                last_event: welcome.last_event,
                slots: welcome.slots,
            }),
            RunnerFrame::Events(events) => runner_frame::Frame::Events(runner_frame::Events {
                events: events.into_iter().map(Into::into).collect(),
            }),
            RunnerFrame::Refused { message: text } => {
                runner_frame::Frame::Refused(runner_frame::Refused {
                    message: message(text),
                })
            }
            RunnerFrame::Load(load) => runner_frame::Frame::Load(runner_frame::Load {
                interval_ns: nanos(load.interval),
                used_ns: nanos(load.used),
                wanted_ns: nanos(load.wanted),
                used_in_all_ns: nanos(load.used_in_all),
                throttled_windows: load.throttled_windows,
            }),
            RunnerFrame::Usages(tasks) => runner_frame::Frame::Usages(runner_frame::Usages {
                tasks: tasks.into_iter().map(Into::into).collect(),
            }),
        }
        .into()
    }
}

impl TryFrom<v1::RunnerFrame> for RunnerFrame {
    type Error = ConvertError;

    fn try_from(frame: v1::RunnerFrame) -> Result<Self, Self::Error> {
        match required(frame.frame)? {
            runner_frame::Frame::Welcome(welcome) => {
                read_welcome(welcome).under("welcome").map(Self::Welcome)
            }
            runner_frame::Frame::Events(runner_frame::Events { events }) => {
                list(events, "events", limit::BATCH_ITEMS, TryInto::try_into)
                    .under("events")
                    .map(Self::Events)
            }
            runner_frame::Frame::Refused(refused) => Ok(Self::Refused {
                message: message(refused.message),
            }),
            runner_frame::Frame::Load(load) => Ok(Self::Load(Load {
                interval: Duration::from_nanos(load.interval_ns),
                used: Duration::from_nanos(load.used_ns),
                wanted: Duration::from_nanos(load.wanted_ns),
                used_in_all: Duration::from_nanos(load.used_in_all_ns),
                throttled_windows: load.throttled_windows,
            })),
            runner_frame::Frame::Usages(runner_frame::Usages { tasks }) => {
                list(tasks, "tasks", limit::BATCH_ITEMS, TryInto::try_into)
                    .under("usages")
                    .map(Self::Usages)
            }
        }
    }
}

fn read_slots(slots: u32) -> Result<u32, ConvertError> {
    if slots == 0 {
        return Err(ConvertError::new("is 0", "at least 1"));
    }
    Ok(slots)
}

fn read_welcome(welcome: runner_frame::Welcome) -> Result<Welcome, ConvertError> {
    Ok(Welcome {
        runner_id: parse(&welcome.runner_id).under("runner_id")?,
        pid: welcome.pid,
        protocol_version: welcome.protocol_version,
        tasks: list(welcome.tasks, "tasks", TASKS_PER_RUNNER, TryInto::try_into)?,
        last_event: welcome.last_event,
        slots: read_slots(welcome.slots).under("slots")?,
    })
}

impl From<CompiledKey> for v1::CompiledKey {
    fn from(key: CompiledKey) -> Self {
        Self {
            wasm: key.wasm.to_string(),
            traps_unknown_imports: key.traps_unknown_imports,
        }
    }
}

impl TryFrom<v1::CompiledKey> for CompiledKey {
    type Error = ConvertError;

    fn try_from(key: v1::CompiledKey) -> Result<Self, Self::Error> {
        Ok(Self {
            wasm: parse(&key.wasm).under("wasm")?,
            traps_unknown_imports: key.traps_unknown_imports,
        })
    }
}

impl From<Order> for v1::RunnerOrder {
    fn from(order: Order) -> Self {
        let order = match order {
            Order::Module { key } => runner_order::Order::Module(runner_order::Module {
                key: Some(key.into()),
            }),
            Order::Launch(launch) => runner_order::Order::Launch((*launch).into()),
            Order::Kill { task, grace } => runner_order::Order::Kill(runner_order::Kill {
                task: Some(task.into()),
                grace_ms: millis(grace),
            }),
            Order::Confirm { event } => {
                runner_order::Order::Confirm(runner_order::Confirm { event })
            }
            Order::Shutdown => runner_order::Order::Shutdown(runner_order::Shutdown {}),
            Order::Budget(budget) => runner_order::Order::Budget(runner_order::Budget {
                cpu_ns: budget.cpu.map(nanos),
                alone_cpu_ns: budget.alone.map(nanos),
                offset_ns: nanos(budget.offset),
            }),
        };
        Self { order: Some(order) }
    }
}

impl TryFrom<v1::RunnerOrder> for Order {
    type Error = ConvertError;

    fn try_from(order: v1::RunnerOrder) -> Result<Self, Self::Error> {
        match required(order.order)? {
            runner_order::Order::Module(module) => Ok(Self::Module {
                key: required(module.key)
                    .and_then(TryInto::try_into)
                    .under("key")
                    .under("module")?,
            }),
            runner_order::Order::Launch(launch) => launch
                .try_into()
                .under("launch")
                .map(|launch| Self::Launch(Box::new(launch))),
            runner_order::Order::Kill(kill) => Ok(Self::Kill {
                task: read_task(kill.task).under("kill")?,
                grace: grace(kill.grace_ms).under("kill")?,
            }),
            runner_order::Order::Confirm(runner_order::Confirm { event }) => {
                Ok(Self::Confirm { event })
            }
            runner_order::Order::Shutdown(runner_order::Shutdown {}) => Ok(Self::Shutdown),
            runner_order::Order::Budget(budget) => Ok(Self::Budget(Budget {
                cpu: budget.cpu_ns.map(Duration::from_nanos),
                alone: budget.alone_cpu_ns.map(Duration::from_nanos),
                offset: offset(budget.offset_ns).under("budget")?,
            })),
        }
    }
}

fn offset(nanoseconds: u64) -> Result<Duration, ConvertError> {
    let offset = Duration::from_nanos(nanoseconds);
    if offset >= BUDGET_WINDOW {
        let wrong = format!("{nanoseconds} ns is no place in a window");
        let right = format!("write less than {} ns", BUDGET_WINDOW.as_nanos());
        return Err(ConvertError::new(wrong, right).under("offset_ns"));
    }
    Ok(offset)
}

fn read_task(task: Option<v1::TaskKey>) -> Result<TaskKey, ConvertError> {
    required(task).and_then(TryInto::try_into).under("task")
}

impl From<RunnerLaunch> for runner_order::Launch {
    fn from(launch: RunnerLaunch) -> Self {
        Self {
            key: Some(launch.key.into()),
            module: Some(launch.module.into()),
            task: Some(launch.task.into()),
            sandbox: launch.sandbox,
            has_stdin: launch.has_stdin,
            environment: launch.environment.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<runner_order::Launch> for RunnerLaunch {
    type Error = ConvertError;

    fn try_from(launch: runner_order::Launch) -> Result<Self, Self::Error> {
        Ok(Self {
            key: required(launch.key)
                .and_then(TryInto::try_into)
                .under("key")?,
            module: required(launch.module)
                .and_then(TryInto::try_into)
                .under("module")?,
            task: required(launch.task)
                .and_then(TryInto::try_into)
                .under("task")?,
            sandbox: host_path(launch.sandbox).under("sandbox")?,
            has_stdin: launch.has_stdin,
            environment: own_environment(launch.environment).under("environment")?,
        })
    }
}

/// A path on the agent's own disk.
fn host_path(path: String) -> Result<String, ConvertError> {
    check_length(path.len(), HOST_PATH_BYTES)?;
    if !path.starts_with('/') {
        return Err(ConvertError::new(
            format!("{} is not absolute", quoted(&path)),
            "write a path from the root",
        ));
    }
    without_zero_bytes(path)
}

impl From<NumberedEvent> for v1::RunnerEvent {
    fn from(event: NumberedEvent) -> Self {
        let number = event.number;
        let event = match event.event {
            Event::Started { task } => runner_event::Event::Started(runner_event::Started {
                task: Some(task.into()),
            }),
            Event::Ended {
                task,
                outcome,
                usage,
            } => runner_event::Event::Ended(runner_event::Ended {
                task: Some(task.into()),
                usage: Some(usage.into()),
                outcome: Some(outcome.into()),
            }),
        };
        Self {
            number,
            event: Some(event),
        }
    }
}

impl TryFrom<v1::RunnerEvent> for NumberedEvent {
    type Error = ConvertError;

    fn try_from(event: v1::RunnerEvent) -> Result<Self, Self::Error> {
        let number = event.number;
        let event = match required(event.event)? {
            runner_event::Event::Started(started) => Event::Started {
                task: read_task(started.task).under("started")?,
            },
            runner_event::Event::Ended(ended) => read_ended(ended).under("ended")?,
        };
        Ok(Self { number, event })
    }
}

fn read_ended(ended: runner_event::Ended) -> Result<Event, ConvertError> {
    Ok(Event::Ended {
        task: read_task(ended.task)?,
        outcome: required(ended.outcome)
            .and_then(TryInto::try_into)
            .under("outcome")?,
        usage: ended.usage.unwrap_or_default().into(),
    })
}

impl From<Outcome> for runner_event::ended::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Exited { code } => Self::Exited(runner_event::Exited { code }),
            Outcome::Failed {
                reason,
                message: text,
            } => Self::Failed(runner_event::Failed {
                reason: v1::Reason::from(reason).into(),
                message: message(text),
            }),
            Outcome::Killed => Self::Killed(runner_event::Killed {}),
        }
    }
}

impl TryFrom<runner_event::ended::Outcome> for Outcome {
    type Error = ConvertError;

    fn try_from(outcome: runner_event::ended::Outcome) -> Result<Self, Self::Error> {
        use runner_event::ended::Outcome as Wire;
        match outcome {
            Wire::Exited(runner_event::Exited { code }) => Ok(Self::Exited { code }),
            Wire::Failed(failed) => Ok(Self::Failed {
                reason: Reason::required(failed.reason).under("reason")?,
                message: message(failed.message),
            }),
            Wire::Killed(runner_event::Killed {}) => Ok(Self::Killed),
        }
    }
}
