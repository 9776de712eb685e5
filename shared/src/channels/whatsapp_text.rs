//! A model's Markdown as WhatsApp's formatting: `*bold*`, `_italic_`, `~strike~`, code, quotations and simple lists.
//!
//! WhatsApp has no labelled links and no tables: an address stands beside its words, a row is a line. Nothing here can ping
//! anybody, and what nobody can see is left out.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::message::is_hidden;

const FENCE: &str = "```";

/// Converts Markdown.
pub fn from_markdown(markdown: &str) -> String {
    let shown: String = markdown.chars().filter(|letter| !is_hidden(*letter)).collect();
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut writer = Writer::default();
    for event in Parser::new_ext(&shown, options) {
        writer.write(event);
    }
    writer.out.trim().to_owned()
}

#[derive(Default)]
struct Writer {
    out: String,
    /// The next number of each list that is open; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Where each quotation that is open begins.
    quotations: Vec<usize>,
    /// Where the label of each link or picture begins, and its address.
    links: Vec<(usize, String)>,
    in_heading: bool,
}

impl Writer {
    fn write(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.out.push_str(&text),
            Event::Code(text) => self.out.push_str(&format!("`{text}`")),
            Event::SoftBreak | Event::HardBreak => self.new_line(),
            Event::Rule => {
                self.new_block();
                self.out.push_str("———");
            }
            Event::TaskListMarker(done) => self.out.push_str(if done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(name) => self.out.push_str(&format!("[{name}]")),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.out.push_str(&text),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.new_block(),
            Tag::Heading { .. } => {
                self.new_block();
                self.in_heading = true;
                self.out.push('*');
            }
            Tag::BlockQuote(_) => {
                self.new_block();
                self.quotations.push(self.out.len());
            }
            Tag::CodeBlock(_) => {
                self.new_block();
                // The name of a language is not shown.
                self.out.push_str(FENCE);
                self.out.push('\n');
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.new_block();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Emphasis => self.out.push('_'),
            Tag::Strong if !self.in_heading => self.out.push('*'),
            Tag::Strikethrough => self.out.push('~'),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((self.out.len(), dest_url.into_string()));
            }
            Tag::Table(_) => self.new_block(),
            Tag::TableHead | Tag::TableRow => self.new_line(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                self.in_heading = false;
                self.out.push('*');
            }
            TagEnd::BlockQuote(_) => self.quote(),
            TagEnd::CodeBlock => {
                self.new_line();
                self.out.push_str(FENCE);
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Emphasis => self.out.push('_'),
            TagEnd::Strong if !self.in_heading => self.out.push('*'),
            TagEnd::Strikethrough => self.out.push('~'),
            TagEnd::Link | TagEnd::Image => self.link(),
            TagEnd::TableCell => self.out.push_str(" | "),
            TagEnd::TableHead | TagEnd::TableRow => {
                let length = self.out.trim_end_matches(" | ").len();
                self.out.truncate(length);
            }
            _ => {}
        }
    }

    fn new_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    /// A blank line before a block; none inside the item that it belongs to.
    fn new_block(&mut self) {
        let begins = self.quotations.last().is_some_and(|begin| *begin == self.out.len());
        let in_item = !self.lists.is_empty() && [" ", "☑ ", "☐ "].iter().any(|end| self.out.ends_with(end));
        if self.out.is_empty() || begins || in_item {
            return;
        }
        self.new_line();
        if self.lists.is_empty() {
            self.out.push('\n');
        }
    }

    fn item(&mut self) {
        self.new_line();
        let depth = self.lists.len().saturating_sub(1);
        self.out.push_str(&"  ".repeat(depth));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.out.push_str(&format!("{number}. "));
                *number += 1;
            }
            _ => self.out.push_str("- "),
        }
    }

    fn quote(&mut self) {
        let Some(begin) = self.quotations.pop() else { return };
        let quoted: Vec<String> = self.out[begin..].trim().lines().map(|line| format!("> {line}")).collect();
        self.out.truncate(begin);
        self.out.push_str(&quoted.join("\n"));
    }

    /// The words, and the address where they are not the address themselves.
    fn link(&mut self) {
        let Some((begin, address)) = self.links.pop() else { return };
        let bare =
            address.trim_start_matches("https://").trim_start_matches("http://").trim_start_matches("mailto:");
        let label = self.out[begin..].trim().to_owned();
        self.out.truncate(begin);
        if label.is_empty() || label == address || label.trim_end_matches('/') == bare.trim_end_matches('/') {
            self.out.push_str(if address.starts_with("mailto:") { bare } else { &address });
        } else {
            self.out.push_str(&format!("{label} ({address})"));
        }
    }
}

