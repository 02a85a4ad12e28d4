//! The pages of `docs/guide`, read and done as a reader would: their commands run, and what they show
//! is what is printed; their code is the code of the example that they explain.
//!
//! What a page's fenced blocks mean, by the words behind the fence:
//!
//! * `console`: lines with `$ ` are commands, which run in order in one shell; the lines below one are
//!   what it prints, errors too. A command exits with 0, unless the next one is `echo $?`.
//! * `console stays`: one command in a terminal of its own, which runs on while the page does. It has
//!   to print what is shown before the page goes on, and is sent what Ctrl-C sends when the page is
//!   done.
//! * `console` with `^C` as its last line of output: the same, but it is interrupted there.
//! * `sh`: the programs are built. These lines begin with `cargo` and are not run: whoever runs this
//!   test has built them before.
//! * `rust PATH`: a part of that file of `examples/guide-scheduler`. The parts of a file, in their
//!   order and with a blank line between them, are all of it.
//! * `toml`: the dependencies of that example, by their names.
//! * `toml FILE`: a file that the reader writes.
//!
//! In what is shown, `…` stands for any text of a line, and alone on a line for any number of lines.
//! Blanks are as good as one blank. The lines that say how far `stoker run` is are left out: on a
//! reader's terminal they vanish. Port 5050 stands for the one that this test's master has.
//!
//! Owns what a block means; `page` reads them, `terminal` runs commands, `shown` compares.

mod page;
mod shown;
mod terminal;

use std::{collections::BTreeMap, fs};

use self::{
    page::{Block, Page, Step},
    terminal::{Reader, root},
};

const PAGES: [&str; 3] = [FIRST_TASK, SHARE, SCHEDULER];
const FIRST_TASK: &str = "run-your-first-task.md";
const SHARE: &str = "share-a-machine.md";
const SCHEDULER: &str = "write-a-scheduler.md";
const EXAMPLE: &str = "examples/guide-scheduler";

/// Does what a page says, in its order.
fn follow(name: &str) {
    let page = Page::read(name);
    let mut reader = Reader::new();
    for block in &page.blocks {
        match block {
            Block::Build(commands) => {
                let is_cargo = |line: &String| line.starts_with("cargo ");
                assert!(commands.iter().all(is_cargo), "{name}: {commands:?}");
            }
            Block::Stays(step) => reader.leave_running(step),
            Block::Session(steps) => session(&mut reader, steps),
            Block::File { name, text } => reader.write(name, text),
            Block::Code { .. } | Block::Dependencies(_) => {}
        }
    }
    reader.leave();
}

fn session(reader: &mut Reader, steps: &[Step]) {
    for (number, step) in steps.iter().enumerate() {
        if step.is_interrupted() {
            reader.interrupt(step);
            continue;
        }
        let code = reader.run(step);
        let asks_for_code = |next: &Step| next.command == "echo $?";
        let may_fail = steps.get(number + 1).is_some_and(asks_for_code);
        assert!(code == 0 || may_fail, "{} exits with {code}", step.command);
    }
}

#[test]
fn a_first_task_runs_as_its_page_says() {
    follow(FIRST_TASK);
}

#[test]
fn the_scheduler_runs_as_its_page_says() {
    follow(SCHEDULER);
}

#[test]
fn a_machine_is_shared_as_its_page_says() {
    follow(SHARE);
}

#[test]
fn every_page_is_followed_and_in_the_index() {
    let folder = root().join("docs/guide");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    names.sort();
    assert_eq!(names, PAGES);
    for name in names {
        assert!(index.contains(&format!("({name})")), "{name}");
    }
}

#[test]
fn the_page_holds_all_of_the_scheduler_s_code() {
    let page = Page::read(SCHEDULER);
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for block in &page.blocks {
        if let Block::Code { path, text } = block {
            files.entry(path).or_default().push(text);
        }
    }
    let source = root().join(EXAMPLE);
    for (path, parts) in &files {
        let code = fs::read_to_string(source.join(path)).unwrap();
        assert!(
            parts.join("\n\n") == code.trim_end(),
            "{path} is not what the page shows of it: {}",
            first_difference(&parts.join("\n\n"), &code)
        );
    }
    let of_example: Vec<String> = fs::read_dir(source.join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| format!("src/{name}"))
        .collect();
    for path in of_example {
        assert!(files.contains_key(path.as_str()), "{path} is not shown");
    }
}

#[test]
fn the_page_names_the_dependencies_that_the_scheduler_has() {
    let page = Page::read(SCHEDULER);
    let shown = page.blocks.iter().find_map(|block| match block {
        Block::Dependencies(text) => Some(dependencies(text)),
        _ => None,
    });
    let manifest = fs::read_to_string(root().join(EXAMPLE).join("Cargo.toml")).unwrap();
    let (_, of_example) = manifest.split_once("[dependencies]").unwrap();
    assert_eq!(shown.unwrap(), dependencies(of_example));
}

/// The names before `=` or `.workspace`, and the headings between them.
fn dependencies(text: &str) -> Vec<&str> {
    let names = text.lines().filter(|line| !line.is_empty());
    names
        .map(|line| line.split([' ', '=', '.']).next().unwrap_or(line))
        .filter(|name| *name != "[dependencies]")
        .collect()
}

fn first_difference(shown: &str, code: &str) -> String {
    let mut pairs = shown.lines().zip(code.lines());
    pairs.find(|(shown, code)| shown != code).map_or_else(
        || "one is longer".to_owned(),
        |(shown, code)| format!("{shown:?} for {code:?}"),
    )
}
