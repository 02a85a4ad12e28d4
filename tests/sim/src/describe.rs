//! What happens, in one line of the log each.
//!
//! Owns the wording; formats only what a reader of a failing seed needs to follow it.

use stoker_agent_core::{Effect as AgentEffect, Input as AgentInput, Record};
use stoker_master_core::{Input as MasterInput, RegistryOperation};
use stoker_sdk_scheduler::core::Input as SchedulerInput;
use stoker_types::{
    StatusUpdate, TaskId,
    agent::{AgentCall, AgentEvent, TaskSnapshot},
    runner::{Event as RunnerEvent, NumberedEvent},
    scheduler::{Call, Event, NumberedCall, Operation},
};

pub(crate) fn master_input(input: &MasterInput) -> String {
    match input {
        MasterInput::Tick => "<- tick".to_owned(),
        MasterInput::Persisted { sequence } => format!("<- persisted {sequence}"),
        MasterInput::Scheduler {
            connection,
            call: said,
        } => {
            format!("<- #{} {}", connection.0, call(said))
        }
        MasterInput::Agent { connection, call } => {
            format!("<- #{} {}", connection.0, agent_call(call))
        }
        MasterInput::SchedulerDisconnected { connection }
        | MasterInput::AgentDisconnected { connection } => {
            format!("<- #{} is over", connection.0)
        }
        MasterInput::Operator { command, .. } => format!("<- operator {command:?}"),
        MasterInput::SchedulerCallInvalid { .. } => format!("<- {input:?}"),
    }
}

pub(crate) fn operation(operation: &RegistryOperation) -> String {
    match operation {
        RegistryOperation::PutAgent(record) => {
            format!(
                "put {} unreachable {:?}",
                record.agent.id, record.unreachable_since
            )
        }
        RegistryOperation::PutFramework(record) => {
            format!("put {} deadline {:?}", record.id, record.failover_deadline)
        }
        RegistryOperation::RemoveFramework(framework_id) => format!("remove {framework_id}"),
    }
}

pub(crate) fn call(numbered: &NumberedCall) -> String {
    let said = match &numbered.call {
        Call::Subscribe {
            framework_id,
            suppressed_roles,
            ..
        } => format!("subscribe {framework_id:?} suppressed {suppressed_roles:?}"),
        Call::Accept {
            offer_ids,
            operations,
            filter,
        } => {
            let tasks = operations.iter().flat_map(|operation| match operation {
                Operation::Launch { tasks } => tasks,
            });
            let tasks: Vec<&TaskId> = tasks.map(|task| &task.id).collect();
            format!(
                "accept {offer_ids:?} for {tasks:?}, refuse {:?}",
                filter.refuse
            )
        }
        Call::Decline { offer_ids, filter } => {
            format!("decline {offer_ids:?}, refuse {:?}", filter.refuse)
        }
        Call::Acknowledge {
            task_id, number, ..
        } => format!("acknowledge {task_id} {number}"),
        Call::Kill { task_id, .. } => format!("kill {task_id}"),
        Call::Reconcile { tasks } => format!("reconcile {tasks:?}"),
        Call::Message { task_id, data, .. } => format!("message {task_id} {} B", data.len()),
        Call::Revive { roles } => format!("revive {roles:?}"),
        Call::Suppress { roles } => format!("suppress {roles:?}"),
        Call::Teardown => "teardown".to_owned(),
    };
    format!("{} {said}", numbered.call_id)
}

fn agent_call(call: &AgentCall) -> String {
    match call {
        AgentCall::Register { agent, boot_id } => format!("register {} {boot_id}", agent.id),
        AgentCall::Snapshot { tasks, last } => {
            let tasks: Vec<String> = tasks.iter().map(snapshot).collect();
            format!("snapshot {tasks:?} last {last}")
        }
        AgentCall::Update(told) => update(told),
        AgentCall::Pong => "pong".to_owned(),
        AgentCall::Runners(runners) => format!("runners {}", runners.len()),
        AgentCall::Unregister => "unregister".to_owned(),
        AgentCall::Usages(usages) => format!("usages of {}", usages.len()),
    }
}

