//! `stoker agent list|show|calibrate`.

use std::io::{self, Write as _};

use serde::Serialize;
use stoker_agent::{AgentConfig, KernelRate};
use stoker_proto::json;

use crate::{
    args::{
        OutputFormat,
        cluster::{Agent, Calibrate},
    },
    client::Client,
    output::{self, Table, resources},
};

/// Does what the verb says.
pub(super) async fn agent(verb: Agent, format: OutputFormat) -> anyhow::Result<()> {
    match verb {
        Agent::List(listed) => output::list(
            format,
            &Client::new(&listed.cluster)?.agents().await?,
            table,
        ),
        Agent::Show(named) => {
            let agent = Client::new(&named.cluster)?.agent(&named.id).await?;
            output::one(format, &agent, fields)
        }
        Agent::Calibrate(arguments) => calibrate(&arguments, format).await,
    }
}

/// What was measured, for programs.
#[derive(Debug, Serialize)]
struct Calibrated {
    cores: u32,
    kernels: Vec<Rate>,
    /// What an agent may sell, as `--resources` takes it.
    resources: String,
}

#[derive(Debug, Serialize)]
struct Rate {
    name: &'static str,
    what: &'static str,
    /// For each core.
    mfuel_per_second: u64,
}

async fn calibrate(arguments: &Calibrate, format: OutputFormat) -> anyhow::Result<()> {
    let config = AgentConfig::default();
    let measured = stoker_agent::calibrate(&config, arguments.time, |step| {
        // Nobody who cannot be told needs to be.
        drop(writeln!(io::stderr(), "{step}"));
    })
    .await?;
    let fuel = measured.lowest_mfuel_per_second();
    let calibrated = Calibrated {
        cores: measured.cores,
        kernels: measured.kernels.iter().map(rate).collect(),
        resources: format!("cpus={};fuel={fuel}", measured.cores),
    };
    output::one(format, &calibrated, |calibrated| {
        let mut table = Table::of_fields();
        for rate in &calibrated.kernels {
            let speed = format!("{} Mfuel/s a core: {}", rate.mfuel_per_second, rate.what);
            table.field(rate.name, speed);
        }
        table.field("cores", calibrated.cores.to_string());
        table.field(
            "may be sold",
            format!("--resources '{}'", calibrated.resources),
        );
        table
    })
}

fn rate(rate: &KernelRate) -> Rate {
    Rate {
        name: rate.name,
        what: rate.what,
        mfuel_per_second: rate.mfuel_per_second(),
    }
}

fn table(agents: &[json::Agent]) -> Table {
    let mut table = Table::with_header(&[
        "AGENT",
        "HOST",
        "STATE",
        "CPUS USED",
        "OF",
        "MEM USED",
        "OF",
        "ATTRIBUTES",
    ]);
    for agent in agents {
        table.row([
            agent.id.clone(),
            agent.hostname.clone(),
            agent.state.as_str().to_owned(),
            agent.used.cpus.to_string(),
            agent.total.cpus.to_string(),
            stoker_types::size::display(agent.used.mem),
            stoker_types::size::display(agent.total.mem),
            output::or_dash(Some(&attributes(agent))),
        ]);
    }
    table
}

fn fields(agent: &json::Agent) -> Table {
    let mut table = Table::of_fields();
    table.field("agent", agent.id.clone());
    table.field("host", agent.hostname.clone());
    table.field("state", agent.state.as_str());
    table.field("version", agent.version.clone());
    table.field("url", agent.url.clone());
    table.field("attributes", attributes(agent));
    let hardening = stoker_types::Hardening::from(agent.hardening);
    table.field("hardening", hardening.to_string());
    table.field("total", resources(&agent.total));
    table.field("used", resources(&agent.used));
    table.field("offered", resources(&agent.offered));
    let registered = agent.registered_at.map(|at| at.to_string());
    table.field("registered", registered.unwrap_or_default());
    for runner in &agent.runners {
        let tenant = format!("{} in role {}", runner.framework_id, runner.role);
        table.field(
            "runner",
            format!("pid {}, {} tasks of {tenant}", runner.pid, runner.tasks),
        );
    }
    table
}

fn attributes(agent: &json::Agent) -> String {
    let pairs: Vec<String> = agent
        .attributes
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join(";")
}
