//! Runs a local task to its end.

use std::{
    fs::File,
    io,
    sync::{Arc, PoisonError},
    thread,
    time::Duration,
};

use stoker_types::{
    Digest, GuestLimits, Usage,
    agent::DEFAULT_KILL_GRACE,
    runner::{CompiledKey, Outcome},
};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{Captured, Killer, LocalTask, OutputMode, Phase, Report, compile_in_child};
use crate::{
    compile::{Refusal, Settings},
    engine::{self, CodeKind, Purpose},
    executor::{Executor, Share},
    metering::Account,
    output::{CaptureSink, InheritSink, Output, Policy, Sink},
    runner::BLOCKING_THREADS,
    task::{Assignment, Bounds, Modules, Stdin, arguments, environment},
    wasi::{Disk, Folder, Limits},
};

/// How long a killed task's output may take to reach its reader.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Compiles and runs `task`, telling `progress` when a phase begins. Blocks until the task has
/// ended and its output has been written; `killer` ends it before.
///
/// May be called from anywhere, also from within an async runtime's blocking thread.
#[must_use]
pub fn run(task: LocalTask, killer: &Killer, progress: &(dyn Fn(Phase) + Sync)) -> Report {
    // A thread of its own: it becomes the control thread, which must not be inside a runtime.
    let report = thread::scope(|scope| scope.spawn(|| controlled(task, killer, progress)).join());
    report.unwrap_or_else(|_panic| {
        failed(Refusal::ours(
            "run the task",
            &"its control thread panicked",
        ))
    })
}

fn controlled(task: LocalTask, killer: &Killer, progress: &(dyn Fn(Phase) + Sync)) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(Refusal::ours("start a runtime", &error)),
    };
    let report = runtime
        .block_on(live(task, killer, progress, runtime.handle()))
        .unwrap_or_else(failed);
    // A read of stdin that never ends must not keep the process.
    runtime.shutdown_background();
    report
}

async fn live(
    task: LocalTask,
    killer: &Killer,
    progress: &(dyn Fn(Phase) + Sync),
    control: &Handle,
) -> Result<Report, Refusal> {
    progress(Phase::Compiling);
    let artifact = tokio::select! {
        biased;
        () = killer.asked() => return Ok(report(Outcome::Killed)),
        artifact = compile(&task) => artifact?,
    };
    let (sink, captures): (Box<dyn Sink>, _) = match task.output {
        OutputMode::Inherit => (Box::new(InheritSink), None),
        OutputMode::Capture { bytes } => {
            let (sink, captures) = CaptureSink::new(bytes);
            (Box::new(sink), Some(captures))
        }
    };
    // Removed with all that is in it when the task has ended.
    let folder =
        own_folder(&task).map_err(|error| Refusal::ours("make the task's folder", &error))?;
    let disk = folder.as_ref().map(|folder| Disk {
        work: folder.path().to_owned(),
        inputs: None,
        limits: Limits {
            bytes: task.task.resources.disk,
            entries: GuestLimits::default().files,
        },
    });
    let assignment = assignment(task, artifact, sink, disk, control)?;
    let account = Arc::clone(&assignment.account);
    let executor =
        Executor::start(1, control).map_err(|error| Refusal::ours("start a worker", &error))?;
    progress(Phase::Running);
    let outcome = ended(&executor, assignment, killer, control).await;
    let [stdout, stderr] = captures
        .map(|captures| {
            captures
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        })
        .unwrap_or_default();
    Ok(Report {
        outcome,
        usage: account.usage(),
        stdout,
        stderr,
    })
}

async fn compile(task: &LocalTask) -> Result<File, Refusal> {
    // A file that is not there is the compiler's to name.
    let size = std::fs::metadata(&task.wasm).map_or(0, |metadata| metadata.len());
    let settings = Settings {
        unknown_imports: task.task.limits.unknown_imports,
        die_with_parent: true,
        ..Settings::bounded_for(task.memory_profile, size)
    };
    compile_in_child(&task.stoker, &task.wasm, &settings).await
}

fn own_folder(task: &LocalTask) -> io::Result<Option<tempfile::TempDir>> {
    (task.task.resources.disk > 0)
        .then(tempfile::tempdir)
        .transpose()
}

fn assignment(
    local: LocalTask,
    artifact: File,
    sink: Box<dyn Sink>,
    disk: Option<Disk>,
    control: &Handle,
) -> Result<Assignment, Refusal> {
    let kind = CodeKind::of(local.memory_profile);
    let engine = engine::build(kind, Purpose::Run { slots: 1 })
        .map_err(|error| Refusal::ours("make the engine", &error))?;
    let mut modules =
        Modules::new(engine).map_err(|error| Refusal::ours("define the imports", &error))?;
    // There is only one module here: any key names it.
    let key = CompiledKey::new(
        Digest::from_bytes([0; 32]),
        local.task.limits.unknown_imports,
    );
    modules.insert(key, artifact);
    let module = modules
        .get(&key)
        .map_err(|unusable| Refusal::new(unusable.reason, unusable.message))?;
    let account = Arc::new(Account::default());
    let policy = Policy::of(&local.task.limits, &kind.limits);
    let folders = local.mounts.into_iter().map(|mount| Folder {
        host: mount.host,
        guest: mount.guest,
        read_only: mount.read_only,
    });
    Ok(Assignment {
        module,
        bounds: Bounds::of(&local.task, kind.limits),
        share: Share::of(&local.task),
        metering: kind.metering,
        account: Arc::clone(&account),
        arguments: arguments(&local.task),
        environment: environment(&local.task, &local.environment),
        stdin: local.stdin.map(Stdin::At),
        output: Output::new(policy, sink, control.clone(), account),
        folders: folders.collect(),
        disk,
    })
}

/// Runs the task and waits for its end.
async fn ended(
    executor: &Executor,
    assignment: Assignment,
    killer: &Killer,
    control: &Handle,
) -> Outcome {
    let (sender, mut receiver) = oneshot::channel();
    let on_end = Box::new(move |outcome| {
        // Nobody listens any more only after a kill that took too long.
        drop(sender.send(outcome));
    });
    let stopper = executor.spawn(assignment.into_job(control.clone(), Box::new(|| ()), on_end));
    tokio::select! {
        biased;
        outcome = &mut receiver => return outcome.unwrap_or(Outcome::Killed),
        () = killer.asked() => {}
    }
    if stopper.ask() {
        tokio::select! {
            biased;
            outcome = &mut receiver => return outcome.unwrap_or(Outcome::Killed),
            () = killer.killed() => {}
            () = sleep(DEFAULT_KILL_GRACE) => {}
        }
    }
    stopper.stop();
    match timeout(KILL_TIMEOUT, receiver).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) | Err(_) => Outcome::Killed,
    }
}

fn report(outcome: Outcome) -> Report {
    Report {
        outcome,
        usage: Usage::default(),
        stdout: Captured::default(),
        stderr: Captured::default(),
    }
}

fn failed(refusal: Refusal) -> Report {
    let Refusal { reason, message } = refusal;
    report(Outcome::Failed { reason, message })
}
