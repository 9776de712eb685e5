//! Files that an agent makes: their names, their types, and what in them would run where they are opened. Pure.

use std::time::Duration;

use crate::sheets;

/// The tool that sends one.
pub const SEND_FILE: &str = "send_file";
/// Characters of a file's text.
pub const CONTENT_MAX: u64 = 12_000;
/// Bytes of the arguments around it: JSON writes some letters with six.
pub const ARGUMENTS_BYTES_MAX: usize = 96 * 1024;
/// Bytes of a file; four for each letter.
pub const BYTES_MAX: usize = 64 * 1024;
/// Files of one turn.
pub const PER_TURN_MAX: usize = 3;
/// How long the bytes are kept after the file was made.
pub const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Characters of a name.
pub const NAME_MAX: u64 = 80;

/// A file that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub content_type: &'static str,
    pub content: String,
}

/// What a model asks for, as it may be sent. The error is a sentence for the model.
pub fn read(name: &str, content: &str) -> Result<File, String> {
    let name = name.trim();
    let odd = |letter: char| letter.is_control() || "/\\:*?\"<>|".contains(letter);
    if name.is_empty() || name.starts_with('.') || name.chars().any(odd) {
        return Err("`name` must be a plain file name, such as prices.csv.".into());
    }
    if content.trim().is_empty() {
        return Err("`content` must have something in it.".into());
    }
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let (content_type, content) = match ending.as_str() {
        "csv" => ("text/csv", without_formulas(content)),
        "txt" => ("text/plain", content.to_owned()),
        "md" => ("text/markdown", content.to_owned()),
        "json" => {
            serde_json::from_str::<serde::de::IgnoredAny>(content)
                .map_err(|_| "`content` is no valid JSON, as its name says.".to_owned())?;
            ("application/json", content.to_owned())
        }
        _ => return Err("`name` must end in .csv, .txt, .md or .json.".into()),
    };
    Ok(File { name: name.to_owned(), content_type, content })
}

/// A cell that a program for sheets would take for a formula begins with an apostrophe: what was said in a chat must not run
/// on somebody's machine. Numbers stay what they are.
fn without_formulas(sheet: &str) -> String {
    let mut safe = String::with_capacity(sheet.len());
    let (mut rest, mut quoted, mut cell_begins) = (sheet, false, true);
    while let Some(letter) = rest.chars().next() {
        if cell_begins && letter == '"' && !quoted {
            (quoted, cell_begins) = (true, true);
            safe.push(letter);
            rest = &rest[1..];
            continue;
        }
        if cell_begins && letter != ' ' {
            if sheets::begins_formula(letter) && !is_number(rest, quoted) {
                safe.push('\'');
            }
            cell_begins = false;
        }
        if letter == '"' {
            quoted = !quoted;
        }
        if !quoted && matches!(letter, ',' | ';' | '\t' | '\n' | '\r') {
            cell_begins = true;
        }
        safe.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    safe
}

/// Whether the cell that begins here is a number with a sign.
fn is_number(rest: &str, quoted: bool) -> bool {
    let ends = |letter: char| {
        if quoted { letter == '"' } else { matches!(letter, ',' | ';' | '\t' | '\n' | '\r') }
    };
    let cell = rest.split(ends).next().unwrap_or_default().trim();
    let digits = cell.trim_start_matches(['+', '-']);
    cell.len() == digits.len() + 1
        && digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|letter| letter.is_ascii_digit() || ".,' %".contains(letter))
}

/// How a conversation tells of a file that was sent.
pub fn line(name: &str) -> String {
    format!("(sent the file {name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_plain_name_of_a_known_type_and_something_in_it() {
        for (name, kind) in [
            ("prices.csv", "text/csv"),
            ("Notes of today.TXT", "text/plain"),
            ("überblick.md", "text/markdown"),
            (" a.b.txt ", "text/plain"),
        ] {
            let file = read(name, "a;b").expect(name);
            assert_eq!((file.content_type, file.name.as_str()), (kind, name.trim()));
        }
        assert_eq!(read("a.json", "{\"a\":1}").map(|file| file.content_type), Ok("application/json"));
        for name in
            ["", ".csv", "a", "a.exe", "a.html", "a.svg", "../a.csv", "a/b.csv", "a\\b.csv", "C:a.txt", "a\n.txt"]
        {
            assert!(read(name, "x").is_err(), "{name}");
        }
        assert!(read("a.json", "{").is_err() && read("a.txt", " \n").is_err());
    }

    #[test]
    fn no_cell_of_a_sheet_is_a_formula() {
        for (written, sent) in [
            ("=HYPERLINK(\"http://evil\",\"a\")", "'=HYPERLINK(\"http://evil\",\"a\")"),
            ("a;=1+1\n@SUM(1);b", "a;'=1+1\n'@SUM(1);b"),
            ("\"=cmd|' /C calc'!A0\",x", "\"'=cmd|' /C calc'!A0\",x"),
            (" =1\t+x", " '=1\t'+x"),
            ("-5;+4.50;-1,000", "-5;+4.50;-1,000"),
            ("-5+cmd", "'-5+cmd"),
            ("\"a,=b\",c=d", "\"a,=b\",c=d"),
            ("\"say \"\"=x\"\"\"", "\"say \"\"=x\"\"\""),
            ("ä;=ö\r\n", "ä;'=ö\r\n"),
        ] {
            assert_eq!(without_formulas(written), sent);
        }
    }
}
