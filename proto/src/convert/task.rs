//! Tasks as frameworks describe them.

use std::time::Duration;

use prost::Message as _;
use stoker_types::{
    BlobForm, EnvironmentVariable, Input, TaskInfo, TaskKey, TaskLimits, UnknownImports, limit,
};

use super::{
    enums::WireEnum as _,
    error::{ConvertError, Under as _},
    read::{
        check_count, check_length, check_sandbox_path, list, millis, parse, parse_optional, quoted,
        text, without_zero_bytes, write_optional,
    },
};
use crate::v1;

/// The longest encoded description of a task, in bytes. Without it the bounds of its lists would
/// let one task fill more than a whole batch, and none could carry it to an agent.
pub const TASK_BYTES: usize = 256 * 1024;

impl From<TaskKey> for v1::TaskKey {
    fn from(key: TaskKey) -> Self {
        Self {
            framework_id: key.framework_id.to_string(),
            task_id: key.task_id.to_string(),
        }
    }
}

impl TryFrom<v1::TaskKey> for TaskKey {
    type Error = ConvertError;

    fn try_from(key: v1::TaskKey) -> Result<Self, Self::Error> {
        Ok(Self {
            framework_id: parse(&key.framework_id).under("framework_id")?,
            task_id: parse(&key.task_id).under("task_id")?,
        })
    }
}

impl From<TaskInfo> for v1::TaskInfo {
    fn from(task: TaskInfo) -> Self {
        Self {
            task_id: task.id.to_string(),
            name: task.name,
            module: task.module.to_string(),
            module_digest: write_optional(task.module_digest),
            resources: Some(task.resources.into()),
            arguments: task.arguments,
            program_name: task.program_name,
            environment: task.environment.into_iter().map(Into::into).collect(),
            stdin: write_optional(task.stdin),
            inputs: task.inputs.into_iter().map(Into::into).collect(),
            outputs: task.outputs,
            limits: Some(task.limits.into()),
        }
    }
}

/// Whether what a task has in its sandbox lies in there: what an agent may rely on. (A scheduler may
/// write what it likes. The master judges each of its tasks by itself, in words of its own.)
pub(super) fn check_sandbox_paths(task: &TaskInfo) -> Result<(), ConvertError> {
    for (index, input) in task.inputs.iter().enumerate() {
        check_sandbox_path(&input.path)
            .under("path")
            .at("inputs", index)?;
    }
    for (index, output) in task.outputs.iter().enumerate() {
        check_sandbox_path(output).at("outputs", index)?;
    }
    Ok(())
}

impl TryFrom<v1::TaskInfo> for TaskInfo {
    type Error = ConvertError;

    fn try_from(task: v1::TaskInfo) -> Result<Self, Self::Error> {
        check_length(task.encoded_len(), TASK_BYTES)?;
        check_arguments_and_environment(&task)?;
        Ok(Self {
            id: parse(&task.task_id).under("task_id")?,
            name: text(task.name, limit::NAME_BYTES).under("name")?,
            module: parse(&task.module).under("module")?,
            module_digest: parse_optional(&task.module_digest).under("module_digest")?,
            resources: task
                .resources
                .unwrap_or_default()
                .try_into()
                .under("resources")?,
            arguments: list(
                task.arguments,
                "arguments",
                limit::ARGUMENTS_PER_TASK,
                without_zero_bytes,
            )?,
            program_name: without_zero_bytes(task.program_name).under("program_name")?,
            environment: list(
                task.environment,
                "environment",
                limit::ARGUMENTS_PER_TASK,
                TryInto::try_into,
            )?,
            stdin: parse_optional(&task.stdin).under("stdin")?,
            inputs: list(
                task.inputs,
                "inputs",
                limit::INPUTS_PER_TASK,
                TryInto::try_into,
            )?,
            outputs: list(task.outputs, "outputs", limit::INPUTS_PER_TASK, Ok)?,
            limits: task.limits.unwrap_or_default().try_into().under("limits")?,
        })
    }
}

