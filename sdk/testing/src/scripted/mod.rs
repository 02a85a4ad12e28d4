//! A master that does what a test says: [`master`] speaks for it, [`tell`] tells of tasks, [`expect`]
//! hears the scheduler.

mod expect;
mod master;
mod tell;

pub use self::{expect::Launch, master::ScriptedMaster};
