//! The agent's configuration: names, defaults and rules, all in this place.
//!
//! Owns the shape that a TOML file, the environment and flags are merged into by the program, and
//! its check. Never reads any of them itself.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use stoker_types::{
    Attributes, GuestLimits, Resources, limit,
    runner::{DEFAULT_ORPHAN_TIMEOUT, MOST_SLOTS},
};

mod text;

/// The most runners that are kept ready: more would only take memory.
const MOST_SPARE_RUNNERS: u32 = 64;

/// All that an operator may set. Times are written `15min`, sizes `1GiB`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentConfig {
    /// The masters, `http://HOST:PORT` each; they are tried in turn until one answers.
    pub masters: Vec<String>,
    /// Where health and metrics are served.
    pub listen: SocketAddr,
    /// Allows a `listen` address that others can reach, although it is not encrypted.
    pub insecure: bool,
    /// The data directory.
    pub data: PathBuf,
    /// What the host is called; its own name if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// What is sold, where it is to differ from what is found: `cpus=2;mem=4GiB`.
    pub resources: String,
    /// What is said of the machine in every offer: `rack=a;zone=z1`.
    pub attributes: String,
    /// How guests' memories are laid out.
    pub memory_profile: MemoryProfileChoice,
    /// The tasks that a runner holds at once; a tenant with more has more runners. What a runner
    /// costs by itself is shared by its tasks, and the kernel's limit on mappings ends a process
    /// near 11,000 of them: 1 to 8,000.
    pub tasks_per_runner: u32,
    /// The runners that are kept ready for tenants that have none, at most 64: a tenant's first
    /// task does not wait for a process to start. Each takes some MiB.
    pub spare_runners: u32,
    /// How long a runner keeps its tasks when no daemon is there.
    #[serde(with = "text::time")]
    pub orphan_timeout: Duration,
    /// How long a runner without tasks is kept for the next one.
    #[serde(with = "text::time")]
    pub idle_runner_timeout: Duration,
    /// What compiled modules and stdin blobs may take on disk together.
    #[serde(with = "text::size")]
    pub artifact_cache: u64,
    /// The largest module that is taken.
    #[serde(with = "text::size")]
    pub max_module: u64,
    /// The largest blob that is a standard input or an input of a task.
    #[serde(with = "text::size")]
    pub max_input: u64,
    /// How long a sandbox is kept after its task's end.
    #[serde(with = "text::time")]
    pub sandbox_retention: Duration,
    /// What is to be free on the sandboxes' disk: with less, those of ended tasks go before their
    /// time, the oldest first.
    #[serde(with = "text::size")]
    pub sandbox_min_free: u64,
    /// The CPU time that every compilation may take.
    #[serde(with = "text::time")]
    pub compile_cpu: Duration,
    /// The CPU time that it may take in addition, for each MiB of the module.
    #[serde(with = "text::time")]
    pub compile_cpu_per_mib: Duration,
    /// The address space that every compilation may take; 64 bytes a byte of the module come on
    /// top.
    #[serde(with = "text::size")]
    pub compile_memory: u64,
    /// How many modules are compiled at once; as many as there are cpus if 0.
    pub compile_parallelism: u32,
    /// Runs nothing unless the kernel confines runners and compilers fully.
    pub require_hardening: bool,
    /// Ends the daemon, as SIGTERM does, when the process that started it is gone.
    pub die_with_parent: bool,
    /// Ends all tasks on SIGTERM. Otherwise they go on without the daemon.
    pub end_tasks_on_sigterm: bool,
    /// Has runners write their diagnostics to the daemon's own stderr instead of files of their
    /// own.
    pub inherit_runner_stderr: bool,
    /// Syncs every record of the checkpoint log, whatever its class. Only to measure what that
    /// costs: it has no flag.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sync_everything: bool,
    /// What a guest may take from the host, beside what its task asks for; a task's own limits only
    /// narrow it.
    #[serde(with = "text::limits")]
    pub limits: GuestLimits,
    /// The program to run for runners and compilations: this one if absent. For tests.
    #[serde(skip)]
    pub program: Option<PathBuf>,
}

/// How guests' memories are laid out, as an operator may choose it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryProfileChoice {
    /// Whatever suits the machine.
    #[default]
    Auto,
    /// A pool of slots with 4 GiB of address space each.
    Large,
    /// On demand, with 32 MiB of address space each.
    Small,
}

