//! Why a message is not what it should be, and where in it.

use std::{borrow::Cow, fmt};

/// A message that breaks a rule of the wire: the text of an `INVALID_ARGUMENT` or a refusal.
///
/// It reads as one line, for example
/// `accept.operations[0].launch.tasks[3].environment[0].name: "A=B" holds "="; write a name without
/// = and zero bytes`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConvertError {
    /// The field, from the message that was converted down; empty if it is that message itself.
    pub path: String,
    /// What is wrong with it.
    pub wrong: String,
    /// What would be right; empty where `wrong` says it already.
    pub right: Cow<'static, str>,
}

impl ConvertError {
    /// An error of the value that is being converted; whoever holds it says where with
    /// [`under`](Self::under).
    #[must_use]
    pub fn new(wrong: impl Into<String>, right: impl Into<Cow<'static, str>>) -> Self {
        Self {
            path: String::new(),
            wrong: wrong.into(),
            right: right.into(),
        }
    }

    /// The same error, seen from the message that holds the value as `field`.
    #[must_use]
    pub fn under(mut self, field: impl fmt::Display) -> Self {
        self.path = if self.path.is_empty() {
            field.to_string()
        } else {
            format!("{field}.{}", self.path)
        };
        self
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.wrong)?;
        if !self.right.is_empty() {
            write!(formatter, "; {}", self.right)?;
        }
        Ok(())
    }
}

/// Says where in a message a result belongs.
pub(crate) trait Under: Sized {
    /// It is the value of `field`.
    fn under(self, field: &'static str) -> Self;

    /// It is number `index` of the list `field`.
    fn at(self, field: &'static str, index: usize) -> Self;
}

impl<T> Under for Result<T, ConvertError> {
    fn under(self, field: &'static str) -> Self {
        self.map_err(|error| error.under(field))
    }

    fn at(self, field: &'static str, index: usize) -> Self {
        self.map_err(|error| error.under(format_args!("{field}[{index}]")))
    }
}
