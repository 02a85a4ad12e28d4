//! `stoker-bench sandbox`: what isolation costs, and how exact it is.
//!
//! ```text
//!  in this process, on a runner's own threads on a cluster of its own
//!    no_op, kernels │ shares, fuel │ kill     tenants, lending, neighbours │ first_task │ accounting, parked
//! ```
//!
//! Owns the order, and what is said meanwhile. Each file measures one thing and gives its figures.

mod accounting;
mod first_task;
mod fuel;
mod guests;
mod holder;
mod kernels;
mod kill;
mod lending;
mod neighbours;
mod no_op;
mod parked;
mod report;
mod shares;
mod tenants;

use std::{env, fs, path::PathBuf, time::Duration};

use anyhow::Context as _;

use self::report::{Figure, Report};
use crate::{
    machine::{self, Machine},
    say, tell,
};

/// The parts, in the order in which they are measured.
const PARTS: [(&str, Part); 12] = [
    ("no-op", no_op::measure),
    ("kernels", kernels::measure),
    ("shares", shares::weighted),
    ("thousand", shares::thousand),
    ("fuel", fuel::measure),
    ("kill", kill::measure),
    ("tenants", tenants::measure),
    ("lending", lending::measure),
    ("neighbours", neighbours::measure),
    ("first-task", first_task::measure),
    ("accounting", accounting::measure),
    ("parked", parked::measure),
];

type Part = fn(&Laboratory) -> anyhow::Result<Vec<Figure>>;

/// What is to be measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// One part alone; all if none.
    pub(crate) part: Option<String>,
    /// How long accounts are kept of a mixed load.
    pub(crate) accounting: Duration,
    /// Where all figures are written.
    pub(crate) json: Option<PathBuf>,
}

/// Whether there is a part of this name.
pub(crate) fn is_part(name: &str) -> bool {
    PARTS.iter().any(|(part, _)| *part == name)
}

/// The names of all parts.
pub(crate) fn parts() -> String {
    PARTS.map(|(name, _)| name).join(", ")
}

/// What everything is measured with.
struct Laboratory {
    stoker: PathBuf,
    /// For the clusters' data: on the disk that the programs are on.
    place: PathBuf,
    /// How long accounts are kept.
    accounting: Duration,
}

impl Laboratory {
    /// A guest of `examples/guests`, as a file and as bytes.
    fn guest(&self, name: &str) -> anyhow::Result<(PathBuf, Vec<u8>)> {
        let path = stoker_sdk_testing::guest(name)?;
        let wasm = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path, wasm))
    }
}

/// Measures and prints.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    let place = env::current_exe().context("cannot tell where this program is")?;
    let place = place.parent().unwrap_or(&place).to_owned();
    let laboratory = Laboratory {
        stoker: stoker_sdk_testing::stoker_binary()?,
        place,
        accounting: plan.accounting,
    };
    let machine = Machine::look(&laboratory.place);
    let load_before = machine::load();
    let mut figures = Vec::new();
    let wanted = PARTS
        .iter()
        .filter(|(name, _)| plan.part.as_deref().is_none_or(|part| part == *name));
    for (name, part) in wanted {
        say(&format!("[{name}] load {}", machine::load()));
        let measured = part(&laboratory).with_context(|| format!("cannot measure {name}"))?;
        for figure in &measured {
            say(&format!("[{name}] {figure}"));
        }
        figures.extend(measured);
    }
    let report = Report {
        machine,
        load_before,
        load_after: machine::load(),
        figures,
    };
    tell(&report.to_string())?;
    if let Some(path) = &plan.json {
        let json = serde_json::to_vec_pretty(&report)?;
        fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
