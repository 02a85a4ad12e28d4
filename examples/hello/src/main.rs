//! The smallest framework: uploads a module, runs it once on whatever is offered, prints each step.
//!
//! ```text
//! cargo run -p stoker-examples-hello -- --module hello.wasm [--master URL] [ARGUMENT…]
//! ```
//!
//! Written to be copied. For a queue of tasks see the front page of `stoker-sdk-scheduler`.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::{convert::Infallible, env, time::Duration};

use anyhow::{Context as _, bail};
use stoker_sdk_scheduler::{
    Calls, Driver, ModuleReference, Offer, Outcome, Scheduler, StatusUpdate, Task, Timestamp,
    artifacts::{ArtifactKind, Artifacts},
};

/// How long to look for a master.
const WAIT: Duration = Duration::from_secs(30);

/// One task, and what became of it.
struct Hello {
    task: Option<Task>,
    outcome: Outcome,
}

impl Scheduler for Hello {
    type Command = Infallible;

    fn offers(&mut self, _now: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        let fitting = |offer: &&Offer| {
            let needs = self.task.as_ref().map(Task::needs);
            needs.is_some_and(|needs| offer.resources.contains(needs))
        };
        if let Some(offer) = offers.iter().find(fitting) {
            calls.launch(offer, self.task.take());
            calls.suppress();
        }
        calls.decline_rest();
    }

    fn update(&mut self, _now: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        let reason = update.reason.map_or("", |reason| reason.as_str());
        println!(
            "{} {} {reason} {}",
            update.task.task_id, update.state, update.message
        );
        self.outcome = Outcome::of(update);
        if self.outcome != Outcome::Alive {
            calls.stop();
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (mut module, mut masters, mut words) = (None, Vec::new(), Vec::new());
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--module" => module = Some(arguments.next().context("--module needs a file")?),
            "--master" => masters.push(arguments.next().context("--master needs an address")?),
            _ => words.push(argument),
        }
    }
    let module = module.context("usage: hello --module FILE [--master URL] [ARGUMENT…]")?;

    let store = Artifacts::connect(&masters, WAIT).await?;
    let upload = store
        .upload_file(module.as_ref(), ArtifactKind::Module, |_, _| {})
        .await?;
    let task = Task::new(ModuleReference::Blob(upload.digest))
        .name("hello")
        .args(words);
    let hello = Hello {
        task: Some(task),
        outcome: Outcome::Alive,
    };
    let driver = Driver::builder(hello)
        .masters(masters)
        .ephemeral()
        .wait(WAIT)
        .build()?;
    match driver.run().await?.outcome {
        Outcome::Succeeded => Ok(()),
        outcome => bail!("the task has {outcome:?}; its last line above says why"),
    }
}
