//! How tables look on a terminal: light lines, columns aligned by display width.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent, presets};

/// A table with these headings, no line between its rows and no wrapping.
pub fn plain<H: Into<Cell>>(head: impl IntoIterator<Item = H>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    for line in [TableComponent::HorizontalLines, TableComponent::MiddleIntersections] {
        table.remove_style(line);
    }
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.into_iter().map(Into::into).collect::<Vec<Cell>>());
    table
}

/// The same, but long cells are wrapped to the width of the terminal.
pub fn wrapped<H: Into<Cell>>(head: impl IntoIterator<Item = H>) -> Table {
    let mut table = plain(head);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// A cell for a number.
pub fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn wide_characters_line_up() {
        let mut table = plain(["label", "tickets"]);
        table.add_row([Cell::new("问题类型 🎫"), right(12)]);
        table.add_row([Cell::new("ok"), right(1_234)]);
        let text = table.to_string();
        let widths: Vec<_> = text.lines().map(UnicodeWidthStr::width).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    }
}
