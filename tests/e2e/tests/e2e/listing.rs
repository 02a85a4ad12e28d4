//! The verbs that look: lists and details, for people and for programs.

use crate::harness::{guest, stoker};

#[test]
fn lists_are_tables_arrays_or_lines() {
    for kind in ["task", "agent", "framework", "offer", "module"] {
        let table = stoker([kind, "list"]);
        assert_eq!(table.code, Some(0), "{table:?}");
        assert!(table.stdout.starts_with(&kind.to_uppercase()), "{table:?}");
        assert!(stoker([kind, "list", "-o", "json"]).json().is_array());
        for line in stoker([kind, "list", "-o", "jsonl"]).stdout.lines() {
            let item: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(item.is_object(), "{line}");
        }
    }
}

#[test]
fn one_thing_is_shown_by_any_unique_prefix_of_its_id() {
    let hello = guest("hello");
    let report = stoker([
        "run",
        "-o",
        "json",
        "--name",
        "shown",
        hello.to_str().unwrap(),
    ])
    .json();
    let id = report["task_id"].as_str().unwrap();
    let prefix = &id[..id.len() - 3];
    let shown = stoker(["task", "show", prefix, "-o", "json"]).json();
    assert_eq!(shown["id"], id);
    let text = stoker(["task", "show", prefix]).stdout;
    assert!(
        text.contains("TASK_FINISHED") && text.contains(id),
        "{text}"
    );
    let framework = shown["framework_id"].as_str().unwrap();
    let shown = stoker(["framework", "show", framework, "-o", "json"]).json();
    assert_eq!(shown["id"], framework);
    assert_eq!(
        shown["state"], "completed",
        "a run's framework ends with it"
    );
}

#[test]
fn a_list_of_tasks_can_be_narrowed() {
    let hello = guest("hello");
    let report = stoker(["run", "-o", "json", hello.to_str().unwrap()]).json();
    let all = stoker(["task", "list", "-o", "json"]).json();
    let task = all
        .as_array()
        .unwrap()
        .iter()
        .find(|task| task["id"] == report["task_id"])
        .unwrap();
    let framework = task["framework_id"].as_str().unwrap();
    let narrowed = stoker(["task", "list", "-o", "json", "--framework", framework]).json();
    assert_eq!(narrowed.as_array().unwrap().len(), 1, "{narrowed}");
    let none = stoker([
        "task",
        "list",
        "-o",
        "json",
        "--framework",
        framework,
        "--state",
        "TASK_RUNNING",
    ]);
    assert_eq!(none.json().as_array().unwrap().len(), 0);
}