/// Cuts a converted text into messages of at most `max` characters: at blank lines, else at lines, sentences, words. Code
/// that is cut is closed and opened again.
pub fn split(text: &str, max: usize) -> Vec<String> {
    // Room for closing and reopening code.
    let room = max.saturating_sub(2 * FENCE.len() + 2).max(1);
    let (mut pieces, mut rest, mut in_code) = (Vec::new(), text.trim(), false);
    while !rest.is_empty() {
        let (piece, after) = cut(rest, room);
        let mut whole = if in_code { format!("{FENCE}\n{piece}") } else { piece.to_owned() };
        in_code ^= piece.matches(FENCE).count() % 2 == 1;
        if in_code {
            whole.push('\n');
            whole.push_str(FENCE);
        }
        pieces.push(whole);
        rest = after;
    }
    pieces
}

/// The longest beginning that fits and ends well, and what follows it.
fn cut(text: &str, room: usize) -> (&str, &str) {
    let Some((end, _)) = text.char_indices().nth(room) else { return (text, "") };
    let head = &text[..end];
    let good = |separator: &str| {
        let place = head.rfind(separator)?;
        // A cut near the beginning would make many short messages.
        (place >= end / 2).then_some(place + separator.trim_end().len())
    };
    let place = ["\n\n", "\n", ". ", " "].iter().find_map(|separator| good(separator)).unwrap_or(end);
    (text[..place].trim_end(), text[place..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_whatsapps_own_formatting() {
        let markdown = "# Offer **now**\n\nHello **Ada**, _look_ ~~here~~: `code`.\n\n- one\n- two\n  1. a\n  2. b\n\n\
                        > quoted\n> twice\n\n```rust\nlet *x* = 1;\n```\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n---\n\n\
                        [our page](https://example.com/a), <https://example.com>, [example.com](https://example.com/), \
                        ![a cat](https://example.com/cat.png), <ada@example.com>\n\n- [x] done\n- [ ] open";
        let expected = "*Offer now*\n\nHello *Ada*, _look_ ~here~: `code`.\n\n- one\n- two\n  1. a\n  2. b\n\n> quoted\n\
                        > twice\n\n```\nlet *x* = 1;\n```\n\nA | B\n1 | 2\n\n———\n\n\
                        our page (https://example.com/a), https://example.com, https://example.com/, \
                        a cat (https://example.com/cat.png), ada@example.com\n\n- ☑ done\n- ☐ open";
        assert_eq!(from_markdown(markdown), expected);
    }

    #[test]
    fn what_is_no_markdown_stays_and_what_is_hidden_goes() {
        assert_eq!(from_markdown("5 < 6 & <b>7</b> <@U1>"), "5 < 6 & <b>7</b> <@U1>");
        assert_eq!(from_markdown("pass\u{200b}word\u{202e}"), "password");
        assert_eq!(from_markdown(""), "");
        assert_eq!(from_markdown("[safe](https://evil.example)"), "safe (https://evil.example)");
    }

    #[test]
    fn a_long_text_is_cut_where_it_ends_well_and_loses_nothing() {
        let text = "A sentence of some words. ".repeat(500);
        let pieces = split(&text, 4_096);
        assert!(pieces.len() == 4 && pieces.iter().all(|piece| piece.chars().count() <= 4_096));
        assert!(pieces.iter().all(|piece| piece.ends_with('.')), "{:?}", pieces[0]);
        assert_eq!(pieces.join(" "), text.trim());
        let code = format!("{FENCE}\n{}{FENCE}", "é = 1;\n".repeat(1_000));
        let pieces = split(&code, 4_096);
        assert!(pieces.iter().all(|piece| piece.chars().count() <= 4_096 && piece.matches(FENCE).count() == 2));
        assert_eq!(
            split("x".repeat(10_000).as_str(), 4_096).iter().map(|piece| piece.len()).sum::<usize>(),
            10_000
        );
        assert!(split("  ", 4_096).is_empty());
    }
}
