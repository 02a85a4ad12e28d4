//! The blob store on a real disk: whole or not there, bounded, and the same after a restart.

use std::{fs, path::Path};

use stoker_types::{Digest, Timestamp};
use tokio::io::AsyncReadExt as _;

use super::*;

const LIMITS: BlobLimits = BlobLimits {
    max_blob_bytes: 1_000,
    capacity_bytes: 2_500,
};
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

pub(super) fn open(folder: &Path) -> BlobStore {
    BlobStore::open(folder, LIMITS).unwrap()
}

pub(super) fn header(kind: ArtifactKind, name: &str) -> PutHeader {
    PutHeader {
        kind,
        name: name.to_owned(),
        expected_digest: None,
    }
}

pub(super) async fn put(
    store: &BlobStore,
    header: PutHeader,
    content: &[u8],
) -> Result<(Artifact, bool), BlobError> {
    let mut upload = store.begin(header).await?;
    for chunk in content.chunks(100) {
        upload.write(chunk).await?;
    }
    upload.finish(NOW).await
}

async fn content(store: &BlobStore, digest: Digest) -> Vec<u8> {
    let mut content = Vec::new();
    store
        .read(digest)
        .await
        .unwrap()
        .file
        .read_to_end(&mut content)
        .await
        .unwrap();
    content
}

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[tokio::test]
async fn what_was_put_is_found_again_also_by_the_next_master() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let module = header(ArtifactKind::Module, "hello.wasm");
    let (artifact, was_there) = put(&store, module, b"hello").await.unwrap();
    assert!(!was_there);
    assert_eq!(artifact.digest, Digest::of(b"hello"));
    assert_eq!((artifact.size, artifact.created_at), (5, NOW));
    drop(store);

    let store = open(folder.path());
    assert_eq!(store.stat(&artifact.digest), Some(artifact.clone()));
    assert_eq!(store.list(None, None, 10), std::slice::from_ref(&artifact));
    assert_eq!(store.usage(), (1, 5));
    assert_eq!(content(&store, artifact.digest).await, b"hello");
}

#[tokio::test]
async fn the_empty_blob_is_a_blob() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (artifact, _) = put(&store, header(ArtifactKind::Blob, ""), b"")
        .await
        .unwrap();
    assert_eq!(content(&store, artifact.digest).await, b"");
}

#[tokio::test]
async fn bytes_of_another_digest_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let promised = PutHeader {
        expected_digest: Some(Digest::of(b"good")),
        ..header(ArtifactKind::Blob, "")
    };
    let error = put(&store, promised, b"evil").await.unwrap_err();
    assert!(matches!(error, BlobError::Mismatch { .. }), "{error}");
    assert!(
        error.to_string().contains(&Digest::of(b"evil").to_string()),
        "{error}"
    );
    assert_eq!(store.usage(), (0, 0));
    assert_eq!(files_in(&folder.path().join("uploads")), 0);
}

#[tokio::test]
async fn an_artifact_over_its_bound_is_refused_with_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, header(ArtifactKind::Blob, ""), &[1; 1_000])
        .await
        .unwrap();
    let error = put(&store, header(ArtifactKind::Blob, ""), &[2; 1_001])
        .await
        .unwrap_err();
    assert!(matches!(error, BlobError::TooLarge(1_000)), "{error}");
    assert!(error.to_string().contains("max_blob_size"), "{error}");
}

#[tokio::test]
async fn a_full_store_is_refused_with_its_capacity_and_a_dropped_upload_gives_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let blob = || header(ArtifactKind::Blob, "");
    put(&store, blob(), &[1; 1_000]).await.unwrap();
    put(&store, blob(), &[2; 1_000]).await.unwrap();
    let mut unfinished = store.begin(blob()).await.unwrap();
    unfinished.write(&[3; 500]).await.unwrap();
    let error = put(&store, blob(), &[4; 1]).await.unwrap_err();
    assert!(
        matches!(
            error,
            BlobError::Full {
                used: 2_500,
                capacity: 2_500
            }
        ),
        "{error}"
    );
    for words in ["2.4 KiB of 2.4 KiB", "stoker module rm", "blob_retention"] {
        assert!(error.to_string().contains(words), "{error}");
    }

    drop(unfinished);
    put(&store, blob(), &[4; 500]).await.unwrap();
    assert!(store.remove(Digest::of(&[1; 1_000])).await.unwrap());
    put(&store, blob(), &[5; 1_000]).await.unwrap();
}

