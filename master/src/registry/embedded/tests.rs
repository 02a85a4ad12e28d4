//! The embedded registry against a real file: what was committed is there, whoever opens it next.

use std::time::Duration;

use stoker_master_core::{AgentRecord, FrameworkRecord};
use stoker_types::{
    AgentId, Attributes, FrameworkId, FrameworkInfo, Milli, Resources, Role, Timestamp,
    agent::AgentInfo,
};

use super::*;

fn agent(bits: u64) -> AgentRecord {
    AgentRecord {
        agent: AgentInfo {
            id: AgentId::from_bits(bits),
            hostname: "host-1".to_owned(),
            resources: Resources {
                cpus: Milli::from_whole(4),
                mem: 8 << 30,
                ..Default::default()
            },
            attributes: "rack=a;zone=z1".parse::<Attributes>().unwrap(),
            version: "0.1.0".to_owned(),
            url: "http://127.0.0.1:5051".to_owned(),
            hardening: stoker_types::Hardening::default(),
        },
        unreachable_since: Some(Timestamp::from_micros(12_345)),
    }
}

fn framework(bits: u64) -> FrameworkRecord {
    FrameworkRecord {
        id: FrameworkId::from_bits(bits),
        framework: FrameworkInfo {
            name: "words".to_owned(),
            principal: String::new(),
            roles: vec![Role::default(), "a/b".parse().unwrap()],
            failover_timeout: Duration::from_secs(600),
        },
        failover_deadline: None,
    }
}

fn numbered(operations: Vec<RegistryOperation>) -> Vec<(u64, RegistryOperation)> {
    (1..).zip(operations).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("registry.redb")
    }

    fn open(&self) -> EmbeddedRegistry {
        EmbeddedRegistry::open(&self.path()).unwrap()
    }
}

#[test]
fn what_was_committed_is_loaded_by_the_next_master() {
    let folder = Folder::new();
    let mut registry = folder.open();
    assert_eq!(registry.begin_term().unwrap(), Epoch::new(1));
    let operations = numbered(vec![
        RegistryOperation::PutAgent(agent(7)),
        RegistryOperation::PutFramework(framework(1)),
        RegistryOperation::PutFramework(framework(2)),
        RegistryOperation::RemoveFramework(FrameworkId::from_bits(1)),
    ]);
    registry.commit(&operations).unwrap();
    drop(registry);

    let mut registry = folder.open();
    let recovered = registry.load().unwrap();
    assert_eq!(recovered.agents, [agent(7)]);
    assert_eq!(recovered.frameworks, [framework(2)]);
    assert_eq!(registry.begin_term().unwrap(), Epoch::new(2));
}

#[test]
fn what_is_on_the_disk_without_a_clean_end_is_all_that_was_committed() {
    let folder = Folder::new();
    let mut registry = folder.open();
    registry.begin_term().unwrap();
    registry
        .commit(&numbered(vec![RegistryOperation::PutAgent(agent(1))]))
        .unwrap();
    // The file as a crash would leave it, while the first process still has it open.
    let copy = Folder::new();
    std::fs::copy(folder.path(), copy.path()).unwrap();

    let mut reopened = copy.open();
    assert_eq!(reopened.load().unwrap().agents, [agent(1)]);
    assert_eq!(reopened.begin_term().unwrap(), Epoch::new(2));
}

#[test]
fn a_later_record_replaces_an_earlier_one() {
    let folder = Folder::new();
    let mut registry = folder.open();
    registry.begin_term().unwrap();
    let returned = AgentRecord {
        unreachable_since: None,
        ..agent(1)
    };
    let operations = numbered(vec![
        RegistryOperation::PutAgent(agent(1)),
        RegistryOperation::PutAgent(returned.clone()),
    ]);
    registry.commit(&operations).unwrap();
    assert_eq!(registry.load().unwrap().agents, [returned]);
}

#[test]
fn a_master_whose_term_is_over_writes_nothing() {
    let folder = Folder::new();
    let mut registry = folder.open();
    registry.begin_term().unwrap();
    registry.begin_term().unwrap();
    registry.epoch = Some(Epoch::new(1));
    let error = registry.commit(&numbered(vec![RegistryOperation::PutAgent(agent(1))]));
    assert_eq!(
        error.unwrap_err().to_string(),
        "this master's term 1 is over: a master of term 2 has taken its place"
    );
    assert!(registry.load().unwrap().agents.is_empty());
}

#[test]
fn a_second_opener_is_refused() {
    let folder = Folder::new();
    let _first = folder.open();
    let error = EmbeddedRegistry::open(&folder.path()).unwrap_err();
    assert!(matches!(error, RegistryError::InUse(_)), "{error}");
}

#[test]
fn a_registry_of_another_format_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let registry = folder.open();
    let transaction = registry.begin_write().unwrap();
    transaction
        .open_table(META)
        .unwrap()
        .insert(FORMAT_KEY, b"7".as_slice())
        .unwrap();
    transaction.commit().unwrap();
    drop(registry);

    let error = EmbeddedRegistry::open(&folder.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is of format 7, and this stoker reads format 1"),
        "{error}"
    );
    assert!(error.contains("--data"), "{error}");
}

#[test]
fn a_file_that_is_no_registry_is_refused() {
    let folder = Folder::new();
    std::fs::write(folder.path(), vec![b'x'; 64 << 10]).unwrap();
    let error = EmbeddedRegistry::open(&folder.path()).unwrap_err();
    assert!(matches!(error, RegistryError::Damaged { .. }), "{error}");
}

#[test]
fn a_record_of_another_version_is_named() {
    let folder = Folder::new();
    let mut registry = folder.open();
    let transaction = registry.begin_write().unwrap();
    // Field 1 is the version: 9.
    transaction
        .open_table(AGENTS)
        .unwrap()
        .insert(1, b"\x08\x09".as_slice())
        .unwrap();
    transaction.commit().unwrap();
    let error = registry.load().unwrap_err().to_string();
    assert!(
        error.contains("the record of an agent cannot be read"),
        "{error}"
    );
    assert!(error.contains('9'), "{error}");
}

#[test]
fn a_flipped_bit_is_refused_or_harmless_wherever_it_is() {
    let folder = Folder::new();
    let mut registry = folder.open();
    registry.begin_term().unwrap();
    let agents: Vec<AgentRecord> = (1..100).map(agent).collect();
    let operations = agents
        .iter()
        .cloned()
        .map(RegistryOperation::PutAgent)
        .collect();
    registry.commit(&numbered(operations)).unwrap();
    drop(registry);
    let good = std::fs::read(folder.path()).unwrap();

    let mut random = stoker_types::IdGenerator::from_seed(3);
    let mut refused = 0;
    for _ in 0..200 {
        let mut bytes = good.clone();
        let place = usize::try_from(random.below(good.len() as u64)).unwrap();
        bytes[place] ^= 1 << random.below(8);
        let damaged = Folder::new();
        std::fs::write(damaged.path(), &bytes).unwrap();
        let loaded =
            EmbeddedRegistry::open(&damaged.path()).and_then(|mut registry| registry.load());
        match loaded {
            Ok(recovered) => assert_eq!(recovered.agents, agents, "a bit at {place}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0, "no bit that matters was flipped");
}