fn snapshot(task: &TaskSnapshot) -> String {
    format!(
        "{} {} {}/{}",
        task.launch.task.id, task.state, task.acknowledged_number, task.latest_number
    )
}

fn update(update: &StatusUpdate) -> String {
    let reason = update.reason.map_or("", |reason| reason.as_str());
    format!(
        "update {} {} {} {reason}",
        update.task, update.number, update.state
    )
}

pub(crate) fn scheduler_event(event: &Event) -> String {
    match event {
        Event::Subscribed { framework_id, .. } => format!("subscribed {framework_id}"),
        Event::Offers(offers) => {
            let offers: Vec<String> = offers
                .iter()
                .map(|offer| format!("{} {} {}", offer.id, offer.agent_id, offer.resources))
                .collect();
            format!("offers {offers:?}")
        }
        Event::Rescind { offer_id } => format!("rescind {offer_id}"),
        Event::Update(told) => update(told),
        Event::Refused { call_id, message } => format!("refused {call_id}: {message}"),
        Event::Heartbeat => "heartbeat".to_owned(),
        Event::Error { message, retry } => format!("error, retry {retry}: {message}"),
    }
}

pub(crate) fn agent_event(event: &AgentEvent) -> String {
    match event {
        AgentEvent::Registered { agent_id, epoch } => format!("registered {agent_id} {epoch}"),
        AgentEvent::Launch(launch) => {
            format!(
                "launch {} {} {}",
                launch.framework_id, launch.task.id, launch.allocated
            )
        }
        AgentEvent::Kill { task, reason, .. } => format!("kill {task} {reason}"),
        AgentEvent::ShutdownFramework { framework_id } => format!("shut down {framework_id}"),
        AgentEvent::Acknowledge { task, number } => format!("acknowledge {task} {number}"),
        AgentEvent::ResendUpdates { framework_id } => format!("resend updates of {framework_id}"),
        AgentEvent::Transfer(request) => format!("transfer {}", request.ticket),
        AgentEvent::Ping => "ping".to_owned(),
        AgentEvent::Refused { message, retry } => format!("refused, retry {retry}: {message}"),
    }
}

pub(crate) fn agent_input(input: &AgentInput) -> String {
    match input {
        AgentInput::Tick => "<- tick".to_owned(),
        AgentInput::Persisted { sequence } => format!("<- persisted {sequence}"),
        AgentInput::Written { sequence } => format!("<- written {sequence}"),
        AgentInput::Connected { connection } => format!("<- #{} is open", connection.0),
        AgentInput::Disconnected { connection } => format!("<- #{} is over", connection.0),
        AgentInput::Master {
            connection,
            epoch,
            event,
        } => format!("<- #{} ({epoch}) {}", connection.0, agent_event(event)),
        AgentInput::Preparing { task, phase } => format!("<- {phase:?} {task}"),
        AgentInput::Prepared { task, result, .. } => {
            let result = result
                .as_ref()
                .map_or_else(|failure| failure.reason.as_str(), |_| "well");
            format!("<- prepared {task}: {result}")
        }
        AgentInput::OutputsUploaded { task, result } => {
            let result = result
                .as_ref()
                .map_or_else(|failure| failure.reason.as_str(), |_| "well");
            format!("<- uploaded {task}: {result}")
        }
        AgentInput::RunnerReady { welcome } => format!(
            "<- {} welcomes: {:?}, last event {}",
            welcome.runner_id, welcome.tasks, welcome.last_event
        ),
        AgentInput::Usages { runner_id, usages } => {
            format!("<- {runner_id} usages of {}", usages.len())
        }
        AgentInput::Runner { runner_id, event } => {
            format!("<- {runner_id} {}", runner_event(event))
        }
        AgentInput::RunnerLost { runner_id, message } => format!("<- {runner_id} lost: {message}"),
        AgentInput::Stop { kill_tasks } => format!("<- stop, kill tasks: {kill_tasks}"),
    }
}

