//! Runs one guest in the engine and executor of a runner.

use std::{
    io::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
    time::Duration,
};

use stoker_types::{
    Digest, GuestLimits, ModuleReference, Reason, Resources, TaskInfo, TaskLimits, UnknownImports,
    Usage,
    runner::{CompiledKey, Outcome},
};
use tokio::runtime::Handle;

use crate::{
    compile::Refusal,
    engine::{self, CodeKind, MemoryProfile, Purpose},
    executor::{Executor, Share, Stopper},
    metering::{Account, Metering},
    output::{CaptureSink, Captured, Output, Policy},
    task::{Assignment, Bounds, Modules, Stdin, Unusable, arguments, environment},
    wasi::{Disk, Folder},
};

pub(super) const PAGE: u64 = 64 << 10;

/// The imports that most guests here use.
pub(super) const WASI: &str = r#"
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
        (func $poll (param i32 i32 i32 i32) (result i32)))
"#;

/// A module whose `_start` is `body`, with [`WASI`] and one page of memory.
pub(super) fn command(body: &str) -> String {
    format!(r#"(module {WASI} (memory (export "memory") 1) (func (export "_start") {body}))"#)
}

/// Sleeps for that many nanoseconds: a relative wait on the monotonic clock.
pub(super) fn sleep(nanos: u64) -> String {
    format!(
        "(i32.store (i32.const 16) (i32.const 1))
         (i64.store (i32.const 24) (i64.const {nanos}))
         (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))"
    )
}

/// Everything but the guests, shared by all tests of a profile.
struct Lab {
    engine: wasmtime::Engine,
    control: Handle,
    executor: Executor,
}

/// The most guests that run at once in the lab.
pub(super) const SLOTS: u32 = 256;

fn lab(profile: MemoryProfile) -> &'static Lab {
    static LARGE: OnceLock<Lab> = OnceLock::new();
    static SMALL: OnceLock<Lab> = OnceLock::new();
    let lab = match profile {
        MemoryProfile::Large => &LARGE,
        MemoryProfile::Small => &SMALL,
    };
    lab.get_or_init(|| {
        let engine = engine::build(CodeKind::of(profile), Purpose::Run { slots: SLOTS }).unwrap();
        let control = control_thread();
        let executor = Executor::start(2, &control).unwrap();
        Lab {
            engine,
            control,
            executor,
        }
    })
}

/// So many workers that only one test has; the rest of the lab is the same.
pub(super) fn workers(count: usize) -> Executor {
    Executor::start(count, &lab(MemoryProfile::Large).control).unwrap()
}

/// The runtime of the lab's control thread.
pub(super) fn control() -> Handle {
    lab(MemoryProfile::Large).control.clone()
}

/// A thread that drives timers and I/O for ever.
pub(super) fn control_thread() -> Handle {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(8)
            .build()
            .unwrap();
        sender.send(runtime.handle().clone()).unwrap();
        runtime.block_on(std::future::pending::<()>());
    });
    receiver.recv().unwrap()
}

/// A guest and what it may use.
pub(super) struct Trial {
    wat: String,
    pub(super) task: TaskInfo,
    pub(super) profile: MemoryProfile,
    pub(super) stdin: Option<PathBuf>,
    pub(super) folders: Vec<Folder>,
    pub(super) disk: Option<Disk>,
    pub(super) policy: Policy,
}

/// How a guest ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) usage: Usage,
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
}

impl End {
    /// The reason and the message of a failure.
    pub(super) fn failure(&self) -> (Reason, &str) {
        match &self.outcome {
            Outcome::Failed { reason, message } => (*reason, message),
            other => panic!("the guest did not fail: {other:?}"),
        }
    }
}

/// A guest that runs.
pub(super) struct Running {
    pub(super) stopper: Stopper,
    pub(super) account: Arc<Account>,
    started: mpsc::Receiver<()>,
    ended: mpsc::Receiver<Outcome>,
    captures: Arc<Mutex<[Captured; 2]>>,
}

/// Far longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Running {
    /// Waits until the first of the guest's code runs.
    pub(super) fn wait_for_start(&self) {
        self.started
            .recv_timeout(PATIENCE)
            .expect("the guest never started");
    }

    /// Waits for the end.
    pub(super) fn wait(self) -> End {
        let outcome = self
            .ended
            .recv_timeout(PATIENCE)
            .expect("the guest never ended");
        let [stdout, stderr] = self.captures.lock().unwrap().clone();
        End {
            outcome,
            usage: self.account.usage(),
            stdout,
            stderr,
        }
    }
}

