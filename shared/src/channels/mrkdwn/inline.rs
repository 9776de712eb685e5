//! What stands inside a paragraph, a heading or a cell.

use std::{iter::Peekable, ops::Range};

use pulldown_cmark::{Event, Tag, TagEnd};

use super::links;

/// Which marks are set around a text, and whether it may have any.
#[derive(Clone, Copy, Default)]
pub(super) struct Style {
    pub strong: bool,
    pub emphasis: bool,
    pub strike: bool,
    /// Cells of Slack's tables, and columns in a code block, show no marks.
    pub plain: bool,
    pub depth: usize,
}

/// Deeper nesting is written without its marks: a text that is nothing but asterisks must not cost a stack.
const DEPTH_MAX: usize = 12;

/// Whether an event belongs inside a block rather than beginning or ending one.
pub(super) fn is_inline(event: &Event<'_>) -> bool {
    match event {
        Event::Start(tag) => {
            matches!(tag, Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. })
        }
        Event::End(_) | Event::Rule | Event::Html(_) => false,
        _ => true,
    }
}

/// Writes inline events until one that is none, or until `end`, which is taken. Returns where in the source that was.
pub(super) fn text<'a, I>(events: &mut Peekable<I>, end: Option<TagEnd>, style: Style, out: &mut String) -> usize
where
    I: Iterator<Item = (Event<'a>, Range<usize>)>,
{
    let (mut stop, mut flat) = (0, Vec::new());
    while let Some((event, span)) = events.peek() {
        if let Event::End(tag) = event {
            let is_flat = flat.last() == Some(tag);
            if !is_flat && Some(*tag) != end {
                return stop;
            }
            stop = span.end;
            events.next();
            if !is_flat {
                return stop;
            }
            flat.pop();
            continue;
        }
        if !is_inline(event) {
            return stop;
        }
        stop = span.end;
        let Some((event, _)) = events.next() else { return stop };
        match event {
            Event::Start(tag) if style.depth > DEPTH_MAX => flat.push(tag.to_end()),
            Event::Start(tag) => within(events, tag, style, out),
            Event::Text(text) if style.plain => out.push_str(&text),
            Event::Text(text) => out.push_str(&links::linked(&text)),
            Event::Code(code) => out.push_str(&coded(&code, style)),
            Event::SoftBreak | Event::HardBreak => out.push(if style.plain { ' ' } else { '\n' }),
            Event::InlineHtml(html) if is_break(&html) => out.push(if style.plain { ' ' } else { '\n' }),
            Event::InlineHtml(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                out.push_str(&if style.plain { text.into_string() } else { links::escape(&text) });
            }
            Event::FootnoteReference(name) => out.push_str(&links::escape(&format!("[^{name}]"))),
            Event::TaskListMarker(done) => out.push_str(if done { "☑ " } else { "☐ " }),
            Event::End(_) | Event::Html(_) | Event::Rule => {}
        }
    }
    stop
}

fn within<'a, I>(events: &mut Peekable<I>, tag: Tag<'a>, style: Style, out: &mut String)
where
    I: Iterator<Item = (Event<'a>, Range<usize>)>,
{
    let mut inside = String::new();
    let style = Style { depth: style.depth + 1, ..style };
    let (mark, within, address) = match &tag {
        Tag::Strong => ("*", Style { strong: true, ..style }, None),
        Tag::Emphasis => ("_", Style { emphasis: true, ..style }, None),
        Tag::Strikethrough => ("~", Style { strike: true, ..style }, None),
        Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => ("", style, Some(dest_url.to_string())),
        _ => ("", style, None),
    };
    text(events, Some(tag.to_end()), within, &mut inside);
    if let Some(address) = address {
        let same = inside.trim().is_empty() || inside.trim() == address;
        let shown = match (style.plain, same) {
            (true, true) => address,
            (true, false) => format!("{inside} ({address})"),
            (false, _) => links::labelled(&unlinked(&inside), &address),
        };
        return out.push_str(&shown);
    }
    let set_already = match tag {
        Tag::Strong => style.strong,
        Tag::Emphasis => style.emphasis,
        Tag::Strikethrough => style.strike,
        _ => true,
    };
    let mark = if style.plain || set_already { "" } else { mark };
    // Slack sees a mark only next to a letter.
    let core = inside.trim();
    if core.is_empty() || mark.is_empty() {
        return out.push_str(&inside);
    }
    let start = inside.len() - inside.trim_start().len();
    out.push_str(&inside[..start]);
    out.push_str(&core.lines().map(|line| format!("{mark}{line}{mark}")).collect::<Vec<_>>().join("\n"));
    out.push_str(&inside[start + core.len()..]);
}

/// An address that is a link's label is not a link itself.
fn unlinked(label: &str) -> String {
    label.replace(['<', '>'], "")
}

/// A backtick inside of code can't be shown as code.
fn coded(code: &str, style: Style) -> String {
    let code = code.replace('\n', " ");
    if style.plain {
        return code;
    }
    let text = links::escape(&code);
    if code.contains('`') || code.trim().is_empty() { text } else { format!("`{text}`") }
}

fn is_break(html: &str) -> bool {
    matches!(html.to_ascii_lowercase().as_str(), "<br>" | "<br/>" | "<br />")
}
