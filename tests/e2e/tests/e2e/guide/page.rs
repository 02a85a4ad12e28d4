//! A page of the guide as its fenced blocks.
//!
//! Owns the reading of Markdown, as far as it goes; runs nothing.

use std::fs;

use super::terminal::root;

/// What a page has a reader do.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) blocks: Vec<Block>,
}

/// One fenced block.
#[derive(Debug)]
pub(super) enum Block {
    /// Commands that build programs.
    Build(Vec<String>),
    /// Commands and what they print.
    Session(Vec<Step>),
    /// One command that runs on.
    Stays(Step),
    /// A file to write.
    File { name: String, text: String },
    /// A part of a file.
    Code {
        /// In the example.
        path: String,
        text: String,
    },
    /// Of the example's manifest.
    Dependencies(String),
}

/// A command, and the lines that it is said to print.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) command: String,
    pub(super) shown: Vec<String>,
}

impl Step {
    /// Whether the reader presses Ctrl-C when the rest has been printed.
    pub(super) fn is_interrupted(&self) -> bool {
        self.shown.last().is_some_and(|line| line == "^C")
    }
}

impl Page {
    pub(super) fn read(name: &str) -> Self {
        let path = root().join("docs/guide").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let mut blocks = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(info) = line.strip_prefix("```") {
                let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                blocks.push(block(info, &body));
            }
        }
        Self { blocks }
    }
}

fn block(info: &str, body: &[&str]) -> Block {
    match info.split(' ').collect::<Vec<_>>()[..] {
        ["console"] => Block::Session(steps(body)),
        ["console", "stays"] => {
            let mut steps = steps(body);
            assert_eq!(steps.len(), 1, "one command can stay: {body:?}");
            Block::Stays(steps.remove(0))
        }
        ["sh"] => Block::Build(body.iter().map(|line| (*line).to_owned()).collect()),
        ["rust", path] => Block::Code {
            path: path.to_owned(),
            text: body.join("\n"),
        },
        ["toml", name] => Block::File {
            name: name.to_owned(),
            text: body.join("\n"),
        },
        ["toml"] => Block::Dependencies(body.join("\n")),
        _ => panic!("what is a block of {info:?}?"),
    }
}

fn steps(body: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in body {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step {
                command: command.to_owned(),
                shown: Vec::new(),
            }),
            (None, Some(step)) => step.shown.push((*line).to_owned()),
            (None, None) => panic!("nothing prints {line:?}"),
        }
    }
    steps
}