#[tokio::test]
async fn many_uploads_of_the_same_bytes_at_once_are_one_artifact() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobStore::open(
        folder.path(),
        BlobLimits {
            max_blob_bytes: 1_000,
            capacity_bytes: 100_000,
        },
    )
    .unwrap();
    let mut uploads = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        uploads.spawn(async move {
            put(&store, header(ArtifactKind::Blob, ""), &[7; 1_000])
                .await
                .unwrap()
                .1
        });
    }
    let was_there = uploads.join_all().await;
    assert_eq!(was_there.iter().filter(|was_there| !**was_there).count(), 1);
    assert_eq!(store.usage(), (1, 1_000));
    assert_eq!(content(&store, Digest::of(&[7; 1_000])).await, [7; 1_000]);
    assert_eq!(files_in(&folder.path().join("uploads")), 0);
}

#[tokio::test]
async fn a_blob_that_is_pushed_as_a_module_becomes_one_and_keeps_its_date() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, header(ArtifactKind::Blob, "out.txt"), b"x")
        .await
        .unwrap();
    let (artifact, was_there) = put(&store, header(ArtifactKind::Module, "x.wasm"), b"x")
        .await
        .unwrap();
    assert!(was_there);
    assert_eq!(
        (artifact.kind, artifact.name.as_str()),
        (ArtifactKind::Module, "x.wasm")
    );
    // Again as a blob, it stays what it is.
    let (artifact, _) = put(&store, header(ArtifactKind::Blob, "y"), b"x")
        .await
        .unwrap();
    assert_eq!(
        (artifact.kind, artifact.name.as_str()),
        (ArtifactKind::Module, "x.wasm")
    );
    drop(store);
    assert_eq!(open(folder.path()).stat(&Digest::of(b"x")), Some(artifact));
}

#[tokio::test]
async fn a_removed_artifact_is_gone_but_for_those_who_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (artifact, _) = put(&store, header(ArtifactKind::Blob, ""), b"hello")
        .await
        .unwrap();
    let mut reader = store.read(artifact.digest).await.unwrap();
    assert!(store.remove(artifact.digest).await.unwrap());
    assert!(!store.remove(artifact.digest).await.unwrap());
    assert!(matches!(
        store.read(artifact.digest).await,
        Err(BlobError::NotFound(_))
    ));
    let mut content = String::new();
    reader.file.read_to_string(&mut content).await.unwrap();
    assert_eq!(content, "hello");
    drop(store);
    assert_eq!(open(folder.path()).usage(), (0, 0));
}

#[tokio::test]
async fn lists_go_on_behind_a_digest_and_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for content in [b"a", b"b", b"c"] {
        put(&store, header(ArtifactKind::Blob, ""), content)
            .await
            .unwrap();
    }
    put(&store, header(ArtifactKind::Module, "m"), b"m")
        .await
        .unwrap();
    let all = store.list(None, None, 10);
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted_by_key(|artifact| artifact.digest));
    assert_eq!(store.list(None, Some(all[1].digest), 1), [all[2].clone()]);
    let modules = store.list(Some(ArtifactKind::Module), None, 10);
    assert_eq!(
        modules
            .iter()
            .map(|module| module.name.as_str())
            .collect::<Vec<_>>(),
        ["m"]
    );
}

#[tokio::test]
async fn what_a_crash_left_is_cleared_and_what_lost_its_sidecar_is_still_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (kept, _) = put(&store, header(ArtifactKind::Module, "kept"), b"kept")
        .await
        .unwrap();
    let (lost, _) = put(&store, header(ArtifactKind::Module, "lost"), b"lost")
        .await
        .unwrap();
    drop(store);
    let file = |digest: Digest, extension: &str| {
        let digits = digest.to_hex();
        let name = format!("{digits}{extension}");
        folder.path().join("sha256").join(&digits[..2]).join(name)
    };
    fs::write(folder.path().join("uploads/half"), "half").unwrap();
    fs::write(file(lost.digest, ".meta"), "no record").unwrap();
    fs::remove_file(file(kept.digest, "")).unwrap();

    let store = open(folder.path());
    assert_eq!(files_in(&folder.path().join("uploads")), 0);
    assert_eq!(store.stat(&kept.digest), None);
    assert!(!file(kept.digest, ".meta").exists());
    let lost = store.stat(&lost.digest).unwrap();
    assert_eq!(
        (lost.kind, lost.name.as_str(), lost.size),
        (ArtifactKind::Blob, "", 4)
    );
}
