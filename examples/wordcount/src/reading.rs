//! Reading: file after file, on a thread of its own, while what was read is uploaded.
//!
//! Owns the one pass over the texts: each is cut into chunks and, for the check, counted as a whole.
//! Holds one text and one chunk at a time.

use tokio::sync::mpsc;

use crate::{
    chunks::Chunker,
    counts::Counts,
    texts::{self, Found, Skipped},
};

/// What the pass has found out.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// How many files were texts.
    pub(crate) texts: usize,
    /// How much is in them.
    pub(crate) bytes: u64,
    /// What is no text.
    pub(crate) skipped: Skipped,
    /// The native count, if there is to be one.
    pub(crate) native: Option<Counts>,
}

/// Reads all that was found and sends it away in chunks of this size. Blocks; ends early when no
/// one takes the chunks any more.
pub(crate) fn read_all(
    found: Found,
    chunk_bytes: usize,
    check: bool,
    chunks: &mpsc::Sender<String>,
) -> Reading {
    let mut reading = Reading {
        skipped: found.skipped,
        native: check.then(Counts::default),
        ..Reading::default()
    };
    let mut chunker = Chunker::new(chunk_bytes);
    let send = |chunk| chunks.blocking_send(chunk).is_ok();
    for path in &found.files {
        let text = match texts::read(path) {
            Ok(text) => text,
            Err(skip) => {
                reading.skipped.add(skip);
                continue;
            }
        };
        reading.texts += 1;
        reading.bytes += text.len() as u64;
        if let Some(counts) = &mut reading.native {
            counts.add_text(&text);
        }
        if !chunker.push(&text).into_iter().all(send) {
            return reading;
        }
    }
    // If no one takes it, the upload has failed and says so.
    chunker.finish().map(send);
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_chunks_and_counts_and_the_rest_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
        write("a", b"one two").unwrap();
        write("b", b"\0").unwrap();
        write("c", b"two").unwrap();
        let found = texts::find(&[folder.path().to_owned()]).unwrap();
        let (sender, mut chunks) = mpsc::channel(8);
        let reading = read_all(found, 100, true, &sender);
        assert_eq!((reading.texts, reading.bytes), (2, 10));
        assert_eq!(reading.skipped.to_string(), "1 binary");
        assert_eq!(reading.native.unwrap().top(1), [("two", 2)]);
        assert_eq!(chunks.blocking_recv().unwrap(), "one two\ntwo\n");
        assert!(chunks.try_recv().is_err());
    }
}