impl std::str::FromStr for MemoryProfileChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "large" => Ok(Self::Large),
            "small" => Ok(Self::Small),
            other => Err(format!(
                "{other:?} is no memory profile: write auto, large or small"
            )),
        }
    }
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            masters: vec!["http://127.0.0.1:5050".to_owned()],
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5051),
            insecure: false,
            data: PathBuf::from("/var/lib/stoker/agent"),
            hostname: None,
            resources: String::new(),
            attributes: String::new(),
            memory_profile: MemoryProfileChoice::Auto,
            tasks_per_runner: 1000,
            spare_runners: 1,
            orphan_timeout: DEFAULT_ORPHAN_TIMEOUT,
            idle_runner_timeout: Duration::from_secs(30),
            artifact_cache: 4 << 30,
            max_module: 256 << 20,
            max_input: 1 << 30,
            sandbox_retention: Duration::from_secs(24 * 3600),
            sandbox_min_free: 256 << 20,
            compile_cpu: Duration::from_secs(30),
            compile_cpu_per_mib: Duration::from_secs(2),
            compile_memory: 4 << 30,
            compile_parallelism: 0,
            require_hardening: false,
            die_with_parent: false,
            end_tasks_on_sigterm: false,
            inherit_runner_stderr: false,
            sync_everything: false,
            limits: GuestLimits::default(),
            program: None,
        }
    }
}

/// Why a configuration cannot be used, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct ConfigError {
    /// The field, as in the file.
    pub field: &'static str,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl ConfigError {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}

/// What a checked configuration means, where that is more than its text.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    /// The masters' addresses.
    pub(crate) masters: Vec<tonic::transport::Uri>,
    /// What replaces the resources that are found, entry by entry.
    pub(crate) overrides: Overrides,
    /// What is said of the machine.
    pub(crate) attributes: Attributes,
}

/// Resources to sell instead of those that are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overrides {
    /// The entries that are named, zero ones among them.
    pub(crate) names: Vec<String>,
    /// Their amounts.
    pub(crate) amounts: Resources,
}

impl AgentConfig {
    /// Whether the agent can run with this.
    ///
    /// # Errors
    /// The first field that is wrong, and what would be right.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check().map(drop)
    }

    /// The same, with all that has been read from its texts.
    pub(crate) fn check(&self) -> Result<Checked, ConfigError> {
        self.check_listen()?;
        if !self.data.is_absolute() {
            let message = format!(
                "{} is not absolute: write a path from the root",
                self.data.display()
            );
            return Err(ConfigError::new("data", message));
        }
        if self.data.as_os_str().len() > limit::PATH_BYTES {
            return Err(ConfigError::new(
                "data",
                "is over 1,024 bytes long: choose a shorter path",
            ));
        }
        let hostname = self.hostname.as_deref().unwrap_or("unnamed");
        if hostname.is_empty()
            || hostname.len() > limit::NAME_BYTES
            || hostname.contains(char::is_control)
        {
            return Err(ConfigError::new("hostname", "write 1 to 256 characters"));
        }
        self.check_amounts()?;
        Ok(Checked {
            masters: self.check_masters()?,
            overrides: Overrides::parse(&self.resources)?,
            attributes: self
                .attributes
                .parse()
                .map_err(|error| ConfigError::new("attributes", format!("{error}")))?,
        })
    }

    fn check_listen(&self) -> Result<(), ConfigError> {
        if self.listen.ip().is_loopback() || self.insecure {
            return Ok(());
        }
        let message = format!(
            "{} can be reached by others and is not encrypted: listen on 127.0.0.1, or allow it \
             with --insecure",
            self.listen
        );
        Err(ConfigError::new("listen", message))
    }

    fn check_masters(&self) -> Result<Vec<tonic::transport::Uri>, ConfigError> {
        if self.masters.is_empty() {
            return Err(ConfigError::new(
                "masters",
                "is empty: name at least one, as in http://127.0.0.1:5050",
            ));
        }
        self.masters
            .iter()
            .map(|text| master_address(text))
            .collect()
    }

    fn check_amounts(&self) -> Result<(), ConfigError> {
        let least: [(&'static str, u64, u64, &str); 3] = [
            ("max_module", self.max_module, 1, "1B"),
            ("compile_memory", self.compile_memory, 256 << 20, "256MiB"),
            ("artifact_cache", self.artifact_cache, 16 << 20, "16MiB"),
        ];
        for (field, value, minimum, text) in least {
            if value < minimum {
                return Err(ConfigError::new(
                    field,
                    format!("is too little: write at least {text}"),
                ));
            }
        }
        if !(1..=MOST_SLOTS).contains(&self.tasks_per_runner) {
            return Err(ConfigError::new(
                "tasks_per_runner",
                format!("write 1 to {MOST_SLOTS}"),
            ));
        }
        if self.spare_runners > MOST_SPARE_RUNNERS {
            return Err(ConfigError::new(
                "spare_runners",
                format!("is too many: write at most {MOST_SPARE_RUNNERS}"),
            ));
        }
        if self.compile_cpu < Duration::from_secs(1) {
            return Err(ConfigError::new(
                "compile_cpu",
                "is too short: write at least 1s",
            ));
        }
        Ok(())
    }
}

