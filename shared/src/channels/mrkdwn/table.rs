//! Tables: as Slack's own block where its limits allow, as columns in a block of code, as CSV in a file.

use pulldown_cmark::Alignment;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::links;
use crate::sheets;

/// Slack's limits of a table block.
const ROWS_MAX: usize = 100;
const COLUMNS_MAX: usize = 20;
const CHARS_MAX: usize = 9_000;
/// A cell wider than this is not padded to: the others would drown in spaces.
const COLUMN_WIDTH_MAX: usize = 40;

/// A table's cells as plain text, the head first; every row has as many cells as the head.
#[derive(Clone, Debug)]
pub struct Table {
    pub rows: Vec<Vec<String>>,
    pub(super) align: Vec<Alignment>,
}

impl Table {
    pub(super) fn fits_a_block(&self) -> bool {
        let chars: usize = self.rows.iter().flatten().map(|cell| cell.chars().count()).sum();
        self.rows.len() <= ROWS_MAX && self.align.len() <= COLUMNS_MAX && chars <= CHARS_MAX
    }

    /// Of raw text: nothing in a cell is mark-up.
    pub(super) fn block(&self) -> Value {
        let cell = |text: &String| {
            let shown: String = text.chars().filter(|letter| !crate::message::is_hidden(*letter)).collect();
            // Slack refuses an empty cell.
            let shown = if shown.trim().is_empty() { "\u{a0}".to_owned() } else { shown };
            json!({ "type": "raw_text", "text": shown })
        };
        let rows: Vec<Vec<Value>> = self.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        let settings: Vec<Value> = self.align.iter().map(|align| json!({ "align": word(*align) })).collect();
        json!({ "type": "table", "rows": rows, "column_settings": settings })
    }

    /// Columns side by side, for a block of code.
    pub(super) fn columns(&self) -> String {
        let widths: Vec<usize> = (0..self.align.len())
            .map(|column| {
                let widest = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
                widest.unwrap_or(0).min(COLUMN_WIDTH_MAX)
            })
            .collect();
        let mut lines: Vec<String> = self.rows.iter().map(|row| self.line(row, &widths)).collect();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat((*width).max(1))).collect();
        lines.insert(1.min(lines.len()), rule.join("-|-"));
        links::escape(&lines.join("\n"))
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .zip(&self.align)
            .map(|((cell, width), align)| {
                let padding = " ".repeat(width.saturating_sub(cell.width()));
                if *align == Alignment::Right { format!("{padding}{cell}") } else { format!("{cell}{padding}") }
            })
            .collect();
        cells.join(" | ").trim_end().to_owned()
    }

    /// As a file that spreadsheets open. A cell that would be a formula there is text.
    pub fn csv(&self) -> String {
        // A number with a sign stays one.
        let cell = |text: &String| if text.parse::<f64>().is_ok() { text.clone() } else { sheets::cell(text) };
        self.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n").collect()
    }
}

fn word(align: Alignment) -> &'static str {
    match align {
        Alignment::Right => "right",
        Alignment::Center => "center",
        Alignment::Left | Alignment::None => "left",
    }
}
