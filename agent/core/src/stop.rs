//! The end of the agent: at once, its tasks staying with their runners; or after its tasks.
//!
//! [`begin`] ends all tasks; [`advance`] goes on when they are over (or have had their time): to
//! the runners, and to the end of the daemon.

use stoker_types::{
    Reason, RunnerId, Timestamp,
    agent::{AgentCall, DEFAULT_KILL_GRACE},
};

use crate::{
    Agent, Effect,
    kill::kill_task::kill_task,
    runners,
    state::{Task, Timer},
};

/// An agent that ends its tasks and itself.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) stage: Stage,
    /// Why, if not because it was told to.
    pub(crate) failure: Option<String>,
}

/// What a stopping agent waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its tasks.
    Tasks,
    /// Its runners.
    Runners,
    /// Nothing more.
    Over,
}

/// The daemon is told to stop.
pub(crate) fn stop(agent: &mut Agent, now: Timestamp, kill_tasks: bool, effects: &mut Vec<Effect>) {
    if kill_tasks {
        begin(agent, now, None, effects);
    } else {
        exit(agent, None, effects);
    }
}

/// Ends all tasks, and then the agent.
pub(crate) fn begin(
    agent: &mut Agent,
    now: Timestamp,
    failure: Option<String>,
    effects: &mut Vec<Effect>,
) {
    if agent.stop.is_some() {
        return;
    }
    agent.stop = Some(Stop {
        stage: Stage::Tasks,
        failure,
    });
    let at = now.after(agent.config.timeouts.stop_tasks);
    agent.timers.set(Timer::Stop, at);
    // The other half is for their ends to be told and acknowledged.
    let grace = (agent.config.timeouts.stop_tasks / 2).min(DEFAULT_KILL_GRACE);
    for key in agent.tasks.keys() {
        kill_task(agent, now, &key, (Reason::AgentStopped, grace), effects);
    }
}

/// Goes on if what was waited for is there.
pub(crate) fn advance(agent: &mut Agent, now: Timestamp, effects: &mut Vec<Effect>) {
    let Some(stop) = &agent.stop else {
        return;
    };
    match stop.stage {
        Stage::Tasks if tasks_are_over(agent) => end_runners(agent, now, effects),
        Stage::Runners if agent.runners.is_empty() && agent.log.pending() == 0 => {
            finish(agent, effects)
        }
        Stage::Tasks | Stage::Runners | Stage::Over => {}
    }
}

/// What was waited for has had its time.
pub(crate) fn due(agent: &mut Agent, now: Timestamp, effects: &mut Vec<Effect>) {
    let Some(stop) = &agent.stop else {
        return;
    };
    match stop.stage {
        Stage::Tasks => end_runners(agent, now, effects),
        Stage::Runners => finish(agent, effects),
        Stage::Over => {}
    }
}

/// Whether all tasks are over, their ends written, and acknowledged if a master is there for it.
fn tasks_are_over(agent: &Agent) -> bool {
    let is_written = |task: &Task| {
        task.updates
            .told()
            .is_some_and(|told| told.state.is_terminal())
    };
    agent.tasks.len() == 0
        || (agent.runners.live_tasks() == 0
            && agent.session.registered().is_none()
            && agent.tasks.iter().all(is_written))
}

fn end_runners(agent: &mut Agent, now: Timestamp, effects: &mut Vec<Effect>) {
    set_stage(agent, Stage::Runners);
    let at = now.after(agent.config.timeouts.stop_runners);
    agent.timers.set(Timer::Stop, at);
    let runners: Vec<RunnerId> = agent.runners.iter().map(|runner| runner.id).collect();
    for runner_id in runners {
        runners::idle::stop(agent, runner_id, effects);
    }
    advance(agent, now, effects);
}

fn finish(agent: &mut Agent, effects: &mut Vec<Effect>) {
    // An end that nobody has acknowledged is a task too: unregistered, nobody would hear of it.
    if let Some(connection) = agent.session.registered()
        && agent.tasks.len() == 0
    {
        effects.push(Effect::ToMaster {
            connection,
            call: AgentCall::Unregister,
        });
    }
    let failure = agent.stop.as_ref().and_then(|stop| stop.failure.clone());
    exit(agent, failure, effects);
}

/// The last effect; nothing that happens afterwards matters.
fn exit(agent: &mut Agent, failure: Option<String>, effects: &mut Vec<Effect>) {
    agent.timers = crate::state::Timers::default();
    agent.stop = Some(Stop {
        stage: Stage::Over,
        failure: failure.clone(),
    });
    effects.push(Effect::Exit { failure });
}

fn set_stage(agent: &mut Agent, stage: Stage) {
    if let Some(stop) = &mut agent.stop {
        stop.stage = stage;
    }
}

impl Stop {
    /// Whether the last effect was given.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }
}
