//! The processes below one process, from `/proc`. A process is known by its id and the time it started, so
//! that another one with the same id is not taken for it.

use crate::failure::{Result, While};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A process that was alive when we looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: u32,
    /// In clock ticks since the machine started.
    started: u64,
}

/// What `/proc/ID/stat` tells of a process that interests us.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    parent: u32,
    started: u64,
}

/// The process and all below it, parents before children.
pub(crate) fn below(root: u32) -> Result<Vec<Process>> {
    let mut stats = BTreeMap::new();
    for entry in fs::read_dir("/proc").while_doing(|| "list /proc".to_owned())? {
        let name = entry.while_doing(|| "list /proc".to_owned())?.file_name();
        if let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) {
            // A process that ended in between is not there.
            stats.extend(read_stat(id).map(|stat| (id, stat)));
        }
    }
    let mut found: Vec<Process> = Vec::new();
    let mut waiting = vec![root];
    while let Some(id) = waiting.pop() {
        if let Some(stat) = stats.get(&id) {
            found.push(Process {
                id,
                started: stat.started,
            });
            waiting.extend(
                stats
                    .iter()
                    .filter(|(_, stat)| stat.parent == id)
                    .map(|(id, _)| *id),
            );
        }
    }
    Ok(found)
}

/// Whether it still runs. One that has ended and was not yet collected does not.
pub(crate) fn is_alive(process: &Process) -> bool {
    read_stat(process.id).is_some_and(|stat| stat.started == process.started && stat.state != 'Z')
}

fn read_stat(id: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(folder(id).join("stat")).ok()?)
}

/// The program's name stands in brackets and may hold anything, brackets too.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

fn folder(id: u32) -> PathBuf {
    Path::new("/proc").join(id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_strange_name_does_not_confuse() {
        let fields = "S 7 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 4711 1 1";
        let stat = parse_stat(&format!("42 (a) b ( c) {fields}"));
        assert_eq!(
            stat,
            Some(Stat {
                state: 'S',
                parent: 7,
                started: 4711
            })
        );
        assert_eq!(parse_stat("42"), None);
    }

    #[test]
    fn a_child_is_below_and_then_gone() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("starts");
        let tree = below(std::process::id()).expect("reads /proc");
        let found = tree
            .iter()
            .find(|process| process.id == child.id())
            .expect("is below");
        assert!(is_alive(found));
        child.kill().expect("is killed");
        child.wait().expect("ends");
        assert!(!is_alive(found));
    }
}
