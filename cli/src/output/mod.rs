//! How results reach people and programs: tables, JSON, and complaints.
//!
//! The only place that writes data to stdout, so a broken pipe is handled once. Never fetches
//! anything.

mod table;
mod text;

use std::io::{self, Write as _};

use serde::Serialize;

pub(crate) use table::Table;
pub(crate) use text::{age, or_dash, printable, resources, short_id};

use crate::args::OutputFormat;

/// Prints a list: a table, one array, or a document a line.
pub(crate) fn list<T: Serialize>(
    format: OutputFormat,
    items: &[T],
    table: impl FnOnce(&[T]) -> Table,
) -> anyhow::Result<()> {
    match format {
        OutputFormat::Table => data(&table(items).render()),
        OutputFormat::Json => data(&with_newline(serde_json::to_string_pretty(items)?)),
        OutputFormat::Jsonl => items.iter().try_for_each(document),
    }
}

/// Prints one thing: as `lines` of name and value, or as a document.
pub(crate) fn one<T: Serialize>(
    format: OutputFormat,
    item: &T,
    lines: impl FnOnce(&T) -> Table,
) -> anyhow::Result<()> {
    match format {
        OutputFormat::Table => data(&lines(item).render()),
        OutputFormat::Json => data(&with_newline(serde_json::to_string_pretty(item)?)),
        OutputFormat::Jsonl => document(item),
    }
}

/// Prints one document on one line.
pub(crate) fn document<T: Serialize>(item: &T) -> anyhow::Result<()> {
    data(&with_newline(serde_json::to_string(item)?))
}

/// Prints a sentence about what was done: data for people, nothing for programs.
pub(crate) fn done(format: OutputFormat, sentence: &str) -> anyhow::Result<()> {
    match format {
        OutputFormat::Table => data(&with_newline(sentence.to_owned())),
        OutputFormat::Json | OutputFormat::Jsonl => Ok(()),
    }
}

/// Writes to stdout. A reader that has left (`stoker … | head`) is no error.
pub(crate) fn data(text: &str) -> anyhow::Result<()> {
    bytes(text.as_bytes())
}

/// Writes bytes to stdout as they are.
pub(crate) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Writes a note for people to stderr: progress, warnings. Nobody reads it, nothing is lost.
pub(crate) fn note(text: &str) {
    let written = writeln!(io::stderr().lock(), "{text}");
    drop(written);
}

/// Writes an error to stderr, in one line.
pub(crate) fn complain(error: &anyhow::Error) {
    note(&format!("stoker: {}", printable(&format!("{error:#}"))));
}

fn with_newline(mut text: String) -> String {
    text.push('\n');
    text
}
