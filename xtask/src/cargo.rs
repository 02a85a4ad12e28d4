//! Cargo: how it is called, and what it knows of the workspace. Every path of ours comes from it, and it is
//! never called with two different sets of features.

use crate::failure::{Failure, Result, While};
use crate::processes;
use serde_json::Value;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The selection of every build. It names all packages and, through `--examples`, makes cargo count the
/// features that tests ask for, so that building, testing and documenting share one compiled set.
pub(crate) const PROGRAMS_ONLY: &[&str] = &["--workspace", "--bins", "--examples"];
/// The same set with all tests.
pub(crate) const EVERYTHING: &[&str] = &["--workspace", "--all-targets"];

/// The program that everything is about.
const STOKER: &str = "stoker";
/// The framework that the demo runs.
pub(crate) const WORDCOUNT: &str = "stoker-examples-wordcount";

/// The programs that a build makes, as far as we run them.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) stoker: PathBuf,
    pub(crate) wordcount: PathBuf,
}

/// What cargo says of the workspace that we stand in.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where cargo builds; the guests and their toolchain live in it too.
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The names of its test binaries: the files in its `tests` folder.
    pub(crate) test_binaries: Vec<String>,
}

impl Workspace {
    /// Asks cargo; works in any folder of the workspace.
    pub(crate) fn find() -> Result<Self> {
        let mut command = cargo(Path::new("."));
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        Self::parse(&processes::text(&mut command)?)
    }

    fn parse(json: &str) -> Result<Self> {
        let metadata: Value =
            serde_json::from_str(json).while_doing(|| "read cargo's metadata".to_owned())?;
        let packages = array(&metadata, "packages")
            .iter()
            .map(parse_package)
            .collect();
        Ok(Self {
            root: path(&metadata, "workspace_root")?,
            target: path(&metadata, "target_directory")?,
            packages,
        })
    }

    /// Builds the selection and returns where the programs are.
    pub(crate) fn build(&self, selection: &[&str]) -> Result<Programs> {
        let mut command = cargo(&self.root);
        command
            .arg("build")
            .args(selection)
            .arg("--message-format=json-render-diagnostics");
        // Cargo's own progress goes to standard error, past us.
        command.stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = command.output().while_doing(|| "start cargo".to_owned())?;
        if !output.status.success() {
            return Err(Failure::new(format!(
                "`{}` failed",
                processes::describe(&command)
            )));
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let program = |name| {
            executable(&messages, name)
                .ok_or_else(|| Failure::new(format!("cargo built no program called `{name}`")))
        };
        Ok(Programs {
            stoker: program(STOKER)?,
            wordcount: program(WORDCOUNT)?,
        })
    }
}

/// Cargo in a folder, without the variables that `cargo xtask` itself was given: build scripts that look at
/// them would run again at each change between xtask and a shell.
pub(crate) fn cargo(folder: &Path) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(folder);
    for (name, _) in env::vars_os() {
        if is_of_our_own_build(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
}

fn is_of_our_own_build(variable: &str) -> bool {
    const ONES: [&str; 4] = [
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "OUT_DIR",
    ];
    ONES.contains(&variable)
        || variable.starts_with("CARGO_PKG_")
        || variable.starts_with("CARGO_MANIFEST_")
}

/// The path of a program in cargo's JSON messages, one message a line.
pub(crate) fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .filter(|message| array(&message["target"], "kind").iter().any(|kind| kind == "bin"))
        // The tests of a program are of the same name and kind.
        .filter(|message| message["profile"]["test"] == false)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

fn parse_package(package: &Value) -> Package {
    let is_test = |target: &&Value| array(target, "kind").iter().any(|kind| kind == "test");
    let targets = array(package, "targets").iter().filter(is_test);
    Package {
        name: text(package, "name"),
        test_binaries: targets.map(|target| text(target, "name")).collect(),
    }
}

/// The elements of an array in a JSON object; none when it is not there.
pub(crate) fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A text in a JSON object; empty when it is not there.
pub(crate) fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn path(metadata: &Value, key: &str) -> Result<PathBuf> {
    let path = metadata[key].as_str().map(PathBuf::from);
    path.ok_or_else(|| Failure::new(format!("cargo's metadata has no {key}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_what_cargo_says() {
        let json = r#"{"workspace_root":"/w","target_directory":"/t","packages":[{"name":"p","targets":
            [{"name":"p","kind":["lib"]},{"name":"suite","kind":["test"]}]}]}"#;
        let workspace = Workspace::parse(json).expect("parses");
        assert_eq!(
            (workspace.root, workspace.target),
            ("/w".into(), "/t".into())
        );
        assert_eq!(workspace.packages[0].test_binaries, ["suite"]);
    }

    #[test]
    fn metadata_without_paths_is_refused() {
        let failure = Workspace::parse("{}").expect_err("refused");
        assert_eq!(
            failure.to_string(),
            "cargo's metadata has no workspace_root"
        );
    }

    #[test]
    fn the_program_is_found_and_not_its_tests() {
        let messages = concat!(
            r#"{"target":{"name":"stoker","kind":["bin"]},"profile":{"test":true},"executable":"/x-1"}"#,
            "\nnot json\n",
            r#"{"target":{"name":"stoker","kind":["bin"]},"profile":{"test":false},"executable":"/x"}"#,
        );
        assert_eq!(executable(messages, "stoker"), Some("/x".into()));
        assert_eq!(executable(messages, "other"), None);
    }

    #[test]
    fn only_the_variables_of_our_own_build_are_kept_from_cargo() {
        assert!(is_of_our_own_build("CARGO_PKG_VERSION") && is_of_our_own_build("OUT_DIR"));
        assert!(!is_of_our_own_build("CARGO_HOME") && !is_of_our_own_build("CARGO_TARGET_DIR"));
    }
}
