//! The way into the master's store and back: modules and chunks up, counts down.
//!
//! Owns how many uploads are under way at once, and trying again while a master restarts. Never
//! knows what the bytes mean.

use std::{path::Path, time::Duration};

use anyhow::ensure;
use futures_util::StreamExt as _;
use stoker_sdk_scheduler::{
    Digest,
    artifacts::{ArtifactError, ArtifactKind, Artifacts},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::plan::{Blob, MOST_CHUNKS};

/// How many uploads are under way at once.
const UPLOADS_AT_ONCE: usize = 8;
/// How often a transfer is tried; the pauses between double from the first one. Five seconds in
/// all: a master that is started again is there by then.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(160);

/// Uploads a module.
pub(crate) async fn upload_module(store: &Artifacts, path: &Path) -> anyhow::Result<Digest> {
    ensure!(
        path.is_file(),
        "there is no {}: run `cargo xtask guests`, or name another folder with --modules",
        path.display()
    );
    let attempt = async || {
        let quietly = |_, _| {};
        store.upload_file(path, ArtifactKind::Module, quietly).await
    };
    Ok(patiently(attempt).await?.digest)
}

/// Uploads chunks as they come, several at once, and gives their names in the same order. What the
/// master has already is not sent. `progress` hears how many bytes are done.
pub(crate) async fn upload_chunks(
    store: &Artifacts,
    chunks: mpsc::Receiver<String>,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<Vec<Blob>> {
    let upload = async |chunk: String| {
        let name = "words to count";
        let attempt = async || {
            store
                .upload_bytes(name, chunk.as_bytes(), ArtifactKind::Blob)
                .await
        };
        patiently(attempt).await
    };
    let mut uploads = ReceiverStream::new(chunks)
        .map(upload)
        .buffered(UPLOADS_AT_ONCE);
    let (mut blobs, mut bytes) = (Vec::new(), 0);
    while let Some(upload) = uploads.next().await {
        ensure!(
            blobs.len() < MOST_CHUNKS,
            "there are more than {MOST_CHUNKS} chunks: choose a larger --chunk-size"
        );
        let upload = upload?;
        bytes += upload.size;
        progress(bytes);
        blobs.push(Blob {
            digest: upload.digest,
            size: upload.size,
        });
    }
    Ok(blobs)
}

/// Downloads a text.
pub(crate) async fn download(store: &Artifacts, digest: Digest) -> anyhow::Result<String> {
    let attempt = async || {
        let mut bytes = Vec::new();
        store.download(digest, &mut bytes, |_, _| {}).await?;
        Ok(bytes)
    };
    Ok(String::from_utf8(patiently(attempt).await?)?)
}

/// Tries again what a restarting master refused; what is wrong on this side fails at once.
async fn patiently<T>(
    attempt: impl AsyncFn() -> Result<T, ArtifactError>,
) -> Result<T, ArtifactError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(ArtifactError::Refused { .. }) => tokio::time::sleep(pause).await,
            outcome => return outcome,
        }
        pause *= 2;
    }
    attempt().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn refusal() -> ArtifactError {
        ArtifactError::Refused {
            operation: "store",
            message: "it restarts".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_master_refuses_is_tried_again_but_not_for_ever() {
        let attempts = Cell::new(0);
        let third_time = async || {
            attempts.set(attempts.get() + 1);
            if attempts.get() == 3 {
                Ok(())
            } else {
                Err(refusal())
            }
        };
        patiently(third_time).await.unwrap();
        attempts.set(3);
        patiently(third_time).await.unwrap_err();
        assert_eq!(attempts.get(), 3 + ATTEMPTS);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wrong_here_fails_at_once() {
        let attempts = Cell::new(0);
        let digest = Digest::of(b"");
        let attempt = async || {
            attempts.set(attempts.get() + 1);
            Err::<(), _>(ArtifactError::NotFound { digest })
        };
        patiently(attempt).await.unwrap_err();
        assert_eq!(attempts.get(), 1);
    }
}
