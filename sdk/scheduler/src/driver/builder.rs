//! Making a driver: who the framework is, where its masters are, how long it waits.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use stoker_types::{FrameworkId, FrameworkInfo, Role};
use tokio::sync::mpsc;
use tonic::transport::Endpoint;

use super::{
    DriverError, Progress,
    handle::{Handle, Message},
    parse_addresses,
    run::Running,
};
use crate::{Scheduler, core::Settings};

/// What is told of [`Progress`].
pub(super) type ProgressListener = Box<dyn FnMut(Progress) + Send>;

/// Runs a [`Scheduler`] against a real master: see the [front page](crate) for a whole one.
pub struct Driver<S: Scheduler> {
    pub(super) scheduler: S,
    pub(super) settings: Settings,
    pub(super) masters: Vec<(String, Endpoint)>,
    pub(super) listener: Option<ProgressListener>,
    pub(super) handle: Handle<S::Command>,
    pub(super) commands: mpsc::Receiver<Message<S::Command>>,
}

/// Makes a [`Driver`]. Everything has a default but the scheduler.
pub struct DriverBuilder<S> {
    scheduler: S,
    framework: FrameworkInfo,
    framework_id: Option<FrameworkId>,
    masters: Vec<String>,
    wait: Option<Duration>,
    seed: Option<u64>,
    listener: Option<ProgressListener>,
}

impl<S: Scheduler> Driver<S> {
    /// Begins to make a driver for this scheduler.
    #[must_use]
    pub fn builder(scheduler: S) -> DriverBuilder<S> {
        DriverBuilder {
            scheduler,
            framework: FrameworkInfo {
                name: program_name(),
                principal: String::new(),
                roles: vec![Role::default()],
                failover_timeout: FrameworkInfo::DEFAULT_FAILOVER_TIMEOUT,
            },
            framework_id: None,
            masters: Vec::new(),
            wait: None,
            seed: None,
            listener: None,
        }
    }

    /// A handle that sends commands to the scheduler from anywhere, before and while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle<S::Command> {
        self.handle.clone()
    }

    /// Runs the scheduler until it [stops](crate::Calls::stop), and gives it back.
    ///
    /// Dropping the future leaves at once, as if the program had been killed: use
    /// [`Handle::stop`] to leave in order.
    ///
    /// # Errors
    /// If no master is found within the time to wait, or one refuses or ends the framework:
    /// [`DriverError`] says what to do.
    pub async fn run(self) -> Result<S, DriverError> {
        Running::start(self).run().await
    }
}

impl<S: Scheduler> DriverBuilder<S> {
    /// One more address of a master, `http://HOST:PORT`, or several joined by commas. Without any,
    /// those of the environment variable [`STOKER_MASTER`](crate::MASTER_VARIABLE), or
    /// [`http://127.0.0.1:5050`](crate::DEFAULT_MASTER). They are tried in turn.
    #[must_use]
    pub fn master(mut self, address: impl AsRef<str>) -> Self {
        self.masters.push(address.as_ref().to_owned());
        self
    }

    /// More addresses of masters.
    #[must_use]
    pub fn masters<A: AsRef<str>>(self, addresses: impl IntoIterator<Item = A>) -> Self {
        addresses.into_iter().fold(self, Self::master)
    }

    /// All that the framework says of itself, at once.
    #[must_use]
    pub fn framework(mut self, framework: FrameworkInfo) -> Self {
        self.framework = framework;
        self
    }

    /// The framework's name, for people; the program's name unless set.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.framework.name = name.into();
        self
    }

    /// The roles that it wants offers in; `default` unless set.
    #[must_use]
    pub fn roles(mut self, roles: impl IntoIterator<Item = Role>) -> Self {
        self.framework.roles = roles.into_iter().collect();
        self
    }

    /// How long its tasks outlive its connection; ten minutes unless set.
    #[must_use]
    pub const fn failover_timeout(mut self, timeout: Duration) -> Self {
        self.framework.failover_timeout = timeout;
        self
    }

    /// Makes it end with its connection, its tasks too: for programs that a person waits for.
    #[must_use]
    pub const fn ephemeral(self) -> Self {
        self.failover_timeout(Duration::ZERO)
    }

    /// The id that it was given when it was registered before this program was started: it comes
    /// back as the same framework, and an older scheduler of this id is cut off.
    #[must_use]
    pub fn framework_id(mut self, framework_id: impl Into<Option<FrameworkId>>) -> Self {
        self.framework_id = framework_id.into();
        self
    }

    /// How long to be without a master, at the start and whenever it is lost, before
    /// [`Driver::run`] fails. For ever unless set, as is right for what a supervisor keeps alive.
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Fixes task ids and pauses, for tests. Random unless set, so that no two processes make the
    /// same task ids.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Is told where the driver stands with its master, for a line on a terminal.
    #[must_use]
    pub fn on_progress(mut self, listener: impl FnMut(Progress) + Send + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// The driver; it does nothing until it is [run](Driver::run).
    ///
    /// # Errors
    /// If an address of a master is none.
    pub fn build(self) -> Result<Driver<S>, DriverError> {
        let (handle, commands) = Handle::new();
        Ok(Driver {
            scheduler: self.scheduler,
            settings: Settings {
                framework: self.framework,
                framework_id: self.framework_id,
                wait: self.wait,
                seed: self.seed.unwrap_or_else(random_seed),
            },
            masters: parse_addresses(&self.masters)?,
            listener: self.listener,
            handle,
            commands,
        })
    }
}

/// 64 bits that no other process has: the standard library asks the operating system for them.
fn random_seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// What this program is called.
fn program_name() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "framework".to_owned())
}

impl<S: Scheduler + fmt::Debug> fmt::Debug for Driver<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Driver")
            .field("scheduler", &self.scheduler)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<S: fmt::Debug> fmt::Debug for DriverBuilder<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DriverBuilder")
            .field("scheduler", &self.scheduler)
            .field("framework", &self.framework)
            .field("masters", &self.masters)
            .finish_non_exhaustive()
    }
}
