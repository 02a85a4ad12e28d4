//! `stoker task list|show|logs|files|cp|kill`.

mod copy;
mod files;
mod unpack;

use stoker_proto::{json, v1};
use tokio_stream::StreamExt as _;

use crate::{
    args::{
        OutputFormat,
        cluster::{Named, Task, TaskKill, TaskList, TaskLogs},
    },
    client::{Client, explain},
    output::{self, Table, age, or_dash, short_id},
};

/// Does what the verb says.
pub(super) async fn task(verb: Task, format: OutputFormat) -> anyhow::Result<()> {
    match verb {
        Task::List(arguments) => list(arguments, format).await,
        Task::Show(named) => show(named, format).await,
        Task::Logs(arguments) => logs(arguments).await,
        Task::Files(arguments) => files::files(arguments, format).await,
        Task::Cp(arguments) => copy::copy(arguments, format).await,
        Task::Kill(arguments) => kill(arguments, format).await,
    }
}

async fn list(arguments: TaskList, format: OutputFormat) -> anyhow::Result<()> {
    let client = Client::new(&arguments.cluster)?;
    let framework = match &arguments.framework {
        Some(prefix) => Some(client.framework(prefix).await?.id),
        None => None,
    };
    let agent = match &arguments.agent {
        Some(prefix) => Some(client.agent(prefix).await?.id),
        None => None,
    };
    let state = arguments.state.map(stoker_types::TaskState::as_str);
    let filters = [
        ("framework_id", framework.as_deref()),
        ("agent_id", agent.as_deref()),
        ("state", state),
    ];
    let query: Vec<(&str, &str)> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let mut tasks = client.tasks(&query).await?;
    tasks.sort_by_key(|task| std::cmp::Reverse(task.created_at));
    output::list(format, &tasks, table)
}

fn table(tasks: &[json::Task]) -> Table {
    let now = jiff::Timestamp::now();
    let mut table = Table::with_header(&[
        "TASK",
        "NAME",
        "STATE",
        "REASON",
        "FRAMEWORK",
        "AGENT",
        "CPUS",
        "MEM",
        "AGE",
    ]);
    for task in tasks {
        table.row([
            task.id.clone(),
            or_dash(Some(&task.name)),
            task.state.to_string(),
            or_dash(task.reason.map(stoker_types::Reason::as_str)),
            short_id(&task.framework_id),
            or_dash(task.agent_id.as_deref().map(short_id).as_deref()),
            task.resources.cpus.to_string(),
            stoker_types::size::display(task.resources.mem),
            age(now, task.created_at),
        ]);
    }
    table
}

async fn show(named: Named, format: OutputFormat) -> anyhow::Result<()> {
    let task = Client::new(&named.cluster)?.task(&named.id).await?;
    output::one(format, &task, fields)
}

fn fields(task: &json::Task) -> Table {
    let mut table = Table::of_fields();
    let time = |time: Option<jiff::Timestamp>| time.map(|at| at.to_string()).unwrap_or_default();
    table.field("task", task.id.clone());
    table.field("name", task.name.clone());
    table.field("framework", task.framework_id.clone());
    table.field("role", task.role.clone());
    table.field("agent", task.agent_id.clone().unwrap_or_default());
    table.field("module", task.module.clone());
    table.field("state", task.state.as_str());
    table.field(
        "reason",
        task.reason.map_or("", stoker_types::Reason::as_str),
    );
    table.field("message", task.message.clone());
    table.field(
        "exit code",
        task.exit_code
            .map(|code| code.to_string())
            .unwrap_or_default(),
    );
    table.field("resources", output::resources(&task.resources));
    table.field("created", task.created_at.to_string());
    table.field("started", time(task.started_at));
    table.field("ended", time(task.ended_at));
    table.field("fuel used", task.fuel_used.to_string());
    table.field("cpu time", format!("{} s", task.cpu_seconds));
    table.field("host calls", format!("{} s", task.host_seconds));
    table.field("compilation", format!("{} s", task.compile_seconds));
    table.field("memory", stoker_types::size::display(task.mem));
    table.field("memory peak", stoker_types::size::display(task.mem_peak));
    table.field("written", stoker_types::size::display(task.bytes_written));
    table.field("sent out", stoker_types::size::display(task.bytes_out));
    for output in &task.outputs {
        let size = stoker_types::size::display(output.size);
        let what = format!(
            "{} ({}, {size}, blob:{})",
            output.path, output.form, output.digest
        );
        table.field("output", what);
    }
    table
}

async fn logs(arguments: TaskLogs) -> anyhow::Result<()> {
    let client = Client::new(&arguments.cluster)?;
    let task = client.task(&arguments.id).await?;
    let stream = if arguments.stderr {
        v1::OutputStream::Stderr
    } else {
        v1::OutputStream::Stdout
    };
    let request = v1::ReadOutputRequest {
        task: Some(v1::TaskKey {
            framework_id: task.framework_id,
            task_id: task.id,
        }),
        stream: stream.into(),
        offset: arguments.offset,
        follow: arguments.follow,
    };
    let response = client
        .operator()
        .await?
        .read_output(request)
        .await
        .map_err(|status| explain(&status))?;
    let mut chunks = response.into_inner();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|status| explain(&status))?;
        if chunk.lost_bytes > 0 {
            output::note(&format!("{} bytes lost", chunk.lost_bytes));
        }
        output::bytes(&chunk.data)?;
    }
    Ok(())
}

async fn kill(arguments: TaskKill, format: OutputFormat) -> anyhow::Result<()> {
    let client = Client::new(&arguments.cluster)?;
    let task = client.task(&arguments.id).await?;
    let grace_ms = arguments.grace.map(|grace| grace.as_millis().try_into());
    let request = v1::KillTaskRequest {
        framework_id: task.framework_id,
        task_id: task.id.clone(),
        grace_ms: grace_ms.transpose()?,
    };
    client
        .operator()
        .await?
        .kill_task(request)
        .await
        .map_err(|status| explain(&status))?;
    output::done(format, &format!("{}: the kill is on its way", task.id))
}
