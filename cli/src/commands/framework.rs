//! `stoker framework list|show|teardown`.

use stoker_proto::{json, v1};

use crate::{
    args::{
        OutputFormat,
        cluster::{Framework, Named},
    },
    client::{Client, explain},
    output::{self, Table, resources},
};

/// Does what the verb says.
pub(super) async fn framework(verb: Framework, format: OutputFormat) -> anyhow::Result<()> {
    match verb {
        Framework::List(listed) => output::list(
            format,
            &Client::new(&listed.cluster)?.frameworks().await?,
            table,
        ),
        Framework::Show(named) => {
            let framework = Client::new(&named.cluster)?.framework(&named.id).await?;
            output::one(format, &framework, fields)
        }
        Framework::Teardown(named) => teardown(named, format).await,
    }
}

fn table(frameworks: &[json::Framework]) -> Table {
    let mut table = Table::with_header(&[
        "FRAMEWORK",
        "NAME",
        "STATE",
        "ROLES",
        "TASKS",
        "CPUS",
        "MEM",
    ]);
    for framework in frameworks {
        table.row([
            framework.id.clone(),
            framework.name.clone(),
            framework.state.as_str().to_owned(),
            framework.roles.join(","),
            framework.tasks.to_string(),
            framework.used.cpus.to_string(),
            stoker_types::size::display(framework.used.mem),
        ]);
    }
    table
}

fn fields(framework: &json::Framework) -> Table {
    let mut table = Table::of_fields();
    table.field("framework", framework.id.clone());
    table.field("name", framework.name.clone());
    table.field("principal", framework.principal.clone());
    table.field("state", framework.state.as_str());
    table.field("roles", framework.roles.join(", "));
    table.field(
        "failover timeout",
        format!("{} s", framework.failover_timeout_seconds),
    );
    table.field("tasks", framework.tasks.to_string());
    table.field("used", resources(&framework.used));
    table.field("offered", resources(&framework.offered));
    table.field("registered", framework.registered_at.to_string());
    let away = framework.disconnected_at.map(|at| at.to_string());
    table.field("away since", away.unwrap_or_default());
    table
}

async fn teardown(named: Named, format: OutputFormat) -> anyhow::Result<()> {
    let client = Client::new(&named.cluster)?;
    let framework = client.framework(&named.id).await?;
    let request = v1::TeardownFrameworkRequest {
        framework_id: framework.id.clone(),
    };
    let mut operator = client.operator().await?;
    operator
        .teardown_framework(request)
        .await
        .map_err(|status| explain(&status))?;
    output::done(
        format,
        &format!("{} is over; its tasks are being killed", framework.id),
    )
}
