//! `stoker run` through the cluster: upload, wait for an offer, launch, relay, report.
//!
//! Owns the order and the waiting; what to do with offers and updates is the scheduler's.

use std::{path::Path, time::Duration};

use stoker_proto::v1;
use stoker_sdk_scheduler::{
    Driver, DriverError, FrameworkInfo, Handle,
    artifacts::{ArtifactError, ArtifactKind, Artifacts},
};
use stoker_types::{
    Digest, FrameworkId, ModuleReference, Reason, StatusUpdate, TaskInfo, TaskKey, TaskState,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout_at},
};

use super::{
    RunError, describe, interrupt,
    progress::Progress,
    relay::{Sink, relay},
    report::{Printed, Report},
    scheduler::{RunScheduler, Told, Wish},
};
use crate::{args::run::Run, client::Client};

/// What takes less than this is not worth a word.
const QUIET: Duration = Duration::from_millis(200);
/// How long the framework may take to leave after its task has ended.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// Runs the task that the arguments describe, to its end.
pub(super) async fn run(arguments: &Run, captures: bool) -> Result<Report, RunError> {
    describe::readable_file(&arguments.module, "the module")?;
    if let Some(input) = &arguments.input {
        describe::readable_file(input, "the input")?;
    }
    let client = Client::new(&arguments.cluster)?;
    let mut progress = Progress::new();
    let started_by = Instant::now() + arguments.wait;
    let store = wait_for_master(&client, arguments.wait, &mut progress).await?;
    let task = upload_artifacts(arguments, &store, &mut progress).await?;
    check_that_it_fits(&client, &task).await?;
    progress.phase("waiting for an offer");
    let (tell, told) = mpsc::unbounded_channel();
    let driver = Driver::builder(RunScheduler::new(task, tell))
        .master(client.address())
        .framework(framework(arguments))
        .wait(arguments.wait)
        .build()
        .map_err(|error| anyhow::anyhow!(error))?;
    let handle = driver.handle();
    let running = tokio::spawn(driver.run());
    let mut follower = Follower {
        client,
        handle,
        told,
        progress,
        captures,
        framework_id: None,
    };
    let result = follower.follow(started_by, arguments.wait).await;
    follower.leave(running, result).await
}

/// The framework of one run: it ends with its connection, and its tasks with it.
fn framework(arguments: &Run) -> FrameworkInfo {
    let module = describe::file_name(&arguments.module);
    FrameworkInfo {
        name: format!("stoker run {}", arguments.name.as_ref().unwrap_or(&module)),
        principal: String::new(),
        roles: vec![arguments.role.clone()],
        failover_timeout: Duration::ZERO,
    }
}

async fn wait_for_master(
    client: &Client,
    wait: Duration,
    progress: &mut Progress,
) -> Result<Artifacts, RunError> {
    let masters = [client.address()];
    let mut reached = std::pin::pin!(Artifacts::connect(&masters, wait));
    let connected = match tokio::time::timeout(QUIET, &mut reached).await {
        Ok(connected) => connected,
        Err(_) => {
            progress.phase(&format!("waiting for a master at {}", client.address()));
            reached.await
        }
    };
    connected.map_err(|error| RunError::refused(None, error.to_string()))
}

async fn upload_artifacts(
    arguments: &Run,
    store: &Artifacts,
    progress: &mut Progress,
) -> Result<TaskInfo, RunError> {
    progress.phase("uploading");
    let module = upload(store, &arguments.module, progress).await?;
    let placeholder = "run".parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut task = describe::task(arguments, ModuleReference::Blob(module), placeholder);
    if let Some(input) = &arguments.input {
        task.stdin = Some(upload(store, input, progress).await?);
    }
    Ok(task)
}

/// Uploads a file as a blob: the master collects what was run once, and what is to stay becomes a
/// module with `stoker module push`.
async fn upload(store: &Artifacts, path: &Path, progress: &Progress) -> Result<Digest, RunError> {
    let detail = |sent: u64, size: u64| {
        let size = stoker_types::size::display(size);
        progress.detail(&format!("{} of {size}", stoker_types::size::display(sent)));
    };
    match store.upload_file(path, ArtifactKind::Blob, detail).await {
        Ok(upload) => Ok(upload.digest),
        Err(error @ ArtifactError::Refused { .. }) => {
            Err(RunError::refused(None, error.to_string()))
        }
        Err(error) => Err(anyhow::anyhow!(error).into()),
    }
}

/// Refuses at once what no agent could ever run. Where there is no agent yet, one may come.
async fn check_that_it_fits(client: &Client, task: &TaskInfo) -> Result<(), RunError> {
    let agents = client.agents().await?;
    let totals: Vec<stoker_types::Resources> =
        agents.into_iter().map(|agent| agent.total.into()).collect();
    if totals.is_empty() || totals.iter().any(|total| total.contains(&task.resources)) {
        return Ok(());
    }
    let largest = totals
        .iter()
        .max_by_key(|total| (total.cpus, total.mem))
        .map(ToString::to_string)
        .unwrap_or_default();
    Err(RunError::refused(
        Reason::InsufficientResources,
        format!(
            "no agent has {}: the largest agent has {largest}; ask for less, or add a larger agent",
            task.resources
        ),
    ))
}

/// What happened to the task last, in words for the person who waits.
fn phase_of(update: &StatusUpdate) -> Option<&'static str> {
    match (update.state, update.reason) {
        (TaskState::Starting, Some(Reason::Fetching)) => Some("fetching the module"),
        (TaskState::Starting, Some(Reason::Compiling)) => Some("compiling the module"),
        _ => None,
    }
}

