//! What guests leave: found, read and told, or not.

use std::{fs, io::Read as _, os::unix::fs::symlink, path::Path};

use stoker_types::{BlobForm, Digest, limit};
use tempfile::TempDir;

use super::{source::Source, *};

pub(super) fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn look_at(root: &TempDir, path: &str) -> Result<OutputFile, String> {
    source::look(root.path(), path.to_owned()).map_err(|error| error.to_string())
}

fn bytes_of(root: &TempDir, path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut source = Source::open(root.path(), path).unwrap();
    source.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_file_is_told_with_its_digest_and_itself_if_it_is_small() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "out/words", "hello");
    let output = look_at(&root, "out/words").unwrap();
    let expected = OutputFile {
        path: "out/words".to_owned(),
        form: BlobForm::File,
        digest: Digest::of(b"hello"),
        size: 5,
        content: Some(b"hello".to_vec()),
    };
    assert_eq!(output, expected);

    for (size, is_inline) in [(0, true), (4096, true), (4097, false), (600_000, false)] {
        write(root.path(), "large", vec![7; size]);
        let output = look_at(&root, "large").unwrap();
        assert_eq!(output.size, size as u64);
        assert_eq!(output.content.is_some(), is_inline, "{size}");
    }
}

/// A directory with something of each kind that is taken.
fn directory(names: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("out/empty/inner")).unwrap();
    for name in names {
        write(root.path(), &format!("out/{name}"), name.repeat(100));
    }
    root
}

#[test]
fn a_directory_is_a_tar_that_its_content_alone_decides() {
    let long = format!("{}/{}", "d".repeat(150), "f".repeat(200));
    let names = ["b", "a/z", "a.txt", "a/ä", &long];
    let first = directory(&names);
    let mut reversed = names;
    reversed.reverse();
    let second = directory(&reversed);
    let file = fs::File::open(second.path().join("out/b")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let output = look_at(&first, "out").unwrap();
    assert_eq!(output.form, BlobForm::Tar);
    assert_eq!(output, look_at(&second, "out").unwrap());

    let bytes = bytes_of(&first, "out");
    assert_eq!(output.digest, Digest::of(&bytes));
    assert_eq!(output.size, bytes.len() as u64);
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        assert_eq!(entry.header().mtime().unwrap(), 0);
        if entry.header().entry_type().is_file() {
            assert_eq!(content, path.repeat(100));
        }
        found.push(path);
    }
    let folder = format!("{}/", "d".repeat(150));
    let expected = [
        "a/",
        "a/z",
        "a/ä",
        "a.txt",
        "b",
        &folder,
        &long,
        "empty/",
        "empty/inner/",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_tar_is_the_same_in_pieces_of_any_size() {
    let root = directory(&["a", "b/c"]);
    write(root.path(), "out/block", [1; 512]);
    write(root.path(), "out/nothing", "");
    let whole = bytes_of(&root, "out");
    for size in [1, 7, 511, 512, 513] {
        let mut source = Source::open(root.path(), "out").unwrap();
        let mut pieces = Vec::new();
        let mut buffer = vec![0; size];
        loop {
            match source.read(&mut buffer).unwrap() {
                0 => break,
                length => pieces.extend_from_slice(&buffer[..length]),
            }
        }
        assert!(pieces == whole, "pieces of {size}");
    }
}

#[test]
fn the_tar_of_an_output_is_an_input() {
    let long = format!("{}/{}", "d".repeat(150), "f".repeat(200));
    let root = directory(&["a/b/c", &long, "ö"]);
    let blob = root.path().join("blob");
    fs::write(&blob, bytes_of(&root, "out")).unwrap();
    let mut staging =
        crate::inputs::Staging::begin(&root.path().join("staging"), 1 << 20, Arc::default())
            .unwrap();
    let input = stoker_types::Input {
        blob: Digest::of(b""),
        path: "again".to_owned(),
        form: BlobForm::Tar,
        read_only: false,
    };
    staging.add(&input, fs::File::open(blob).unwrap()).unwrap();
    staging.finish(&root.path().join("sandbox")).unwrap();
    let again = bytes_of(&root, "sandbox/work/again");
    assert!(again == bytes_of(&root, "out"));
}

#[test]
fn what_is_not_there_or_leads_elsewhere_is_missing() {
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "secret", "secret");
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "file", "");
    symlink(outside.path().join("secret"), root.path().join("link")).unwrap();
    symlink("file", root.path().join("near")).unwrap();
    symlink(outside.path(), root.path().join("folder")).unwrap();
    let fifo = root.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    for (path, what) in [
        ("none", "is not there"),
        ("no/such/folder", "is not there"),
        ("file/inner", "a part of its path is a link or a file"),
        ("link", "is a link, which is not followed"),
        ("near", "is a link, which is not followed"),
        ("folder/secret", "a part of its path is a link or a file"),
        ("pipe", "neither a file nor a directory"),
    ] {
        let message = look_at(&root, path).unwrap_err();
        assert!(message.contains(what), "{path}: {message}");
    }
    let nowhere = source::look(&root.path().join("no-work"), "a".to_owned());
    assert!(nowhere.unwrap_err().to_string().contains("no folder"));
}

#[test]
fn a_directory_with_links_or_too_much_is_not_taken() {
    let refused = |root: &TempDir| match source::look(root.path(), "out".to_owned()) {
        Err(OutputError::Find(find::FindError::Refused(message))) => message,
        other => panic!("{other:?}"),
    };
    let root = directory(&["a"]);
    symlink("/etc/passwd", root.path().join("out/a-link")).unwrap();
    assert!(refused(&root).contains("a-link"));

    let root = directory(&[&("d/".repeat(64) + "f")]);
    assert!(refused(&root).contains("deeper than 64"));

    let root = directory(&[]);
    let large = fs::File::create(root.path().join("out/large")).unwrap();
    // It takes nothing on the disk.
    large.set_len(limit::BLOB_BYTES + 1).unwrap();
    assert!(refused(&root).contains("the most that is taken"));
    let alone = source::look(root.path(), "out/large".to_owned()).unwrap_err();
    assert!(alone.to_string().contains("the most that is taken"));
}

#[test]
fn an_update_carries_only_so_much_content() {
    let output = |length| OutputFile {
        path: String::new(),
        form: BlobForm::File,
        digest: Digest::of(b""),
        size: length as u64,
        content: Some(vec![0; length]),
    };
    let mut outputs = [output(4), output(4), output(2), output(1)];
    keep_within(&mut outputs, 7);
    let kept = outputs.map(|output| output.content.is_some());
    assert_eq!(kept, [true, false, true, true]);
}
