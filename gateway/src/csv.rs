//! Tables for spreadsheets (RFC 4180), which take a cell that begins with `=`, `+`, `-`, `@`, a tab or a line's end for a formula:
//! such a text gets an apostrophe before it, which they read as "this is a text".

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// Wide forms, which some spreadsheets read as the narrow ones; and a line's end, after which a formula may follow.
const WIDE: [char; 5] = ['＝', '＋', '－', '＠', '\n'];

/// A table as it grows.
#[derive(Default)]
pub struct Csv {
    text: String,
    in_row: bool,
}

impl Csv {
    pub fn text(&mut self, value: &str) -> &mut Self {
        // Spreadsheets leave out what can't be seen before they look at a cell.
        let first = value.trim_start_matches([' ', '\u{a0}', '\u{feff}', '\0']).chars().next();
        let whole = value.chars().next();
        let is_formula = |one: Option<char>| one.is_some_and(|one| FORMULAS.contains(&one) || WIDE.contains(&one));
        let guard = if is_formula(first) || is_formula(whole) { "'" } else { "" };
        self.cell(&format!("\"{guard}{}\"", value.replace('"', "\"\"")))
    }

    /// Counts only grow: none of them begins with a sign.
    pub fn number(&mut self, value: u64) -> &mut Self {
        self.cell(&value.to_string())
    }

    pub fn maybe(&mut self, value: Option<u64>) -> &mut Self {
        self.cell(&value.map(|value| value.to_string()).unwrap_or_default())
    }

    pub fn end_row(&mut self) {
        self.text.push_str("\r\n");
        self.in_row = false;
    }

    fn cell(&mut self, written: &str) -> &mut Self {
        if self.in_row {
            self.text.push(',');
        }
        self.in_row = true;
        self.text.push_str(written);
        self
    }

    /// To be kept as a file of this name, never shown in a browser.
    pub fn download(self, name: &str) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        ];
        (headers, self.text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: &str) -> String {
        let mut csv = Csv::default();
        csv.text(value);
        csv.text
    }

    #[test]
    fn what_would_be_a_formula_is_a_text() {
        for hostile in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u{a0}=1", "\u{feff}=1", "＝1", "＠x"]
        {
            let written = cell(hostile);
            assert!(written.starts_with("\"'"), "{written:?}");
        }
        for harmless in ["Kona", "a=1", "3-4", "", "'=1"] {
            assert_eq!(cell(harmless), format!("\"{harmless}\""));
        }
    }

    #[test]
    fn a_cell_can_not_end_itself() {
        assert_eq!(cell("a\",=1,\""), "\"a\"\",=1,\"\"\"");
        let mut csv = Csv::default();
        csv.text("a\r\n=1").number(7).maybe(None).end_row();
        assert_eq!(csv.text, "\"a\r\n=1\",7,\r\n");
    }
}
