//! Outstanding offers as readers see them. Never a way to accept one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{resources::Resources, time::time};

/// Resources of one agent, held for one framework in one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// Its id: `offer-EPOCH-NUMBER`.
    #[schema(example = "offer-1-42")]
    pub id: String,
    /// Whom it is made to.
    pub framework_id: String,
    /// The role that the resources are charged to if they are used.
    pub role: String,
    /// Whose resources they are.
    pub agent_id: String,
    /// That agent's host.
    pub hostname: String,
    /// What is offered.
    pub resources: Resources,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it is rescinded if it is not answered.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl Offer {
    /// An offer with its times.
    #[must_use]
    pub fn new(
        offer: &stoker_types::Offer,
        created_at: stoker_types::Timestamp,
        expires_at: stoker_types::Timestamp,
    ) -> Self {
        Self {
            id: offer.id.to_string(),
            framework_id: offer.framework_id.to_string(),
            role: offer.role.to_string(),
            agent_id: offer.agent_id.to_string(),
            hostname: offer.hostname.clone(),
            resources: Resources::from(&offer.resources),
            created_at: time(created_at),
            expires_at: time(expires_at),
        }
    }
}
