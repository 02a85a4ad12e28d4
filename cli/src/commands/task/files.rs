//! `stoker task files`: what is in a task's sandbox, as a table or as JSON.
//!
//! Owns how a guest's names are shown; never follows one.

use anyhow::Context as _;
use stoker_proto::{
    convert::{self, ListFiles},
    json, v1,
};
use stoker_types::{SandboxPath, TaskKey};

use crate::{
    args::{OutputFormat, cluster::TaskFiles},
    client::{Client, explain},
    output::{self, Table},
};

/// Lists the files of a task's sandbox.
pub(super) async fn files(arguments: TaskFiles, format: OutputFormat) -> anyhow::Result<()> {
    let client = Client::new(&arguments.cluster)?;
    let task = client.task(&arguments.id).await?;
    let is_everything = arguments.path == SandboxPath::Everything;
    let request = ListFiles {
        task: key(&task)?,
        path: arguments.path,
        recursive: arguments.recursive,
    };
    let mut operator = client.operator().await?;
    let response = operator.list_files(v1::ListFilesRequest::from(request));
    let response = response.await.map_err(|status| explain(&status))?;
    let mut parts = response.into_inner();
    let mut files: Vec<json::File> = Vec::new();
    let mut left_out = 0;
    while let Some(part) = parts.message().await.map_err(|status| explain(&status))? {
        let entries = convert::list_files(part.entries).context("the master's answer is wrong")?;
        files.extend(entries.into_iter().map(json::File::from));
        left_out += part.left_out;
    }
    output::list(format, &files, table)?;
    if left_out > 0 {
        output::note(&format!(
            "stoker: at least {left_out} more are left out: a list names {} files; list one folder \
             of them",
            stoker_types::limit::LISTED_FILES
        ));
    }
    if files.is_empty() && is_everything && format == OutputFormat::Table {
        output::note("stoker: the task has written nothing (yet), and it has no disk");
    }
    Ok(())
}

/// The key of a task as the JSON shows it.
pub(super) fn key(task: &json::Task) -> anyhow::Result<TaskKey> {
    Ok(TaskKey {
        framework_id: task.framework_id.parse()?,
        task_id: task.id.parse()?,
    })
}

fn table(files: &[json::File]) -> Table {
    let mut table = Table::with_header(&["KIND", "SIZE", "MODIFIED", "PATH"]);
    for file in files {
        let (kind, size) = match file.kind {
            json::FileKind::File => ("file", stoker_types::size::display(file.size)),
            json::FileKind::Directory => ("directory", "-".to_owned()),
            json::FileKind::Other => ("other", "-".to_owned()),
        };
        table.row([
            kind.to_owned(),
            size,
            format!("{:.0}", file.modified_at),
            printable(&file.path),
        ]);
    }
    table
}

/// A guest's name for a file, without what would steer a terminal.
pub(super) fn printable(path: &str) -> String {
    if path.chars().any(char::is_control) {
        path.escape_debug().to_string()
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(printable("größe 1.txt"), "größe 1.txt");
        assert_eq!(printable("a\x1b[2J\n"), "a\\u{1b}[2J\\n");
    }
}