fn runner_event(event: &NumberedEvent) -> String {
    match &event.event {
        RunnerEvent::Started { task } => format!("{} started {task}", event.number),
        RunnerEvent::Ended { task, outcome, .. } => {
            format!("{} ended {task} {outcome:?}", event.number)
        }
    }
}

pub(crate) fn agent_effect(effect: &AgentEffect) -> String {
    match effect {
        AgentEffect::ToMaster { connection, call } => {
            format!("-> #{} {}", connection.0, agent_call(call))
        }
        AgentEffect::Disconnect { connection } => format!("-> #{} end it", connection.0),
        AgentEffect::Persist {
            sequence,
            record,
            durability,
        } => format!(
            "-> log {sequence} {durability:?} {}",
            describe_record(record)
        ),
        AgentEffect::Prepare { task, .. } => format!("-> prepare {task}"),
        AgentEffect::CancelPrepare { task } => format!("-> cancel {task}"),
        AgentEffect::UploadOutputs { task, paths } => format!("-> upload {task} {paths:?}"),
        AgentEffect::CancelUpload { task } => format!("-> cancel the upload of {task}"),
        AgentEffect::StartRunner { runner_id, .. } => format!("-> start {runner_id}"),
        AgentEffect::AdoptRunner {
            runner_id,
            confirmed_event,
            ..
        } => format!("-> adopt {runner_id}, confirmed {confirmed_event}"),
        AgentEffect::Launch {
            runner_id, launch, ..
        } => format!("-> {runner_id} launch {}", launch.task.id),
        AgentEffect::Kill {
            runner_id, task, ..
        } => format!("-> {runner_id} kill {task}"),
        AgentEffect::Guarantee { runner_id, cpus } => format!("-> {runner_id} has {cpus} cpus"),
        AgentEffect::ConfirmEvent { runner_id, event } => {
            format!("-> {runner_id} confirm {event}")
        }
        AgentEffect::StopRunner { runner_id } => format!("-> stop {runner_id}"),
        AgentEffect::Transfer(request) => format!("-> transfer {}", request.ticket),
        AgentEffect::Forgotten { task } => format!("-> forgotten {task}"),
        AgentEffect::Exit { failure } => format!("-> exit {failure:?}"),
    }
}

fn describe_record(record: &Record) -> String {
    match record {
        Record::Identity { agent_id, boot_id } => format!("identity {agent_id} {boot_id}"),
        Record::Launched(launch) => format!("launched {}", launch.task.id),
        Record::RunnerStarted { runner_id, .. } => format!("started {runner_id}"),
        Record::RunnerEnded { runner_id } => format!("ended {runner_id}"),
        Record::HandedOver { task, runner_id } => format!("handed over {task} to {runner_id}"),
        Record::KillRequested { task, reason, .. } => format!("to be killed {task} {reason}"),
        Record::Update {
            update: told,
            runner_event,
        } => format!("{} from {runner_event:?}", update(told)),
        Record::OutputsPending {
            task, runner_event, ..
        } => format!("outputs pending {task} from {runner_event:?}"),
        Record::Acknowledged { task, number } => format!("acknowledged {task} {number}"),
        Record::Forgotten { task } => format!("forgotten {task}"),
    }
}

pub(crate) fn scheduler_input<C: std::fmt::Debug>(input: &SchedulerInput<C>) -> String {
    match input {
        SchedulerInput::Event { epoch, event } => {
            format!("<- ({epoch}) {}", scheduler_event(event))
        }
        SchedulerInput::Connected
        | SchedulerInput::Disconnected { .. }
        | SchedulerInput::Command(_)
        | SchedulerInput::Stop
        | SchedulerInput::Tick => format!("<- {input:?}"),
    }
}
