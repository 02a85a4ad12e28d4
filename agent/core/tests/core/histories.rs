//! Random histories: whatever happens, the invariants hold; and when it stops happening,
//! everything comes to its end.
//!
//! DESIGN.md §5.5: a launch is executed at most once (2); every accepted launch ends in a status
//! that is told until acknowledged (3); updates are in order and an end is final (4); the loss of
//! the master, the daemon or the link between them ends no task (5).

use proptest::prelude::*;

use crate::world::{Happening, World};

fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let n = any::<u8>();
    prop_oneof![
        8 => n.prop_map(|framework| H::Launch { framework }),
        1 => n.prop_map(H::LaunchAgain),
        3 => n.prop_map(H::Kill),
        4 => n.prop_map(H::Acknowledge),
        1 => (n, n).prop_map(|(task, number)| H::AcknowledgeNonsense(task, number)),
        1 => n.prop_map(H::Resend),
        1 => n.prop_map(H::Shutdown),
        12 => (1u8..20).prop_map(H::Written),
        8 => n.prop_map(H::Prepared),
        1 => n.prop_map(H::NotPrepared),
        2 => (n, any::<bool>()).prop_map(|(task, compiling)| H::Preparing(task, compiling)),
        4 => (n, any::<bool>()).prop_map(|(task, well)| H::Uploaded(task, well)),
        6 => n.prop_map(H::RunnerAnswers),
        1 => n.prop_map(H::RunnerDies),
        2 => Just(H::DeathIsHeard),
        10 => n.prop_map(H::RunnerObeys),
        5 => (n, any::<bool>()).prop_map(|(runner, well)| H::TaskEnds(runner, well)),
        10 => n.prop_map(H::EventComes),
        1 => n.prop_map(H::EventComesAgain),
        1 => (n, n).prop_map(|(runner, task)| H::ForeignEvent(runner, task)),
        6 => Just(H::Connects),
        1 => Just(H::Disconnects),
        8 => Just(H::Admits),
        1 => Just(H::Deposed),
        1 => Just(H::NewMaster),
        3 => any::<u16>().prop_map(H::Waits),
        12 => n.prop_map(H::Works),
        2 => n.prop_map(H::DaemonDies),
        1 => n.prop_map(H::PowerFails),
        1 => Just(H::Compacts),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_task_ends_once_and_is_told(
        seed: u64,
        history in prop::collection::vec(happening(), 0..400),
    ) {
        let mut world = World::new(seed);
        for happening in history {
            world.happen(happening);
        }
        world.heal();
    }
}
