//! The entry: from settings and a listener to a master that runs until it is told to end.
//!
//! Owns the order in which the parts start and end, and nothing else: what a part does is its own
//! file's business.

use std::{io, net::SocketAddr, sync::Arc};

use rand::{TryRng as _, rngs::SysRng};
use stoker_master_core::{Config, Master, Recovered};
use stoker_types::{Epoch, MasterInfo};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    MasterError, Settings,
    blobs::{BlobLimits, BlobStore, Collector},
    clock::Clock,
    data_directory::DataDirectory,
    driver::{Driver, MasterHandle, Parts},
    grpc::{self, Services},
    http::{self, Pages},
    metrics::Metrics,
    read_model::ReadModel,
    registry::{EmbeddedRegistry, Registry},
    server::{self, ServerLimits},
    transfers::Transfers,
};

/// The turns that readers may be behind the loop.
const CHANGES: usize = 256;

/// Takes the port that a master will be served on. With port 0 it is a free one, which the
/// listener then knows.
///
/// # Errors
/// If the port is in use, or the address is not this machine's.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, MasterError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => MasterError::PortInUse(address),
            _ => MasterError::Listen { address, source },
        })
}

/// Runs a master on `listener` until `shutdown`.
///
/// `on_ready` is told the address once everything is open and the port is about to answer;
/// connections made earlier wait. When this returns, everything that was confirmed is on the disk
/// and the data directory is free.
///
/// # Errors
/// If the data directory is in use, of another version or unusable, or a write to the registry
/// fails later.
pub async fn run(
    settings: Settings,
    listener: TcpListener,
    shutdown: CancellationToken,
    on_ready: impl FnOnce(SocketAddr),
) -> Result<(), MasterError> {
    let stores = open_stores(&settings).await?;
    let clock = Clock::start();
    let started = start(&settings, stores, clock).await?;
    let (app, health) = (started.app, started.health);
    let address = listener
        .local_addr()
        .map_err(|source| MasterError::Listen {
            address: settings.listen,
            source,
        })?;
    tracing::info!(
        %address,
        epoch = started.epoch.get(),
        data = %settings.data.display(),
        "the master is up"
    );

    // The loop ends first, so that every peer hears why its stream ends; then the port.
    let serving = CancellationToken::new();
    let working = shutdown.child_token();
    // Should this future be dropped, its tasks end as well.
    let _guards = (serving.clone().drop_guard(), working.clone().drop_guard());
    let limits = ServerLimits {
        max_connections: settings.max_connections,
        grace: settings.shutdown_grace,
    };
    let server = tokio::spawn(server::serve(listener, app, limits, serving.clone()));
    on_ready(address);
    tokio::spawn(started.collector.run(working.clone()));
    let mut driver = tokio::spawn(started.driver.run(working));
    let result = tokio::select! {
        result = &mut driver => joined(result),
        () = shutdown.cancelled() => {
            tracing::info!("the master is going down");
            grpc::set_not_serving(&health).await;
            joined(driver.await)
        }
    };
    serving.cancel();
    // It ends by its grace; that it panicked would be in the log.
    let _is_over = server.await;
    drop(started.directory);
    result
}

fn joined(
    result: Result<Result<(), MasterError>, tokio::task::JoinError>,
) -> Result<(), MasterError> {
    result.unwrap_or(Err(MasterError::PartGone("loop")))
}

/// What is opened from the disk.
struct Stores {
    directory: DataDirectory,
    registry: EmbeddedRegistry,
    recovered: Recovered,
    epoch: Epoch,
    blobs: BlobStore,
}

async fn open_stores(settings: &Settings) -> Result<Stores, MasterError> {
    let settings = settings.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let directory = DataDirectory::open(&settings.data)?;
        let mut registry = EmbeddedRegistry::open(&directory.registry())?;
        let recovered = registry.load()?;
        let blobs = BlobStore::open(
            &directory.blobs(),
            BlobLimits {
                max_blob_bytes: settings.max_blob_bytes,
                capacity_bytes: settings.blob_capacity_bytes,
            },
        )?;
        // Last, so that a start that fails costs no term.
        let epoch = registry.begin_term()?;
        Ok(Stores {
            directory,
            registry,
            recovered,
            epoch,
            blobs,
        })
    });
    opened.await.unwrap_or(Err(MasterError::PartGone("start")))
}

/// A master whose parts are made and not yet served.
struct Started {
    directory: DataDirectory,
    app: axum::Router,
    health: tonic_health::server::HealthReporter,
    driver: Driver,
    collector: Collector,
    epoch: Epoch,
}

async fn start(settings: &Settings, stores: Stores, clock: Clock) -> Result<Started, MasterError> {
    let Stores {
        directory,
        registry,
        recovered,
        epoch,
        blobs,
    } = stores;
    let config = core_config(settings);
    let master = MasterInfo {
        epoch,
        version: config.version.clone(),
    };
    let (handle, inbox) = MasterHandle::new(epoch);
    let (changes, told) = mpsc::channel(CHANGES);
    let model = Arc::new(ReadModel::new(&master, clock.now()));
    tokio::spawn(Arc::clone(&model).follow(told));
    let metrics = Metrics::new();
    let mut effects = Vec::new();
    let core = Master::new(
        config,
        epoch,
        random()?,
        clock.now(),
        recovered,
        &mut effects,
    );
    let driver = Driver::new(Parts {
        core,
        effects,
        registry: Box::new(registry),
        clock,
        inbox,
        changes,
        max_peers: settings.max_peers,
        metrics: metrics.clone(),
    })?;
    let collector = Collector {
        blobs: blobs.clone(),
        model: Arc::clone(&model),
        clock,
        metrics: metrics.clone(),
        settings: settings.clone(),
    };
    let services = Services {
        master: handle.clone(),
        model: Arc::clone(&model),
        blobs: blobs.clone(),
        transfers: Transfers::new(random()?),
        transfer_timeout: settings.transfer_timeout,
        clock,
    };
    let (grpc, health) = services.routes().await?;
    let app = http::app(Pages {
        model,
        master: handle,
        blobs,
        metrics,
    })
    .merge(grpc);
    Ok(Started {
        directory,
        app,
        health,
        driver,
        collector,
        epoch,
    })
}

fn core_config(settings: &Settings) -> Config {
    Config {
        timeouts: settings.timeouts.clone(),
        limits: settings.limits.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn random() -> Result<u64, MasterError> {
    SysRng
        .try_next_u64()
        .map_err(|error| MasterError::Randomness(error.to_string()))
}
