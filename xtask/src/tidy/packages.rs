//! The packages and who uses whom, as `cargo metadata` tells it. It never judges.

use crate::cargo::{array, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Where a dependency is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Normal,
    Build,
    Tests,
}

/// One of our packages.
#[derive(Debug, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// The path of its manifest from the root of the repository.
    pub(crate) manifest: String,
    /// What the manifest says, for the line of a finding and for what cargo does not tell.
    pub(crate) manifest_text: String,
    /// What it depends on directly, by name.
    pub(crate) uses: Vec<(String, Kind)>,
    /// All that is linked into it or built for it, however far down, tests aside.
    pub(crate) linked: BTreeSet<String>,
}

/// The members of the workspace.
#[derive(Debug)]
pub(crate) struct Packages {
    pub(crate) members: Vec<Member>,
}

/// Package ids and what each needs when its tests are not built.
type Edges<'a> = BTreeMap<&'a str, Vec<&'a str>>;

impl Packages {
    pub(crate) fn parse(metadata: &Value, root: &Path) -> Self {
        let packages = array(metadata, "packages");
        let names: BTreeMap<&str, &str> = packages
            .iter()
            .filter_map(|p| Some((p["id"].as_str()?, p["name"].as_str()?)))
            .collect();
        let edges = edges(&metadata["resolve"]);
        let ours: BTreeSet<&str> = array(metadata, "workspace_members")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let members = packages
            .iter()
            .filter(|package| package["id"].as_str().is_some_and(|id| ours.contains(id)))
            .map(|package| Member {
                linked: linked(package, &edges, &names),
                ..member(package, root)
            })
            .collect();
        Self { members }
    }
}

fn member(package: &Value, root: &Path) -> Member {
    let path = text(package, "manifest_path");
    let manifest = Path::new(&path)
        .strip_prefix(root)
        .unwrap_or_else(|_| Path::new(&path));
    let kind = |dependency: &Value| match dependency["kind"].as_str() {
        Some("dev") => Kind::Tests,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    };
    Member {
        name: text(package, "name"),
        manifest: manifest.display().to_string(),
        manifest_text: std::fs::read_to_string(&path).unwrap_or_default(),
        uses: array(package, "dependencies")
            .iter()
            .map(|dependency| (text(dependency, "name"), kind(dependency)))
            .collect(),
        linked: BTreeSet::new(),
    }
}

fn edges(resolve: &Value) -> Edges<'_> {
    let nodes = array(resolve, "nodes").iter();
    nodes
        .filter_map(|package| Some((package["id"].as_str()?, needed(package))))
        .collect()
}

/// The ids of what a package of the resolved graph needs when its tests are not built.
fn needed(package: &Value) -> Vec<&str> {
    let outside_tests = |kind: &Value| kind["kind"] != "dev";
    array(package, "deps")
        .iter()
        .filter(|dependency| array(dependency, "dep_kinds").iter().any(outside_tests))
        .filter_map(|dependency| dependency["pkg"].as_str())
        .collect()
}

fn linked(package: &Value, edges: &Edges<'_>, names: &BTreeMap<&str, &str>) -> BTreeSet<String> {
    let mut waiting: Vec<&str> = package["id"].as_str().into_iter().collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        for next in edges.get(id).map(Vec::as_slice).unwrap_or_default() {
            if seen.insert(next) {
                waiting.push(next);
            }
        }
    }
    seen.iter()
        .filter_map(|id| names.get(id))
        .map(|name| (*name).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_goes_all_the_way_down_but_not_through_tests() {
        let metadata = serde_json::json!({
            "workspace_members": ["a"],
            "packages": [
                {"id": "a", "name": "stoker-a", "manifest_path": "/w/a/Cargo.toml", "dependencies": [
                    {"name": "b", "kind": null}, {"name": "d", "kind": "dev"}]},
                {"id": "b", "name": "b"}, {"id": "c", "name": "c"}, {"id": "d", "name": "d"},
            ],
            "resolve": {"nodes": [
                {"id": "a", "deps": [
                    {"pkg": "b", "dep_kinds": [{"kind": null}]},
                    {"pkg": "d", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "b", "deps": [{"pkg": "c", "dep_kinds": [{"kind": "build"}]}]},
            ]},
        });
        let packages = Packages::parse(&metadata, Path::new("/w"));
        let member = &packages.members[0];
        assert_eq!(member.manifest, "a/Cargo.toml");
        assert_eq!(
            member.uses,
            [
                ("b".to_owned(), Kind::Normal),
                ("d".to_owned(), Kind::Tests)
            ]
        );
        assert_eq!(
            member.linked,
            BTreeSet::from(["b".to_owned(), "c".to_owned()])
        );
    }
}
