//! `cargo xtask test`: everything that must hold before a change lands, a step after the other. It builds
//! one set with one choice of features, so that the engine is compiled once, and it never calls itself.

use crate::cargo::{self, Package, Workspace};
use crate::demo::{self, Built};
use crate::failure::{Failure, Result};
use crate::steps::Steps;
use crate::{guests, processes, screen, setup, sim, tidy};
use std::process::Command;

/// The packages of the tests on a real cluster, each a step of its own.
const ON_CLUSTERS: [OnCluster; 2] = [
    OnCluster {
        package: "stoker-tests-e2e",
        step: "tests on a real cluster",
        folder: "tests/e2e/tests",
    },
    OnCluster {
        package: "stoker-tests-hostile",
        step: "hostile guests",
        folder: "tests/hostile/tests",
    },
];
const STEPS: usize = 14;

/// Tests that drive the built program.
struct OnCluster {
    package: &'static str,
    step: &'static str,
    folder: &'static str,
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, demo: bool) -> Result<()> {
    let mut steps = Steps::begin("test", if demo { STEPS } else { STEPS - 1 });
    let outcome = all(&mut steps, workspace, demo);
    let counts = format!(
        "steps: {} passed, {} failed",
        steps.passed(),
        steps.failed()
    );
    let outcome = steps.finish(outcome);
    screen::line(&format!("\n{counts}"));
    outcome
}

fn all(steps: &mut Steps, workspace: &Workspace, demo: bool) -> Result<()> {
    let setup_again = "cargo xtask setup";
    let toolchain = steps.required("setup", setup_again, || setup::ensure(workspace))?;
    steps.independent("tidy", "cargo xtask tidy", || tidy::check(workspace));
    independent(steps, "formatting", workspace, &["fmt", "--all", "--check"]);
    let lint = [&["clippy"], cargo::EVERYTHING, &["--", "-D", "warnings"]].concat();
    independent(steps, "lints", workspace, &lint);
    let again = format!("cargo build {}", cargo::EVERYTHING.join(" "));
    let programs = steps.required("build everything", &again, || {
        workspace.build(cargo::EVERYTHING)
    })?;
    steps.independent(
        "check the guests",
        "cd examples/guests && cargo fmt --check && cargo clippy && cargo test",
        || guests::check(workspace),
    );
    let guests = steps.required("compile the guests", "cargo xtask guests", || {
        guests::build(workspace, &toolchain)
    })?;
    let built = Built { programs, guests };
    tests(steps, workspace, &built);
    documentation(steps, workspace);
    if demo {
        steps.independent("demo", "cargo xtask demo", || {
            demo::run_with(workspace, &built)
        });
    }
    Ok(())
}

/// Unit tests, documentation tests, the simulation, and tests on a real cluster. The targets are named and the selection of
/// packages stays the same, because cargo would choose other features for another selection.
fn tests(steps: &mut Steps, workspace: &Workspace, built: &Built) {
    let is_on_cluster = |package: &&Package| {
        ON_CLUSTERS
            .iter()
            .any(|tests| tests.package == package.name)
    };
    let others: Vec<&Package> = workspace
        .packages
        .iter()
        .filter(|package| !is_on_cluster(package))
        .collect();
    let mut unit = vec!["test", "--workspace", "--no-fail-fast", "--lib", "--bins"];
    unit.extend(test_arguments(&others));
    independent_test(steps, "unit tests", workspace, built, &unit);
    let documentation = ["test", "--workspace", "--no-fail-fast", "--doc"];
    independent_test(
        steps,
        "documentation tests",
        workspace,
        built,
        &documentation,
    );
    steps.independent("simulation", &sim::again(), || {
        sim::check(&built.programs.stoker)
    });
    for tests in &ON_CLUSTERS {
        on_cluster(steps, workspace, built, tests);
    }
}

fn on_cluster(steps: &mut Steps, workspace: &Workspace, built: &Built, tests: &OnCluster) {
    let packages = workspace.packages.iter();
    let ours: Vec<&Package> = packages
        .filter(|package| package.name == tests.package)
        .collect();
    let binaries = test_arguments(&ours);
    if binaries.is_empty() {
        // Without a name cargo would run every test of the workspace again.
        let nothing = Failure::new(format!("{} has no test binary", tests.package));
        let again = format!("ls {}", tests.folder);
        steps.independent(tests.step, &again, || Err(nothing));
        return;
    }
    let arguments = [&["test", "--workspace", "--no-fail-fast"], &binaries[..]].concat();
    independent_test(steps, tests.step, workspace, built, &arguments);
}

/// `--test NAME` for each test binary of these packages.
fn test_arguments<'a>(packages: &[&'a Package]) -> Vec<&'a str> {
    let names = packages.iter().flat_map(|package| &package.test_binaries);
    names.flat_map(|name| ["--test", name.as_str()]).collect()
}

fn documentation(steps: &mut Steps, workspace: &Workspace) {
    let arguments = [&["doc", "--no-deps", "--lib"], cargo::PROGRAMS_ONLY].concat();
    let mut command = cargo::cargo(&workspace.root);
    command.args(&arguments).env("RUSTDOCFLAGS", "-D warnings");
    let again = format!("RUSTDOCFLAGS='-D warnings' cargo {}", arguments.join(" "));
    steps.independent("documentation", &again, || processes::show(&mut command));
}

fn independent(steps: &mut Steps, name: &str, workspace: &Workspace, arguments: &[&str]) {
    let again = format!("cargo {}", arguments.join(" "));
    let mut command = cargo::cargo(&workspace.root);
    steps.independent(name, &again, || processes::show(command.args(arguments)));
}

fn independent_test(
    steps: &mut Steps,
    name: &str,
    workspace: &Workspace,
    built: &Built,
    arguments: &[&str],
) {
    let variables = built.variables();
    let settings: Vec<String> = variables
        .iter()
        .map(|(name, path)| format!("{name}={}", processes::quoted(&path.to_string_lossy())))
        .collect();
    let again = format!("{} cargo {}", settings.join(" "), arguments.join(" "));
    let mut command: Command = cargo::cargo(&workspace.root);
    command.args(arguments).envs(variables);
    steps.independent(name, &again, || processes::show(&mut command));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_binary_is_named() {
        let package = |name: &str, binaries: &[&str]| Package {
            name: name.to_owned(),
            test_binaries: binaries.iter().map(|name| (*name).to_owned()).collect(),
        };
        let (one, two) = (package("a", &["x", "y"]), package("b", &[]));
        assert_eq!(
            test_arguments(&[&one, &two]),
            ["--test", "x", "--test", "y"]
        );
    }
}
