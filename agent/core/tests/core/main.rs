//! The agent's core through inputs and exact effects, and under random histories.

mod support;
mod world;

mod ends;
mod governor;
mod histories;
mod kills;
mod launches;
mod outputs;
mod recovery;
mod runners;
mod sessions;
mod stops;
mod updates;
mod usages;
