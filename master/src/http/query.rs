//! What may stand behind the question mark of a list: `?limit=&after=` and filters.
//!
//! Owns how those texts become ids and bounds, and what is said where they cannot.

use std::{fmt::Display, str::FromStr};

use serde::Deserialize;
use stoker_types::TaskKey;
use utoipa::IntoParams;

use super::error::HttpError;
use crate::read_model::{Page, TaskFilter};

/// The items of a list for those who name no limit.
pub(super) const DEFAULT_LIMIT: usize = 1_000;
/// The most items of a list.
const MAX_LIMIT: usize = 10_000;

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// How many items: 1 to 10,000; 1,000 if absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    limit: Option<String>,
    /// Only items that follow this one: the id of the last item of the page before.
    after: Option<String>,
}

/// Which tasks, and which part of their list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TaskQuery {
    /// How many items: 1 to 10,000; 1,000 if absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    limit: Option<String>,
    /// Only tasks that follow this one: `FRAMEWORK_ID/TASK_ID` of the last task of the page before.
    after: Option<String>,
    /// Only tasks of this framework.
    framework_id: Option<String>,
    /// Only tasks on this agent.
    agent_id: Option<String>,
    /// Only tasks in this state, for example `TASK_RUNNING`.
    state: Option<String>,
}

impl PageQuery {
    /// The page, of a list whose items have ids of this kind.
    pub(super) fn page<T: FromStr<Err: Display>>(&self) -> Result<Page<T>, HttpError> {
        let after = read("after", self.after.as_deref())?;
        Ok(Page {
            after,
            limit: read_limit(self.limit.as_deref())?,
        })
    }

    /// The bound alone, of a page that holds several lists.
    pub(super) fn limit(&self) -> Result<usize, HttpError> {
        if self.after.is_some() {
            let message = "after: this page shows the beginning of each list; ask the lists \
                           themselves for the rest";
            return Err(HttpError::Invalid(message.to_owned()));
        }
        read_limit(self.limit.as_deref())
    }
}

impl TaskQuery {
    pub(super) fn page(&self) -> Result<Page<TaskKey>, HttpError> {
        let after = self.after.as_deref().map(read_task_key).transpose()?;
        Ok(Page {
            after,
            limit: read_limit(self.limit.as_deref())?,
        })
    }

    pub(super) fn filter(&self) -> Result<TaskFilter, HttpError> {
        Ok(TaskFilter {
            framework_id: read("framework_id", self.framework_id.as_deref())?,
            agent_id: read("agent_id", self.agent_id.as_deref())?,
            state: match self.state.as_deref() {
                None => None,
                Some(text) => Some(read_state(text)?),
            },
        })
    }
}

fn read<T: FromStr<Err: Display>>(field: &str, text: Option<&str>) -> Result<Option<T>, HttpError> {
    text.map(str::parse)
        .transpose()
        .map_err(|error| HttpError::Invalid(format!("{field}: {error}")))
}

fn read_limit(text: Option<&str>) -> Result<usize, HttpError> {
    let Some(text) = text else {
        return Ok(DEFAULT_LIMIT);
    };
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| {
        HttpError::Invalid(format!(
            "limit: {:?} is not possible; write a number from 1 to {MAX_LIMIT}",
            super::cut(text)
        ))
    })
}

fn read_task_key(text: &str) -> Result<TaskKey, HttpError> {
    let (framework_id, task_id) = text.split_once('/').ok_or_else(|| {
        let text = super::cut(text);
        HttpError::Invalid(format!(
            "after: {text:?} is no task; write FRAMEWORK_ID/TASK_ID"
        ))
    })?;
    let invalid = |error: stoker_types::IdParseError| HttpError::Invalid(format!("after: {error}"));
    Ok(TaskKey {
        framework_id: framework_id.parse().map_err(invalid)?,
        task_id: task_id.parse().map_err(invalid)?,
    })
}

fn read_state(text: &str) -> Result<stoker_types::TaskState, HttpError> {
    text.parse().map_err(|error: stoker_types::UnknownName| {
        let names: Vec<&str> = stoker_types::TaskState::ALL
            .iter()
            .map(|state| state.as_str())
            .collect();
        HttpError::Invalid(format!("state: {error}; write one of {}", names.join(", ")))
    })
}

/// The id in an address.
pub(super) fn read_id<T: FromStr<Err: Display>>(text: &str) -> Result<T, HttpError> {
    text.parse()
        .map_err(|error: T::Err| HttpError::Invalid(error.to_string()))
}
