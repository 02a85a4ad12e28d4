//! Inputs that are put into a sandbox, and tars that are not.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use stoker_types::{BlobForm, Digest, Input};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::*;
use crate::sandboxes::discard;

const PLENTY: u64 = 1 << 30;

fn input(path: &str, form: BlobForm, read_only: bool) -> Input {
    Input {
        blob: Digest::of(b""),
        path: path.to_owned(),
        form,
        read_only,
    }
}

/// A folder to stage in.
struct Bench {
    root: TempDir,
    given_up: Arc<AtomicBool>,
}

impl Bench {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            given_up: Arc::default(),
        }
    }

    fn staging(&self, disk: u64) -> Staging {
        let folder = self.root.path().join("staging");
        Staging::begin(&folder, disk, Arc::clone(&self.given_up)).unwrap()
    }

    fn place(&self) -> PathBuf {
        self.root.path().join("sandboxes/framework/task")
    }

    /// What is left of sandboxes in the making.
    fn remains(&self) -> usize {
        fs::read_dir(self.root.path().join("staging"))
            .unwrap()
            .count()
    }
}

fn blob(content: &[u8]) -> fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    file
}

fn header(entry_type: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    // The library refuses to write some of these names.
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(entry_type);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header
}

/// A tar of these entries, made without a look at what they are.
fn tar(entries: &[(EntryType, &[u8], &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (entry_type, name, content) in entries {
        let header = header(*entry_type, name, content.len() as u64);
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// What becomes of this tar in a sandbox with plenty of disk.
fn unpacked(tar: &[u8]) -> Result<(Bench, PathBuf), String> {
    let bench = Bench::new();
    let mut staging = bench.staging(PLENTY);
    let added = staging.add(&input("data", BlobForm::Tar, false), blob(tar));
    added.map_err(|error| error.to_string())?;
    staging.finish(&bench.place()).unwrap();
    let data = bench.place().join("work/data");
    Ok((bench, data))
}

fn refusal(tar: &[u8]) -> String {
    unpacked(tar).err().expect("it was taken")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

const FILE: EntryType = EntryType::Regular;
const FOLDER: EntryType = EntryType::Directory;

#[test]
fn each_input_is_found_where_it_belongs() {
    let bench = Bench::new();
    let tar = tar(&[(FILE, b"a", b"in a tar")]);
    let mut staging = bench.staging(PLENTY);
    for (path, form, read_only, content) in [
        ("mine/file", BlobForm::File, false, b"to change".as_slice()),
        ("in/deep/file", BlobForm::File, true, b"to read"),
        ("data", BlobForm::Tar, true, &tar),
        ("copy/of/data", BlobForm::Tar, false, &tar),
    ] {
        staging
            .add(&input(path, form, read_only), blob(content))
            .unwrap();
    }
    let place = bench.place();
    fs::create_dir_all(place.join("work/old")).unwrap();
    staging.finish(&place).unwrap();
    assert_eq!(read(&place.join("work/mine/file")), "to change");
    assert_eq!(read(&place.join("inputs/in/deep/file")), "to read");
    assert_eq!(read(&place.join("inputs/data/a")), "in a tar");
    assert_eq!(read(&place.join("work/copy/of/data/a")), "in a tar");
    assert!(!place.join("work/old").exists());
    assert_eq!(bench.remains(), 0);

    drop_read_only(&place).unwrap();
    assert!(!place.join("inputs").exists() && place.join("work/mine").exists());
    discard(&place).unwrap();
    discard(&place).unwrap();
    assert!(!place.exists());
}

#[test]
fn a_tar_is_unpacked_whoever_made_it() {
    let mut builder = Builder::new(Vec::new());
    let long = format!("{}/{}", "d".repeat(150), "f".repeat(200));
    builder
        .append_data(&mut header(FILE, b"", 4), &long, &b"long"[..])
        .unwrap();
    let extensions = [("mtime", &b"1.5"[..]), ("path", "grö/ße".as_bytes())];
    builder.append_pax_extensions(extensions).unwrap();
    builder
        .append(&header(FILE, b"gr", 3), &b"pax"[..])
        .unwrap();
    let mut bytes = tar(&[
        (FOLDER, b"./", b""),
        (FOLDER, b"./b/", b""),
        (FILE, b"./b/c", b"c"),
    ]);
    bytes.truncate(bytes.len() - 1024);
    bytes.extend(builder.into_inner().unwrap());
    let (_bench, data) = unpacked(&bytes).unwrap();
    assert_eq!(read(&data.join("b/c")), "c");
    assert_eq!(read(&data.join(long)), "long");
    assert_eq!(read(&data.join("grö/ße")), "pax");

    let (_bench, data) = unpacked(&tar(&[])).unwrap();
    assert_eq!(fs::read_dir(data).unwrap().count(), 0);
}

#[test]
fn what_is_no_file_or_directory_is_refused_by_name() {
    for (entry_type, what) in [
        (EntryType::Symlink, "a symbolic link"),
        (EntryType::Link, "a hard link"),
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a named pipe"),
        (EntryType::GNUSparse, "a sparse file"),
        (EntryType::Continuous, "of an unknown type"),
        (EntryType::new(b'Z'), "of an unknown type"),
    ] {
        let message = refusal(&tar(&[(FILE, b"fine", b""), (entry_type, b"b/evil", b"")]));
        let expected =
            format!("its entry \"b/evil\" is {what}: only regular files and directories");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let long = "n".repeat(256);
    let deep = "d/".repeat(64) + "f";
    for (name, what) in [
        ("/etc/passwd", "absolute"),
        ("../escaped", "by .."),
        ("a/../../escaped", "by .."),
        ("a/..", "by .."),
        ("./../escaped", "by .."),
        ("a//b", "empty parts"),
        ("a/./b", "empty parts"),
        (".//a", "empty parts"),
        ("a/", "empty parts"),
        ("", "empty parts"),
        (&long, "too long"),
        (&deep, "deeper than 64"),
    ] {
        let mut builder = Builder::new(Vec::new());
        let extensions = [("path", name.as_bytes())];
        builder.append_pax_extensions(extensions).unwrap();
        builder.append(&header(FILE, b"x", 0), &b""[..]).unwrap();
        let message = refusal(&builder.into_inner().unwrap());
        assert!(message.contains(what), "{name}: {message}");
        if name.len() < 100 {
            let message = refusal(&tar(&[(FILE, name.as_bytes(), b"")]));
            assert!(message.contains(what), "{name}: {message}");
        }
    }
    let message = refusal(&tar(&[(FILE, b"\xff\xfe", b"")]));
    assert!(message.contains("UTF-8"), "{message}");
    let message = refusal(&tar(&[(FOLDER, b"a/../..", b"")]));
    assert!(message.contains("by .."), "{message}");
}

#[test]
fn what_is_there_twice_is_refused() {
    for (entries, what) in [
        ([(FILE, &b"a"[..]), (FILE, b"a")], "is there twice"),
        ([(FILE, b"a"), (FILE, b"./a")], "is there twice"),
        ([(FILE, b"a"), (FOLDER, b"a")], "is a file and a directory"),
        ([(FOLDER, b"a"), (FILE, b"a")], "is there twice"),
        ([(FILE, b"a"), (FILE, b"a/b")], "lies in a file"),
        ([(FILE, b"a"), (FOLDER, b"a/b/c")], "lies in a file"),
    ] {
        let entries = entries.map(|(kind, name)| (kind, name, &b""[..]));
        let message = refusal(&tar(&entries));
        assert!(message.contains(what), "{message}");
    }
    unpacked(&tar(&[
        (FOLDER, b"a", b""),
        (FILE, b"a/b", b""),
        (FOLDER, b"a/", b""),
    ]))
    .unwrap();
}

#[test]
fn attributes_do_no_tricks() {
    let with = |key: &str, value: &[u8], global: bool| {
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions([(key, value)]).unwrap();
        builder.append(&header(FILE, b"x", 1), &b"x"[..]).unwrap();
        let mut bytes = builder.into_inner().unwrap();
        if global {
            let size = u64::from_str_radix(std::str::from_utf8(&bytes[124..135]).unwrap(), 8);
            let changed = header(EntryType::XGlobalHeader, b"g", size.unwrap());
            bytes[..512].copy_from_slice(changed.as_bytes());
        }
        bytes
    };
    for (key, value, global, what) in [
        ("GNU.sparse.major", "1", false, "sparse"),
        ("size", "999999999", false, "two sizes"),
        ("size", "-1", false, "no number"),
        ("path", "elsewhere", true, "all that follow"),
        ("comment", &"c".repeat(70_000), false, "attributes"),
    ] {
        let message = refusal(&with(key, value.as_bytes(), global));
        assert!(message.contains(what), "{key}: {message}");
    }
    unpacked(&with("size", b"1", false)).unwrap();
    unpacked(&with("comment", b"by git", true)).unwrap();
    // A long name that is as long as memory.
    let message = refusal(&tar(&[(
        EntryType::GNULongName,
        b"@LongLink",
        &[b'n'; 2000],
    )]));
    assert!(message.contains("2000 bytes"), "{message}");
}

#[test]
fn what_is_no_tar_or_ends_early_is_refused() {
    let whole = tar(&[(FILE, b"a", &[7; 1000])]);
    for bytes in [
        &b"no tar at all"[..],
        &[0x55; 2048],
        &whole[..700],
        &whole[..1100],
    ] {
        let message = refusal(bytes);
        assert!(message.contains("damaged"), "{message}");
    }
    let mut changed = whole;
    changed[0] = b'b';
    assert!(refusal(&changed).contains("damaged"));
}

#[test]
fn inputs_take_no_more_than_the_disk_together() {
    let bench = Bench::new();
    let file = |path| input(path, BlobForm::File, false);
    // Each takes a whole block, however little is in it.
    let mut staging = bench.staging(3 * 4096);
    staging.add(&file("a"), blob(&[1; 4097])).unwrap();
    staging.add(&file("b"), blob(&[1; 1])).unwrap();
    let message = staging.add(&file("c"), blob(b"")).unwrap_err().to_string();
    assert!(
        message.contains("16384 bytes") && message.contains("12288"),
        "{message}"
    );

    drop(staging);
    let mut staging = bench.staging(3 * 4096);
    staging
        .add(&input("in/a", BlobForm::File, true), blob(&[1; 600]))
        .unwrap();
    let tar = tar(&[
        (FILE, b"b", &[1; 200]),
        (FILE, b"c", &[1; 300]),
        (FILE, b"d", &[1; 1]),
    ]);
    let added = staging.add(&input("d", BlobForm::Tar, false), blob(&tar));
    let message = added.unwrap_err().to_string();
    assert!(message.contains("16384 bytes"), "{message}");
    drop(staging);
    assert_eq!(bench.remains(), 0);
}

#[test]
fn the_files_of_all_inputs_are_counted() {
    // Its folder is one as well.
    let tar = tar(&[(FILE, b"f/1", b""), (FILE, b"f/2", b"")]);
    let bench = Bench::new();
    for (before, is_taken) in [(3, true), (2, false)] {
        let mut staging = bench.staging(PLENTY);
        staging.entries = stoker_types::limit::TAR_ENTRIES - before;
        let added = staging.add(&input("d", BlobForm::Tar, false), blob(&tar));
        assert_eq!(added.is_ok(), is_taken);
        let message = added.err().map(|error| error.to_string());
        assert!(message.is_none_or(|message| message.contains("more than 100000")));
    }
}

#[test]
fn a_sandbox_that_is_given_up_leaves_nothing() {
    use std::sync::atomic::Ordering;
    let bench = Bench::new();
    let mut staging = bench.staging(PLENTY);
    let file = input("a", BlobForm::File, false);
    staging.add(&file, blob(b"a")).unwrap();
    bench.given_up.store(true, Ordering::SeqCst);
    let added = staging.add(&input("b", BlobForm::File, false), blob(b"b"));
    assert!(matches!(added, Err(StagingError::GivenUp)));
    assert!(matches!(
        staging.finish(&bench.place()),
        Err(StagingError::GivenUp)
    ));
    assert!(!bench.place().exists());
    assert_eq!(bench.remains(), 0);
}
