//! A model's Markdown as Slack shows it, built so that a text can't ping, link deceptively or break out of a block.
//!
//! A parser reads the Markdown and everything visible is written anew: `& < >` are escaped, so that no `<!channel>`,
//! `<@U…>` or `<url|label>` survives from the model. The only `<…>` are addresses we write, always in full.
//!
//! | file | does |
//! |---|---|
//! | `render.rs`, `inline.rs` | the parser's events → Slack's mark-up |
//! | `links.rs` | escaping, and which addresses become links |
//! | `table.rs` | tables: Slack's own block, or columns in a code block |
//! | `cut.rs` | where a text may be cut: never inside a letter, a link or an open fence |
//! | `streamed.rs` | Markdown for the streaming methods, which parse it themselves |

mod cut;
mod inline;
mod links;
mod render;
mod streamed;
mod table;

use serde_json::{Value, json};

pub use cut::{Cut, split, split_at, split_from};
pub use streamed::markdown_text;
pub use table::Table;

/// Longest text of one section block, in characters; Slack allows 3,000, and escaping is counted.
pub const SECTION_MAX: usize = 2_900;
/// Longest Markdown of one message, in characters as they are counted after escaping.
pub const MESSAGE_MAX: usize = 9_000;
/// Longest text of one streamed message, over all its pieces; Slack refuses more than 12,000 characters.
pub const STREAM_MAX: usize = 11_500;

/// Slack refuses about 13,200 characters of blocks, and more than 50 of them.
const BLOCKS_CHARS_MAX: usize = 12_500;
const BLOCKS_MAX: usize = 48;
/// A page that is too rich is made smaller by halves; at this size everything fits.
const PAGE_MIN: usize = 300;
/// Of the notification's text.
const NOTIFICATION_MAX: usize = 2_900;

/// Slack's mark-up of a Markdown text. Code stays as it is; a table becomes columns in a code block.
pub fn from_markdown(markdown: &str) -> String {
    render::joined(&render::nodes(markdown))
}

/// A message's blocks: sections, and the first table as Slack's own.
pub fn blocks(markdown: &str) -> Vec<Value> {
    let nodes = render::nodes(markdown);
    let own_table = nodes.iter().position(|node| node.table.as_ref().is_some_and(Table::fits_a_block));
    let (before, table, after) = match own_table {
        Some(at) => (&nodes[..at], nodes[at].table.as_ref(), &nodes[at + 1..]),
        None => (nodes.as_slice(), None, &[][..]),
    };
    let mut blocks = sections(&render::joined(before));
    blocks.extend(table.map(Table::block));
    blocks.extend(sections(&render::joined(after)));
    blocks
}

/// What a notification shows, and readers that don't know blocks.
pub fn notification(markdown: &str) -> String {
    split(&from_markdown(markdown), NOTIFICATION_MAX).swap_remove(0)
}

/// The messages a Markdown text needs, each still Markdown, so that each keeps every limit of a message of blocks.
pub fn pages(markdown: &str) -> Vec<String> {
    let (mut pages, mut rest) = (Vec::new(), markdown.trim().to_owned());
    while !rest.is_empty() {
        let mut cap = MESSAGE_MAX;
        let mut cut = split_at(&rest, cap);
        while cap > PAGE_MIN && !fits(&cut.head) {
            cap /= 2;
            cut = split_at(&rest, cap);
        }
        if !cut.head.trim().is_empty() {
            pages.push(cut.head);
        }
        rest = cut.tail;
    }
    if pages.is_empty() {
        pages.push(String::new());
    }
    pages
}

fn fits(markdown: &str) -> bool {
    let blocks = blocks(markdown);
    let chars: usize = blocks.iter().map(block_chars).sum();
    blocks.len() <= BLOCKS_MAX && chars <= BLOCKS_CHARS_MAX
}

fn block_chars(block: &Value) -> usize {
    match &block["rows"] {
        Value::Array(rows) => rows
            .iter()
            .flat_map(|row| row.as_array().into_iter().flatten())
            .map(|cell| cell["text"].as_str().map_or(0, |text| text.chars().count()))
            .sum(),
        _ => block["text"]["text"].as_str().map_or(0, |text| text.chars().count()),
    }
}

/// `verbatim`: Slack finds no names or addresses by itself in what we wrote.
fn sections(mrkdwn: &str) -> Vec<Value> {
    if mrkdwn.trim().is_empty() {
        return Vec::new();
    }
    split(mrkdwn, SECTION_MAX)
        .into_iter()
        .map(|text| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } }))
        .collect()
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod properties;
