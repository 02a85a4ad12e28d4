//! Tables without borders, as wide as they need to be. Owns their look, nothing of their content.

use comfy_table::{ContentArrangement, presets};

use super::printable;

/// Rows under a header, or names beside values.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// An empty table with these columns.
    pub(crate) fn with_header(columns: &[&str]) -> Self {
        let mut table = Self::plain();
        table.0.set_header(columns.iter().copied());
        table
    }

    /// An empty table of names and values.
    pub(crate) fn of_fields() -> Self {
        Self::plain()
    }

    fn plain() -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        Self(table)
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0
            .add_row(cells.into_iter().map(|cell| printable(&cell)));
    }

    /// Adds a name and a value, unless the value is empty.
    pub(crate) fn field(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.add_row([format!("{name}:"), printable(&value)]);
        }
    }

    /// The text, each line without trailing blanks.
    pub(crate) fn render(&self) -> String {
        self.0
            .lines()
            .map(|line| format!("{}\n", line.trim_start_matches(' ').trim_end()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_blanks() {
        let mut table = Table::with_header(&["ID", "STATE"]);
        table.row(["a".to_owned(), "TASK_RUNNING".to_owned()]);
        table.row(["long-name".to_owned(), "x".to_owned()]);
        assert_eq!(
            table.render(),
            "ID         STATE\na          TASK_RUNNING\nlong-name  x\n"
        );
    }
}
