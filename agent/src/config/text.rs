//! Times and sizes in a configuration, as people write them.

/// A time: `500ms`, `15min`.
pub(super) mod time {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use stoker_types::duration;

    pub(in crate::config) fn serialize<S: Serializer>(
        value: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&duration::display(*value))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        duration::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A size: `64MiB`, or a number of bytes.
pub(super) mod size {
    use std::fmt;

    use serde::{
        Deserializer, Serializer,
        de::{Error, Visitor},
    };
    use stoker_types::size;

    pub(in crate::config) fn serialize<S: Serializer>(
        value: &u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&size::exact(*value))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u64, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }

    struct SizeVisitor;

    impl Visitor<'_> for SizeVisitor {
        type Value = u64;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a size, as in 64MiB")
        }

        fn visit_u64<E: Error>(self, bytes: u64) -> Result<u64, E> {
            Ok(bytes)
        }

        fn visit_i64<E: Error>(self, bytes: i64) -> Result<u64, E> {
            u64::try_from(bytes).map_err(|_| E::custom("a size is not negative"))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            size::parse(text).map_err(E::custom)
        }
    }
}

/// The bounds of guests: a table of names and values, each as text or as a number.
pub(super) mod limits {
    use std::fmt;

    use serde::{
        Deserialize, Deserializer, Serializer,
        de::{Error, MapAccess, Visitor},
    };
    use stoker_types::GuestLimits;

    pub(in crate::config) fn serialize<S: Serializer>(
        value: &GuestLimits,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(value.texts())
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<GuestLimits, D::Error> {
        deserializer.deserialize_map(LimitsVisitor)
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Number(u64),
        Text(String),
    }

    struct LimitsVisitor;

    impl<'de> Visitor<'de> for LimitsVisitor {
        type Value = GuestLimits;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a table of limits, as in stack = \"256KiB\"")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<GuestLimits, M::Error> {
            let mut limits = GuestLimits::default();
            while let Some((name, value)) = map.next_entry::<String, Value>()? {
                let text = match value {
                    Value::Number(number) => number.to_string(),
                    Value::Text(text) => text,
                };
                limits.set(&name, &text).map_err(M::Error::custom)?;
            }
            Ok(limits)
        }
    }
}
