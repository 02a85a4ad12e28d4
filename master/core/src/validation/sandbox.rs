//! Do a task's inputs and outputs have a place each in its sandbox?
//!
//! Owns the rules of their paths. What is read-only is kept apart on the agent, as a folder of its
//! own that the guest finds beside its `.`: therefore the first folder of a read-only input's path
//! holds nothing else, and a read-only file cannot be without one.

use std::collections::BTreeSet;

use stoker_types::{BlobForm, Input, TaskInfo, first_folder, limit};

/// The longest name of a file on the agents' file systems.
const NAME_BYTES: usize = 255;
/// As much of a path as a message shows.
const SHOWN_CHARACTERS: usize = 100;

/// Whether the inputs and outputs of a task can be where it says.
pub(super) fn check(task: &TaskInfo) -> Result<(), String> {
    if task.inputs.is_empty() && task.outputs.is_empty() {
        return Ok(());
    }
    if task.resources.disk == 0 {
        let problem = "a task with inputs or outputs must ask for some disk: they are files in it";
        return Err(problem.to_owned());
    }
    let most = limit::INPUTS_PER_TASK;
    if task.inputs.len() > most || task.outputs.len() > most {
        return Err("it has more than 1,024 inputs or outputs".to_owned());
    }
    let inputs = || task.inputs.iter().map(|input| input.path.as_str());
    let outputs = || task.outputs.iter().map(String::as_str);
    for path in inputs().chain(outputs()) {
        check_path(path)?;
    }
    check_apart("inputs", inputs())?;
    check_apart("outputs", outputs())?;
    check_read_only(task)
}

/// Whether a path leads to a place in a sandbox, and nowhere else.
fn check_path(path: &str) -> Result<(), String> {
    let is_plain = |segment: &str| !matches!(segment, "" | "." | "..");
    let fits = |segment: &str| segment.len() <= NAME_BYTES;
    if path.contains('\0') || !path.split('/').all(is_plain) {
        return Err(format!(
            "{} is no path inside a sandbox: write a relative path without . and .., as in \
             results/words.txt",
            shown(path)
        ));
    }
    if path.len() > limit::PATH_BYTES || !path.split('/').all(fits) {
        return Err(format!(
            "{} is too long a path: write at most {} bytes, and {NAME_BYTES} between two slashes",
            shown(path),
            limit::PATH_BYTES
        ));
    }
    Ok(())
}

/// Whether none of these paths is another one, or lies in it.
fn check_apart<'a>(what: &str, paths: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut sorted: Vec<Vec<&str>> = paths.map(|path| path.split('/').collect()).collect();
    // What lies in a path stands right behind it then.
    sorted.sort_unstable();
    for pair in sorted.windows(2) {
        let [first, second] = pair else { continue };
        if first == second {
            return Err(format!("two of its {what} are {}", shown(&first.join("/"))));
        }
        if second.starts_with(first) {
            return Err(format!(
                "two of its {what} are {} and {}: one would lie in the other",
                shown(&first.join("/")),
                shown(&second.join("/"))
            ));
        }
    }
    Ok(())
}

/// Whether what is read-only has folders of its own.
fn check_read_only(task: &TaskInfo) -> Result<(), String> {
    let is_read_only = |input: &&Input| input.read_only;
    for input in task.inputs.iter().filter(is_read_only) {
        if input.form == BlobForm::File && !input.path.contains('/') {
            return Err(format!(
                "its read-only input {} must lie in a folder, as in {}; or make it writable",
                shown(&input.path),
                shown(&format!("in/{}", input.path))
            ));
        }
    }
    let read_only = task.inputs.iter().filter(is_read_only);
    let folders: BTreeSet<&str> = read_only.map(Input::first_folder).collect();
    let writable = task.inputs.iter().filter(|input| !input.read_only);
    let writable = writable.map(|input| ("input", input.path.as_str()));
    let outputs = task.outputs.iter().map(|path| ("output", path.as_str()));
    for (what, path) in writable.chain(outputs) {
        if folders.contains(first_folder(path)) {
            return Err(format!(
                "its {what} {} lies in {}, which holds read-only inputs and nothing else: choose \
                 another folder",
                shown(path),
                shown(first_folder(path))
            ));
        }
    }
    Ok(())
}

