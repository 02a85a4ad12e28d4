//! The names that others rely on: services, task states, reasons.

use stoker_proto::{FILE_DESCRIPTOR_SET, convert, v1};
use stoker_types::{Reason, TaskState};

#[test]
fn the_services_have_their_documented_names() {
    for (name, documented) in [
        (
            v1::scheduler_service_server::SERVICE_NAME,
            "stoker.v1.SchedulerService",
        ),
        (
            v1::agent_service_server::SERVICE_NAME,
            "stoker.v1.AgentService",
        ),
        (
            v1::operator_service_server::SERVICE_NAME,
            "stoker.v1.OperatorService",
        ),
        (
            v1::artifact_service_server::SERVICE_NAME,
            "stoker.v1.ArtifactService",
        ),
    ] {
        assert_eq!(name, documented);
        let bare = documented.trim_start_matches("stoker.v1.").as_bytes();
        assert!(
            FILE_DESCRIPTOR_SET
                .windows(bare.len())
                .any(|window| window == bare),
            "reflection does not know {documented}"
        );
    }
}

#[test]
fn a_task_state_has_one_name_everywhere() {
    for &state in TaskState::ALL {
        let wire = v1::TaskState::from(state);
        assert_eq!(wire.as_str_name(), state.as_str());
        assert_eq!(convert::task_state(wire.into()), Ok(state));
    }
    assert!(convert::task_state(0).is_err());
}

#[test]
fn a_reason_has_one_name_everywhere() {
    for &reason in Reason::ALL {
        let wire = v1::Reason::from(reason);
        assert_eq!(wire.as_str_name(), format!("REASON_{reason}"));
        assert_eq!(convert::reason(wire.into()), Ok(Some(reason)));
    }
    assert_eq!(convert::reason(0), Ok(None));
}

#[test]
fn a_record_of_another_version_is_refused_by_name() {
    assert_eq!(convert::check_version(convert::STORAGE_VERSION), Ok(()));
    assert_eq!(
        convert::check_version(2).unwrap_err().to_string(),
        "version: 2 is no version that this program reads; use a data directory of version 1"
    );
}
