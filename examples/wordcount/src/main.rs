//! Counts the words of all texts under a folder: map, shuffle and reduce on a Stoker cluster.
//!
//! ```text
//! cargo xtask guests                                   # the map and the reduce program, in Wasm
//! cargo run -p stoker-cli -- dev                       # a cluster, in another terminal
//! cargo run -p stoker-examples-wordcount -- [PATH…]    # --help tells the rest
//! ```
//!
//! Written to be copied. This file is the way through:
//!
//! 1. [`texts`] finds the files, [`reading`] reads them, [`chunks`] cuts them, [`store`] uploads the
//!    chunks;
//! 2. [`plan`] says which pieces of work there are and what task does each;
//! 3. [`scheduler`] has them done on whatever is offered, and again where a task was lost;
//!    [`journal`] is what it remembers when it is killed itself, [`tally`] and [`screen`] show how far
//!    it is;
//! 4. what the reductions left comes back, is added up and compared with a native count ([`counts`]),
//!    and [`report`] says it.

mod arguments;
mod chunks;
mod counts;
mod journal;
mod plan;
mod reading;
mod report;
mod scheduler;
mod screen;
mod store;
mod tally;
mod texts;

use std::{
    io::{self, Write as _},
    pin::pin,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Parser as _;
use stoker_sdk_scheduler::{Driver, DriverError, artifacts::Artifacts, size};
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{
    arguments::Arguments,
    counts::Counts,
    journal::{Journal, Memory},
    plan::{Blob, Modules, Plan},
    reading::{Reading, read_all},
    report::Report,
    scheduler::WordCount,
    screen::Screen,
};

/// How long to look for a master, at the start and whenever it is lost.
const WAIT: Duration = Duration::from_secs(60);
/// How often the line on the screen is brought up to date.
const REDRAW: Duration = Duration::from_millis(100);
/// How many chunks may be read before they are uploaded.
const WAITING_CHUNKS: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut screen = Screen::new();
    let outcome = count(&arguments, &mut screen).await;
    drop(screen);
    match outcome {
        Ok(code) => code,
        Err(error) => {
            drop(writeln!(io::stderr(), "wordcount: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The whole way. Fails with the first thing that is wrong.
async fn count(arguments: &Arguments, screen: &mut Screen) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let store = Artifacts::connect(&arguments.master, WAIT).await?;
    let modules = Modules {
        map: store::upload_module(&store, &arguments.module("wordcount-map")).await?,
        reduce: store::upload_module(&store, &arguments.module("wordcount-reduce")).await?,
    };
    let (chunks, mut reading) = upload_texts(arguments, &store, screen).await?;
    let plan = Plan::new(chunks, usize::from(arguments.reduce_tasks), modules)?;

    let scheduler = run(arguments, plan, screen).await?;
    let counted = collect(&store, &scheduler, screen).await;
    if let Some(journal) = &arguments.framework_id
        && (counted.is_ok() || scheduler.has_failed())
    {
        // There is nothing to come back to.
        std::fs::remove_file(journal).context("cannot remove the journal")?;
    }
    let counts = counted?;

    let tally = scheduler.watch().borrow().clone();
    let report = Report {
        counts: &counts,
        reading: &reading,
        tally: &tally,
        took: started.elapsed(),
        top: arguments.top,
    };
    print(&report.text());
    if !scheduler.failed().is_empty() {
        for failed in scheduler.failed().values() {
            screen.say(failed);
        }
        print("               what failed is not in it\n");
        return Ok(ExitCode::FAILURE);
    }
    if let Some(native) = reading.native.take() {
        counts.compare(&native)?;
        print("               a native count says the same\n");
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the texts, on a thread of its own, and uploads them in chunks.
async fn upload_texts(
    arguments: &Arguments,
    store: &Artifacts,
    screen: &mut Screen,
) -> anyhow::Result<(Vec<Blob>, Reading)> {
    let found = texts::find(&arguments.paths())?;
    let chunk_bytes = arguments.chunk_bytes(found.bytes);
    let (files, all) = (found.files.len(), size::display(found.bytes));
    let (sender, chunks) = mpsc::channel(WAITING_CHUNKS);
    let check = !arguments.no_check;
    let reading = spawn_blocking(move || read_all(found, chunk_bytes, check, &sender));
    let progress = |bytes| {
        let done = size::display(bytes);
        screen.show(&format!("uploading {done}; {files} files hold {all}"));
    };
    let blobs = store::upload_chunks(store, chunks, progress).await?;
    let reading = reading.await?;
    let (texts, bytes) = (reading.texts, size::display(reading.bytes));
    screen.say(&format!(
        "{texts} texts with {bytes} in {} chunks; left out: {}",
        blobs.len(),
        reading.skipped
    ));
    Ok((blobs, reading))
}

/// Runs the scheduler to its end, which an interrupt brings about early.
async fn run(arguments: &Arguments, plan: Plan, screen: &mut Screen) -> anyhow::Result<WordCount> {
    let (journal, memory) = match &arguments.framework_id {
        Some(path) => Journal::open(path, plan.digest())?,
        None => (Journal::default(), Memory::default()),
    };
    let framework_id = memory.framework_id;
    let scheduler = WordCount::new(plan, journal, memory, arguments.keep_going);
    if scheduler.is_done() {
        // An earlier life was killed after its last task.
        return Ok(scheduler);
    }
    let tally = scheduler.watch();
    let mut driver = Driver::builder(scheduler)
        .name("wordcount")
        .masters(&arguments.master)
        .roles([arguments.role.clone()])
        .framework_id(framework_id)
        .wait(WAIT);
    if arguments.framework_id.is_none() {
        driver = driver.ephemeral();
    }
    let driver = driver.build()?;
    let handle = driver.handle();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            // One that has ended by itself needs no stop.
            let _has_ended = handle.stop().await;
        }
    });
    let mut run = pin!(driver.run());
    let mut redraw = tokio::time::interval(REDRAW);
    loop {
        tokio::select! {
            ended = &mut run => return ended.map_err(|error| explain(arguments, error)),
            _ = redraw.tick() => screen.show(&tally.borrow().to_string()),
        }
    }
}

/// Says what to do about a framework that cannot come back.
fn explain(arguments: &Arguments, error: DriverError) -> anyhow::Error {
    match (&arguments.framework_id, &error) {
        (Some(path), DriverError::Refused { .. } | DriverError::Ended { .. }) => {
            let path = path.display();
            anyhow::Error::new(error).context(format!("remove {path} to begin anew"))
        }
        _ => error.into(),
    }
}

/// Adds up what the reductions left.
async fn collect(
    store: &Artifacts,
    scheduler: &WordCount,
    screen: &mut Screen,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    for blob in scheduler.results()? {
        screen.show(&format!("downloading {}", size::display(blob.size)));
        let printed = store::download(store, blob.digest).await?;
        let added = counts.add_printed(&printed);
        added.with_context(|| format!("{} is not what a reduce task leaves", blob.digest))?;
    }
    Ok(counts)
}

/// Prints the result. A reader that has left (`wordcount | head`) is no error.
fn print(text: &str) {
    drop(io::stdout().write_all(text.as_bytes()));
}
