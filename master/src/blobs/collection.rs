//! Which blobs nobody needs any more.
//!
//! Owns the decision, and nothing that it is made of: references come from the read model, ages
//! from the index. Modules stay until someone removes them.

use std::{collections::BTreeSet, time::Duration};

use stoker_types::{Digest, Timestamp};

use super::ArtifactKind;

/// An artifact as the decision sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    /// Which.
    pub digest: Digest,
    /// What it is for.
    pub kind: ArtifactKind,
    /// When someone last uploaded it, asked for it or referred to it.
    pub used_at: Timestamp,
}

/// What one collection took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Collected {
    /// How many blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The blobs that nothing refers to and that nobody has used for longer than `retention`.
pub(super) fn due(
    uses: impl IntoIterator<Item = Use>,
    references: &BTreeSet<Digest>,
    now: Timestamp,
    retention: Duration,
) -> Vec<Use> {
    uses.into_iter()
        .filter(|used| used.kind == ArtifactKind::Blob)
        .filter(|used| !references.contains(&used.digest))
        .filter(|used| now.since(used.used_at) > retention)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETENTION: Duration = Duration::from_secs(24 * 3600);
    const NOW: Timestamp = Timestamp::from_micros(1_793_491_200_000_000);

    fn used(name: &str, kind: ArtifactKind, ago: Duration) -> Use {
        Use {
            digest: Digest::of(name.as_bytes()),
            kind,
            used_at: Timestamp::from_micros(
                NOW.as_micros() - u64::try_from(ago.as_micros()).unwrap(),
            ),
        }
    }

    fn is_due(used: Use, references: &[&str]) -> bool {
        let references = references.iter().map(|name| Digest::of(name.as_bytes()));
        !due([used], &references.collect(), NOW, RETENTION).is_empty()
    }

    #[test]
    fn a_blob_goes_when_it_is_older_than_its_retention() {
        let second = Duration::from_secs(1);
        assert!(is_due(
            used("a", ArtifactKind::Blob, RETENTION + second),
            &[]
        ));
        assert!(!is_due(used("a", ArtifactKind::Blob, RETENTION), &[]));
        assert!(!is_due(used("a", ArtifactKind::Blob, Duration::ZERO), &[]));
    }

    #[test]
    fn a_blob_that_is_referred_to_stays_however_old_it_is() {
        let old = used("a", ArtifactKind::Blob, 100 * RETENTION);
        assert!(!is_due(old, &["b", "a"]));
        assert!(is_due(old, &["b"]));
    }

    #[test]
    fn a_module_stays_until_it_is_removed() {
        assert!(!is_due(
            used("a", ArtifactKind::Module, 100 * RETENTION),
            &[]
        ));
    }

    #[test]
    fn a_use_that_lies_ahead_is_a_use() {
        let ahead = Use {
            used_at: NOW.after(RETENTION),
            ..used("a", ArtifactKind::Blob, Duration::ZERO)
        };
        assert!(!is_due(ahead, &[]));
    }
}
