//! A model's Markdown as Slack's own mark-up, built so that a text can't ping, link deceptively or break out of a block.
//!
//! `& < >` are escaped first, so that no `<!channel>`, `<@U…>` or `<url|label>` survives from the model; links are then
//! written by us, and a label that differs from its address is shown beside it.

use crate::message::is_hidden;

/// Longest text of one section block, in characters; Slack allows 3,000, and escaping is counted.
pub const SECTION_MAX: usize = 2_900;
/// Longest text of one message; Slack refuses about 13,200 characters of blocks.
pub const MESSAGE_MAX: usize = 9_000;

const FENCE: &str = "```";

/// Converts the usual Markdown: bold, strike, headings, bullets, links. Code stays as it is.
pub fn from_markdown(markdown: &str) -> String {
    let mut in_code = false;
    let lines: Vec<String> = escape(markdown)
        .lines()
        .map(|line| {
            let Some(rest) = line.trim_start().strip_prefix(FENCE) else {
                return if in_code { line.to_owned() } else { convert_line(line) };
            };
            in_code ^= line.matches(FENCE).count() % 2 == 1;
            // The name of a language is not shown; anything else beside a fence is part of what is said.
            let names_language =
                in_code && !rest.trim().contains(|letter: char| letter.is_whitespace() || letter == '`');
            if names_language { FENCE.to_owned() } else { line.to_owned() }
        })
        .collect();
    let mut text = lines.join("\n");
    if in_code {
        text.push('\n');
        text.push_str(FENCE);
    }
    text
}

