//! A master that does what a test says: [`master`] speaks for it, [`expect`] hears the scheduler.

mod expect;
mod master;

pub use self::{expect::Launch, master::ScriptedMaster};
