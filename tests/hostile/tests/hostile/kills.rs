//! A guest that would go on for ever is ended by a kill, whatever it is at.

use stoker_sdk_scheduler::{Reason, TaskState};
use stoker_tests_hostile::{Family, attacks};

use crate::harness::{BOUNDED, Tenant};

#[test]
fn whatever_a_guest_is_at_a_kill_ends_it() {
    let tenant = Tenant::enter("kills");
    for attack in attacks(Family::Time) {
        // Without its limits: only the kill ends it.
        let module = attack.name.replace(" ", "-");
        let task = tenant
            .arena
            .task(&module, &attack.wasm())
            .unwrap()
            .mem_mib(16);
        let mut guest = tenant.arena.launch(task.output_limit(1 << 40)).unwrap();
        guest.wait_until_it_runs(BOUNDED).unwrap();
        guest.kill().unwrap();
        let end = guest.wait(BOUNDED).unwrap();
        assert_eq!(
            end.state,
            TaskState::Killed,
            "the guest {}: {end:?}",
            attack.name
        );
        assert_eq!(end.reason, Some(Reason::KillRequested), "{end:?}");
        tenant.assert_unharmed(attack.name);
    }
}
