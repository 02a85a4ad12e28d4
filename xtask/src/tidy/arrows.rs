//! Who may use whom: the table of `house`, checked on what cargo says.

use super::finding::Finding;
use super::house::{self, Room};
use super::packages::{Kind, Member, Packages};

/// How a package of ours begins.
const OURS: &str = "stoker-";

pub(crate) fn check(packages: &Packages) -> Vec<Finding> {
    packages.members.iter().flat_map(check_member).collect()
}

fn check_member(member: &Member) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !has_lints(&member.manifest_text) {
        let what = format!("{} does not take the lints of the workspace", member.name);
        let right = "`[lints]` with `workspace = true`";
        findings.push(Finding::wrong(&member.manifest, 1, what, right));
    }
    let Some(room) = house::room(&member.name) else {
        let what = format!("{} has no room in the house", member.name);
        let right = "a line for it in xtask/src/tidy/house.rs and in docs/ARCHITECTURE.md";
        findings.push(Finding::wrong(&member.manifest, 1, what, right));
        return findings;
    };
    for (used, kind) in &member.uses {
        findings.extend(check_use(member, room, used, *kind));
        findings.extend(check_reserved(member, used));
    }
    for linked in member
        .linked
        .iter()
        .filter(|name| house::fits_any(room.never_linked, name))
    {
        // A direct use is told by its own rule and in its own line.
        if !member.uses.iter().any(|(used, _)| used == linked) {
            let what = format!("{} links {linked}", member.name);
            let right = "see who brings it: `cargo tree --invert`; and cut that arrow";
            findings.push(Finding::wrong(&member.manifest, 1, what, right));
        }
    }
    findings
}

fn check_use(member: &Member, room: &Room, used: &str, kind: Kind) -> Option<Finding> {
    let allowed = if used.starts_with(OURS) {
        house::fits_any(room.ours, used)
            || (kind == Kind::Tests && house::fits_any(room.ours_in_tests, used))
    } else {
        let listed = room
            .others
            .is_none_or(|others| house::fits_any(others, used));
        let in_tests = kind == Kind::Tests && house::fits_any(room.others_in_tests, used);
        // What must not be linked may not be used either, except by tests.
        let banned = kind != Kind::Tests && house::fits_any(room.never_linked, used);
        (listed || in_tests) && !banned
    };
    if allowed {
        return None;
    }
    Some(Finding::wrong(
        &member.manifest,
        line_of(&member.manifest_text, used),
        format!("{} may not use {used}", member.name),
        &right(room, used),
    ))
}

fn right(room: &Room, used: &str) -> String {
    let allowed = if used.starts_with(OURS) {
        Some(room.ours)
    } else {
        room.others
    };
    match allowed {
        Some([]) => "it uses none".to_owned(),
        Some(allowed) => format!("it may use {}", allowed.join(", ")),
        None => "leave that to the crate that is for it (docs/ARCHITECTURE.md)".to_owned(),
    }
}

fn check_reserved(member: &Member, used: &str) -> Option<Finding> {
    let reserved = house::RESERVED
        .iter()
        .find(|reserved| house::fits(reserved.other, used))?;
    if house::fits_any(reserved.only, &member.name) {
        return None;
    }
    let what = format!("{} may not use {used}", member.name);
    let right = format!("only {} may", reserved.only.join(", "));
    Some(Finding::wrong(
        &member.manifest,
        line_of(&member.manifest_text, used),
        what,
        &right,
    ))
}

fn has_lints(manifest: &str) -> bool {
    let after = manifest
        .lines()
        .skip_while(|line| line.trim() != "[lints]")
        .nth(1);
    after.is_some_and(|line| line.replace(' ', "") == "workspace=true")
}

/// The line of a manifest that brings a dependency, or the first.
fn line_of(manifest: &str, dependency: &str) -> usize {
    let brings = |line: &str| {
        let rest = line.trim_start().strip_prefix(dependency);
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    manifest
        .lines()
        .position(brings)
        .map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[lints]\nworkspace = true\n\n[dependencies]\n";

    fn found(name: &str, uses: &[(&str, Kind)], linked: &[&str]) -> Vec<String> {
        let lines: String = uses
            .iter()
            .map(|(used, _)| format!("{used}.workspace = true\n"))
            .collect();
        let member = Member {
            name: name.to_owned(),
            manifest: "Cargo.toml".to_owned(),
            manifest_text: format!("{MANIFEST}{lines}"),
            uses: uses
                .iter()
                .map(|(used, kind)| ((*used).to_owned(), *kind))
                .collect(),
            linked: linked.iter().map(|name| (*name).to_owned()).collect(),
        };
        check(&Packages {
            members: vec![member],
        })
        .iter()
        .map(Finding::to_string)
        .collect()
    }

    #[test]
    fn the_arrows_of_the_house_are_allowed() {
        let uses = [
            ("stoker-types", Kind::Normal),
            ("tracing", Kind::Normal),
            ("proptest", Kind::Tests),
        ];
        assert!(found("stoker-master-core", &uses, &[]).is_empty());
        let uses = [("stoker-proto", Kind::Normal), ("tokio", Kind::Normal)];
        assert!(found("stoker-agent", &uses, &["tokio"]).is_empty());
        assert!(
            found(
                "stoker-agent-runner",
                &[("wasmtime-wasi", Kind::Normal)],
                &[]
            )
            .is_empty()
        );
        assert!(found("stoker-tests-e2e", &[("stoker-cli", Kind::Tests)], &[]).is_empty());
    }

    #[test]
    fn an_arrow_between_master_and_agent_is_found_in_its_line() {
        let uses = [("tokio", Kind::Normal), ("stoker-agent", Kind::Tests)];
        assert_eq!(
            found("stoker-master", &uses, &[]),
            [
                "Cargo.toml:6: stoker-master may not use stoker-agent; right: it may use stoker-types, \
              stoker-proto, stoker-master-core"
            ]
        );
    }

    #[test]
    fn a_core_uses_what_is_listed_and_no_more() {
        let found = found(
            "stoker-agent-core",
            &[("bytes", Kind::Normal), ("rand", Kind::Tests)],
            &[],
        );
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with("right: it may use thiserror, tracing"));
    }

    #[test]
    fn the_engine_is_found_however_far_down() {
        let found = found(
            "stoker-agent",
            &[("stoker-proto", Kind::Normal)],
            &["wasmtime"],
        );
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("stoker-agent links wasmtime"));
    }

    #[test]
    fn types_uses_no_wire() {
        let found = found("stoker-types", &[("serde", Kind::Normal)], &["serde"]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("stoker-types may not use serde"));
    }

    #[test]
    fn what_is_reserved_is_for_its_crate_alone() {
        assert_eq!(
            found("stoker-sdk-scheduler", &[("protox", Kind::Build)], &[]).len(),
            1
        );
        assert!(found("stoker-proto", &[("protox", Kind::Build)], &[]).is_empty());
        assert_eq!(
            found("stoker-cli", &[("wasmparser", Kind::Normal)], &[]).len(),
            1
        );
    }

    #[test]
    fn a_package_without_a_room_is_found() {
        assert!(found("stoker-attic", &[], &[])[0].contains("has no room"));
    }

    #[test]
    fn the_lints_of_the_workspace_are_for_all() {
        assert!(has_lints(MANIFEST));
        assert!(!has_lints("[dependencies]\n"));
    }
}
