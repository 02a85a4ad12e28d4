//! The core's views as the JSON of the operator's API.
//!
//! Owns nothing but the way from one to the other; the schema is `stoker_proto::json`'s.

use stoker_master_core::{AgentView, FrameworkView, OfferView, TaskView};
use stoker_proto::json::{self, Agent, Framework, Offer, Output, Resources, Runner, Task};

use super::tables::Totals;

/// The names of states, as the JSON, the metrics and the watchers show them.
pub(crate) mod names {
    use stoker_master_core::{AgentState, FrameworkState};
    use stoker_proto::json;

    pub(in crate::read_model) const fn json_agent_state(state: AgentState) -> json::AgentState {
        match state {
            AgentState::Registering => json::AgentState::Registering,
            AgentState::Active => json::AgentState::Active,
            AgentState::Disconnected => json::AgentState::Disconnected,
            AgentState::Unreachable => json::AgentState::Unreachable,
        }
    }

    pub(in crate::read_model) const fn json_framework_state(
        state: FrameworkState,
    ) -> json::FrameworkState {
        match state {
            FrameworkState::Active => json::FrameworkState::Active,
            FrameworkState::Disconnected => json::FrameworkState::Disconnected,
            FrameworkState::Completed => json::FrameworkState::Completed,
        }
    }

    /// `active`, `unreachable`, …
    pub(crate) const fn agent_state(state: AgentState) -> &'static str {
        json_agent_state(state).as_str()
    }

    /// `active`, `disconnected`, …
    pub(crate) const fn framework_state(state: FrameworkState) -> &'static str {
        json_framework_state(state).as_str()
    }
}

pub(super) fn agent(view: &AgentView) -> Agent {
    Agent {
        used: Resources::from(&view.used),
        offered: Resources::from(&view.offered),
        registered_at: view.registered_at.map(json::time),
        runners: view.runners.iter().map(Runner::from).collect(),
        ..Agent::new(&view.agent, names::json_agent_state(view.state))
    }
}

pub(super) fn framework(view: &FrameworkView, totals: &Totals) -> Framework {
    Framework {
        state: names::json_framework_state(view.state),
        disconnected_at: view.disconnected_at.map(json::time),
        tasks: totals.tasks,
        used: Resources::from(&totals.used),
        offered: Resources::from(&totals.offered),
        ..Framework::new(view.id, &view.framework, view.registered_at)
    }
}

pub(super) fn task(view: &TaskView) -> Task {
    Task {
        agent_id: Some(view.agent_id.to_string()),
        state: view.state,
        reason: view.reason,
        message: view.message.clone(),
        exit_code: view.exit_code,
        resources: Resources::from(&view.allocated),
        started_at: view.started_at.map(json::time),
        ended_at: view.ended_at.map(json::time),
        outputs: view.outputs.iter().map(Output::from).collect(),
        ..Task::new(&view.key, &view.role, &view.task, view.created_at).with_usage(&view.usage)
    }
}

pub(super) fn offer(view: &OfferView) -> Offer {
    Offer::new(&view.offer, view.created_at, view.expires_at)
}
