//! Compiling in a child process, `stoker compile`, which a hostile module may bring to its bounds.
//!
//! Owns the child: its flags, its end, what its end means. The child limits itself before it looks
//! at a byte; this side bounds how long it may take. How many there are, `turns` says.

use std::{
    fs::File,
    io,
    process::{ChildStderr, Stdio},
    time::Duration,
};

use serde::Deserialize;
use stoker_agent_core::PrepareFailure;
use stoker_types::{GuestLimits, Reason, UnknownImports, duration, size};
use tokio::{io::AsyncReadExt as _, net::unix::pipe, sync::OnceCell, time::timeout};

use super::failure;
use crate::children::{Ended, Process, Program, Spawner};

/// What is read of what a child says.
const SAID_BYTES: u64 = 64 * 1024;
/// The child may wait for a cpu this many times as long as it may use one.
const WALL_PER_CPU: u32 = 4;
/// The address space that each byte of a module is good for, beside the fixed amount.
const MEMORY_PER_BYTE: u64 = 64;

/// How compilations run.
#[derive(Clone, Debug)]
pub(crate) struct CompileSettings {
    /// What to run.
    pub(crate) program: Program,
    /// What starts it.
    pub(crate) spawner: Spawner,
    /// `large` or `small`.
    pub(crate) memory_profile: &'static str,
    /// The CPU time that each may take, and more of it for each MiB.
    pub(crate) cpu: Duration,
    /// See `cpu`.
    pub(crate) cpu_per_mib: Duration,
    /// The address space that each may take.
    pub(crate) memory: u64,
    /// The largest module.
    pub(crate) max_module: u64,
    /// The bounds of guests, some of which are a module's.
    pub(crate) limits: GuestLimits,
    /// How many run at once.
    pub(crate) parallelism: usize,
    /// Whether nothing is compiled where the kernel does not confine it fully.
    pub(crate) require_hardening: bool,
}

/// Compiles modules.
#[derive(Debug)]
pub(super) struct Compiler {
    settings: CompileSettings,
    key: OnceCell<String>,
}

/// What a child says when it refuses a module.
#[derive(Debug, Deserialize)]
struct Refusal {
    reason: String,
    message: String,
}

impl Compiler {
    pub(super) fn new(settings: CompileSettings) -> Self {
        Self {
            settings,
            key: OnceCell::new(),
        }
    }

    /// What compiled code depends on beside the module: the engine's version, its settings, the
    /// kind of processor. Asked of the compiler once.
    pub(super) async fn engine_key(&self) -> Result<&str, PrepareFailure> {
        let key = self.key.get_or_try_init(|| self.print_key()).await?;
        Ok(key.as_str())
    }

    async fn print_key(&self) -> Result<String, PrepareFailure> {
        let wrong = |error: io::Error| failure::ours("ask its compiler for its version", &error);
        let output = tempfile::tempfile().map_err(wrong)?;
        let mut command = self.settings.program.command();
        command
            .args(["compile", "--print-key", "--die-with-parent"])
            .args(["--profile", self.settings.memory_profile])
            .args(self.settings.limits.flags())
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(wrong)?)
            .stderr(Stdio::piped());
        let process = self.settings.spawner.spawn(command).await.map_err(wrong)?;
        let (ended, said) = Child::new(process).finish().await;
        if !ended.is_success() {
            let text = format!("it {}: {}", ended.describe(), said.trim());
            return Err(failure::ours("ask its compiler for its version", &text));
        }
        let mut key = String::new();
        io::Seek::rewind(&mut &output).map_err(wrong)?;
        io::Read::read_to_string(&mut io::Read::take(&output, SAID_BYTES), &mut key)
            .map_err(wrong)?;
        Ok(key.trim().to_owned())
    }

    /// Compiles the module in `wasm` into `artifact`. Tells the CPU time that this took, whatever
    /// came of it.
    pub(super) async fn compile(
        &self,
        wasm: File,
        unknown_imports: UnknownImports,
        artifact: &File,
    ) -> (Result<(), PrepareFailure>, Duration) {
        let mut cpu_time = Duration::ZERO;
        let result = self
            .run(wasm, unknown_imports, artifact, &mut cpu_time)
            .await;
        (result, cpu_time)
    }

    async fn run(
        &self,
        wasm: File,
        unknown_imports: UnknownImports,
        artifact: &File,
        cpu_time: &mut Duration,
    ) -> Result<(), PrepareFailure> {
        let wrong = |error: io::Error| failure::ours("compile", &error);
        let limits = Limits::new(&self.settings, wasm.metadata().map_err(wrong)?.len());
        let mut command = self.settings.program.command();
        command
            .arg("compile")
            .args(["--profile", self.settings.memory_profile])
            .args(["--unknown-imports", name_of(unknown_imports)])
            .args(["--module-bytes", &self.settings.max_module.to_string()])
            .args(["--cpu-seconds", &limits.cpu.as_secs().to_string()])
            .args(["--address-space-bytes", &limits.memory.to_string()])
            .args(self.settings.limits.flags())
            .arg("--die-with-parent")
            .stdin(wasm)
            .stdout(artifact.try_clone().map_err(wrong)?)
            .stderr(Stdio::piped());
        if self.settings.memory_profile == "small" {
            command.env("MALLOC_ARENA_MAX", "2");
        }
        if self.settings.require_hardening {
            command.arg("--require-hardening");
        }
        let process = self.settings.spawner.spawn(command).await.map_err(wrong)?;
        let wall = limits.cpu * WALL_PER_CPU;
        let mut child = Child::new(process);
        let finished = timeout(wall, child.finish()).await;
        match finished {
            Ok((ended, said)) => {
                *cpu_time = ended.cpu_time;
                judge(&ended, &said, &limits)
            }
            Err(_) => {
                *cpu_time = child.kill().await;
                Err(limits.exceeded(&format!("took longer than {}", duration::display(wall))))
            }
        }
    }
}

