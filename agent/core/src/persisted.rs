//! Records are in the log: what waited for them goes on.

use stoker_types::Timestamp;

use crate::{Agent, Effect, kill, launch, outputs, runners, state::Awaiting, updates};

/// All records up to `sequence` are in the log, each in its class.
pub(crate) fn persisted(
    agent: &mut Agent,
    now: Timestamp,
    sequence: u64,
    effects: &mut Vec<Effect>,
) {
    while let Some(awaiting) = agent.log.next_persisted(sequence) {
        go_on(agent, now, awaiting, effects);
    }
}

/// All records up to `sequence` are written; those that are to be synced may not be yet.
pub(crate) fn written(agent: &mut Agent, now: Timestamp, sequence: u64, effects: &mut Vec<Effect>) {
    while let Some(awaiting) = agent.log.next_written(sequence) {
        go_on(agent, now, awaiting, effects);
    }
}

fn go_on(agent: &mut Agent, now: Timestamp, awaiting: Awaiting, effects: &mut Vec<Effect>) {
    match awaiting {
        Awaiting::Launched(key) => launch::admit::written(agent, &key, effects),
        Awaiting::RunnerStarted(runner_id) => {
            runners::start::written(agent, runner_id, effects);
        }
        Awaiting::HandedOver { task, runner_id } => {
            launch::hand_over::written(agent, now, &task, runner_id, effects);
        }
        Awaiting::KillRequested(key) => kill::kill_task::written(agent, &key, effects),
        Awaiting::Update {
            task,
            number,
            runner_event,
        } => updates::written::written(agent, now, (&task, number), runner_event, effects),
        Awaiting::OutputsPending { task, runner_event } => {
            outputs::written(agent, &task, runner_event, effects);
        }
        Awaiting::Forgotten(key) => {
            updates::acknowledge::forgotten(agent, &key, effects);
        }
        Awaiting::Nothing => {}
    }
}
