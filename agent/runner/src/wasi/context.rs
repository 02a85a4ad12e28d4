//! Builds the WASI context of one guest.

use std::{fs::File, path::PathBuf};

use stoker_types::{GuestLimits, agent::OutputStream};
use tokio::runtime::Handle;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, p1::WasiP1Ctx};

use super::FileStdin;
use crate::output::{Output, Writer};

/// A folder of the host that a guest may work in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Where it is.
    pub(crate) host: PathBuf,
    /// What the guest calls it.
    pub(crate) guest: String,
    /// Whether the guest may only read.
    pub(crate) read_only: bool,
}

/// What a guest finds around it.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// All arguments, `argv[0]` first.
    pub(crate) arguments: Vec<String>,
    /// Name and value of each variable.
    pub(crate) environment: Vec<(String, String)>,
    /// What it reads; nothing if absent.
    pub(crate) stdin: Option<File>,
    /// Where it writes.
    pub(crate) output: Output,
    /// Where it works.
    pub(crate) folders: Vec<Folder>,
}

impl Surroundings {
    /// The context of a guest with these surroundings; blocking reads run on `control`.
    ///
    /// # Errors
    /// If a folder cannot be opened.
    pub(crate) fn into_context(
        self,
        control: &Handle,
        limits: &GuestLimits,
    ) -> wasmtime::Result<WasiP1Ctx> {
        let mut builder = WasiCtxBuilder::new();
        builder
            .args(&self.arguments)
            .envs(&self.environment)
            .stdout(Writer::new(self.output.clone(), OutputStream::Stdout))
            .stderr(Writer::new(self.output, OutputStream::Stderr))
            .max_random_size(limits.random_bytes)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .allow_blocking_current_thread(false);
        if let Some(file) = self.stdin {
            builder.stdin(FileStdin::new(file, control.clone()));
        }
        for folder in &self.folders {
            let permissions = if folder.read_only {
                FsPerms::ReadOnly
            } else {
                FsPerms::ReadWrite
            };
            builder.preopened_dir(&folder.host, &folder.guest, permissions)?;
        }
        Ok(builder.build_p1())
    }
}
