//! Testing frameworks: against a script, without a network; and against a real cluster.
//!
//! * [`ScriptedMaster`] drives a scheduler directly. A test says what the master offers and tells,
//!   and expects calls in return; nothing is random, nothing waits, time moves when the test says.
//! * [`DevCluster`] starts the real `stoker dev` on a free port and ends it with the test.
//! * [`stoker_binary`], [`example_binary`] and [`guest`] find what is to be tested.
//! * [`wait_for`] waits for a condition and says what it saw last if it never came true.
//!
//! Owns what tests of frameworks share. Never in a program that ships.

mod cluster;
mod http;
mod programs;
mod scripted;
mod waiting;

pub use self::{
    cluster::{DevAgent, DevCluster, DevClusterBuilder},
    programs::{example_binary, guest, guests_dir, stoker_binary},
    scripted::{Launch, ScriptedMaster},
    waiting::{wait_for, wait_for_async},
};
