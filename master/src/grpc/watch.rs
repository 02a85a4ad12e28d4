//! `OperatorService.Watch`: everything that is there, then everything that changes.
//!
//! Owns the way from what readers see to the wire. A watcher that falls behind is told so and
//! ended; it never holds up anyone.

use std::{collections::VecDeque, pin::Pin};

use futures_util::{Stream, stream};
use stoker_master_core::{AgentView, FrameworkView, OfferView, TaskView};
use stoker_proto::v1::{
    self, WatchEvent, WatchKind, WatchRequest,
    watch_event::{AgentChange, Change, FrameworkChange, OfferChange, Synced, TaskChange},
};
use tokio::sync::broadcast::{self, error::RecvError};
use tonic::Status;

use super::status;
use crate::read_model::{Happening, ReadModel, Seen, names};

/// Events, as a watcher gets them.
pub(super) type Events = Pin<Box<dyn Stream<Item = Result<WatchEvent, Status>> + Send>>;

struct Watcher {
    kinds: Vec<WatchKind>,
    /// What was there and was not told yet.
    there: VecDeque<Seen>,
    is_synced: bool,
    changes: broadcast::Receiver<Happening>,
    is_over: bool,
}

/// The events that a watcher wants.
pub(super) fn events(model: &ReadModel, request: &WatchRequest) -> Result<Events, Status> {
    let kinds: Vec<WatchKind> = request.kinds().collect();
    let is_known = |kind: &i32| WatchKind::try_from(*kind).is_ok_and(|kind| kind as i32 != 0);
    if !request.kinds.iter().all(is_known) {
        return Err(status::nonsense(
            "kinds: name agent, framework, task or offer, or nothing",
        ));
    }
    let (there, changes) = model.watch();
    let watcher = Watcher {
        kinds,
        there: there.into(),
        is_synced: false,
        changes,
        is_over: false,
    };
    Ok(Box::pin(stream::unfold(watcher, next)))
}

async fn next(mut watcher: Watcher) -> Option<(Result<WatchEvent, Status>, Watcher)> {
    if watcher.is_over {
        return None;
    }
    while let Some(seen) = watcher.there.pop_front() {
        if watcher.wants(&seen) {
            // What is there has no time of change; what changes has.
            let event = WatchEvent {
                at_us: 0,
                removed: false,
                change: Some(change(&seen)),
            };
            return Some((Ok(event), watcher));
        }
    }
    if !watcher.is_synced {
        watcher.is_synced = true;
        watcher.there = VecDeque::new();
        let synced = Some(Change::Synced(Synced {}));
        return Some((
            Ok(WatchEvent {
                at_us: 0,
                removed: false,
                change: synced,
            }),
            watcher,
        ));
    }
    loop {
        match watcher.changes.recv().await {
            Ok(happening) if watcher.wants(&happening.seen) => {
                let event = WatchEvent {
                    at_us: happening.at.as_micros(),
                    removed: happening.removed,
                    change: Some(change(&happening.seen)),
                };
                return Some((Ok(event), watcher));
            }
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => {
                watcher.is_over = true;
                return Some((Err(status::watch_lagged(missed)), watcher));
            }
            Err(RecvError::Closed) => return None,
        }
    }
}

impl Watcher {
    fn wants(&self, seen: &Seen) -> bool {
        let kind = match seen {
            Seen::Agent(_) => WatchKind::Agent,
            Seen::Framework(_) => WatchKind::Framework,
            Seen::Task(_) => WatchKind::Task,
            Seen::Offer(_) => WatchKind::Offer,
        };
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

fn change(seen: &Seen) -> Change {
    match seen {
        Seen::Agent(view) => Change::Agent(agent(view)),
        Seen::Framework(view) => Change::Framework(framework(view)),
        Seen::Task(view) => Change::Task(task(view)),
        Seen::Offer(view) => Change::Offer(offer(view)),
    }
}

fn agent(view: &AgentView) -> AgentChange {
    AgentChange {
        agent_id: view.agent.id.to_string(),
        hostname: view.agent.hostname.clone(),
        state: names::agent_state(view.state).to_owned(),
    }
}

fn framework(view: &FrameworkView) -> FrameworkChange {
    FrameworkChange {
        framework_id: view.id.to_string(),
        name: view.framework.name.clone(),
        state: names::framework_state(view.state).to_owned(),
    }
}

fn task(view: &TaskView) -> TaskChange {
    TaskChange {
        framework_id: view.key.framework_id.to_string(),
        task_id: view.key.task_id.to_string(),
        agent_id: view.agent_id.to_string(),
        state: v1::TaskState::from(view.state).into(),
        reason: view
            .reason
            .map_or(v1::Reason::Unspecified, Into::into)
            .into(),
        message: view.message.clone(),
    }
}

fn offer(view: &OfferView) -> OfferChange {
    OfferChange {
        offer_id: view.offer.id.to_string(),
        framework_id: view.offer.framework_id.to_string(),
        role: view.offer.role.to_string(),
        agent_id: view.offer.agent_id.to_string(),
    }
}
