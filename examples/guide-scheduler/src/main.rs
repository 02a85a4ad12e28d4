//! Runs one task of a module for each word of the command line, on whatever a cluster offers.
//!
//! ```text
//! farm MODULE WORD…
//! ```
//!
//! Owns the way from the command line to the last line. What runs where is decided in `farm`, what
//! is remembered is in `notes`.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

mod farm;
mod notes;

use std::{env, fs, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use stoker_sdk_scheduler::{
    Driver, ModuleReference, Task,
    artifacts::{ArtifactKind, Artifacts},
};

use crate::{farm::Farm, notes::Notes};

/// Where this program notes what it must not forget.
const NOTES: &str = "farm.notes";
/// How long to look for a master.
const WAIT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let module = arguments.next().context("usage: farm MODULE WORD…")?;
    let words: Vec<String> = arguments.collect();
    ensure!(
        words.iter().all(|word| !word.contains('\n')),
        "a word is one line: the notes have a line for each"
    );

    let store = Artifacts::connect::<&str>(&[], WAIT).await?;
    let upload = store
        .upload_file(module.as_ref(), ArtifactKind::Module, |_, _| {})
        .await?;
    let template = Task::new(ModuleReference::Blob(upload.digest))
        .cpu_millis(100)
        .mem_mib(32)
        .fuel("1000".parse()?);

    let (notes, memory) = Notes::open(Path::new(NOTES)).context(NOTES)?;
    let framework_id = memory.framework_id;
    let farm = Farm::new(template, words, notes, memory);
    let driver = Driver::builder(farm)
        .name("farm")
        .framework_id(framework_id)
        .wait(WAIT)
        .build()?;
    let farm = driver.run().await?;

    fs::remove_file(NOTES)?; // All is done: there is nothing to come back to.
    let (finished, failed) = (farm.finished().len(), farm.failed().len());
    println!("{finished} finished, {failed} failed");
    ensure!(failed == 0, "failed: {:?}", farm.failed());
    Ok(())
}
