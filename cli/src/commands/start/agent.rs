//! `stoker start agent`.

use std::{process::ExitCode, time::Duration};

use serde::Serialize;
use stoker_agent::{AgentConfig, Ready};

use crate::{
    args::{OutputFormat, start::StartAgent},
    config, exit, output,
};

/// Under `dev`, a runner that has lost both its agent and `dev` itself ends by itself after this.
const ORPHAN_TIMEOUT_UNDER_DEV: Duration = Duration::from_secs(30);

/// What an agent says when it can be reached.
#[derive(Debug, Serialize)]
struct Said<'a> {
    id: String,
    url: &'a str,
    pid: u32,
}

/// Runs an agent until a signal comes.
pub(super) fn start(arguments: &StartAgent, format: OutputFormat) -> anyhow::Result<ExitCode> {
    let mut config: AgentConfig =
        config::layered(arguments.daemon.config.as_deref(), &arguments.flags)?;
    if arguments.daemon.under_dev {
        config.die_with_parent = true;
        config.end_tasks_on_sigterm = true;
        config.orphan_timeout = ORPHAN_TIMEOUT_UNDER_DEV;
    }
    if arguments.daemon.print_config {
        return super::print_config(&config);
    }
    // The runtime's first thread is the main one, which lives as long as the process: what runners
    // and compilers do when their parent is gone hangs on the thread that starts them.
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let stops = stoker_agent::stop_signals(&config)?;
            stoker_agent::run(config, stops, |ready| say_ready(format, ready)).await?;
            Ok(exit::DONE)
        })
}

fn say_ready(format: OutputFormat, ready: &Ready) {
    let said = Said {
        id: ready.agent_id.to_string(),
        url: &ready.url,
        pid: std::process::id(),
    };
    let heard = match format {
        OutputFormat::Table => Ok(()),
        OutputFormat::Json | OutputFormat::Jsonl => output::document(&said),
    };
    if let Err(error) = heard {
        tracing::warn!("nobody heard where the agent listens: {error:#}");
    }
}
