//! The parser's events → Slack's mark-up, block by block.

use std::{iter::Peekable, ops::Range};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, TextMergeWithOffset};

use super::{
    inline::{self, Style},
    links,
    table::Table,
};

const FENCE: &str = "```";
const RULE: &str = "———";
/// Deeper nesting is written flat: a text that is nothing but brackets must not cost a stack.
const DEPTH_MAX: usize = 12;
/// Definitions of links name each other's places only once they are gone.
const DEFINITION_ROUNDS_MAX: usize = 40;

/// A block of the text.
pub(super) struct Node {
    pub text: String,
    pub table: Option<Table>,
    /// An empty line stands before it.
    apart: bool,
    span: Range<usize>,
}

pub(super) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

pub(super) fn nodes(markdown: &str) -> Vec<Node> {
    let source = without_definitions(markdown);
    let events = TextMergeWithOffset::new(Parser::new_ext(&source, options()).into_offset_iter());
    let mut renderer = Renderer { source: &source, events: events.peekable() };
    renderer.blocks(None, 0)
}

/// Blocks with the space the author left between them.
pub(super) fn joined(nodes: &[Node]) -> String {
    let mut out = String::new();
    for node in nodes.iter().filter(|node| !node.text.is_empty()) {
        if !out.is_empty() {
            out.push_str(if node.apart { "\n\n" } else { "\n" });
        }
        out.push_str(&node.text);
    }
    out
}

/// The author's own spacing: a list may follow its sentence at once.
fn space(source: &str, nodes: &mut [Node]) {
    let mut before = 0;
    for node in nodes {
        let gap = source.get(before..node.span.start).unwrap_or_default();
        node.apart = gap.matches('\n').count() > 1;
        before = node.span.start + source[node.span.clone()].trim_end().len();
    }
}

/// `[label]: address` defines a link and shows nothing, in the eyes of the parser; a reader of a chat must see it. A
/// backslash makes it text.
fn without_definitions(markdown: &str) -> String {
    let mut source = markdown.to_owned();
    for _ in 0..DEFINITION_ROUNDS_MAX {
        let parser = Parser::new_ext(&source, options());
        let mut starts: Vec<usize> =
            parser.reference_definitions().iter().map(|(_, definition)| definition.span.start).collect();
        if starts.is_empty() {
            return source;
        }
        starts.sort_unstable();
        for start in starts.into_iter().rev() {
            source.insert(start, '\\');
        }
    }
    source.replace("]:", "] :")
}

struct Renderer<'a, I: Iterator<Item = (Event<'a>, Range<usize>)>> {
    source: &'a str,
    events: Peekable<I>,
}

