//! Collecting on a real disk: what goes, what stays, and what the next master knows of it.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use stoker_types::{Digest, Timestamp};

use super::{
    tests::{NOW, header, open, put},
    *,
};

const RETENTION: Duration = Duration::from_secs(100);

fn after(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

async fn store_with(folder: &Path, names: &[&str]) -> BlobStore {
    let store = open(folder);
    for name in names {
        let blob = header(ArtifactKind::Blob, name);
        put(&store, blob, name.as_bytes()).await.unwrap();
    }
    store
}

/// Collects at that second; the names of what is left.
async fn collect(store: &BlobStore, references: &[&str], seconds: u64) -> Vec<String> {
    let references: BTreeSet<Digest> = references
        .iter()
        .map(|name| Digest::of(name.as_bytes()))
        .collect();
    let before = store.usage();
    let collected = store.collect(references, after(seconds), RETENTION).await;
    let collected = collected.unwrap();
    let left = store.usage();
    assert_eq!(before.0, left.0 + usize::try_from(collected.blobs).unwrap());
    assert_eq!(before.1, left.1 + collected.bytes);
    let mut names: Vec<String> = store
        .list(None, None, 10)
        .into_iter()
        .map(|artifact| artifact.name)
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_nothing_refers_to_goes_after_its_retention_and_gives_its_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with(folder.path(), &["a", "b"]).await;
    let module = header(ArtifactKind::Module, "m");
    put(&store, module, b"m").await.unwrap();
    assert_eq!(collect(&store, &["b"], 100).await, ["a", "b", "m"]);
    assert_eq!(collect(&store, &["b"], 101).await, ["b", "m"]);
    let digits = Digest::of(b"a").to_hex();
    let path = folder.path().join("sha256").join(&digits[..2]).join(digits);
    assert!(!path.exists() && !path.with_extension("meta").exists());
    // The last reference is a use as well.
    assert_eq!(collect(&store, &[], 201).await, ["b", "m"]);
    assert_eq!(collect(&store, &[], 202).await, ["m"]);
}

#[tokio::test]
async fn an_upload_of_what_is_there_and_a_look_at_it_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with(folder.path(), &["put", "asked", "left"]).await;
    let mut upload = store
        .begin(header(ArtifactKind::Blob, "put"))
        .await
        .unwrap();
    upload.write(b"put").await.unwrap();
    assert!(upload.finish(after(90)).await.unwrap().1);
    store.touch(&Digest::of(b"asked"), after(90));
    assert_eq!(collect(&store, &[], 150).await, ["asked", "put"]);
    assert_eq!(collect(&store, &[], 191).await, [""; 0]);
}

#[tokio::test]
async fn a_blob_that_becomes_a_module_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with(folder.path(), &["a"]).await;
    let module = header(ArtifactKind::Module, "a.wasm");
    put(&store, module, b"a").await.unwrap();
    assert_eq!(collect(&store, &[], 1_000).await, ["a.wasm"]);
}

#[tokio::test]
async fn the_next_master_knows_when_a_blob_was_last_used() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with(folder.path(), &["used", "unused"]).await;
    collect(&store, &["used"], 90).await;
    drop(store);
    let store = open(folder.path());
    assert_eq!(collect(&store, &[], 150).await, ["used"]);
}

#[tokio::test]
async fn a_file_that_someone_else_removed_stops_no_collection() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_with(folder.path(), &["a", "b"]).await;
    fs::remove_dir_all(folder.path().join("sha256")).unwrap();
    assert_eq!(collect(&store, &["b"], 101).await, ["b"]);
}