fn master_address(text: &str) -> Result<tonic::transport::Uri, ConfigError> {
    let wrong = |what: &str| {
        let cut: String = text.chars().take(80).collect();
        ConfigError::new("masters", format!("{cut:?} {what}: write http://HOST:PORT"))
    };
    if text.starts_with("https://") {
        return Err(wrong("asks for TLS, which stoker does not speak yet"));
    }
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let address: tonic::transport::Uri = with_scheme
        .parse()
        .map_err(|_| wrong("is no address of a master"))?;
    let is_plain = matches!(address.path(), "" | "/") && address.query().is_none();
    if address.scheme_str() != Some("http") || address.port().is_none() || !is_plain {
        return Err(wrong("is no address of a master"));
    }
    Ok(address)
}

impl Overrides {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let amounts = text
            .parse::<Resources>()
            .map_err(|error| ConfigError::new("resources", error.to_string()))?;
        let names = text
            .split(';')
            .filter_map(|part| part.split_once('='))
            .map(|(name, _)| name.trim().to_owned())
            .collect();
        Ok(Self { names, amounts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(change: impl FnOnce(&mut AgentConfig)) -> String {
        let mut config = AgentConfig::default();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_right() {
        AgentConfig::default().validate().unwrap();
    }

    #[test]
    fn each_mistake_is_named_with_what_would_be_right() {
        let text = message(|config| config.listen = ([0, 0, 0, 0], 5051).into());
        assert!(
            text.starts_with("listen: 0.0.0.0:5051") && text.contains("--insecure"),
            "{text}"
        );
        let text = message(|config| config.masters = vec!["https://a:1".to_owned()]);
        assert!(
            text.starts_with("masters:") && text.contains("http://HOST:PORT"),
            "{text}"
        );
        let text = message(|config| config.masters = vec!["http://a".to_owned()]);
        assert!(text.contains("http://HOST:PORT"), "{text}");
        let text = message(|config| config.masters.clear());
        assert!(text.contains("name at least one"), "{text}");
        let text = message(|config| config.resources = "cpus".to_owned());
        assert!(
            text.starts_with("resources:") && text.contains("cpus=2"),
            "{text}"
        );
        let text = message(|config| config.attributes = "rack".to_owned());
        assert!(
            text.starts_with("attributes:") && text.contains("rack=a"),
            "{text}"
        );
        let text = message(|config| config.data = PathBuf::from("relative"));
        assert!(text.starts_with("data:"), "{text}");
        let text = message(|config| config.compile_memory = 1);
        assert!(text.contains("256MiB"), "{text}");
        let text = message(|config| config.hostname = Some(String::new()));
        assert!(text.starts_with("hostname:"), "{text}");
    }

    #[test]
    fn masters_may_be_named_without_a_scheme() {
        let config = AgentConfig {
            masters: vec!["10.0.0.1:5050".to_owned()],
            ..AgentConfig::default()
        };
        assert_eq!(
            config.check().unwrap().masters[0].to_string(),
            "http://10.0.0.1:5050/"
        );
    }

    #[test]
    fn a_configuration_reads_back_and_an_unknown_key_is_refused() {
        let config = AgentConfig {
            orphan_timeout: Duration::from_secs(10),
            hostname: Some("a".to_owned()),
            ..AgentConfig::default()
        };
        let text = serde_json::to_string(&config).unwrap();
        assert!(text.contains("\"orphan_timeout\":\"10s\""), "{text}");
        assert!(!text.contains("sync_everything"), "{text}");
        assert_eq!(serde_json::from_str::<AgentConfig>(&text).unwrap(), config);
        let sizes = r#"{"max_module": 1024, "artifact_cache": "2GiB"}"#;
        let config: AgentConfig = serde_json::from_str(sizes).unwrap();
        assert_eq!((config.max_module, config.artifact_cache), (1024, 2 << 30));
        let error = serde_json::from_str::<AgentConfig>(r#"{"lisen": 1}"#).unwrap_err();
        assert!(error.to_string().contains("lisen"), "{error}");
        let error = serde_json::from_str::<AgentConfig>(r#"{"max_module": "many"}"#).unwrap_err();
        assert!(error.to_string().contains("64MiB"), "{error}");
    }
}
