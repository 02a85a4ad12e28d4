//! What the farm remembers when it is killed and started again: a file of lines.
//!
//! Owns the form of the file. Never decides what follows from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use stoker_sdk_scheduler::{FrameworkId, TaskId};

/// Writes lines behind those that are there.
#[derive(Debug)]
pub(crate) struct Notes(File);

/// What the lines say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) framework_id: Option<FrameworkId>,
    /// Words whose task was launched and is not known to have ended.
    pub(crate) running: BTreeMap<TaskId, String>,
    pub(crate) finished: BTreeSet<String>,
    pub(crate) failed: BTreeSet<String>,
}

impl Notes {
    /// Opens the notes, or begins them; also what they say.
    pub(crate) fn open(path: &Path) -> anyhow::Result<(Self, Memory)> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let mut memory = Memory::default();
        for line in text.lines() {
            memory.take(line).context(line.to_owned())?;
        }
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok((Self(file), memory))
    }

    /// Notes a line, before anything comes of what it says.
    ///
    /// # Panics
    /// If it cannot be written. A scheduler that goes on without its notes would launch everything
    /// again in its next life; one that ends here has lost nothing.
    pub(crate) fn write(&mut self, line: &str) {
        let written = self.0.write_all(format!("{line}\n").as_bytes());
        written.expect("the notes can be written");
    }
}

impl Memory {
    fn take(&mut self, line: &str) -> anyhow::Result<()> {
        let mut words = line.splitn(3, ' ');
        let verb = words.next().unwrap_or_default();
        let id = words.next().context("an id is missing")?;
        match (verb, words.next()) {
            ("framework", None) => self.framework_id = Some(id.parse()?),
            ("launched", Some(word)) => {
                self.running.insert(id.parse()?, word.to_owned());
            }
            ("finished", None) => self.finished.extend(self.running.remove(&id.parse()?)),
            ("failed", None) => self.failed.extend(self.running.remove(&id.parse()?)),
            ("lost", None) => drop(self.running.remove(&id.parse()?)),
            _ => bail!("this is no line of a farm's notes"),
        }
        Ok(())
    }
}
