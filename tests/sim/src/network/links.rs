//! Links: the way between one peer and the master, which may be cut in one direction or both.

use std::time::Duration;

use super::{ConnectionNumber, Network, Peer, Side, streams};
use crate::{events::Event, random::Span, scene::Scene, trace::Who};

/// How long a stream over a cut link is kept: the keep-alive's interval and its patience.
const KEPT: Span = Span::millis(15_000, 40_000);

/// Which way a link is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Both,
    ToMaster,
    FromMaster,
}

/// A link, whole unless it says otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    cut: Option<Cut>,
    /// Counts the cuts and the mendings.
    generation: u64,
}

impl Network {
    /// Whether nothing arrives at this side of the peer's streams.
    pub(super) fn is_cut(&self, peer: Peer, at: Side) -> bool {
        let cut = self.links.get(&peer).and_then(|link| link.cut);
        match cut {
            None => false,
            Some(Cut::Both) => true,
            Some(Cut::ToMaster) => at == Side::Server,
            Some(Cut::FromMaster) => at == Side::Client,
        }
    }

    /// Whether a stream can be opened: that takes both directions.
    pub(crate) fn can_dial(&self, peer: Peer) -> bool {
        self.links.get(&peer).is_none_or(|link| link.cut.is_none())
    }

    /// Whether the link has been as it is since this generation began.
    pub(crate) fn is_same(&self, number: ConnectionNumber, generation: Option<u64>) -> bool {
        let peer = self.streams.get(&number).map(|stream| stream.peer);
        let link = peer.and_then(|peer| self.links.get(&peer));
        generation.is_none_or(|then| link.is_some_and(|link| link.generation == then))
    }
}

/// Cuts a link for some time. Streams over it are given up if that lasts.
pub(crate) fn cut_link(scene: &mut Scene, peer: Peer, cut: Cut, lasts: Duration) {
    let link = scene.network.links.entry(peer).or_default();
    link.cut = Some(cut);
    link.generation += 1;
    let generation = link.generation;
    scene.note(Who::World, || {
        format!("link of {peer:?} cut: {cut:?} for {lasts:?}")
    });
    for number in scene.network.streams_of(peer) {
        for side in [Side::Client, Side::Server] {
            let event = Event::GiveUp {
                number,
                side,
                generation: Some(generation),
            };
            scene.sometime(KEPT, event);
        }
    }
    scene.later(lasts, Event::LinkMended { peer, generation });
}

/// A link works again, unless it was cut anew: what waited goes on.
pub(crate) fn link_mended(scene: &mut Scene, peer: Peer, generation: u64) {
    let Some(link) = scene.network.links.get_mut(&peer) else {
        return;
    };
    if link.generation != generation {
        return;
    }
    mend(scene, peer);
}

/// All links work.
pub(crate) fn mend_all(scene: &mut Scene) {
    let peers: Vec<Peer> = scene.network.links.keys().copied().collect();
    for peer in peers {
        mend(scene, peer);
    }
}

fn mend(scene: &mut Scene, peer: Peer) {
    let link = scene.network.links.entry(peer).or_default();
    if link.cut.take().is_none() {
        return;
    }
    link.generation += 1;
    scene.note(Who::World, || format!("link of {peer:?} mended"));
    for number in scene.network.streams_of(peer) {
        streams::arm(scene, number, Side::Client);
        streams::arm(scene, number, Side::Server);
    }
}
