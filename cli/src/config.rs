//! The three layers of a daemon's configuration: flags, then environment, then a TOML file.
//!
//! clap has merged flags and environment already; what they set is laid over the file here.
//! Owns the merging only: names, defaults and rules are the daemons' own.

use std::path::Path;

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};

/// Reads `file`, lays all that `flags` sets over it, and makes a configuration of the result.
///
/// # Errors
/// If the file cannot be read, is no TOML, or holds a key that the daemon does not know.
pub(crate) fn layered<C: DeserializeOwned>(
    file: Option<&Path>,
    flags: &impl Serialize,
) -> anyhow::Result<C> {
    let mut table = match file {
        Some(path) => read(path)?,
        None => toml::Table::new(),
    };
    let flags = toml::Table::try_from(flags).context("the flags make no configuration")?;
    for (key, value) in flags {
        match (table.get_mut(&key), value) {
            // A table is laid over the file's, key by key.
            (Some(toml::Value::Table(kept)), toml::Value::Table(over)) => kept.extend(over),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
    C::deserialize(table).map_err(|error| match file {
        Some(path) => anyhow::anyhow!("{}: {}", path.display(), one_line(&error)),
        None => anyhow::anyhow!("{}", one_line(&error)),
    })
}

fn read(path: &Path) -> anyhow::Result<toml::Table> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))?;
    text.parse::<toml::Table>()
        .map_err(|error| anyhow::anyhow!("{}: {}", path.display(), one_line(&error)))
}

/// toml draws the place of a mistake over several lines; an error of ours is one line.
fn one_line(error: &toml::de::Error) -> String {
    error.message().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Config {
        listen: String,
        agents: u32,
    }

    impl Default for Config {
        fn default() -> Self {
            Self {
                listen: "default".to_owned(),
                agents: 1,
            }
        }
    }

    #[derive(Serialize)]
    struct Flags {
        #[serde(skip_serializing_if = "Option::is_none")]
        listen: Option<&'static str>,
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let file = file("agents = 3\nlisten = \"file\"\n");
        let config: Config = layered(
            Some(file.path()),
            &Flags {
                listen: Some("flag"),
            },
        )
        .unwrap();
        assert_eq!(
            config,
            Config {
                listen: "flag".to_owned(),
                agents: 3
            }
        );
        let config: Config = layered(None, &Flags { listen: None }).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_file() {
        let file = file("lisen = \"x\"\n");
        let error = layered::<Config>(Some(file.path()), &Flags { listen: None }).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("lisen") && message.contains(&*file.path().to_string_lossy()));
        assert!(!message.contains('\n'), "{message}");
    }
}
