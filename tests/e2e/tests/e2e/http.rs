//! The master's HTTP side, and the agents'.

use crate::harness::{Running, get, guest, shared_master, stoker, wait_for};

fn text(url: &str) -> (u16, String) {
    let response = reqwest::blocking::get(url).unwrap();
    (response.status().as_u16(), response.text().unwrap())
}

#[test]
fn health_readiness_and_metrics_are_served() {
    let master = shared_master();
    assert_eq!(text(&format!("{master}/healthz")).0, 200);
    assert_eq!(text(&format!("{master}/readyz")).0, 200);
    let (status, metrics) = text(&format!("{master}/metrics"));
    assert_eq!(status, 200);
    assert!(
        metrics.contains("stoker_master_") && metrics.ends_with("# EOF\n"),
        "{metrics}"
    );
    for agent in get("/api/v1/agents").as_array().unwrap() {
        let url = agent["url"].as_str().unwrap();
        assert_eq!(text(&format!("{url}/healthz")).0, 200);
        // The master knows of it a moment before its own page says so.
        let is_ready = || (text(&format!("{url}/readyz")).0 == 200).then_some(());
        wait_for("agent that is ready", is_ready);
        assert!(
            text(&format!("{url}/metrics")).1.contains("stoker_agent_"),
            "{url}"
        );
    }
}

#[test]
fn a_task_is_in_the_state_with_the_fields_of_the_contract() {
    let hello = guest("hello");
    let report = stoker([
        "run",
        "-o",
        "json",
        "--name",
        "in-the-state",
        hello.to_str().unwrap(),
    ])
    .json();
    let tasks = get("/api/v1/tasks");
    let task = tasks
        .as_array()
        .unwrap()
        .iter()
        .find(|task| task["id"] == report["task_id"])
        .unwrap();
    for field in [
        "id",
        "name",
        "framework_id",
        "role",
        "agent_id",
        "state",
        "reason",
        "message",
        "exit_code",
        "resources",
        "started_at",
        "ended_at",
        "fuel_used",
        "cpu_seconds",
        "mem_peak",
    ] {
        assert!(task.get(field).is_some(), "{field} is not in {task}");
    }
    assert_eq!(task["state"], "TASK_FINISHED");
    assert_eq!(task["exit_code"], 0);
    assert_eq!(task["resources"]["mem"], 64 << 20);
    assert_eq!(task["resources"]["cpus"], 0.25);
    let ended: &str = task["ended_at"].as_str().unwrap();
    assert!(
        ended.contains('T') && ended.ends_with('Z'),
        "{ended} is no RFC 3339 time"
    );
    for part in ["agents", "frameworks", "tasks", "offers"] {
        assert!(!get("/api/v1/state")[part].is_null(), "{part}");
    }
    let agent = &get("/api/v1/agents")[0];
    for field in [
        "id",
        "hostname",
        "state",
        "total",
        "used",
        "offered",
        "attributes",
        "version",
    ] {
        assert!(agent.get(field).is_some(), "{field} is not in {agent}");
    }
}

#[test]
fn lists_come_in_pages() {
    let first = get("/api/v1/agents?limit=1");
    assert_eq!(first.as_array().unwrap().len(), 1);
    let second = get(&format!(
        "/api/v1/agents?limit=1&after={}",
        first[0]["id"].as_str().unwrap()
    ));
    assert_eq!(second.as_array().unwrap().len(), 1);
    assert_ne!(first[0]["id"], second[0]["id"]);
}

#[test]
fn the_openapi_document_names_every_path() {
    let document = get("/api/v1/openapi.json");
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{document}"
    );
    for path in ["state", "agents", "frameworks", "tasks", "offers"] {
        assert!(
            document["paths"][format!("/api/v1/{path}")]["get"].is_object(),
            "{path}"
        );
    }
}

#[test]
fn a_path_that_is_none_and_a_query_that_is_wrong_are_told() {
    let master = shared_master();
    assert_eq!(text(&format!("{master}/api/v1/nothing")).0, 404);
    let (status, body) = text(&format!("{master}/api/v1/tasks?limit=many"));
    assert_eq!(status, 400);
    assert!(body.contains("error"), "{body}");
}

#[test]
fn what_a_task_uses_is_shown_while_it_runs_and_summed_by_role() {
    let spin = guest("spin");
    let name = "shown-while-it-runs";
    let running = Running::stoker([
        "run",
        "--name",
        name,
        "--role",
        "used",
        spin.to_str().unwrap(),
    ]);
    let task = wait_for("task that tells what it uses", || {
        let tasks = get("/api/v1/tasks?state=TASK_RUNNING");
        let tasks = tasks.as_array().unwrap().clone();
        tasks
            .into_iter()
            .find(|task| task["name"] == name && task["fuel_used"].as_u64().unwrap() > 0)
    });
    assert!(task["cpu_seconds"].as_f64().unwrap() > 0.0, "{task}");
    let (_, metrics) = text(&format!("{}/metrics", shared_master()));
    let sum = metrics
        .lines()
        .find_map(|line| line.strip_prefix("stoker_master_role_fuel_total{role=\"used\"} "));
    let sum: u64 = sum.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap();
    assert!(sum >= task["fuel_used"].as_u64().unwrap(), "{sum}: {task}");
    let id = task["id"].as_str().unwrap();
    let killed = stoker(["task", "kill", "--grace", "0s", id]);
    assert_eq!(killed.code, Some(0), "{killed:?}");
    assert_eq!(running.wait().code, Some(137));
    let shown = stoker(["task", "show", "-o", "json", id]).json();
    assert_eq!(shown["state"], "TASK_KILLED", "{shown}");
    assert_eq!(shown["mem"], 0, "{shown}");
}
