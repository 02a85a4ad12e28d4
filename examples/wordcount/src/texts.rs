//! Finding the text files under folders, and reading them one by one.
//!
//! Owns what counts as a text and how many were left out, by reason. Follows no links, so no
//! loops; holds one text at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// Larger files are left out: a text is held in memory while it is cut.
const LARGEST_TEXT_BYTES: u64 = 64 << 20;
/// With more files than this someone has named the wrong folder.
const MOST_FILES: usize = 100_000;
/// How the files of common compressors begin: gzip, xz, bzip2, zstd, zip.
const COMPRESSED: [&[u8]; 5] = [
    b"\x1f\x8b",
    b"\xfd7zXZ",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
    b"PK\x03\x04",
];

/// The files that were found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// In the order of their paths, each once.
    pub(crate) files: BTreeSet<PathBuf>,
    /// How much all of them hold.
    pub(crate) bytes: u64,
    /// What was left out.
    pub(crate) skipped: Skipped,
}

/// Why something is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Skip {
    Binary,
    Compressed,
    NotUtf8,
    SymbolicLink,
    TooLarge,
    Unreadable,
}

impl Skip {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Compressed => "compressed",
            Self::NotUtf8 => "not UTF-8",
            Self::SymbolicLink => "symbolic links",
            Self::TooLarge => "over 64 MiB",
            Self::Unreadable => "unreadable",
        }
    }
}

/// How many were left out, by reason.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped(BTreeMap<Skip, usize>);

impl Skipped {
    pub(crate) fn add(&mut self, skip: Skip) {
        *self.0.entry(skip).or_default() += 1;
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("nothing");
        }
        let counts: Vec<String> = self
            .0
            .iter()
            .map(|(skip, count)| format!("{count} {}", skip.as_str()))
            .collect();
        formatter.write_str(&counts.join(", "))
    }
}

/// All files under these paths, which are folders or files themselves.
pub(crate) fn find(paths: &[PathBuf]) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for path in paths {
        // What was named may be a link; without links in its path, no file has two names.
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot read {}", path.display()))?;
        visit(path, &mut found)?;
    }
    Ok(found)
}

fn visit(root: PathBuf, found: &mut Found) -> anyhow::Result<()> {
    let mut waiting = vec![root];
    while let Some(path) = waiting.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            found.skipped.add(Skip::Unreadable);
            continue;
        };
        if metadata.is_dir() {
            match list(&path) {
                Ok(entries) => waiting.extend(entries),
                Err(_) => found.skipped.add(Skip::Unreadable),
            }
        } else if metadata.is_symlink() {
            found.skipped.add(Skip::SymbolicLink);
        } else if !metadata.is_file() {
            found.skipped.add(Skip::Binary);
        } else if metadata.len() > LARGEST_TEXT_BYTES {
            found.skipped.add(Skip::TooLarge);
        } else if found.files.insert(path) {
            found.bytes += metadata.len();
        }
        if found.files.len() > MOST_FILES {
            bail!("there are more than {MOST_FILES} files: name a smaller folder");
        }
    }
    Ok(())
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect()
}

/// The text in a file, if there is one.
pub(crate) fn read(path: &Path) -> Result<String, Skip> {
    let bytes = fs::read(path).map_err(|_| Skip::Unreadable)?;
    if COMPRESSED.iter().any(|magic| bytes.starts_with(magic)) {
        return Err(Skip::Compressed);
    }
    if bytes.contains(&0) {
        return Err(Skip::Binary);
    }
    String::from_utf8(bytes).map_err(|_| Skip::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (bytes, expected) in [
            (&b"text"[..], Ok("text".to_owned())),
            (b"", Ok(String::new())),
            (b"\x1f\x8b\x08", Err(Skip::Compressed)),
            (b"a\0b", Err(Skip::Binary)),
            (b"gr\xfcn", Err(Skip::NotUtf8)),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(read(&path), expected, "{bytes:?}");
        }
        assert_eq!(read(folder.path()), Err(Skip::Unreadable));
    }

    #[test]
    fn a_folder_is_searched_to_its_depths() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/deep"), "deep").unwrap();
        fs::write(root.join("top"), "top").unwrap();
        // The same folder and one of its files again: each file counts once.
        let found = find(&[root.clone(), root.join("a"), root.join("top")]).unwrap();
        assert_eq!(
            found.files,
            BTreeSet::from([root.join("a/b/deep"), root.join("top")])
        );
        assert_eq!(found.bytes, 7);
        assert_eq!(found.skipped.to_string(), "nothing");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_left_out_unless_they_were_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("texts")).unwrap();
        fs::write(root.join("texts/file"), "text").unwrap();
        // A loop, a second name of the file, and a link to nothing.
        for (target, name) in [("..", "up"), ("file", "again"), ("nothing", "broken")] {
            std::os::unix::fs::symlink(target, root.join("texts").join(name)).unwrap();
        }
        std::os::unix::fs::symlink("texts", root.join("named")).unwrap();
        let found = find(&[root.join("named")]).unwrap();
        assert_eq!(found.files, BTreeSet::from([root.join("texts/file")]));
        assert_eq!(found.skipped.to_string(), "3 symbolic links");
    }

    #[test]
    fn what_was_named_and_is_not_there_is_an_error() {
        let error = find(&["/no/such/folder".into()]).unwrap_err();
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }
}