/// A path as a message shows it: in quotes, cut.
fn shown(path: &str) -> String {
    format!(
        "{:?}",
        path.chars().take(SHOWN_CHARACTERS).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use stoker_types::{Digest, Resources, TaskLimits};

    use super::*;

    fn input(path: &str, form: BlobForm, read_only: bool) -> Input {
        Input {
            blob: Digest::from_bytes([1; 32]),
            path: path.to_owned(),
            form,
            read_only,
        }
    }

    fn file(path: &str) -> Input {
        input(path, BlobForm::File, true)
    }

    fn directory(path: &str) -> Input {
        input(path, BlobForm::Tar, true)
    }

    fn writable(path: &str) -> Input {
        input(path, BlobForm::File, false)
    }

    fn answer(inputs: &[Input], outputs: &[&str], disk: u64) -> Result<(), String> {
        check(&TaskInfo {
            id: "t".parse().unwrap(),
            name: String::new(),
            module: "file:/m.wasm".parse().unwrap(),
            module_digest: None,
            resources: Resources {
                disk,
                ..Resources::default()
            },
            arguments: Vec::new(),
            program_name: String::new(),
            environment: Vec::new(),
            stdin: None,
            inputs: inputs.to_vec(),
            outputs: outputs.iter().map(|path| (*path).to_owned()).collect(),
            limits: TaskLimits::default(),
        })
    }

    #[test]
    fn what_has_a_place_of_its_own_may_be_anywhere() {
        let fine = [
            (
                vec![file("in/a"), file("in/b/c"), directory("in/d")],
                vec!["out", "b/in/a"],
            ),
            (vec![directory("data")], vec!["data.txt", "result/data"]),
            (
                vec![writable("a"), writable("b/c"), file("in/a")],
                vec!["a", "b", "in.txt"],
            ),
            (
                vec![input("d", BlobForm::Tar, false)],
                vec!["d/results", "e"],
            ),
            (
                vec![writable("a.b"), writable("a"), writable("a-b")],
                vec!["...", "..a", ".a"],
            ),
        ];
        for (inputs, outputs) in fine {
            assert_eq!(
                answer(&inputs, &outputs, 1),
                Ok(()),
                "{inputs:?} {outputs:?}"
            );
        }
        assert_eq!(answer(&[], &[], 0), Ok(()));
    }

    #[test]
    fn what_has_none_is_told_with_what_would_be_right() {
        let long = ["x"; 600].join("/");
        let name = "n".repeat(256);
        let mut lines = String::new();
        for (inputs, outputs, disk) in [
            (vec![], vec!["out"], 0),
            (vec![file("in/a")], vec![], 0),
            (vec![], vec!["../out"], 1),
            (vec![], vec!["/out"], 1),
            (vec![], vec!["a//b"], 1),
            (vec![], vec![""], 1),
            (vec![writable("a/./b")], vec![], 1),
            (vec![writable("a\0b")], vec![], 1),
            (vec![], vec![long.as_str()], 1),
            (vec![], vec![name.as_str()], 1),
            (vec![writable("a"), writable("a")], vec![], 1),
            (vec![directory("in/d"), file("in/d/a")], vec![], 1),
            (vec![], vec!["b", "a/b", "a"], 1),
            (vec![file("data.txt")], vec![], 1),
            (vec![file("in/a"), writable("in/b")], vec![], 1),
            (vec![directory("data")], vec!["data/out"], 1),
            (vec![file("in/a")], vec!["in"], 1),
            (vec![], vec!["a"; 1025], 1),
        ] {
            writeln!(lines, "{}", answer(&inputs, &outputs, disk).unwrap_err()).unwrap();
        }
        insta::assert_snapshot!(lines, @r#"
        a task with inputs or outputs must ask for some disk: they are files in it
        a task with inputs or outputs must ask for some disk: they are files in it
        "../out" is no path inside a sandbox: write a relative path without . and .., as in results/words.txt
        "/out" is no path inside a sandbox: write a relative path without . and .., as in results/words.txt
        "a//b" is no path inside a sandbox: write a relative path without . and .., as in results/words.txt
        "" is no path inside a sandbox: write a relative path without . and .., as in results/words.txt
        "a/./b" is no path inside a sandbox: write a relative path without . and .., as in results/words.txt
        "a\0b" is no path inside a sandbox: write a relative path without . and .., as in results/words.txt
        "x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/" is too long a path: write at most 1024 bytes, and 255 between two slashes
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" is too long a path: write at most 1024 bytes, and 255 between two slashes
        two of its inputs are "a"
        two of its inputs are "in/d" and "in/d/a": one would lie in the other
        two of its outputs are "a" and "a/b": one would lie in the other
        its read-only input "data.txt" must lie in a folder, as in "in/data.txt"; or make it writable
        its input "in/b" lies in "in", which holds read-only inputs and nothing else: choose another folder
        its output "data/out" lies in "data", which holds read-only inputs and nothing else: choose another folder
        its output "in" lies in "in", which holds read-only inputs and nothing else: choose another folder
        it has more than 1,024 inputs or outputs
        "#);
    }
}
