//! Task states and reasons by their names.

use std::{fmt::Display, str::FromStr};

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
use stoker_types::{Reason, TaskState};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// The schema of a task state: `TASK_RUNNING` and its like.
#[derive(Debug)]
pub struct TaskStateName;

impl PartialSchema for TaskStateName {
    fn schema() -> RefOr<Schema> {
        names(
            "Where a task is in its life.",
            TaskState::ALL.iter().map(|state| state.as_str()),
        )
    }
}

impl ToSchema for TaskStateName {}

/// The schema of a reason: `FUEL_EXHAUSTED` and its like.
#[derive(Debug)]
pub struct ReasonName;

impl PartialSchema for ReasonName {
    fn schema() -> RefOr<Schema> {
        names(
            "Why a task is in its state.",
            Reason::ALL.iter().map(|reason| reason.as_str()),
        )
    }
}

impl ToSchema for ReasonName {}

fn names(description: &str, names: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(names))
        .into()
}

/// Writes a value by its name.
pub(super) fn serialize<S: Serializer>(
    value: &impl Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Reads a value by its name.
pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(D::Error::custom)
}

/// The same for a value that may not be there.
pub(super) mod optional {
    use super::{Deserializer, Display, FromStr, Serializer};
    use serde::{Deserialize as _, Serialize as _, de::Error as _};

    /// Writes a value by its name, or null.
    #[expect(clippy::ref_option, reason = "serde hands over the field as it is")]
    pub(in crate::json) fn serialize<S: Serializer>(
        value: &Option<impl Display>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value
            .as_ref()
            .map(ToString::to_string)
            .serialize(serializer)
    }

    /// Reads a value by its name, or null.
    pub(in crate::json) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        Option::<String>::deserialize(deserializer)?
            .map(|name| name.parse().map_err(D::Error::custom))
            .transpose()
    }
}
