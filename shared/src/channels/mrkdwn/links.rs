//! Escaping, and which addresses become links.

use std::sync::LazyLock;

use regex::Regex;

use crate::message::is_hidden;

/// Slack leaves longer ones as text, and a section must hold one.
const ADDRESS_MAX: usize = 1_500;
/// Between backticks that would open a block of code, and in what would ping inside code: nobody sees it.
pub(super) const NOTHING: char = '\u{200c}';

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:https?://|mailto:)[^\s<>|`"*]+"#).expect("a constant pattern is valid")
});

/// Text as Slack shows it: nothing hidden, nothing that begins a mention.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !is_hidden(*letter)) {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' | '\0' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

/// Escaped text whose addresses are links.
pub(super) fn linked(text: &str) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for found in ADDRESS.find_iter(text) {
        let address =
            found.as_str().trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'', '_', '~']);
        out.push_str(&escape(&text[from..found.start()]));
        out.push_str(&written(address));
        from = found.start() + address.len();
    }
    out.push_str(&escape(&text[from..]));
    out
}

/// A link's label and its address, which is always shown in full: a label may say anything.
pub(super) fn labelled(label: &str, address: &str) -> String {
    let bare = |text: &str| {
        let text = text.trim().trim_end_matches('/');
        text.strip_prefix("mailto:").unwrap_or(text).to_owned()
    };
    if label.trim().is_empty() || bare(label) == bare(address) {
        written(address)
    } else {
        format!("{label} ({})", written(address))
    }
}

/// The address as a link if it is of a kind that people click on, otherwise as text.
fn written(address: &str) -> String {
    let address: String = address.trim().chars().filter(|letter| !is_hidden(*letter)).collect();
    let lower = address.to_ascii_lowercase();
    let known = ["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme));
    let plain =
        !address.contains(|letter: char| letter.is_whitespace() || letter.is_control() || "<>|`".contains(letter));
    if known && plain && address.len() <= ADDRESS_MAX && lower.len() > "mailto:".len() {
        format!("<{}>", address.replace('&', "&amp;"))
    } else {
        escape(&address)
    }
}
