//! `stoker start master`.

use std::{net::SocketAddr, process::ExitCode};

use serde::Serialize;
use stoker_master::MasterConfig;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    args::{OutputFormat, start::StartMaster},
    config, exit, output,
};

/// What a master says when it can be reached.
#[derive(Debug, Serialize)]
struct Ready {
    url: String,
    pid: u32,
}

/// Runs a master until a signal comes.
pub(super) fn start(arguments: &StartMaster, format: OutputFormat) -> anyhow::Result<ExitCode> {
    let config: MasterConfig =
        config::layered(arguments.daemon.config.as_deref(), &arguments.flags)?;
    if arguments.daemon.print_config {
        return super::print_config(&config);
    }
    super::end_with_parent(&arguments.daemon)?;
    let settings = config.validate()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let shutdown = CancellationToken::new();
            tokio::spawn(stop_at_a_signal(shutdown.clone())?);
            let listener = stoker_master::bind(settings.listen).await?;
            stoker_master::run(settings, listener, shutdown, |address| {
                say_ready(format, address)
            })
            .await?;
            Ok(exit::DONE)
        })
}

fn say_ready(format: OutputFormat, address: SocketAddr) {
    let ready = Ready {
        url: format!("http://{address}"),
        pid: std::process::id(),
    };
    let said = match format {
        OutputFormat::Table => Ok(()),
        OutputFormat::Json | OutputFormat::Jsonl => output::document(&ready),
    };
    if let Err(error) = said {
        tracing::warn!("nobody heard where the master listens: {error:#}");
    }
}

/// Waits for SIGINT or SIGTERM.
fn stop_at_a_signal(
    shutdown: CancellationToken,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        shutdown.cancel();
    })
}
