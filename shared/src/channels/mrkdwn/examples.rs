//! What a reader sees, example by example; a change of the renderer is a readable diff.

use super::*;

const EXAMPLES: [(&str, &str); 40] = [
    ("plain", "Hello, the launch is on 14 March."),
    ("bold, italic, both", "**bold** and *italic* and _also_ and ***both***"),
    ("strike", "~~old~~ new"),
    ("code span", "run `cargo test` now"),
    ("code span with a backtick", "the letter `` ` `` itself"),
    ("heading", "# Title\n\nText"),
    ("heading with bold", "## The **big** plan"),
    ("heading at once followed", "### Steps\n1. one\n2. two"),
    ("bullets", "- one\n- two\n* three"),
    ("bullets after a sentence", "You need:\n- flour\n- salt"),
    ("nested bullets", "- one\n  - inner\n    - innermost\n- two"),
    ("numbers begin where they begin", "3. three\n4. four"),
    ("item with paragraphs", "1. first\n\n   more of it\n\n2. second"),
    ("item with code", "1. run\n   ```sh\n   make up\n   ```\n2. wait"),
    ("tasks", "- [ ] open\n- [x] done"),
    ("quotation", "> said\n> and went on\n\nmine"),
    ("quotation in quotation", "> outer\n>> inner"),
    ("fence with a language", "```rust\nlet x = a < b && c > d;\n```"),
    ("fence without an end", "before\n```\nlet x = 1;"),
    ("fence of tildes that holds backticks", "~~~\n```\ninner\n```\n~~~"),
    ("words beside a fence", "```let x = 1;\nmore\n```"),
    ("indented code", "text\n\n    four spaces"),
    ("rule", "above\n\n---\n\nbelow"),
    ("link", "see [the handbook](https://wiki.example/a?b=1&c=2)"),
    ("link that says another address", "[https://bank.example](https://evil.example)"),
    ("link of its own address", "[https://wiki.example/](https://wiki.example) and <https://a.example>"),
    ("bare address", "see https://wiki.example/a_b_c, or (https://b.example)."),
    ("mail", "write to <ada@example.org> or [Ada](mailto:ada@example.org)"),
    ("other schemes are text", "[x](javascript:alert(1)) [y](file:///etc/passwd) [z](data:text/html,hi)"),
    ("image", "![a chart](https://evil.example/p.png?d=secret)"),
    ("reference", "see [the page][1]\n\n[1]: https://wiki.example/page"),
    ("html is text", "<b>bold</b> <img src=x onerror=alert(1)>\n\n<div>\nblock\n</div>"),
    ("line breaks", "one  \ntwo\\\nthree<br>four"),
    ("entities", "AT&T &lt;!channel&gt; &copy; 1 < 2 > 0"),
    ("pings", "<!channel> <!here> <@U123> <#C1|general> <!subteam^S1> `<!everyone>` @here"),
    ("escapes", "\\*not bold\\* and 5 * 3 = 15 and snake_case_name"),
    ("table", "| Name | Price |\n|:-----|------:|\n| Tea | 2 |\n| **Coffee** | [10](https://a.example) |"),
    ("table with wide letters", "| 名前 | x |\n|---|---|\n| 山田 | 1 |\n| a\\|b | `c` |"),
    ("emoji and joiners", "👩‍🚀 ok 👍🏽 e\u{301}"),
    ("hidden letters", "pass\u{200b}word \u{202e}gpj.exe\u{202c} \u{e0041}x"),
];