pub(super) fn trial(wat: impl Into<String>) -> Trial {
    Trial {
        wat: wat.into(),
        task: TaskInfo {
            id: "trial".parse().unwrap(),
            name: String::new(),
            module: ModuleReference::File("/modules/trial.wasm".into()),
            module_digest: None,
            resources: Resources {
                mem: 16 << 20,
                ..Resources::default()
            },
            arguments: Vec::new(),
            program_name: String::new(),
            environment: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            limits: TaskLimits::default(),
        },
        profile: MemoryProfile::Large,
        stdin: None,
        folders: Vec::new(),
        disk: None,
        policy: Policy::with_cap(1 << 20),
    }
}

impl Trial {
    pub(super) fn on(mut self, profile: MemoryProfile) -> Self {
        self.profile = profile;
        self
    }

    pub(super) fn memory(mut self, bytes: u64) -> Self {
        self.task.resources.mem = bytes;
        self
    }

    pub(super) fn fuel(mut self, units: u64) -> Self {
        self.task.limits.fuel_budget = Some(units);
        self
    }

    pub(super) fn wall_time(mut self, time: Duration) -> Self {
        self.task.limits.wall_time = Some(time);
        self
    }

    pub(super) fn cpus(mut self, cpus: &str) -> Self {
        self.task.resources.cpus = cpus.parse().unwrap();
        self
    }

    pub(super) fn strict(mut self) -> Self {
        self.task.limits.strict = true;
        self
    }

    pub(super) fn fuel_rate(mut self, rate: &str) -> Self {
        self.task.resources.fuel = rate.parse().unwrap();
        self
    }

    pub(super) fn output(mut self, cap: u64) -> Self {
        self.policy = Policy::with_cap(cap);
        self
    }

    pub(super) fn trapping_imports(mut self) -> Self {
        self.task.limits.unknown_imports = UnknownImports::Trap;
        self
    }

    /// What the compiler makes of the module.
    pub(super) fn compile(&self) -> Result<Vec<u8>, Refusal> {
        let wasm = wat::parse_str(&self.wat).unwrap();
        let unknown_imports = self.task.limits.unknown_imports;
        crate::compile::translate(&wasm, CodeKind::of(self.profile), unknown_imports)
    }

    /// A runner's modules before there are any.
    pub(super) fn no_modules(&self) -> Modules {
        Modules::new(lab(self.profile).engine.clone()).unwrap()
    }

    pub(super) fn key(&self) -> CompiledKey {
        CompiledKey::new(
            Digest::of(self.wat.as_bytes()),
            self.task.limits.unknown_imports,
        )
    }

    /// Compiles the module, and maps it as a runner would.
    pub(super) fn modules(&self) -> (CompiledKey, Modules) {
        let artifact = self.compile().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&artifact).unwrap();
        let key = self.key();
        let mut modules = self.no_modules();
        modules.insert(key, file);
        (key, modules)
    }

    pub(super) fn start(self) -> Running {
        let (key, modules) = self.modules();
        self.start_of(&key, &modules)
    }

    pub(super) fn start_of(&self, key: &CompiledKey, modules: &Modules) -> Running {
        self.start_on(&lab(self.profile).executor, key, modules)
    }

    /// Starts on other workers than those that all tests share.
    pub(super) fn start_on(
        &self,
        executor: &Executor,
        key: &CompiledKey,
        modules: &Modules,
    ) -> Running {
        let lab = lab(self.profile);
        let (sink, captures) = CaptureSink::new(1 << 20);
        let module = modules
            .get(key)
            .unwrap_or_else(|unusable: Unusable| panic!("{unusable:?}"));
        let account = Arc::new(Account::default());
        let assignment = Assignment {
            module,
            bounds: Bounds::of(&self.task, GuestLimits::default()),
            share: Share::of(&self.task),
            metering: Metering::Fuel,
            account: Arc::clone(&account),
            arguments: arguments(&self.task),
            environment: environment(&self.task, &[]),
            stdin: self.stdin.clone().map(Stdin::At),
            output: Output::new(
                self.policy,
                Box::new(sink),
                lab.control.clone(),
                Arc::clone(&account),
            ),
            folders: self.folders.clone(),
            disk: self.disk.clone(),
        };
        let (on_start, started) = mpsc::channel();
        let (on_end, ended) = mpsc::channel();
        let job = assignment.into_job(
            lab.control.clone(),
            Box::new(move || on_start.send(()).unwrap_or_default()),
            Box::new(move |outcome| on_end.send(outcome).unwrap_or_default()),
        );
        Running {
            stopper: executor.spawn(job),
            account,
            started,
            ended,
            captures,
        }
    }

    pub(super) fn run(self) -> End {
        self.start().wait()
    }
}