impl<'a, I: Iterator<Item = (Event<'a>, Range<usize>)>> Renderer<'a, I> {
    /// Blocks until the end of the one that holds them, which is taken.
    fn blocks(&mut self, end: Option<TagEnd>, depth: usize) -> Vec<Node> {
        let (mut nodes, mut flat) = (Vec::new(), 0_usize);
        while let Some((event, span)) = self.events.peek() {
            if inline::is_inline(event) {
                let start = span.start;
                let (text, stop) = self.inline(None);
                nodes.push(node(text, start..stop.max(start)));
                continue;
            }
            match self.events.next() {
                Some((Event::End(tag), _)) if Some(tag) == end && flat == 0 => break,
                Some((Event::End(tag), _)) if Some(tag) == end => flat -= 1,
                Some((Event::Start(tag), _)) if depth > DEPTH_MAX && is_container(&tag) => {
                    flat += usize::from(Some(tag.to_end()) == end);
                }
                Some((Event::Start(tag), span)) => nodes.extend(self.block(tag, span, depth)),
                Some((Event::Rule, span)) => nodes.push(node(RULE.to_owned(), span)),
                Some((Event::Html(html), span)) => {
                    nodes.push(node(unfenced(&links::escape(html.trim_end())), span));
                }
                _ => {}
            }
        }
        space(self.source, &mut nodes);
        nodes
    }

    fn block(&mut self, tag: Tag<'a>, span: Range<usize>, depth: usize) -> Vec<Node> {
        let end = tag.to_end();
        match tag {
            Tag::Heading { .. } => {
                let mut text = String::new();
                inline::text(&mut self.events, Some(end), Style { strong: true, ..Style::default() }, &mut text);
                let lines = text.trim().lines().filter(|line| !line.trim().is_empty());
                let text = lines.map(|line| format!("*{}*", line.trim())).collect::<Vec<_>>().join("\n");
                vec![node(unfenced(&text), span)]
            }
            Tag::CodeBlock(kind) => vec![self.code(&kind, span)],
            Tag::Table(align) => {
                let table = self.table(align);
                let text = format!("{FENCE}\n{}\n{FENCE}", unfenced(&table.columns()));
                vec![Node { table: Some(table), ..node(text, span) }]
            }
            Tag::List(start) => vec![self.list(start, span, depth)],
            Tag::BlockQuote(_) => {
                let inside = self.container(end, depth);
                vec![node(prefixed(&inside, "> ", "> "), span)]
            }
            Tag::Paragraph => {
                let (text, _) = self.inline(Some(end));
                vec![node(text, span)]
            }
            _ => self.blocks(Some(end), depth + 1),
        }
    }

    /// The text, and where it ends in the source.
    fn inline(&mut self, end: Option<TagEnd>) -> (String, usize) {
        let mut text = String::new();
        let stop = inline::text(&mut self.events, end, Style::default(), &mut text);
        (unfenced(&text), stop)
    }

    /// What a quotation or an item holds.
    fn container(&mut self, end: TagEnd, depth: usize) -> Vec<String> {
        let nodes = self.blocks(Some(end), depth + 1);
        let mut parts = Vec::new();
        for (index, node) in nodes.into_iter().filter(|node| !node.text.is_empty()).enumerate() {
            if index > 0 && node.apart {
                parts.push(String::new());
            }
            parts.push(node.text);
        }
        parts
    }

    fn list(&mut self, start: Option<u64>, span: Range<usize>, depth: usize) -> Node {
        let mut items = Vec::new();
        let mut number = start;
        while let Some((event, _)) = self.events.next() {
            match event {
                Event::Start(Tag::Item) => {}
                Event::End(TagEnd::List(_)) => break,
                _ => continue,
            }
            let bullet = match number {
                Some(number) => format!("{number}. "),
                None => format!("{} ", ['•', '◦', '▪'][depth.min(2)]),
            };
            number = number.map(|number| number.saturating_add(1));
            let inside = self.container(TagEnd::Item, depth);
            items.push(prefixed(&inside, &bullet, "    "));
        }
        node(items.join("\n"), span)
    }

    fn code(&mut self, kind: &CodeBlockKind<'_>, span: Range<usize>) -> Node {
        let mut body = String::new();
        for (event, _) in self.events.by_ref() {
            match event {
                Event::Text(text) => body.push_str(&text),
                Event::End(TagEnd::CodeBlock) => break,
                _ => {}
            }
        }
        // The name of a language is not shown; anything else beside a fence is part of what is said.
        let said = match kind {
            CodeBlockKind::Fenced(info)
                if info.contains(|letter: char| letter.is_whitespace() || letter == '`') =>
            {
                format!("{info}\n")
            }
            _ => String::new(),
        };
        let body = unfenced(&links::escape(&(said + body.trim_end_matches('\n'))));
        let text = if body.trim().is_empty() { String::new() } else { format!("{FENCE}\n{body}\n{FENCE}") };
        node(text, span)
    }

    fn table(&mut self, align: Vec<pulldown_cmark::Alignment>) -> Table {
        let mut table = Table { rows: Vec::new(), align };
        let mut row = Vec::new();
        while let Some((event, _)) = self.events.next() {
            match event {
                Event::Start(Tag::TableHead | Tag::TableRow) => row = Vec::new(),
                Event::End(TagEnd::TableHead | TagEnd::TableRow) => table.rows.push(std::mem::take(&mut row)),
                Event::Start(Tag::TableCell) => {
                    let mut cell = String::new();
                    let plain = Style { plain: true, ..Style::default() };
                    inline::text(&mut self.events, Some(TagEnd::TableCell), plain, &mut cell);
                    row.push(cell.trim().to_owned());
                }
                Event::End(TagEnd::Table) => break,
                _ => {}
            }
        }
        table
    }
}

fn node(text: String, span: Range<usize>) -> Node {
    Node { text, span, table: None, apart: false }
}

fn is_container(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::BlockQuote(_) | Tag::List(_) | Tag::Item)
}

/// Three backticks begin and end a block of code, so only ours may stand in a row.
fn unfenced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut backticks = 0;
    for letter in text.chars() {
        backticks = if letter == '`' { backticks + 1 } else { 0 };
        if backticks > 2 {
            out.push(links::NOTHING);
            backticks = 1;
        }
        out.push(letter);
    }
    out
}

/// Code is never indented or quoted, however deep it stands: a reader copies it.
fn prefixed(parts: &[String], first: &str, later: &str) -> String {
    let (mut lines, mut in_code) = (Vec::new(), false);
    for line in parts.iter().flat_map(|text| text.split('\n')) {
        let is_fence = line == FENCE;
        let is_code = in_code || is_fence;
        in_code ^= is_fence;
        if is_code && lines.is_empty() {
            lines.push(first.trim_end().to_owned());
        }
        let prefix = match (is_code, lines.is_empty()) {
            (true, _) => "",
            (false, true) => first,
            (false, false) => later,
        };
        lines.push(format!("{prefix}{line}").trim_end().to_owned());
    }
    if lines.is_empty() { first.trim_end().to_owned() } else { lines.join("\n") }
}
