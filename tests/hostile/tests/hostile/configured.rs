//! The bounds of an agent are its operator's: tasks that ask for nothing are held to them, and a
//! task's own limits only narrow them.

use std::{fs, path::Path, time::Duration};

use stoker_sdk_scheduler::{Reason, StatusUpdate, Task};
use stoker_sdk_testing::DevCluster;
use stoker_tests_hostile::{Arena, Family, attacks, spinner};

use crate::harness::BOUNDED;

const LIMITS: &str = "wall_time=2s,fuel_budget=300000000000,output=64KiB,functions=10,\
    stack=64KiB,table_elements=10,tables=1,random=256,subscriptions=1,descriptors=16";

#[test]
fn what_an_operator_sets_holds_for_every_task() {
    let cluster = DevCluster::builder()
        .agents(1)
        .env("STOKER_AGENT_LIMITS", LIMITS)
        .start()
        .unwrap();
    let arena = Arena::enter(cluster.master(), "configured").unwrap();
    let run = |name: &str, wasm: &[u8], asks: fn(Task) -> Task| -> StatusUpdate {
        let task = arena.task(name, wasm).unwrap();
        arena.run(asks(task), BOUNDED).unwrap()
    };
    let reason = |name: &str, wasm: &[u8], asks: fn(Task) -> Task| run(name, wasm, asks).reason;

    let end = run("spinner", &spinner(), |task| task);
    assert_eq!(end.reason, Some(Reason::Deadline), "{end:?}");
    assert!(end.message.contains("2s"), "{end:?}");
    let wider: fn(Task) -> Task = |task| task.timeout(Duration::from_secs(3600));
    assert_eq!(reason("spinner", &spinner(), wider), Some(Reason::Deadline));
    let narrower: fn(Task) -> Task = |task| task.fuel_budget(1000);
    let end = run("spinner", &spinner(), narrower);
    assert_eq!(end.reason, Some(Reason::FuelExhausted), "{end:?}");

    let flood = &attacks(Family::Output)[0];
    let wider: fn(Task) -> Task = |task| task.output_limit(1 << 30);
    let end = reason("flood", &flood.wasm(), wider);
    assert_eq!(end, Some(Reason::OutputLimit));
    for (name, text) in [
        ("functions", "(func)".repeat(10)),
        ("tables", "(table 1 funcref)".repeat(2)),
        ("table_elements", "(table 11 funcref)".to_owned()),
    ] {
        let wasm = stoker_tests_hostile::holding(&text);
        let end = run(name, &wasm, |task| task);
        assert_eq!(end.reason, Some(Reason::ModuleTooLarge), "{end:?}");
        assert!(end.message.contains(name), "{end:?}");
    }
}

/// The bytes of all files in a folder and below.
fn bytes_in(folder: &Path) -> u64 {
    // What is removed meanwhile takes nothing.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

#[test]
fn a_flood_leaves_no_more_on_disk_than_is_kept() {
    const KEPT_BYTES: u64 = 64 << 10;
    let data = tempfile::tempdir().unwrap();
    let cluster = DevCluster::builder()
        .agents(1)
        .data(data.path())
        .env("STOKER_AGENT_LIMITS", "output_kept=64KiB")
        .start()
        .unwrap();
    let arena = Arena::enter(cluster.master(), "flooding").unwrap();
    let attacks = attacks(Family::Output);
    let floods = |attack: &&stoker_tests_hostile::Attack| attack.name == "floods both by turns";
    let flood = attacks.iter().find(floods).unwrap();
    let task = arena.task("flood", &flood.wasm()).unwrap();
    let mut guest = arena.launch(task.timeout(Duration::from_secs(3))).unwrap();
    guest.wait_until_it_runs(BOUNDED).unwrap();
    let sandboxes = data.path().join("agent-1/sandboxes");
    let mut most = 0;
    while guest.wait(Duration::from_millis(50)).is_err() {
        most = bytes_in(&sandboxes).max(most);
    }
    assert!(guest.has_ended());
    let left = bytes_in(&sandboxes);
    // One that is begun stands beside those that are about to go.
    assert!((1..=2 * KEPT_BYTES).contains(&most), "{most}");
    assert!((1..=KEPT_BYTES).contains(&left), "{left}");
}
