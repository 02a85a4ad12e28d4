//! The registry in one redb file: for a cluster with one master.
//!
//! Owns the file's tables and its format number. Every commit is synced to the disk. At the start
//! every checksum in the file is verified, because redb may panic on what was altered; the file is
//! small: no tasks are in it. Its values are the versioned messages of
//! `stoker/v1/storage.proto`; turning records into them and back is `record`'s.

mod record;
#[cfg(test)]
mod tests;

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, StorageError,
    TableDefinition, WriteTransaction,
};
use stoker_master_core::{Recovered, RegistryOperation};
use stoker_types::Epoch;

use super::{Registry, RegistryError};

/// The format that this program reads and writes.
const FORMAT: u32 = 1;
/// The memory for caching pages. Nothing is read after the start.
const CACHE_BYTES: usize = 8 << 20;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const AGENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("agents");
const FRAMEWORKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frameworks");

const FORMAT_KEY: &str = "format";
const EPOCH_KEY: &str = "epoch";

/// A registry in a file of this machine.
pub(crate) struct EmbeddedRegistry {
    path: PathBuf,
    database: Database,
    /// Our term, once it has begun.
    epoch: Option<Epoch>,
}

impl std::fmt::Debug for EmbeddedRegistry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EmbeddedRegistry")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl EmbeddedRegistry {
    /// Opens the registry in the file at `path`; makes it where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, RegistryError> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create(path)
            .map_err(|error| open_error(path, error))?;
        let registry = Self {
            path: path.to_owned(),
            database,
            epoch: None,
        };
        registry.check_format()?;
        Ok(registry)
    }

    /// Refuses a file of another format; marks a new file with ours.
    fn check_format(&self) -> Result<(), RegistryError> {
        let transaction = self.begin_write()?;
        let found = {
            let mut meta = transaction.open_table(META).map_err(self.failed("open"))?;
            let found = meta
                .get(FORMAT_KEY)
                .map_err(self.failed("read"))?
                .map(|value| String::from_utf8_lossy(value.value()).into_owned());
            if found.is_none() {
                let format = FORMAT.to_string();
                meta.insert(FORMAT_KEY, format.as_bytes())
                    .map_err(self.failed("write"))?;
                transaction
                    .open_table(AGENTS)
                    .map_err(self.failed("open"))?;
                transaction
                    .open_table(FRAMEWORKS)
                    .map_err(self.failed("open"))?;
            }
            found
        };
        match found {
            None => transaction.commit().map_err(self.failed("write")),
            Some(found) if found == FORMAT.to_string() => Ok(()),
            Some(found) => Err(RegistryError::Version {
                path: self.path.clone(),
                found,
                expected: FORMAT,
            }),
        }
    }

    fn begin_write(&self) -> Result<WriteTransaction, RegistryError> {
        let mut transaction = self.database.begin_write().map_err(self.failed("write"))?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    fn stored_epoch(&self, transaction: &WriteTransaction) -> Result<Epoch, RegistryError> {
        let meta = transaction.open_table(META).map_err(self.failed("open"))?;
        let value = meta.get(EPOCH_KEY).map_err(self.failed("read"))?;
        value.map_or(Ok(Epoch::default()), |value| {
            record::decode_epoch(value.value()).map_err(|error| self.damaged("its term", &error))
        })
    }

    /// Writes operations into their tables, in order.
    fn apply(
        &self,
        transaction: &WriteTransaction,
        operations: &[(u64, RegistryOperation)],
    ) -> Result<(), RegistryError> {
        let mut agents = transaction
            .open_table(AGENTS)
            .map_err(self.failed("open"))?;
        let mut frameworks = transaction
            .open_table(FRAMEWORKS)
            .map_err(self.failed("open"))?;
        for (_, operation) in operations {
            match operation {
                RegistryOperation::PutAgent(agent) => {
                    let value = record::encode_agent(agent);
                    agents
                        .insert(agent.agent.id.bits(), value.as_slice())
                        .map(drop)
                }
                RegistryOperation::PutFramework(framework) => {
                    let value = record::encode_framework(framework);
                    frameworks
                        .insert(framework.id.bits(), value.as_slice())
                        .map(drop)
                }
                RegistryOperation::RemoveFramework(id) => frameworks.remove(id.bits()).map(drop),
            }
            .map_err(self.failed("write"))?;
        }
        Ok(())
    }

    fn failed<E: std::error::Error + Send + Sync + 'static>(
        &self,
        action: &'static str,
    ) -> impl FnOnce(E) -> RegistryError {
        let path = self.path.clone();
        move |error| RegistryError::Store {
            action,
            path,
            source: error.into(),
        }
    }

    fn damaged(&self, what: &str, problem: &dyn std::fmt::Display) -> RegistryError {
        let problem = format!("{what} cannot be read: {problem}");
        RegistryError::Damaged {
            path: self.path.clone(),
            problem,
        }
    }
}

impl Registry for EmbeddedRegistry {
    fn load(&mut self) -> Result<Recovered, RegistryError> {
        let transaction = self.database.begin_read().map_err(self.failed("read"))?;
        let mut recovered = Recovered::default();
        let agents = transaction
            .open_table(AGENTS)
            .map_err(self.failed("open"))?;
        for entry in agents.iter().map_err(self.failed("read"))? {
            let (_, value) = entry.map_err(self.failed("read"))?;
            let agent = record::decode_agent(value.value())
                .map_err(|error| self.damaged("the record of an agent", &error))?;
            recovered.agents.push(agent);
        }
        let frameworks = transaction
            .open_table(FRAMEWORKS)
            .map_err(self.failed("open"))?;
        for entry in frameworks.iter().map_err(self.failed("read"))? {
            let (_, value) = entry.map_err(self.failed("read"))?;
            let framework = record::decode_framework(value.value())
                .map_err(|error| self.damaged("the record of a framework", &error))?;
            recovered.frameworks.push(framework);
        }
        Ok(recovered)
    }

    fn begin_term(&mut self) -> Result<Epoch, RegistryError> {
        let transaction = self.begin_write()?;
        let epoch = self.stored_epoch(&transaction)?.next();
        {
            let mut meta = transaction.open_table(META).map_err(self.failed("open"))?;
            let value = record::encode_epoch(epoch);
            meta.insert(EPOCH_KEY, value.as_slice())
                .map_err(self.failed("write"))?;
        }
        transaction.commit().map_err(self.failed("write"))?;
        self.epoch = Some(epoch);
        Ok(epoch)
    }

    fn commit(&mut self, operations: &[(u64, RegistryOperation)]) -> Result<(), RegistryError> {
        let transaction = self.begin_write()?;
        let stored = self.stored_epoch(&transaction)?;
        let mine = self.epoch.unwrap_or_default();
        if stored != mine {
            return Err(RegistryError::Deposed { mine, stored });
        }
        self.apply(&transaction, operations)?;
        transaction.commit().map_err(self.failed("write"))
    }
}

fn open_error(path: &Path, error: DatabaseError) -> RegistryError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => RegistryError::InUse(path),
        DatabaseError::UpgradeRequired(format) => RegistryError::Version {
            path,
            found: format!("redb {format}"),
            expected: FORMAT,
        },
        DatabaseError::Storage(StorageError::Corrupted(problem)) => {
            RegistryError::Damaged { path, problem }
        }
        DatabaseError::Storage(StorageError::Io(error))
            if error.kind() == ErrorKind::InvalidData =>
        {
            RegistryError::Damaged {
                path,
                problem: "it is no registry at all".to_owned(),
            }
        }
        other => RegistryError::Store {
            action: "open",
            path,
            source: other.into(),
        },
    }
}
