//! Writing a framework for Stoker: what a scheduler's author needs, and all that it needs.
//!
//! A framework decides *what* runs; the master decides who may use *where*, and says so in offers.
//! A scheduler takes what it likes of them. This one keeps a queue, runs whatever fits, and launches
//! again what was lost through no fault of its own:
//!
//! ```
//! # #![allow(dead_code)]
//! # mod program {
//! use std::{collections::{BTreeMap, VecDeque}, convert::Infallible, error::Error};
//!
//! use stoker_sdk_scheduler::{
//!     Calls, Driver, Offer, Outcome, Scheduler, StatusUpdate, Task, TaskId, Timestamp, take_fitting,
//! };
//!
//! #[derive(Default)]
//! struct Farm {
//!     waiting: VecDeque<Task>,
//!     running: BTreeMap<TaskId, Task>,
//! }
//!
//! impl Scheduler for Farm {
//!     type Command = Infallible;
//!
//!     fn offers(&mut self, _now: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
//!         for offer in offers {
//!             let tasks = take_fitting(&offer.resources, &mut self.waiting);
//!             let ids = calls.launch(&offer, tasks.clone()); // Of nothing, it declines the offer.
//!             self.running.extend(ids.into_iter().zip(tasks));
//!         }
//!         if self.waiting.is_empty() {
//!             calls.suppress();
//!         }
//!     }
//!
//!     fn update(&mut self, _now: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
//!         println!("{} is {}", update.task.task_id, update.state);
//!         if update.state.is_terminal() {
//!             let task = self.running.remove(&update.task.task_id);
//!             if Outcome::of(update) == Outcome::Lost {
//!                 self.waiting.extend(task);
//!                 calls.revive();
//!             }
//!         }
//!         if self.running.is_empty() && self.waiting.is_empty() {
//!             calls.stop();
//!         }
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     let hello = Task::new("file:/srv/modules/hello.wasm".parse()?).cpu_millis(100).mem_mib(16);
//!     let waiting = (0..100).map(|number| hello.clone().arg(number.to_string())).collect();
//!     let farm = Farm { waiting, ..Farm::default() };
//!     Driver::builder(farm).name("farm").ephemeral().build()?.run().await?;
//!     Ok(())
//! }
//! # pub fn check() {
//! #     use stoker_sdk_scheduler::TaskState;
//! #     let task = Task::new("file:/hello.wasm".parse().unwrap()).cpu_millis(500).mem_mib(16);
//! #     let waiting = VecDeque::from([task.clone(), task.clone(), task]);
//! #     let farm = Farm { waiting, ..Farm::default() };
//! #     let mut master = stoker_sdk_testing::ScriptedMaster::new(farm);
//! #     master.offers(&["cpus=1;mem=1GiB", "cpus=0.1;mem=1GiB"]);
//! #     let first = master.expect_launch();
//! #     assert_eq!(first.tasks.len(), 2);
//! #     master.expect_decline();
//! #     master.update(&first.tasks[0].id, TaskState::Finished);
//! #     master.update(&first.tasks[1].id, TaskState::Gone);
//! #     master.expect_revive();
//! #     master.offer("cpus=1;mem=1GiB");
//! #     let second = master.expect_launch();
//! #     master.expect_suppress();
//! #     for task in second.tasks {
//! #         master.update(&task.id, TaskState::Finished);
//! #     }
//! #     master.expect_stopped();
//! # }
//! # }
//! # fn main() { program::check() }
//! ```
//!
//! * [`Scheduler`] is the trait; its page says what the SDK does for you and what remains yours.
//! * [`Calls`] is what callbacks write into: launch, decline, kill, suppress, ….
//! * [`Task`] describes what to run, [`take_fitting`] chooses what fits into an offer, [`Outcome`]
//!   reads what became of it.
//! * [`Driver`] connects a scheduler to a master; its [`Handle`] lets the rest of the program speak
//!   to it.
//! * [`artifacts`] moves modules, inputs and outputs to and from the master's store.
//! * [`core`] is the state machine beneath, for simulators and other drivers.
//!
//! Unit tests of a scheduler need no network: `stoker-sdk-testing` has a master that does what a
//! test says, and starts real clusters.
//!
//! This crate builds on every platform; agents run on 64-bit Linux.

pub mod artifacts;
mod calls;
pub mod core;
mod driver;
mod outcome;
mod packing;
mod scheduler;
mod task;

pub use stoker_types::{
    AgentId, Attributes, BlobForm, Digest, EnvironmentVariable, Epoch, FrameworkId, FrameworkInfo,
    Input, MasterInfo, Milli, ModuleReference, Offer, OfferFilter, OfferId, OutputFile, PortRange,
    Ports, Reason, Resources, Role, StatusSource, StatusUpdate, TaskId, TaskInfo, TaskKey,
    TaskLimits, TaskState, Timestamp, UnknownImports, Usage, duration, limit, size,
};

pub use self::{
    calls::Calls,
    driver::{
        DEFAULT_MASTER, Driver, DriverBuilder, DriverError, Handle, MASTER_VARIABLE, Progress,
        SchedulerEnded,
    },
    outcome::Outcome,
    packing::take_fitting,
    scheduler::{Ending, Refusal, Registration, Scheduler},
    task::Task,
};
