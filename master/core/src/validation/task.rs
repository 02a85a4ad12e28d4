//! Which of these tasks may be launched on what is offered?
//!
//! Owns the judgement of each task of an accept, in order, by itself: what it would be charged, or
//! why it is turned away. Changes nothing: the accept carries the verdicts out.

use std::collections::BTreeSet;

use stoker_types::{Milli, Reason, Resources, TaskId, TaskInfo, TaskKey, TaskState, limit};

use super::sandbox;
use crate::state::{frameworks::Framework, tasks::Tasks};

/// Millions of fuel units a second that go with one cpu where a task names no fuel.
const FUEL_PER_CPU: u64 = 5000;

/// What is known before an accept is carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) tasks: &'a Tasks,
    pub(crate) framework: &'a Framework,
    pub(crate) tasks_per_framework: usize,
}

impl Known<'_> {
    /// Whether the framework may not use this id: it is in use, or was lately.
    fn is_used(&self, task_id: &TaskId) -> bool {
        let key = TaskKey {
            framework_id: self.framework.id,
            task_id: task_id.clone(),
        };
        self.tasks.get(&key).is_some() || self.framework.ended_task_ids.contains(task_id)
    }

    /// How many more tasks the framework may have.
    fn room(&self) -> usize {
        self.tasks_per_framework
            .saturating_sub(self.framework.tasks.len())
    }
}

/// What becomes of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is launched and charged this.
    Launch {
        task: Box<TaskInfo>,
        allocated: Resources,
    },
    /// It is not, and may not run again as it is, or may.
    TurnAway {
        task_id: TaskId,
        state: TaskState,
        reason: Reason,
        message: String,
    },
}

/// Judges `tasks`, in order, against what the offers hold; also what is left over then.
pub(crate) fn judge(
    known: Known<'_>,
    tasks: Vec<TaskInfo>,
    offered: Resources,
) -> (Vec<Verdict>, Resources) {
    let mut left = offered;
    let mut launched = BTreeSet::new();
    let mut verdicts = Vec::with_capacity(tasks.len());
    for task in tasks {
        let judgement = if launched.contains(&task.id) || known.is_used(&task.id) {
            Err(invalid(format!(
                "its id is in use, or was lately: choose another one than {}",
                task.id
            )))
        } else if launched.len() >= known.room() {
            Err(dropped(format!(
                "the limit `tasks_per_framework` of {} is reached",
                known.tasks_per_framework
            )))
        } else {
            charge(&task, &left)
        };
        verdicts.push(match judgement {
            Ok((allocated, rest)) => {
                left = rest;
                launched.insert(task.id.clone());
                Verdict::Launch {
                    task: Box::new(task),
                    allocated,
                }
            }
            Err((state, reason, message)) => Verdict::TurnAway {
                task_id: task.id,
                state,
                reason,
                message,
            },
        });
    }
    (verdicts, left)
}

type TurnedAway = (TaskState, Reason, String);

const fn invalid(message: String) -> TurnedAway {
    (TaskState::Error, Reason::TaskInvalid, message)
}

const fn dropped(message: String) -> TurnedAway {
    (TaskState::Dropped, Reason::InsufficientResources, message)
}

/// What a task is charged and what is left without it, if it is well described and fits.
fn charge(task: &TaskInfo, left: &Resources) -> Result<(Resources, Resources), TurnedAway> {
    check(task).map_err(invalid)?;
    let mut allocated = task.resources.clone();
    if allocated.fuel.is_zero() {
        let share = allocated.cpus.saturating_mul(FUEL_PER_CPU);
        allocated.fuel = share.min(left.fuel);
    }
    let rest = left.checked_sub(&allocated);
    rest.map(|rest| (allocated, rest)).ok_or_else(|| {
        dropped(format!(
            "it asks for {}; what the offers still hold is {left}",
            task.resources
        ))
    })
}

/// Whether a task is well described, whatever is offered.
fn check(task: &TaskInfo) -> Result<(), String> {
    if task.resources.cpus == Milli::ZERO || task.resources.mem == 0 {
        return Err("it must ask for at least cpus=0.001 and some mem".to_owned());
    }
    if task.name.len() > limit::NAME_BYTES || task.name.chars().any(char::is_control) {
        return Err("its name has more than 256 bytes, or control characters".to_owned());
    }
    let counts = [task.arguments.len(), task.environment.len()];
    if counts
        .iter()
        .any(|count| *count > limit::ARGUMENTS_PER_TASK)
    {
        return Err("it has more than 1,024 arguments or environment variables".to_owned());
    }
    let arguments = task.arguments.iter().map(String::len);
    let environment = task.environment.iter();
    let environment = environment.map(|variable| variable.name.len() + variable.value.len());
    if arguments.chain(environment).sum::<usize>() > limit::ARGUMENTS_AND_ENVIRONMENT_BYTES {
        return Err("its arguments and environment take more than 32 KiB".to_owned());
    }
    sandbox::check(task)
}