fn check_arguments_and_environment(task: &v1::TaskInfo) -> Result<(), ConvertError> {
    let arguments = task.arguments.iter().map(String::len);
    let variables = task
        .environment
        .iter()
        .map(|variable| variable.name.len() + variable.value.len());
    let length = task.program_name.len() + arguments.chain(variables).sum::<usize>();
    if length <= limit::ARGUMENTS_AND_ENVIRONMENT_BYTES {
        return Ok(());
    }
    Err(ConvertError::new(
        format!("the arguments and the environment are {length} bytes long"),
        format!(
            "pass at most {} bytes, and larger input as stdin or inputs",
            limit::ARGUMENTS_AND_ENVIRONMENT_BYTES
        ),
    ))
}

impl From<EnvironmentVariable> for v1::EnvironmentVariable {
    fn from(variable: EnvironmentVariable) -> Self {
        Self {
            name: variable.name,
            value: variable.value,
        }
    }
}

impl TryFrom<v1::EnvironmentVariable> for EnvironmentVariable {
    type Error = ConvertError;

    fn try_from(variable: v1::EnvironmentVariable) -> Result<Self, Self::Error> {
        let variable = any_variable(variable)?;
        if variable.name.starts_with("STOKER_") {
            return Err(ConvertError::new(
                format!("{} is a variable that Stoker sets", quoted(&variable.name)),
                "write a name that does not start with STOKER_",
            )
            .under("name"));
        }
        Ok(variable)
    }
}

/// A variable of any valid name, those that Stoker sets included.
fn any_variable(variable: v1::EnvironmentVariable) -> Result<EnvironmentVariable, ConvertError> {
    let wrong = if variable.name.is_empty() {
        Some("is empty".to_owned())
    } else if variable.name.contains('=') {
        Some(format!("{} holds \"=\"", quoted(&variable.name)))
    } else if variable.name.contains('\0') {
        Some(format!("{} holds a zero byte", quoted(&variable.name)))
    } else {
        None
    };
    if let Some(wrong) = wrong {
        let right = "write a name without = and zero bytes";
        return Err(ConvertError::new(wrong, right).under("name"));
    }
    Ok(EnvironmentVariable {
        name: variable.name,
        value: without_zero_bytes(variable.value).under("value")?,
    })
}

/// The variables that Stoker itself sets for a task.
pub(super) fn own_environment(
    variables: Vec<v1::EnvironmentVariable>,
) -> Result<Vec<EnvironmentVariable>, ConvertError> {
    check_count(variables.len(), limit::ARGUMENTS_PER_TASK)?;
    variables.into_iter().map(any_variable).collect()
}

impl From<Input> for v1::Input {
    fn from(input: Input) -> Self {
        Self {
            blob: input.blob.to_string(),
            path: input.path,
            read_only: input.read_only,
            form: v1::BlobForm::from(input.form).into(),
        }
    }
}

impl TryFrom<v1::Input> for Input {
    type Error = ConvertError;

    fn try_from(input: v1::Input) -> Result<Self, Self::Error> {
        Ok(Self {
            blob: parse(&input.blob).under("blob")?,
            path: input.path,
            form: BlobForm::from_wire(input.form)
                .under("form")?
                .unwrap_or_default(),
            read_only: input.read_only,
        })
    }
}

impl From<TaskLimits> for v1::TaskLimits {
    fn from(limits: TaskLimits) -> Self {
        Self {
            fuel_budget: limits.fuel_budget,
            wall_time_ms: limits.wall_time.map(millis),
            output_bytes: limits.output,
            unknown_imports: v1::UnknownImports::from(limits.unknown_imports).into(),
            strict: limits.strict,
        }
    }
}

impl TryFrom<v1::TaskLimits> for TaskLimits {
    type Error = ConvertError;

    fn try_from(limits: v1::TaskLimits) -> Result<Self, Self::Error> {
        Ok(Self {
            fuel_budget: limits.fuel_budget,
            wall_time: limits.wall_time_ms.map(Duration::from_millis),
            output: limits.output_bytes,
            unknown_imports: UnknownImports::from_wire(limits.unknown_imports)
                .under("unknown_imports")?
                .unwrap_or_default(),
            strict: limits.strict,
        })
    }
}
