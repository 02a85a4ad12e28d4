//! What the master tells a scheduler.

use std::time::Duration;

use stoker_types::{Epoch, Offer, limit, scheduler::Event};

use crate::{
    convert::{
        batch,
        error::{ConvertError, Under as _},
        read::{check_count, list, message, millis, parse, required, text},
        resources::{read_attributes, write_attributes},
    },
    v1::{self, scheduler_event as wire},
};

/// Reads a batch: the master's term, and its events in order.
///
/// # Errors
/// If the batch is over its bound or an event breaks a rule.
pub fn decode_events(batch: v1::SchedulerEvents) -> Result<(Epoch, Vec<Event>), ConvertError> {
    let events = list(
        batch.events,
        "events",
        limit::BATCH_ITEMS,
        TryInto::try_into,
    )?;
    Ok((Epoch::new(batch.epoch), events))
}

/// Writes batches within their bounds; many offers are spread over several events, and no offers
/// make no event.
pub fn encode_events(
    epoch: Epoch,
    events: impl IntoIterator<Item = Event>,
) -> Vec<v1::SchedulerEvents> {
    let events = events.into_iter().flat_map(|event| match event {
        Event::Offers(offers) => {
            let offers = offers.into_iter().map(v1::Offer::from);
            batch::split(offers, batch::PART_BYTES)
                .into_iter()
                .map(|offers| wire::Event::Offers(wire::Offers { offers }).into())
                .collect()
        }
        other => vec![v1::SchedulerEvent::from(other)],
    });
    batch::split(events, limit::BATCH_BYTES)
        .into_iter()
        .map(|events| v1::SchedulerEvents {
            epoch: epoch.get(),
            events,
        })
        .collect()
}

impl From<wire::Event> for v1::SchedulerEvent {
    fn from(event: wire::Event) -> Self {
        Self { event: Some(event) }
    }
}

impl From<Event> for v1::SchedulerEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Subscribed {
                framework_id,
                heartbeat_interval,
                master,
            } => wire::Event::Subscribed(wire::Subscribed {
                framework_id: framework_id.to_string(),
                heartbeat_interval_ms: millis(heartbeat_interval),
                master: Some(master.into()),
            }),
            Event::Offers(offers) => wire::Event::Offers(wire::Offers {
                offers: offers.into_iter().map(Into::into).collect(),
            }),
            Event::Rescind { offer_id } => wire::Event::Rescind(wire::Rescind {
                offer_id: offer_id.to_string(),
            }),
            Event::Update(update) => wire::Event::Update(update.into()),
            Event::Refused {
                call_id,
                message: text,
            } => wire::Event::Refused(wire::Refused {
                call_id,
                message: message(text),
            }),
            Event::Heartbeat => wire::Event::Heartbeat(wire::Heartbeat {}),
            Event::Error {
                message: text,
                retry,
            } => wire::Event::Error(wire::Error {
                message: message(text),
                retry,
            }),
        }
        .into()
    }
}

impl TryFrom<v1::SchedulerEvent> for Event {
    type Error = ConvertError;

    fn try_from(event: v1::SchedulerEvent) -> Result<Self, ConvertError> {
        match required(event.event)? {
            wire::Event::Subscribed(subscribed) => read_subscribed(subscribed).under("subscribed"),
            wire::Event::Offers(wire::Offers { offers }) => {
                check_count(offers.len(), limit::OFFERS_PER_CALL).under("offers")?;
                list(offers, "offers", limit::OFFERS_PER_CALL, TryInto::try_into)
                    .under("offers")
                    .map(Self::Offers)
            }
            wire::Event::Rescind(rescind) => Ok(Self::Rescind {
                offer_id: parse(&rescind.offer_id)
                    .under("offer_id")
                    .under("rescind")?,
            }),
            wire::Event::Update(update) => update.try_into().under("update").map(Self::Update),
            wire::Event::Refused(refused) => Ok(Self::Refused {
                call_id: refused.call_id,
                message: message(refused.message),
            }),
            wire::Event::Heartbeat(wire::Heartbeat {}) => Ok(Self::Heartbeat),
            wire::Event::Error(error) => Ok(Self::Error {
                message: message(error.message),
                retry: error.retry,
            }),
        }
    }
}

fn read_subscribed(subscribed: wire::Subscribed) -> Result<Event, ConvertError> {
    Ok(Event::Subscribed {
        framework_id: parse(&subscribed.framework_id).under("framework_id")?,
        heartbeat_interval: Duration::from_millis(subscribed.heartbeat_interval_ms),
        master: required(subscribed.master)
            .and_then(TryInto::try_into)
            .under("master")?,
    })
}

impl From<Offer> for v1::Offer {
    fn from(offer: Offer) -> Self {
        Self {
            offer_id: offer.id.to_string(),
            framework_id: offer.framework_id.to_string(),
            role: offer.role.to_string(),
            agent_id: offer.agent_id.to_string(),
            hostname: offer.hostname,
            attributes: write_attributes(&offer.attributes),
            resources: Some(offer.resources.into()),
        }
    }
}

impl TryFrom<v1::Offer> for Offer {
    type Error = ConvertError;

    fn try_from(offer: v1::Offer) -> Result<Self, Self::Error> {
        Ok(Self {
            id: parse(&offer.offer_id).under("offer_id")?,
            framework_id: parse(&offer.framework_id).under("framework_id")?,
            role: parse(&offer.role).under("role")?,
            agent_id: parse(&offer.agent_id).under("agent_id")?,
            hostname: text(offer.hostname, limit::NAME_BYTES).under("hostname")?,
            attributes: read_attributes(offer.attributes).under("attributes")?,
            resources: offer
                .resources
                .unwrap_or_default()
                .try_into()
                .under("resources")?,
        })
    }
}