/// Follows one task from its launch to its end.
struct Follower {
    client: Client,
    handle: Handle<Wish>,
    told: mpsc::UnboundedReceiver<Told>,
    progress: Progress,
    captures: bool,
    framework_id: Option<FrameworkId>,
}

/// The task's output on its way, once it runs.
type Relays<'a> = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<Printed>> + 'a>>;

impl Follower {
    async fn follow(&mut self, started_by: Instant, wait: Duration) -> Result<Report, RunError> {
        let mut interrupts = interrupt::Interrupts::new()?;
        let first = loop {
            let told = tokio::select! {
                told = self.told.recv() => told,
                () = tokio::time::sleep_until(started_by) => {
                    return Err(RunError::refused(None, format!(
                        "the task did not start within {}: nothing that was offered has room for it; \
                         `stoker agent list` shows what is used, --wait waits longer",
                        stoker_types::duration::display(wait)
                    )));
                }
                count = interrupts.next() => {
                    if count > 1 {
                        self.wish(Wish::KillAtOnce).await;
                        return Err(anyhow::anyhow!("left; the task is ended").into());
                    }
                    self.wish(Wish::Kill).await;
                    continue;
                }
            };
            match told {
                Some(Told::Registered(framework_id)) => self.framework_id = Some(framework_id),
                Some(Told::Launched) => self.progress.phase("launched"),
                Some(Told::Disconnected) => self.progress.phase("waiting for the master to return"),
                Some(Told::Update(update)) if update.state == TaskState::Starting => {
                    if let Some(phase) = phase_of(&update) {
                        self.progress.phase(phase);
                    }
                }
                Some(Told::Update(update)) => break *update,
                None => return Err(anyhow::anyhow!("the framework has ended").into()),
            }
        };
        self.progress.clear();
        self.until_drained(first, &mut interrupts).await
    }

    /// From the first sign of life on: relays the output, waits for the end of task and output.
    async fn until_drained(
        &mut self,
        first: StatusUpdate,
        interrupts: &mut interrupt::Interrupts,
    ) -> Result<Report, RunError> {
        let (set_ended, ended) = watch::channel(is_over(&first));
        // A task that never ran has no output to wait for.
        let has_output = first.number > 0 && first.state != TaskState::Error;
        let mut relays: Relays<'_> = if has_output {
            Box::pin(relay_both(
                &self.client,
                first.task.clone(),
                self.captures,
                ended,
            ))
        } else {
            Box::pin(async { Ok(Printed::default()) })
        };
        let mut last = first;
        let mut printed = None;
        while printed.is_none() || !is_over(&last) {
            tokio::select! {
                output = &mut relays, if printed.is_none() => printed = Some(output?),
                told = self.told.recv(), if !is_over(&last) => match told {
                    Some(Told::Update(update)) => {
                        last = *update;
                        set_ended.send_replace(is_over(&last));
                    }
                    Some(_) => {}
                    None => return Err(anyhow::anyhow!("the framework has ended").into()),
                },
                count = interrupts.next() => {
                    if count > 1 {
                        self.wish(Wish::KillAtOnce).await;
                        return Err(anyhow::anyhow!("left; the task is ended").into());
                    }
                    self.wish(Wish::Kill).await;
                }
            }
        }
        Ok(Report::new(last.into(), &printed.unwrap_or_default()))
    }

    async fn wish(&self, wish: Wish) {
        // A framework that has ended has nothing left to do.
        let _ended: Result<(), _> = self.handle.send(wish).await;
    }

    /// Lets the framework end, and prefers its own words about why it did.
    async fn leave(
        mut self,
        running: tokio::task::JoinHandle<Result<RunScheduler, DriverError>>,
        result: Result<Report, RunError>,
    ) -> Result<Report, RunError> {
        self.progress.clear();
        self.wish(Wish::Leave).await;
        let ended = timeout_at(Instant::now() + LEAVES_WITHIN, running).await;
        match (result, ended) {
            (Err(RunError::Failed(_)), Ok(Ok(Err(error @ DriverError::NoMaster { .. })))) => {
                Err(RunError::refused(None, error.to_string()))
            }
            (Err(RunError::Failed(_)), Ok(Ok(Err(error)))) => Err(anyhow::anyhow!(error).into()),
            (result, _) => result,
        }
    }
}

/// Whether nothing more is to be waited for: an end, or an agent that is out of reach.
const fn is_over(update: &StatusUpdate) -> bool {
    update.state.is_terminal()
        || matches!(update.state, TaskState::Unreachable | TaskState::Unknown)
}

async fn relay_both(
    client: &Client,
    task: TaskKey,
    captures: bool,
    ended: watch::Receiver<bool>,
) -> anyhow::Result<Printed> {
    let sinks = if captures {
        (Sink::keep(), Sink::keep())
    } else {
        (
            Sink::Through(Box::new(tokio::io::stdout())),
            Sink::Through(Box::new(tokio::io::stderr())),
        )
    };
    let stdout = relay(
        client,
        &task,
        v1::OutputStream::Stdout,
        sinks.0,
        ended.clone(),
    );
    let stderr = relay(client, &task, v1::OutputStream::Stderr, sinks.1, ended);
    let (stdout, stderr) = tokio::try_join!(stdout, stderr)?;
    let mut printed = Printed::default();
    for (sink, kept) in [(stdout, &mut printed.stdout), (stderr, &mut printed.stderr)] {
        if let Sink::Keep { bytes, truncated } = sink {
            *kept = bytes;
            printed.truncated |= truncated;
        }
    }
    Ok(printed)
}
