//! A runner answers for the first time.

use stoker_types::{Timestamp, runner::Welcome};

use super::{idle, list, tenant};
use crate::{Agent, Effect, recovery, state::RunnerState};

/// A runner that was started takes its tenant's tasks; one that was found again is asked what it
/// holds.
pub(crate) fn ready(
    agent: &mut Agent,
    now: Timestamp,
    welcome: Welcome,
    effects: &mut Vec<Effect>,
) {
    let runner_id = welcome.runner_id;
    let Some(runner) = agent.runners.get_mut(runner_id) else {
        tracing::warn!(%runner_id, "a runner that nobody started answered; it is ended");
        effects.push(Effect::StopRunner { runner_id });
        return;
    };
    runner.slots = usize::try_from(welcome.slots).unwrap_or(usize::MAX);
    match runner.state {
        RunnerState::Starting => {
            runner.state = RunnerState::Ready { pid: welcome.pid };
            let tenant = runner.tenant.clone();
            tenant::serve(agent, &tenant, effects);
            idle::check(agent, now, &tenant, effects);
            list::changed(agent, now);
        }
        RunnerState::Adopting => recovery::adopt::answered(agent, now, welcome, effects),
        RunnerState::StartPending
        | RunnerState::Replaying { .. }
        | RunnerState::Ready { .. }
        | RunnerState::Stopping { .. } => {
            tracing::debug!(%runner_id, "a runner answered again or too late; ignored");
        }
    }
}
