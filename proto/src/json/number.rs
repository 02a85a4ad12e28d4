//! Decimal numbers: amounts with up to three decimals.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use stoker_types::Milli;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// An amount of cpus, of Mfuel/s or of a custom resource, as a JSON number: `2`, `0.25`.
///
/// Exact, although a JSON number with decimals is a float in between: a double holds every decimal
/// of up to 15 digits so that its shortest text is that decimal again, and 15 digits with three
/// decimals reach up to 10^12 whole units. Accounting itself never sees a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(pub Milli);

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<Milli> for Decimal {
    fn from(amount: Milli) -> Self {
        Self(amount)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let thousandths = self.0.thousandths();
        if thousandths.is_multiple_of(1000) {
            serializer.serialize_u64(thousandths / 1000)
        } else {
            serializer.serialize_f64(thousandths as f64 / 1000.0)
        }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The shortest text of the float is the decimal that was written.
        let text = match serde_json::Number::deserialize(deserializer)? {
            number if number.is_u64() => number.to_string(),
            number => number.as_f64().unwrap_or(f64::NAN).to_string(),
        };
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl PartialSchema for Decimal {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .description(Some("An amount with up to three decimals."))
            .minimum(Some(0))
            .examples([0.25])
            .into()
    }
}

impl ToSchema for Decimal {}