fn escape(text: &str) -> String {
    let shown: String = text.chars().filter(|letter| !is_hidden(*letter)).collect();
    shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn convert_line(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let (space, rest) = line.split_at(indent);
    let heading = rest.trim_start_matches('#');
    if heading.len() < rest.len() && heading.starts_with(' ') {
        return format!("{space}*{}*", inline(heading.trim()).replace('*', ""));
    }
    if let Some(item) = rest.strip_prefix("- ").or_else(|| rest.strip_prefix("* ")) {
        return format!("{space}• {}", inline(item));
    }
    // An escaped `>` at the start of a line was a quotation.
    if let Some(quoted) = rest.strip_prefix("&gt;") {
        return format!("{space}>{}", inline(quoted));
    }
    inline(line)
}

/// Converts outside of `code spans`.
fn inline(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(|(index, piece)| if index % 2 == 1 { piece.to_owned() } else { links(piece) })
        .map(|piece| piece.replace("**", "*").replace("~~", "~"))
        .collect::<Vec<_>>()
        .join("`")
}

/// `[label](address)` becomes `label (address)`, images their address; Slack links a bare address by itself.
fn links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, label, address, after)) = next_link(rest) {
        out.push_str(before.strip_suffix('!').unwrap_or(before));
        if label.is_empty() || label == address {
            out.push_str(address);
        } else {
            out.push_str(&format!("{label} ({address})"));
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn next_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = text.find("](")?;
    let open = text[..middle].rfind('[')?;
    let close = middle + text[middle..].find(')')?;
    Some((&text[..open], &text[open + 1..middle], &text[middle + 2..close], &text[close + 1..]))
}

/// Cuts at paragraphs, then lines, then sentences, then words, so that no piece is longer than `max` characters; an open code fence is
/// closed at the end of a piece and opened again in the next.
pub fn split(text: &str, max: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_end().to_owned();
    // Room for the fence that closes a piece.
    let room = max - FENCE.len() - 1;
    while rest.chars().count() > max {
        let limit = rest.char_indices().nth(room).map_or(rest.len(), |(index, _)| index);
        let cut = best_cut(&rest[..limit], &rest[limit..]);
        let mut piece = rest[..cut].trim_end().to_owned();
        let mut next = rest[cut..].trim_start_matches('\n').to_owned();
        if piece.matches(FENCE).count() % 2 == 1 {
            piece.push('\n');
            piece.push_str(FENCE);
            next = format!("{FENCE}\n{next}");
        }
        pieces.push(piece);
        rest = next;
    }
    pieces.push(rest);
    // White space alone is no message; nothing at all is one empty piece.
    pieces.retain(|piece| !piece.trim().is_empty());
    if pieces.is_empty() {
        pieces.push(String::new());
    }
    pieces
}

fn best_cut(head: &str, rest: &str) -> usize {
    let late = |position: &usize| *position > head.len() / 2;
    head.rfind("\n\n")
        .filter(late)
        .or_else(|| head.rfind('\n').filter(late))
        .or_else(|| head.rfind(". ").map(|end| end + 1).filter(late))
        .or_else(|| head.rfind(' ').filter(late))
        .filter(|position| *position > FENCE.len() + 1)
        .or_else(|| Some(before_what_belongs_together(head, rest)).filter(late))
        .unwrap_or(head.len())
}

/// Half an entity would be shown as it is written, and half a fence is none.
fn before_what_belongs_together(head: &str, rest: &str) -> usize {
    let entity =
        head.rfind('&').filter(|start| head.len() - start < "&quot;".len() && !head[*start..].contains(';'));
    let whole = &head[..entity.unwrap_or(head.len())];
    if rest.starts_with('`') { whole.trim_end_matches('`').len() } else { whole.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_127_nothing_of_the_model_pings_or_hides_a_link() {
        let text = from_markdown(
            "<!channel> <@U1> <https://evil.example|https://bank.example> & [bank](https://evil.example)",
        );
        assert_eq!(
            text,
            "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|https://bank.example&gt; &amp; bank (https://evil.example)"
        );
    }

    #[test]
    fn markdown_becomes_slacks_own() {
        let text = from_markdown("# Title\n- **bold** and ~~old~~\n> quote\n`**code**`\n```rust\n**x** < 1\n```");
        assert_eq!(text, "*Title*\n• *bold* and ~old~\n> quote\n`*code*`\n```\n**x** &lt; 1\n```");
    }

    #[test]
    fn attack_135_no_letter_of_the_model_turns_the_order_of_others_around() {
        assert_eq!(
            from_markdown("see \u{202e}moc.elpmaxe\u{202c} an\u{200b}d \u{e0041}go"),
            "see moc.elpmaxe and go"
        );
    }

    #[test]
    fn entities_and_fences_are_not_cut_in_half() {
        for cut in 30..44 {
            let text = format!("{}&amp;&lt;```{}", "x".repeat(cut - 10), "y".repeat(40));
            let pieces = split(&text, cut);
            assert_eq!(pieces.concat().replace(['`', '\n'], ""), text.replace('`', ""), "{pieces:?}");
            for piece in pieces {
                assert_eq!(piece.matches('&').count(), piece.matches(';').count(), "{piece}");
                assert_eq!(piece.matches('`').count() % 3, 0, "{piece}");
            }
        }
    }

    #[test]
    fn words_beside_a_fence_are_not_lost() {
        for text in ["```let x = 1;```", "```\ncode\n``` and then", "```let x = 1;\n```", "```a``` b ```c```"] {
            assert_eq!(from_markdown(text), text);
        }
        assert_eq!(from_markdown("```rust\ncode\n```"), "```\ncode\n```");
    }

    #[test]
    fn long_texts_are_cut_without_loss_and_fences_stay_closed() {
        let code = format!("Intro\n\n```\n{}```\n\nEnd", "let x = 1;\n".repeat(900));
        let pieces = split(&code, SECTION_MAX);
        assert!(pieces.len() > 3);
        for piece in &pieces {
            assert!(piece.chars().count() <= SECTION_MAX);
            assert_eq!(piece.matches(FENCE).count() % 2, 0, "{piece}");
        }
        let count = |text: &str| text.matches("let x = 1;").count();
        assert_eq!(pieces.iter().map(|piece| count(piece)).sum::<usize>(), 900);
        assert_eq!(split(&"ü".repeat(10_000), 3_000).concat().chars().count(), 10_000);
        assert_eq!(split("", 10), [""]);
    }
}
