//! Slack's mark-up of incoming text, turned into what a person reads.

use serde_json::Value;

use crate::message::ATTACHED_MARK;

const BLOCK_DEPTH_MAX: usize = 16;

pub struct Plain {
    pub text: String,
    /// Another person is addressed by name.
    pub mentions_others: bool,
}

/// Whether the text names this user, as `<@U1>` or `<@U1|label>`.
pub fn mentions(text: &str, user: &str) -> bool {
    !user.is_empty() && text.match_indices("<@").any(|(start, _)| mentioned(&text[start + 2..]) == Some(user))
}

fn mentioned(rest: &str) -> Option<&str> {
    let inside = &rest[..rest.find('>')?];
    Some(inside.split('|').next().unwrap_or(inside))
}

/// Resolves users, channels, links and entities; mentions of the agent itself disappear.
pub fn to_plain(text: &str, own_user: &str) -> Plain {
    let (mut out, mut rest, mut mentions_others) = (String::with_capacity(text.len()), text, false);
    while let Some(open) = rest.find('<') {
        let Some(length) = rest[open..].find('>') else {
            break;
        };
        out.push_str(&rest[..open]);
        let inside = &rest[open + 1..open + length];
        let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
        if let Some(user) = target.strip_prefix('@') {
            if user != own_user {
                mentions_others = true;
                out.push('@');
                out.push_str(if label.is_empty() { user } else { label });
            }
        } else {
            out.push_str(&reference(target, label));
        }
        rest = &rest[open + length + 1..];
    }
    out.push_str(rest);
    let text = out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    Plain { text: text.trim().to_owned(), mentions_others }
}

/// `#C1|general`, `!here`, `!subteam^S1|@team`, `https://…|label`.
fn reference(target: &str, label: &str) -> String {
    match target.chars().next() {
        Some('#') => format!("#{}", if label.is_empty() { &target[1..] } else { label }),
        Some('!') if !label.is_empty() => label.to_owned(),
        Some('!') => format!("@{}", target[1..].split('^').next().unwrap_or_default()),
        _ if label.is_empty() || label == target => target.to_owned(),
        _ => format!("{label} ({target})"),
    }
}

/// The text inside blocks, for messages that consist of nothing else.
pub fn of_blocks(blocks: Option<&Value>) -> String {
    let mut texts = Vec::new();
    if let Some(blocks) = blocks {
        collect(blocks, 0, &mut texts);
    }
    texts.join(" ")
}

fn collect(value: &Value, depth: usize, texts: &mut Vec<String>) {
    if depth > BLOCK_DEPTH_MAX {
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, depth + 1, texts)),
        Value::Object(fields) => {
            if let Some(user) = fields.get("user_id").and_then(Value::as_str) {
                texts.push(format!("<@{user}>"));
            }
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "text" => texts.push(text.clone()),
                    Value::Array(_) | Value::Object(_) => collect(field, depth + 1, texts),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Names attached files in words: a model must know that there was one.
pub fn with_files<'a>(text: String, files: impl Iterator<Item = Option<&'a str>>) -> String {
    files.fold(text, |text, name| {
        // Somebody chose the name: it stays in its line and begins no mark.
        let name = name.unwrap_or_default().replace('<', "‹").replace('>', "›");
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = format!("{ATTACHED_MARK}{}]", if name.is_empty() { "without a name" } else { &name });
        if text.is_empty() { line } else { format!("{text}\n{line}") }
    })
}

/// The text without the lines of [`with_files`], and how many there were.
pub fn without_files(text: &str) -> (&str, usize) {
    let (mut words, mut files) = (text.trim_end(), 0);
    loop {
        let (before, last) = words.rsplit_once('\n').unwrap_or(("", words));
        if !last.starts_with(ATTACHED_MARK) {
            return (words, files);
        }
        (words, files) = (before.trim_end(), files + 1);
    }
}

/// Replaces `\ud800`-like escapes without their other half, which are no characters.
pub fn without_lone_surrogates(json: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(slash) = rest.find('\\') {
        out.push_str(&rest[..slash]);
        rest = &rest[slash..];
        let step = match surrogate(rest) {
            Some(0xD800..=0xDBFF) if matches!(rest.get(6..).and_then(surrogate), Some(0xDC00..=0xDFFF)) => {
                out.push_str(&rest[..12]);
                12
            }
            Some(0xD800..=0xDFFF) => {
                out.push_str("\\ufffd");
                6
            }
            // Any other escape, its second character included: `\\` must not look like the start of the next one.
            _ => {
                let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
                length
            }
        };
        rest = &rest[step..];
    }
    out.push_str(rest);
    out
}

fn surrogate(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_up_becomes_what_a_person_reads() {
        let plain =
            to_plain("<@UBOT> see <#C1|general>, <https://a.example|the page> &amp; <!here> a &lt; b", "UBOT");
        assert_eq!(plain.text, "see #general, the page (https://a.example) & @here a < b");
        assert!(!plain.mentions_others);
        assert!(to_plain("<@U2|grace> can you?", "UBOT").mentions_others);
        assert_eq!(to_plain("1 < 2 and <open", "UBOT").text, "1 < 2 and <open");
    }

    #[test]
    fn a_mention_is_seen_with_and_without_label() {
        assert!(mentions("hi <@UBOT>", "UBOT") && mentions("<@UBOT|kona> hi", "UBOT"));
        assert!(!mentions("hi @UBOT <@UBOTX> <@UBOT", "UBOT"));
    }

    #[test]
    fn text_is_found_in_blocks() {
        let blocks = serde_json::json!([{ "elements": [{ "elements": [
            { "type": "user", "user_id": "UBOT" }, { "type": "text", "text": " hello" } ] }] }]);
        assert_eq!(of_blocks(Some(&blocks)), "<@UBOT>  hello");
    }

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_kept() {
        assert_eq!(
            without_lone_surrogates(r#""\ud83d\ude00 \ud800 \\ud800 \n""#),
            r#""\ud83d\ude00 \ufffd \\ud800 \n""#
        );
    }
}
