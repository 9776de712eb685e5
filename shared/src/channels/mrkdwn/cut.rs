//! Where a text may be cut: at paragraphs, lines, sentences, words, and never inside a letter, a link or a code span.
//!
//! A cut inside a block of code closes the fence and opens it again behind the cut; a cut inside a table repeats its
//! head. What was added for that is counted, so that the parts can be put together again.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};
use unicode_segmentation::GraphemeCursor;

use super::render;

const FENCE: &str = "```";
/// A language's name is repeated with its fence, a sentence there is not.
const INFO_CHARS_MAX: usize = 24;
/// A head that takes more than this part of a message is not repeated.
const HEAD_SHARE: usize = 4;

/// A text in two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    pub head: String,
    /// Empty: all of it fitted.
    pub tail: String,
    /// Where in the text the tail begins, in bytes.
    pub at: usize,
    /// Characters at the end of the head that were added.
    pub closed: usize,
    /// Characters at the beginning of the tail that were added.
    pub reopened: usize,
}

/// Cuts Markdown so that the head has at most `cap` characters, as they are counted after escaping.
pub fn split_at(markdown: &str, cap: usize) -> Cut {
    split_from(markdown, 0, cap)
}

/// As [`split_at`], but never before the byte `from`: what is shown already stays. If more than `cap` characters are,
/// the cut is there.
pub fn split_from(markdown: &str, from: usize, cap: usize) -> Cut {
    let weight = |letter: char| match letter {
        '&' => 5,
        '<' | '>' => 4,
        _ => 1,
    };
    cut(markdown, from, cap, weight, layout_of_markdown)
}

/// Cuts Slack's mark-up into pieces of at most `max` characters.
pub fn split(mrkdwn: &str, max: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = mrkdwn.trim_end().to_owned();
    while !rest.is_empty() {
        let cut = cut(&rest, 0, max, |_| 1, layout_of_mrkdwn);
        pieces.push(cut.head);
        rest = cut.tail;
    }
    // White space alone is no message; nothing at all is one empty piece.
    pieces.retain(|piece| !piece.trim().is_empty());
    if pieces.is_empty() {
        pieces.push(String::new());
    }
    pieces
}

/// What stays together, and what must be closed and opened again around a cut.
#[derive(Default)]
struct Layout {
    blocks: Vec<Block>,
    whole: Vec<Range<usize>>,
}

/// A block of code, or a table.
struct Block {
    span: Range<usize>,
    /// Where what it holds begins: after the fence's line, after the table's head.
    body: usize,
    open: String,
    close: String,
}

impl Block {
    /// Half a row under a table's head would stand in the wrong columns, or begin something that ends the table.
    fn goes_on_at(&self, text: &str, at: usize) -> bool {
        let is_code = !self.close.is_empty();
        is_code || text[..at].ends_with('\n') || text[at..].starts_with('\n')
    }
}

impl Layout {
    fn allows(&self, at: usize) -> bool {
        !self.whole.iter().any(|range| range.start < at && at < range.end)
            && !self.blocks.iter().any(|block| block.span.start < at && at <= block.body)
    }

    /// The block that a cut here would break, if it can be mended.
    fn broken(&self, text: &str, at: usize, cap: usize) -> Option<&Block> {
        self.blocks.iter().find(|block| {
            let marks = block.open.chars().count() + block.close.chars().count();
            let inside = block.body <= at && at < block.span.end && marks < cap / 2;
            inside && block.goes_on_at(text, at) && !text[at..block.span.end].trim().is_empty()
        })
    }
}

fn cut(
    text: &str,
    from: usize,
    cap: usize,
    weight: impl Fn(char) -> usize,
    layout: impl Fn(&str) -> Layout,
) -> Cut {
    let limit = reach(text, cap, &weight);
    if limit == text.len() {
        return Cut { head: text.to_owned(), tail: String::new(), at: text.len(), closed: 0, reopened: 0 };
    }
    let layout = layout(text);
    // Room for whichever fence the cut will have to close.
    let reached = layout.blocks.iter().filter(|block| block.span.start < limit);
    let close = reached.map(|block| block.close.chars().map(&weight).sum()).max().unwrap_or(0_usize);
    let limit = reach(text, cap.saturating_sub(close.min(cap / 2)), &weight).max(from);
    let mut at = best(text, from, limit, &layout);
    if layout.broken(text, at, cap).is_some_and(|block| at == block.body) {
        // What was opened again would be all that a message holds.
        at = between_letters(text, from, limit, &Layout::default());
    }
    let Some(block) = layout.broken(text, at, cap).filter(|block| at > block.body) else {
        let tail = text[at..].trim_start_matches(['\n', ' ']);
        let tail_at = text.len() - tail.len();
        return Cut {
            head: text[..at].trim_end().to_owned(),
            tail: tail.to_owned(),
            at: tail_at,
            closed: 0,
            reopened: 0,
        };
    };
    let end = block.close.trim();
    if !end.is_empty() && text[at..block.span.end].trim() == end {
        // Nothing but the fence's own end is left of it.
        let tail = text[block.span.end..].trim_start_matches('\n');
        let head = format!("{}{}", text[..at].trim_end(), block.close);
        return Cut { head, tail: tail.to_owned(), at: text.len() - tail.len(), closed: 0, reopened: 0 };
    }
    let rest = text[at..].strip_prefix('\n').unwrap_or(&text[at..]);
    Cut {
        head: format!("{}{}", &text[..at], block.close),
        tail: format!("{}{rest}", block.open),
        at: text.len() - rest.len(),
        closed: block.close.chars().count(),
        reopened: block.open.chars().count(),
    }
}

