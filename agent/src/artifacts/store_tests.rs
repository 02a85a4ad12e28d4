//! The store on a real disk: what comes back, what does not, and what has to go.

use super::*;

const BUDGET: u64 = 30;

fn open(root: &Path) -> Store {
    Store::open(root.join("files"), &root.join("key"), BUDGET).unwrap()
}

fn put(store: &Store, name: &str, content: &str) -> Arc<StoredFile> {
    let mut file = store.new_file().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    store.insert(name, file).unwrap()
}

fn read(file: &StoredFile) -> String {
    let mut text = String::new();
    File::from(file.open().unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn a_stored_file_is_there_again_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    put(&open(root.path()), "a", "content of a");
    let store = open(root.path());
    assert!(store.get("b").is_none());
    let file = store.get("a").unwrap();
    // Each descriptor reads from the start.
    assert_eq!(
        (read(&file), read(&file)),
        ("content of a".to_owned(), "content of a".to_owned())
    );
    assert_eq!(store.bytes(), 12);
    let mode = fs::metadata(root.path().join("key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_was_changed_is_removed_and_not_given_out() {
    let root = tempfile::tempdir().unwrap();
    for tamper in [
        |root: &Path| fs::write(root.join("files/a"), "content of b").unwrap(),
        |root: &Path| fs::write(root.join("files/a.seal"), "short").unwrap(),
        |root: &Path| fs::remove_file(root.join("files/a.seal")).unwrap(),
        |root: &Path| fs::write(root.join("key"), [7; 32]).unwrap(),
    ] {
        let store = open(root.path());
        put(&store, "a", "content of a");
        fs::set_permissions(root.path().join("files/a"), Permissions::from_mode(0o600)).unwrap();
        tamper(root.path());
        let store = open(root.path());
        assert!(store.get("a").is_none());
        assert_eq!(store.bytes(), 0);
        assert!(!root.path().join("files/a").exists());
    }
}

#[test]
fn a_file_under_another_name_is_not_given_out() {
    let root = tempfile::tempdir().unwrap();
    put(&open(root.path()), "a", "content of a");
    for (from, to) in [("files/a", "files/b"), ("files/a.seal", "files/b.seal")] {
        fs::rename(root.path().join(from), root.path().join(to)).unwrap();
    }
    assert!(open(root.path()).get("b").is_none());
}

#[test]
fn the_least_recently_used_file_goes_first() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    for name in ["a", "b", "c"] {
        put(&store, name, "0123456789");
    }
    assert!(store.get("a").is_some());
    put(&store, "d", "0123456789");
    assert!(store.get("b").is_none());
    assert!(store.get("a").is_some() && store.get("c").is_some() && store.get("d").is_some());
    assert_eq!(store.bytes(), BUDGET);
}

#[test]
fn what_is_in_use_stays_even_over_the_budget() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let held = put(&store, "a", "0123456789");
    put(&store, "b", "0123456789");
    let pin = store.pin("b").unwrap();
    // What was just stored is about to be used.
    put(&store, "c", "01234567890123456789");
    assert_eq!(store.bytes(), 40);
    put(&store, "d", "0123456789");
    assert!(store.get("c").is_none(), "only this one was free to go");
    assert!(held.path().exists() && store.get("b").is_some());
    drop((held, pin));
    put(&store, "e", "0123456789");
    assert!(store.get("a").is_none());
    assert_eq!(store.bytes(), BUDGET);
}

#[test]
fn a_smaller_budget_holds_from_the_start() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    put(&store, "a", "0123456789");
    put(&store, "b", "0123456789");
    let store = Store::open(root.path().join("files"), &root.path().join("key"), 10).unwrap();
    assert_eq!(store.bytes(), 10);
}

#[test]
fn a_half_made_file_is_gone_at_the_next_start() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let (_, path) = store.new_file().unwrap().keep().unwrap();
    let seal = root.path().join("files/a.seal");
    fs::write(&seal, "").unwrap();
    open(root.path());
    assert!(!path.exists() && !seal.exists());
}
