//! Markdown for the methods that parse it themselves (`markdown_text`): the same guarantees, without a parser of ours
//! in between.
//!
//! A streamed text arrives piece by piece and is never taken back, so a piece is judged with everything before it.

use std::{ops::Range, sync::LazyLock};

use pulldown_cmark::{Event, LinkType, Parser, Tag};
use regex::Regex;

use super::{links::NOTHING, render};
use crate::message::is_hidden;

/// What pings, even where it is shown as code, or could with the next piece.
static PING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<([!@#]|$)").expect("a constant pattern is valid"));

/// The piece as it may be appended to a message that shows `shown` so far; both are the model's Markdown.
///
/// Outside of code nothing can begin a mention, and a link is written as its label with its whole address beside it.
pub fn markdown_text(shown: &str, piece: &str) -> String {
    let all = format!("{shown}{piece}");
    let (code, links) = layout(&all);
    let (mut out, mut position) = (String::with_capacity(piece.len()), shown.len());
    while position < all.len() {
        if let Some(link) = links.iter().find(|link| link.span.start == position) {
            out.push_str(&outside(&link.shown(&all)));
            position = link.span.end;
            continue;
        }
        let in_code = code.iter().find(|range| range.contains(&position));
        let next_link = links.iter().map(|link| link.span.start).filter(|start| *start > position).min();
        let next_code = code.iter().map(|range| range.start).filter(|start| *start > position).min();
        let end = match in_code {
            Some(range) => range.end,
            None => next_link.unwrap_or(all.len()).min(next_code.unwrap_or(all.len())),
        };
        let text = &all[position..end];
        out.push_str(&if in_code.is_some() { inside(text) } else { outside(text) });
        position = end;
    }
    out
}

struct Link {
    span: Range<usize>,
    label: String,
    address: String,
}

impl Link {
    fn shown(&self, all: &str) -> String {
        let label = self.label.trim();
        if label.is_empty() || label == self.address {
            return self.address.clone();
        }
        // The label's own marks stay: `[**bold**](…)`.
        let source = &all[self.span.clone()];
        let label = source.find('[').and_then(|open| source.rfind("](").map(|close| &source[open + 1..close]));
        format!("{} ({})", label.unwrap_or(&self.label), self.address)
    }
}

/// Where code is, and which links stand there.
fn layout(all: &str) -> (Vec<Range<usize>>, Vec<Link>) {
    let (mut code, mut links) = (Vec::new(), Vec::<Link>::new());
    let mut open: Option<usize> = None;
    for (event, span) in Parser::new_ext(all, render::options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code.push(span),
            Event::Code(text) => {
                if let Some(index) = open {
                    links[index].label.push_str(&text);
                } else {
                    code.push(span);
                }
            }
            // Of nested ones the outer one is written.
            Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. })
                if open.is_none()
                    && matches!(link_type, LinkType::Inline | LinkType::Autolink | LinkType::Email) =>
            {
                open = Some(links.len());
                links.push(Link { span, label: String::new(), address: dest_url.into_string() });
            }
            Event::Text(text) => {
                if let Some(index) = open {
                    links[index].label.push_str(&text);
                }
            }
            Event::End(_) if open.is_some_and(|index| links[index].span.end <= span.end) => open = None,
            _ => {}
        }
    }
    (code, links)
}

/// A bracket that another piece could make a link of is only a bracket.
fn outside(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().filter(|letter| !is_hidden(*letter)).peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        match letter {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            ']' if before != '\\' && matches!(letters.peek(), None | Some('(' | '[' | ':')) => out.push_str("\\]"),
            letter => out.push(letter),
        }
        before = letter;
    }
    out
}

fn inside(text: &str) -> String {
    let shown: String = text.chars().filter(|letter| !is_hidden(*letter)).collect();
    PING.replace_all(&shown, format!("<{NOTHING}$1")).into_owned()
}
