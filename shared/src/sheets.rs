//! Cells of tables for spreadsheets (RFC 4180). Who opens one has every cell worked out that begins like a formula: what somebody
//! called themselves must not run on a colleague's machine. Such a text gets an apostrophe, which sheets read as "this is a text".

/// Wide forms are read as the narrow ones by some.
const BEGIN_FORMULAS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// What a formula may follow in the same cell.
const BREAKS: [char; 3] = ['\t', '\r', '\n'];

pub fn begins_formula(letter: char) -> bool {
    BEGIN_FORMULAS.contains(&letter)
}

/// A text as a cell.
pub fn cell(text: &str) -> String {
    // What can't be seen is left out by some before they look at a cell.
    let seen = text.trim_start_matches([' ', '\u{a0}', '\u{feff}', '\0']);
    let is_formula = text.starts_with(BREAKS) || seen.starts_with(BREAKS) || seen.starts_with(begins_formula);
    let guard = if is_formula { "'" } else { "" };
    if text.contains(['"', ',', '\n', '\r', ';']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_formula_is_a_text() {
        for hostile in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\u{a0}=1", "\u{feff}=1", "＝1", "＠x"] {
            assert_eq!(cell(hostile), format!("'{hostile}"));
        }
        for hostile in ["\r=1", "\n=1"] {
            assert_eq!(cell(hostile), format!("\"'{hostile}\""));
        }
        for harmless in ["Kona", "a=1", "3-4", "", "'=1"] {
            assert_eq!(cell(harmless), harmless);
        }
    }

    #[test]
    fn a_cell_can_not_end_itself() {
        assert_eq!(cell("a\",=1,\""), "\"a\"\",=1,\"\"\"");
        assert_eq!(cell("a\r\n=1"), "\"a\r\n=1\"");
        assert_eq!(cell("=a;b"), "\"'=a;b\"");
    }
}
