//! Offers: resources of one agent, held for one framework in one role.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use crate::{AgentId, FrameworkId, OfferId, Resources, Role, limit};

/// What an operator says of an agent, shown in every offer: `rack=a`, `zone=z1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, String>);

/// Why a text is no attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no attribute: write NAME=VALUE;…, as in rack=a;zone=z1 (at most 64, values up to 256 characters)"
)]
pub struct AttributesParseError {
    /// The part that is wrong, cut to 80 characters.
    pub text: String,
}

impl Attributes {
    /// The attributes in `pairs`; a later pair replaces an earlier one of its name.
    ///
    /// # Errors
    /// If a name or a value is not as [`AttributesParseError`] says, or there are too many.
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, AttributesParseError> {
        let mut attributes = BTreeMap::new();
        for (name, value) in pairs {
            let value_fits =
                value.len() <= limit::NAME_BYTES && !value.chars().any(char::is_control);
            let is_known = attributes.contains_key(&name);
            let has_room = is_known || attributes.len() < limit::CUSTOM_RESOURCES;
            if !crate::resources::is_valid_name(&name) || !value_fits || !has_room {
                let text = format!("{name}={value}").chars().take(80).collect();
                return Err(AttributesParseError { text });
            }
            attributes.insert(name, value);
        }
        Ok(Self(attributes))
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromStr for Attributes {
    type Err = AttributesParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let pairs: Result<Vec<_>, _> = parts
            .map(|part| {
                part.split_once('=')
                    .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
                    .ok_or_else(|| AttributesParseError {
                        text: part.chars().take(80).collect(),
                    })
            })
            .collect();
        Self::from_pairs(pairs?)
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        formatter.write_str(&parts.join(";"))
    }
}

/// Resources of one agent, held for one framework in one role until accepted, declined, rescinded
/// or timed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Names it in accept, decline and rescind.
    pub id: OfferId,
    /// Whom it is made to.
    pub framework_id: FrameworkId,
    /// The role that the resources are charged to if they are used.
    pub role: Role,
    /// Whose resources they are.
    pub agent_id: AgentId,
    /// That agent's host, for placement by name.
    pub hostname: String,
    /// What that agent's operator says of it.
    pub attributes: Attributes,
    /// What is offered.
    pub resources: Resources,
}

/// How long the resources left over from an accept or a decline are not to be offered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferFilter {
    /// From now on; at most 365 days.
    pub refuse: Duration,
}

impl Default for OfferFilter {
    /// 5 seconds, as in Mesos.
    fn default() -> Self {
        Self {
            refuse: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Attributes;

    #[test]
    fn attributes_are_read_as_the_operator_writes_them() {
        let attributes: Attributes = "rack=a; zone=z1".parse().unwrap();
        assert_eq!(
            (attributes.get("rack"), attributes.get("zone")),
            (Some("a"), Some("z1"))
        );
        assert_eq!(attributes.to_string(), "rack=a;zone=z1");
        let message = "rack".parse::<Attributes>().unwrap_err().to_string();
        assert!(message.contains("rack=a;zone=z1"), "{message}");
    }
}