#[test]
fn every_example_reads_as_it_should() {
    let shown: Vec<String> = EXAMPLES
        .iter()
        .map(|(name, markdown)| format!("## {name}\n{markdown}\n-- shown --\n{}\n", from_markdown(markdown)))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn every_example_is_streamed_without_a_ping_or_a_hidden_link() {
    let shown: Vec<String> =
        EXAMPLES.iter().map(|(name, markdown)| format!("## {name}\n{}\n", markdown_text("", markdown))).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn attack_127_nothing_of_the_model_pings_or_hides_a_link() {
    let text = from_markdown(
        "Hi <!channel> <@U1> <https://evil.example|https://bank.example> & [bank](https://evil.example)",
    );
    assert_eq!(
        text,
        "Hi &lt;!channel&gt; &lt;@U1&gt; https://evil.example|https://bank.example &amp; bank (<https://evil.example>)"
    );
    // The same in pieces: neither of them alone is a mention or a link.
    for (first, second) in
        [("<!chan", "nel>"), ("[bank]", "(https://evil.example)"), ("[bank](https://ev", "il.example)")]
    {
        let streamed = markdown_text("", first) + &markdown_text(first, second);
        assert!(!streamed.contains("<!") && !streamed.contains("k]("), "{streamed}");
    }
}

#[test]
fn attack_126_no_image_and_no_block_of_the_models() {
    let text =
        "![x](https://evil.example/a.png) {\"type\":\"image\",\"image_url\":\"https://evil.example/b.png\"}";
    for block in blocks(text) {
        assert!(matches!(block["type"].as_str(), Some("section" | "table")), "{block}");
        assert_eq!(block["text"]["verbatim"], true);
    }
}

#[test]
fn attack_135_no_letter_of_the_model_turns_the_order_of_others_around() {
    let hidden = "see \u{202e}moc.elpmaxe\u{202c} an\u{200b}d \u{e0041}go";
    assert_eq!(from_markdown(hidden), "see moc.elpmaxe and go");
    assert_eq!(markdown_text("", hidden), "see moc.elpmaxe and go");
    let cell = blocks("| a |\n|---|\n| b\u{202e}c |");
    assert_eq!(cell[0]["rows"][1][0]["text"], "bc");
}

#[test]
fn a_table_is_slacks_own_once_and_within_its_limits() {
    let table = "| a | b |\n|---|--:|\n| 1 | 2 |";
    let kinds = |markdown: &str| -> Vec<String> {
        blocks(markdown).iter().map(|block| block["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&format!("before\n\n{table}\n\nafter\n\n{table}")), ["section", "table", "section"]);
    let row = "| 1 | 2 |\n";
    assert_eq!(kinds(&format!("| a | b |\n|---|---|\n{}", row.repeat(99))), ["table"]);
    assert_eq!(kinds(&format!("| a | b |\n|---|---|\n{}", row.repeat(100))), ["section"]);
    assert_eq!(kinds(&format!("|{}\n|{}\n", "a|".repeat(21), "-|".repeat(21))), ["section"]);
    assert_eq!(blocks(table)[0]["column_settings"][1]["align"], "right");
}

#[test]
fn a_table_as_a_file_holds_no_formula() {
    let nodes = render::nodes("| name | sum |\n|---|---|\n| =HYPERLINK(1) | -5 |\n| \"a\", b | @x |");
    let csv = nodes[0].table.as_ref().unwrap().csv();
    assert_eq!(csv, "name,sum\r\n'=HYPERLINK(1),-5\r\n\"\"\"a\"\", b\",'@x\r\n");
}

#[test]
fn a_fence_is_closed_and_opened_again_around_a_cut() {
    let code = format!("Intro\n\n```rust\n{}```\n\nEnd", "let x = 1;\n".repeat(40));
    let cut = split_at(&code, 200);
    assert!(cut.head.starts_with("Intro\n\n```rust\nlet") && cut.head.ends_with("1;\n```"), "{}", cut.head);
    assert!(cut.tail.starts_with("```rust\nlet x = 1;\n"), "{}", cut.tail);
    assert_eq!((cut.closed, cut.reopened), (4, 8));
    assert_eq!(&code[cut.at..], &cut.tail[8..]);
    // In a list, with the fence's own indent; in a quotation, with its mark.
    let item = format!("- run\n  ```\n{}  ```", "  make up\n".repeat(30));
    assert!(split_at(&item, 100).tail.starts_with("  ```\n  make up"), "{}", split_at(&item, 100).tail);
    let quoted = format!("> ```\n{}> ```", "> said\n".repeat(30));
    assert!(split_at(&quoted, 100).tail.starts_with("> ```\n> said"), "{}", split_at(&quoted, 100).tail);
}

#[test]
fn a_table_repeats_its_head_after_a_cut() {
    let table = format!("| a | b |\n|---|---|\n{}", "| one | two |\n".repeat(30));
    let cut = split_at(&table, 200);
    assert!(cut.tail.starts_with("| a | b |\n|---|---|\n| one"), "{}", cut.tail);
    assert_eq!((cut.closed, cut.reopened), (0, 20));
}

#[test]
fn code_is_never_indented_however_deep_it_stands() {
    assert_eq!(from_markdown("- > ```\n  > make up\n  > ```"), "• >\n```\nmake up\n```");
    assert_eq!(from_markdown("> - say\n>   ```\n>   a\n>   ```\n> - b"), "> ◦ say\n```\na\n```\n> ◦ b");
}

#[test]
fn half_a_row_is_not_put_under_the_tables_head_again() {
    // What is left of the row would begin a block of HTML there, and end the table.
    let table = format!("| a | b |\n|---|---|\n{}<!channel>\n", "&lt;!here&gt;".repeat(9));
    let cut = split_at(&table, 60);
    assert_eq!((cut.closed, cut.reopened), (0, 0));
    assert_eq!(format!("{}{}", cut.head, cut.tail), table);
    let second = split_at(&cut.tail, 60);
    assert!(!second.head.is_empty() && !second.head.starts_with("| a"), "{}", second.head);
}

#[test]
fn what_is_shown_already_is_never_before_the_cut() {
    let text = format!("{}\n\n{}", "a".repeat(50), "b ".repeat(60));
    assert_eq!(split_at(&text, 100).head, "a".repeat(50), "the paragraph is the best place");
    for from in [60, 99, 120] {
        let cut = split_from(&text, from, 100);
        assert!(cut.at >= from, "{} {from}", cut.at);
        assert_eq!(
            format!("{}{}", cut.head, cut.tail).replace(char::is_whitespace, ""),
            text.replace(char::is_whitespace, "")
        );
    }
}

#[test]
fn attack_178_a_text_of_nothing_but_brackets_costs_no_stack() {
    for text in [
        ">".repeat(20_000),
        "[".repeat(20_000),
        "*a ".repeat(8_000),
        "![".repeat(9_000),
        "- ".repeat(9_000),
        "<".repeat(20_000),
    ] {
        let pages = pages(&text);
        assert!(pages.iter().all(|page| fits(page)), "{}", &text[..4]);
        markdown_text("", &text[..2_000.min(text.len())]);
    }
}
