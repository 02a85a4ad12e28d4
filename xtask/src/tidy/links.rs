//! Links in Markdown, and the paths that it names in code spans, lead to files of the repository. What is on
//! the network is not looked at.

use super::finding::Finding;
use super::source::Source;
use std::collections::BTreeSet;

/// A decision record tells of its day: the files that it names may be gone.
const RECORDS: &str = "docs/adr/";
/// A path in a code span counts when it ends in one of these.
const PATH_ENDINGS: [&str; 4] = [".rs", ".proto", ".md", ".toml"];

/// `paths` are all files of the repository.
pub(crate) fn check(source: &Source, paths: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_fence = false;
    for (number, line) in source.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            let (prose, spans) = apart(line);
            for target in link_targets(&prose) {
                if !leads_somewhere(&source.path, target, paths) {
                    let what = format!("the link to `{target}` leads nowhere");
                    let right = "a path from this file to one that is there";
                    findings.push(Finding::wrong(&source.path, number, what, right));
                }
            }
            for span in spans.into_iter().filter(|span| is_path(span)) {
                if !source.path.starts_with(RECORDS) && !is_there(&source.path, span, paths) {
                    let what = format!("`{span}` is no file");
                    let right = "a path from the root of the repository to one that is there";
                    findings.push(Finding::wrong(&source.path, number, what, right));
                }
            }
        }
    }
    findings
}

/// A line's prose and its code spans. A span within a link's text stays out of the prose.
fn apart(line: &str) -> (String, Vec<&str>) {
    let pieces: Vec<&str> = line.split('`').collect();
    let prose = pieces
        .iter()
        .step_by(2)
        .copied()
        .collect::<Vec<_>>()
        .join("`");
    (prose, pieces.into_iter().skip(1).step_by(2).collect())
}

/// What stands in the brackets after `](`, without a title.
fn link_targets(prose: &str) -> Vec<&str> {
    let ends = prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    ends.filter_map(|target| target.split_whitespace().next())
        .collect()
}

fn leads_somewhere(from: &str, target: &str, paths: &BTreeSet<&str>) -> bool {
    let target = target.split('#').next().unwrap_or_default();
    let elsewhere = target.contains("://") || target.starts_with("mailto:");
    elsewhere || target.is_empty() || resolve(from, target).is_some_and(|path| has(paths, &path))
}

fn is_path(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    span.contains('/')
        && span.chars().all(plain)
        && !span.starts_with(['/', '.'])
        && PATH_ENDINGS.iter().any(|ending| span.ends_with(ending))
}

fn is_there(from: &str, span: &str, paths: &BTreeSet<&str>) -> bool {
    has(paths, span) || resolve(from, span).is_some_and(|path| has(paths, &path))
}

/// A file, or a folder that has one.
fn has(paths: &BTreeSet<&str>, path: &str) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    paths.contains(path)
        || path.is_empty()
        || paths
            .range(folder.as_str()..)
            .next()
            .is_some_and(|next| next.starts_with(&folder))
}

/// The path from the root that `target` means in the file `from`; none when it leads out of the repository.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let paths = BTreeSet::from([
            "README.md",
            "docs/A.md",
            "docs/adr/1.md",
            "master/src/lib.rs",
        ]);
        let source = Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&source, &paths)
            .iter()
            .map(|finding| finding.place.clone())
            .collect()
    }

    #[test]
    fn links_to_files_folders_and_the_network_are_right() {
        let text = "[a](../README.md) [b](adr/) [c](A.md#part) [d](#part) [e](https://x.org/y.md)";
        assert!(found("docs/A.md", text).is_empty());
    }

    #[test]
    fn links_to_nothing_and_out_of_the_repository_are_found() {
        assert_eq!(found("docs/A.md", "fine\n[a](gone.md)"), ["docs/A.md:2"]);
        assert_eq!(
            found("docs/A.md", "[`code`](../../README.md \"title\")"),
            ["docs/A.md:1"]
        );
    }

    #[test]
    fn paths_in_code_spans_are_checked_where_they_are_meant_to_stay() {
        assert!(
            found(
                "docs/A.md",
                "`master/src/lib.rs` `adr/1.md` `src/*.rs` `lib.rs`"
            )
            .is_empty()
        );
        assert_eq!(
            found("docs/A.md", "see `master/src/gone.rs`"),
            ["docs/A.md:1"]
        );
        assert!(found("docs/adr/1.md", "`master/src/gone.rs`").is_empty());
    }

    #[test]
    fn fenced_code_is_not_read() {
        assert!(found("docs/A.md", "```text\n[a](gone.md) `a/gone.rs`\n```\n").is_empty());
    }
}
