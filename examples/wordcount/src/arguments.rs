//! The command line. Owns names, defaults and help; never acts.

use std::path::PathBuf;

use clap::Parser;
use stoker_sdk_scheduler::{Role, size};

/// What is counted when no one names anything.
const DEFAULT_PATHS: [&str; 2] = ["/usr/share/common-licenses", "/usr/share/doc"];
/// A chunk has at least so much unless someone says otherwise: launching a task costs something.
const DEFAULT_CHUNK_BYTES: u64 = 64 << 10;
/// And so much that there are about this many.
const DEFAULT_CHUNKS: u64 = 200;

/// Count words on a Stoker cluster: map, shuffle, reduce
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// Folders and files to count [default: /usr/share/common-licenses and /usr/share/doc]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// A master; may be repeated [default: $STOKER_MASTER, or http://127.0.0.1:5050]
    #[arg(long, value_name = "URL")]
    pub(crate) master: Vec<String>,
    /// How many of the most frequent words to print
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    pub(crate) top: usize,
    /// How many tasks add up
    #[arg(long, default_value_t = 4, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) reduce_tasks: u16,
    /// How much text a map task counts [default: a 200th of all, and at least
    /// 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = chunk_size)]
    pub(crate) chunk_size: Option<u64>,
    /// The role that the tasks are charged to
    #[arg(long, default_value = "default")]
    pub(crate) role: Role,
    /// A file to remember this framework and its progress in: killed and started again with it, it
    /// goes on where it was
    #[arg(long, value_name = "FILE")]
    pub(crate) framework_id: Option<PathBuf>,
    /// Count the rest when a task fails
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Do not count natively as well
    #[arg(long)]
    pub(crate) no_check: bool,
    /// The folder with wordcount-map.wasm and wordcount-reduce.wasm [default: where `cargo xtask
    /// guests` puts them]
    #[arg(
        long,
        value_name = "DIR",
        env = "STOKER_GUESTS_DIR",
        hide_env_values = true
    )]
    pub(crate) modules: Option<PathBuf>,
}

impl Arguments {
    /// What to count: what was named, or those of the default folders that are there.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        if !self.paths.is_empty() {
            return self.paths.clone();
        }
        let defaults = DEFAULT_PATHS.map(PathBuf::from).into_iter();
        defaults.filter(|path| path.is_dir()).collect()
    }

    /// How large a chunk may be when there are so many bytes.
    pub(crate) fn chunk_bytes(&self, all: u64) -> usize {
        let default = DEFAULT_CHUNK_BYTES.max(all / DEFAULT_CHUNKS);
        // What is larger than memory is refused before this by the size of a text.
        usize::try_from(self.chunk_size.unwrap_or(default)).unwrap_or(usize::MAX)
    }

    /// Where a module is.
    pub(crate) fn module(&self, name: &str) -> PathBuf {
        let folder = self.modules.clone().unwrap_or_else(built_guests);
        folder.join(name).with_extension("wasm")
    }
}

/// Where `cargo xtask guests` puts the guests, seen from where cargo puts this program:
/// `target/debug/` and `target/guests/…`.
fn built_guests() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().nth(2).unwrap_or(&program);
    target.join("guests/wasm32-wasip1/release")
}

fn chunk_size(text: &str) -> Result<u64, String> {
    match size::parse(text)? {
        0 => Err("a chunk holds at least a byte".to_owned()),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn everything_has_a_default() {
        let arguments = parsed("wordcount").unwrap();
        assert_eq!((arguments.top, arguments.reduce_tasks), (10, 4));
        assert_eq!(arguments.chunk_bytes(0), 64 << 10);
        assert_eq!(arguments.chunk_bytes(200 << 20), 1 << 20);
    }

    #[test]
    fn what_was_named_is_taken() {
        let arguments = parsed("wordcount --chunk-size 64KiB --modules /m a b").unwrap();
        assert_eq!(arguments.paths(), ["a", "b"].map(PathBuf::from));
        assert_eq!(arguments.chunk_bytes(4000 << 20), 64 << 10);
        assert_eq!(arguments.module("map"), PathBuf::from("/m/map.wasm"));
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        for flags in ["--reduce-tasks 0", "--chunk-size 0", "--chunk-size much"] {
            assert!(parsed(&format!("wordcount {flags}")).is_err(), "{flags}");
        }
    }
}
