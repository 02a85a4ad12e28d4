//! The bounds of an agent are its operator's: tasks that ask for nothing are held to them, and a
//! task's own limits only narrow them.

use std::time::Duration;

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
