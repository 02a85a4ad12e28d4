//! The flags of the hidden commands: `--name value` or `--name`, written by our own programs.

use std::{fmt::Display, str::FromStr};

/// Walks over the arguments of a command.
#[derive(Debug)]
pub(crate) struct Flags<I> {
    arguments: I,
}

impl<I: Iterator<Item = String>> Flags<I> {
    /// The flags in `arguments`, without the command's own name.
    pub(crate) const fn new(arguments: I) -> Self {
        Self { arguments }
    }

    /// The name of the next flag, with its dashes.
    pub(crate) fn next_name(&mut self) -> Option<String> {
        self.arguments.next()
    }

    /// The value of the flag `name`, which is the next argument.
    ///
    /// # Errors
    /// A sentence, if it is missing or cannot be read.
    pub(crate) fn value<T>(&mut self, name: &str) -> Result<T, String>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self
            .arguments
            .next()
            .ok_or_else(|| format!("{name} wants a value"))?;
        text.parse()
            .map_err(|error| format!("{name} {text}: {error}"))
    }
}

/// What to say of a flag that is not known.
pub(crate) fn unknown(name: &str) -> String {
    format!("unknown flag {name:?}")
}
