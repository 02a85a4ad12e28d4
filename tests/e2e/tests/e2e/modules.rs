//! The module store: push, list, remove, and running what is stored.

use crate::harness::{module, stoker};

#[test]
fn a_module_is_pushed_once_listed_and_removed() {
    let file = module(r#"(module (func (export "_start")) (@custom "mine" "pushed"))"#);
    let path = file.path().to_str().unwrap();
    let pushed = stoker(["module", "push", path]);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let reference = pushed.stdout.trim();
    assert!(reference.starts_with("blob:sha256:"), "{pushed:?}");
    assert_eq!(stoker(["module", "push", path]).stdout.trim(), reference);
    let listed = stoker(["module", "list", "-o", "json"]).json();
    let mine: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|module| module["reference"] == reference)
        .collect();
    assert_eq!(mine.len(), 1, "{listed}");
    assert!(
        path.ends_with(mine[0]["name"].as_str().unwrap()),
        "{listed}"
    );
    assert_eq!(mine[0]["size"], std::fs::metadata(path).unwrap().len());
    assert_eq!(stoker(["module", "rm", reference]).code, Some(0));
    stoker(["module", "rm", reference]).assert_refused(1, &["stoker module list"]);
}
