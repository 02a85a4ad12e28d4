//! `cargo xtask tidy`: the house as it should be, checked. Each rule is pure and has a file of its own; this
//! file reads what they look at and prints what they find. It never changes a file.

mod arrows;
mod finding;
mod heads;
mod house;
mod links;
mod names;
mod packages;
mod sizes;
mod source;
mod words;

use crate::cargo::{self, Workspace};
use crate::failure::{Failure, Result, While};
use crate::steps::Steps;
use crate::{processes, screen};
use finding::{Finding, Weight};
use packages::Packages;
use source::Source;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const AGAIN: &str = "cargo xtask tidy";

/// The verb.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::begin("tidy", 1);
    let outcome = steps.required("check the house", AGAIN, || check(workspace));
    steps.finish(outcome)
}

/// All rules. A finding that is only worth telling is no failure.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let paths = list(&workspace.root)?;
    let sources = read_sources(&workspace.root, &paths);
    let mut findings = arrows::check(&read_packages(&workspace.root)?);
    findings.extend(check_sources(&sources, &paths));
    findings.sort();
    for finding in &findings {
        screen::line(&format!("  {finding}"));
    }
    let wrong = findings
        .iter()
        .filter(|finding| finding.weight == Weight::Wrong)
        .count();
    screen::line(&format!(
        "  {} files, {} findings",
        sources.len(),
        findings.len()
    ));
    if wrong > 0 {
        return Err(Failure::new(format!("{wrong} findings to put right")));
    }
    Ok(())
}

/// `paths` are all files, pictures too: a document may show one.
fn check_sources(sources: &[Source], paths: &[String]) -> Vec<Finding> {
    let paths: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(names::check(&source.path));
        findings.extend(words::check(source));
        match source.extension() {
            "rs" => {
                findings.extend(heads::check(source));
                findings.extend(sizes::check(source));
            }
            "md" => findings.extend(links::check(source, &paths)),
            _ => {}
        }
    }
    findings
}

fn read_packages(root: &Path) -> Result<Packages> {
    let mut command = cargo::cargo(root);
    command.args(["metadata", "--format-version", "1", "--all-features"]);
    let json = processes::text(&mut command)?;
    let metadata =
        serde_json::from_str(&json).while_doing(|| "read cargo's metadata".to_owned())?;
    Ok(Packages::parse(&metadata, root))
}

/// The files that git tracks or would add; one that was deleted and is still tracked is none of them.
fn list(root: &Path) -> Result<Vec<String>> {
    let mut command = Command::new("git");
    command.current_dir(root);
    command.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let list = processes::text(&mut command)?;
    let is_there = |path: &&str| !path.is_empty() && root.join(path).is_file();
    let paths = list.split('\0').filter(is_there);
    Ok(paths.map(str::to_owned).collect())
}

/// Those that are text. What is none has no rules here.
fn read_sources(root: &Path, paths: &[String]) -> Vec<Source> {
    let read = |path: &String| {
        Some(Source {
            path: path.clone(),
            text: std::fs::read_to_string(root.join(path)).ok()?,
        })
    };
    paths.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_sees_the_files_that_it_is_for() {
        let source = |path: &str, text: &str| Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let sources = [
            source("a/src/lib.rs", "fn headless() {}\n"),
            source(
                "a/src/utils.rs",
                "//! Owns a thing, and never another one.\n",
            ),
            source("docs/a.md", "[gone](gone.md)\n![shown](picture.png)\n"),
            source("docs/b.toml", "no = \"head\"\n"),
        ];
        let texts = sources.iter().map(|source| source.path.clone());
        let paths: Vec<String> = texts.chain(["docs/picture.png".to_owned()]).collect();
        let found: Vec<String> = check_sources(&sources, &paths)
            .iter()
            .map(|finding| finding.place.clone())
            .collect();
        assert_eq!(found, ["a/src/lib.rs:1", "a/src/utils.rs:1", "docs/a.md:1"]);
    }
}
