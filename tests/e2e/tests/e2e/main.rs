//! The real binary, driven as a user would: exit codes, output, what is refused and how, what is
//! left running. One cluster of `stoker dev` serves all tests that do not harm it.

#![expect(clippy::unwrap_used, reason = "whatever cannot be had fails the test")]

mod blobs;
mod config;
mod dev;
mod fairness;
mod files;
mod frameworks;
mod guide;
mod harness;
mod http;
mod inputs_and_outputs;
mod listing;
mod logs;
mod modules;
mod processes;
mod reflection;
mod refusals;
mod run;
mod sandboxes;
mod scheduler;
mod surviving;
mod wordcount;
