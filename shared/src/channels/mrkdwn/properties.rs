//! What holds for every text: nothing visible is lost, nothing pings, no limit is passed, no letter is cut.

use std::{collections::HashSet, sync::LazyLock};

use proptest::{collection::vec, prelude::*};
use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

use super::*;
use crate::message::is_hidden;

static OUR_LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<(?i:https?://|mailto:)[^<>|\s`]+>").expect("a pattern"));

/// Blocks made of numbered words, so that each can be looked for.
fn document() -> impl Strategy<Value = String> {
    vec((0..9_u8, 1..12_usize, 1..6_usize), 1..40).prop_map(|blocks| {
        let mut number = 0;
        let mut words = |count: usize| {
            let words: Vec<String> = (0..count)
                .map(|_| {
                    number += 1;
                    format!("w{number}w")
                })
                .collect();
            words.join(" ")
        };
        let mut out = String::new();
        for (kind, length, count) in blocks {
            let block = match kind {
                0 => format!("## {}\n", words(length)),
                1 => (0..count).map(|_| format!("- {}\n", words(length))).collect(),
                2 => (1..=count).map(|n| format!("{n}. **{}** {}\n", words(1), words(length))).collect(),
                3 => (0..count).map(|_| format!("> {}\n", words(length))).collect(),
                4 => format!("```sh\n{}```\n", (0..count * 4).map(|_| words(length) + "\n").collect::<String>()),
                5 => {
                    let rows: String = (0..count).map(|_| format!("| {} | {} |\n", words(2), words(1))).collect();
                    format!("| {} | {} |\n|---|---|\n{rows}", words(1), words(1))
                }
                6 => format!("{} [{}](https://e.example/{}) _{}_\n", words(1), words(2), words(1), words(length)),
                7 => format!("{}\n", words(length * 40)),
                _ => format!("{} `{}` & {} < {}\n", words(length), words(1), words(1), words(1)),
            };
            out.push_str(&block);
            out.push('\n');
        }
        out
    })
}

/// Anything a model might say, with much of what means something to Slack or to Markdown.
fn anything() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("<!channel>".to_owned()),
        Just("<@U1>".to_owned()),
        Just("&lt;!here&gt;".to_owned()),
        Just("[a](https://evil.example)".to_owned()),
        Just("[x]: https://e.example\n".to_owned()),
        Just("```".to_owned()),
        Just("\n```\n".to_owned()),
        Just("\n| a | b |\n|---|---|\n| c | d |\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("\n- ".to_owned()),
        Just("\n> ".to_owned()),
        Just("👩‍👩‍👧‍👦".to_owned()),
        "[`*_~|<>()\\[\\]!#&;:\\\\ \n-]{1,4}",
        "[a-zé漢\u{301}]{1,12} ",
        ".{0,8}",
    ];
    vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

fn assert_harmless(text: &str) {
    let without = OUR_LINK.replace_all(text, "");
    assert!(!without.contains('<'), "a mention or a link can't begin: {text:?}");
    assert!(!text.contains(is_hidden), "nobody sees that: {text:?}");
    let entities: usize = ["&amp;", "&lt;", "&gt;"].iter().map(|entity| text.matches(entity).count()).sum();
    assert_eq!(text.matches('&').count(), entities, "every & is an entity: {text:?}");
}

fn numbered(text: &str) -> Vec<&str> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"w\d+w").expect("a pattern"));
    WORD.find_iter(text).map(|found| found.as_str()).collect()
}

/// Cuts until nothing is left; every mark that was added is taken off again.
fn cut_up(text: &str, cap: usize) -> (Vec<Cut>, String) {
    let (mut cuts, mut said, mut rest, mut reopened) = (Vec::new(), String::new(), text.to_owned(), 0);
    while !rest.is_empty() {
        let cut = split_at(&rest, cap);
        let head: Vec<char> = cut.head.chars().collect();
        said.extend(&head[reopened..head.len() - cut.closed]);
        (rest, reopened) = (cut.tail.clone(), cut.reopened);
        cuts.push(cut);
        assert!(cuts.len() <= text.len() + 1, "it never ends");
    }
    (cuts, said)
}

fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

proptest! {
    #[test]
    fn no_word_is_lost_or_said_twice(markdown in document()) {
        let words = numbered(&markdown);
        prop_assert_eq!(words.len(), words.iter().collect::<HashSet<_>>().len());
        let (shown, streamed) = (from_markdown(&markdown), markdown_text("", &markdown));
        prop_assert_eq!(numbered(&shown), words.clone());
        prop_assert_eq!(numbered(&streamed), words.clone());
        let heads: HashSet<String> = pages(&markdown).iter().flat_map(|page| {
            let blocks = blocks(page);
            numbered(&serde_json::to_string(&blocks).unwrap()).into_iter().map(str::to_owned).collect::<Vec<_>>()
        }).collect();
        prop_assert!(words.iter().all(|word| heads.contains(*word)));
    }

    #[test]
    fn every_message_keeps_every_limit(markdown in document(), times in 1..6_usize) {
        for page in pages(&markdown.repeat(times)) {
            let blocks = blocks(&page);
            prop_assert!(blocks.len() <= 50);
            prop_assert!(blocks.iter().map(block_chars).sum::<usize>() <= 13_200);
            for block in &blocks {
                prop_assert!(block["text"]["text"].as_str().is_none_or(|text| text.chars().count() <= 3_000 && !text.trim().is_empty()));
            }
            prop_assert!(notification(&page).chars().count() <= 3_000);
        }
    }

    #[test]
    fn nothing_that_is_said_pings_or_hides(markdown in anything()) {
        let text = from_markdown(&markdown);
        assert_harmless(&text);
        prop_assert_eq!(text.lines().filter(|line| line.contains("```")).count() % 2, 0, "{:?}", text);
        for piece in split(&text, 60) {
            assert_harmless(&piece);
            prop_assert!(piece.chars().count() <= 60, "{:?}", piece);
            prop_assert_eq!(piece.matches("```").count() % 2, 0, "{:?}", piece);
        }
        for piece in split(&text, SECTION_MAX) {
            prop_assert!(piece.chars().count() <= SECTION_MAX);
        }
    }

    #[test]
    fn nothing_that_is_streamed_pings(markdown in anything(), cut in 0..200_usize) {
        let at = markdown.char_indices().map(|(index, _)| index).nth(cut).unwrap_or(markdown.len());
        let (first, second) = markdown.split_at(at);
        let text = markdown_text("", first) + &markdown_text(first, second);
        for ping in ["<!", "<@", "<#"] {
            prop_assert!(!text.contains(ping), "{:?}", text);
        }
        prop_assert!(!text.contains(is_hidden));
    }

    #[test]
    fn a_cut_loses_nothing_and_cuts_no_letter(markdown in anything(), cap in 40..400_usize) {
        let (cuts, said) = cut_up(&markdown, cap);
        prop_assert_eq!(dense(&said), dense(&markdown));
        for cut in &cuts {
            let weight: usize = cut.head.chars().map(|letter| match letter { '&' => 5, '<' | '>' => 4, _ => 1 }).sum();
            prop_assert!(weight <= cap, "{} of {cap}: {:?}", weight, cut.head);
        }
        let boundaries: HashSet<usize> = markdown.grapheme_indices(true).map(|(index, _)| index).collect();
        let first = &cuts.first().map_or(0, |cut| cut.at);
        prop_assert!(*first == markdown.len() || boundaries.contains(first), "{first}");
    }

    #[test]
    fn the_words_of_a_document_survive_every_cut(markdown in document(), cap in 60..3_000_usize) {
        let (_, said) = cut_up(&markdown, cap);
        prop_assert_eq!(dense(&said), dense(&markdown));
    }
}