/// The bounds of one compilation.
#[derive(Clone, Copy, Debug)]
struct Limits {
    cpu: Duration,
    memory: u64,
}

impl Limits {
    fn new(settings: &CompileSettings, module_bytes: u64) -> Self {
        let mebibytes = u32::try_from(module_bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX);
        Self {
            cpu: settings
                .cpu
                .saturating_add(settings.cpu_per_mib.saturating_mul(mebibytes)),
            memory: settings
                .memory
                .saturating_add(module_bytes.saturating_mul(MEMORY_PER_BYTE)),
        }
    }

    fn exceeded(&self, how: &str) -> PrepareFailure {
        let message = format!(
            "compiling the module {how}; it may take {} of CPU time and {} of memory: make the \
             module smaller, or raise compile_cpu or compile_memory of the agent",
            duration::display(self.cpu),
            size::display(self.memory),
        );
        PrepareFailure {
            reason: Reason::CompileLimit,
            message,
        }
    }
}

fn judge(ended: &Ended, said: &str, limits: &Limits) -> Result<(), PrepareFailure> {
    if ended.is_success() {
        return Ok(());
    }
    if ended.signal().is_some() {
        return Err(limits.exceeded(&ended.describe()));
    }
    let line = said.trim_end().lines().last().unwrap_or_default();
    let refusal = serde_json::from_str::<Refusal>(line).ok();
    let known = refusal.and_then(|refusal| Some((refusal.reason.parse().ok()?, refusal.message)));
    match known {
        Some((reason, message)) => Err(PrepareFailure { reason, message }),
        None => {
            let text = format!("its compiler {}: {line}", ended.describe());
            Err(failure::ours("compile", &text))
        }
    }
}

const fn name_of(unknown_imports: UnknownImports) -> &'static str {
    match unknown_imports {
        UnknownImports::Refuse => "refuse",
        UnknownImports::Trap => "trap",
    }
}

/// A child that is killed and reaped when nobody waits for it any more.
struct Child(Option<Process>);

impl Child {
    const fn new(process: Process) -> Self {
        Self(Some(process))
    }

    /// Waits for its end, and gives what it wrote to its stderr.
    async fn finish(&mut self) -> (Ended, String) {
        let Some(process) = &mut self.0 else {
            return (Ended::default(), String::new());
        };
        let stderr = process.take_stderr();
        let (said, ended) = tokio::join!(read(stderr), process.ended());
        self.0 = None;
        (ended, said)
    }

    /// Ends it, and tells the CPU time that it used.
    async fn kill(&mut self) -> Duration {
        let Some(mut process) = self.0.take() else {
            return Duration::ZERO;
        };
        process.kill();
        process.ended().await.cpu_time
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(mut process) = self.0.take() {
            process.kill();
            tokio::spawn(async move { process.ended().await });
        }
    }
}

/// All that comes, of which the start is kept.
async fn read(stderr: Option<ChildStderr>) -> String {
    let pipe = stderr.and_then(|stderr| pipe::Receiver::from_owned_fd(stderr.into()).ok());
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut bytes = Vec::new();
    // What cannot be read was not said.
    drop((&mut pipe).take(SAID_BYTES).read_to_end(&mut bytes).await);
    drop(tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await);
    String::from_utf8_lossy(&bytes).into_owned()
}