/// The end of what fits.
fn reach(text: &str, cap: usize, weight: impl Fn(char) -> usize) -> usize {
    let mut used = 0;
    text.char_indices()
        .find(|(_, letter)| {
            used += weight(*letter);
            used > cap
        })
        .map_or(text.len(), |(index, _)| index)
}

/// The latest good place up to `limit`; a text that offers none is cut between two letters.
fn best(text: &str, from: usize, limit: usize, layout: &Layout) -> usize {
    let inside_block = |at: usize| layout.blocks.iter().any(|block| block.span.start < at && at < block.span.end);
    let last = |mark: &str, keep: usize, least: usize, outside: bool| {
        let fits = |at: &usize| *at > least && layout.allows(*at) && !(outside && inside_block(*at));
        // A place at the very end is good if what follows begins with the mark.
        let upto = text[limit..].starts_with(mark).then_some(limit).filter(|_| keep == 0);
        upto.into_iter().chain(text[..limit].rmatch_indices(mark).map(|(at, _)| at + keep)).find(fits)
    };
    let late = from.max(limit / 2);
    let early = from.max(limit / 8);
    let soft = last("\n\n", 0, late, true)
        .or_else(|| last("\n", 0, late, true))
        .or_else(|| last("\n", 0, late, false))
        .or_else(|| last(". ", 1, late, false))
        .or_else(|| last(" ", 0, late, false))
        .or_else(|| last("\n", 0, early, false))
        .or_else(|| last(" ", 0, early, false));
    soft.unwrap_or_else(|| between_letters(text, from, limit, layout))
}

fn between_letters(text: &str, from: usize, limit: usize, layout: &Layout) -> usize {
    let (mut before, mut at) = (usize::MAX, limit);
    // What belongs together may begin inside a letter, and a letter inside of what belongs together.
    while at < before {
        before = at;
        // Before it, unless that alone is too long.
        let whole = layout.whole.iter().chain(layout.blocks.iter().map(|block| &block.span));
        let start = whole.filter(|range| range.start < at && at < range.end).map(|range| range.start);
        at = start.filter(|start| *start > from && !layout.allows(at)).min().unwrap_or(at);
        let mut cursor = GraphemeCursor::new(at, text.len(), true);
        if !cursor.is_boundary(text, 0).unwrap_or(true) {
            at = cursor.prev_boundary(text, 0).ok().flatten().unwrap_or(0);
        }
    }
    let least = from.max(text.chars().next().map_or(1, char::len_utf8));
    if at >= least { at } else { limit.max(least) }
}

fn layout_of_markdown(text: &str) -> Layout {
    let mut layout = Layout::default();
    for (event, span) in Parser::new_ext(text, render::options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                layout.blocks.extend(fence(text, &span, &info))
            }
            Event::Start(Tag::Table(_)) => layout.blocks.extend(table(text, &span)),
            Event::Start(
                Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::Strong
                | Tag::Emphasis
                | Tag::Strikethrough
                | Tag::Heading { .. },
            )
            | Event::Code(_)
            | Event::InlineHtml(_) => layout.whole.push(span),
            _ => {}
        }
    }
    layout
}

/// What stands before the fence in its line, quotation marks and the indent of a list, is repeated with it.
fn fence(text: &str, span: &Range<usize>, info: &str) -> Option<Block> {
    let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let before: String =
        text[line_start..span.start].chars().map(|letter| if letter == '>' { '>' } else { ' ' }).collect();
    let inside = &text[span.clone()];
    let mark = inside.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let run: String = inside.chars().take_while(|letter| *letter == mark).collect();
    let body = span.start + inside.find('\n')? + 1;
    let name =
        if info.chars().count() <= INFO_CHARS_MAX && !info.contains(char::is_whitespace) { info } else { "" };
    Some(Block {
        span: span.clone(),
        body,
        open: format!("{before}{run}{name}\n"),
        close: format!("\n{before}{run}"),
    })
}

fn table(text: &str, span: &Range<usize>) -> Option<Block> {
    let inside = &text[span.clone()];
    let (head_end, _) = inside.match_indices('\n').nth(1)?;
    let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let open = format!("{}{}", &text[line_start..span.start], &inside[..=head_end]);
    let short = open.len() * HEAD_SHARE < super::MESSAGE_MAX && text[line_start..span.start].trim().is_empty();
    short.then(|| Block { span: span.clone(), body: span.start + head_end + 1, open, close: String::new() })
}

fn layout_of_mrkdwn(text: &str) -> Layout {
    let mut layout = Layout::default();
    let mut open: Option<usize> = None;
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        let end = position + line.len();
        match open {
            _ if line.trim_end() != FENCE => {}
            None => open = Some(position),
            Some(start) => {
                let (open_line, close) = (format!("{FENCE}\n"), format!("\n{FENCE}"));
                let body = start + open_line.len();
                layout.blocks.push(Block { span: start..position + FENCE.len(), body, open: open_line, close });
                open = None;
            }
        }
        position = end;
    }
    for (start, letter) in text.char_indices().filter(|(_, letter)| matches!(letter, '&' | '<')) {
        let until = if letter == '&' { ';' } else { '>' };
        layout.whole.extend(text[start..].find(until).map(|length| start..start + length + 1));
    }
    layout
}
