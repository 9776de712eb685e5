//! The simulated model as a keeper of summaries: the plain statements of numbered messages, in their order, without greetings,
//! questions and filler.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::super::{prompt::content, words};

static NUMBERED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\d+\. [^:]{1,80}: (.+)$").expect("a valid pattern"));
const WORDS_MAX: usize = 100;
const SENTENCE_WORDS_MAX: usize = 30;

/// `None`: something else is asked.
pub(super) fn reply(messages: &[Value]) -> Option<String> {
    let [system, .., last] = messages else { return None };
    if !content(system).contains("keep the summary of a conversation") {
        return None;
    }
    let said = content(last);
    let mut room = WORDS_MAX;
    let mut kept: Vec<String> = Vec::new();
    for line in said.lines().filter_map(|line| NUMBERED.captures(line)) {
        for sentence in words::sentences(&line[1]) {
            let length = sentence.split_whitespace().count();
            let says_something = (3..=SENTENCE_WORDS_MAX).contains(&length) && !words::is_question(&sentence);
            if says_something && length <= room && !kept.contains(&sentence) {
                room -= length;
                kept.push(sentence);
            }
        }
    }
    Some(if kept.is_empty() { "-".to_owned() } else { kept.join(" ") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statements_stay_and_questions_go() {
        let messages = [
            json!({ "role": "system", "content": "You keep the summary of a conversation." }),
            json!({ "role": "user", "content": "<said x>\n1. Ada: Hi! The launch is on 14 March.\n2. Bob: Who is coming?\n</said x>" }),
        ];
        assert_eq!(reply(&messages).as_deref(), Some("The launch is on 14 March."));
        assert_eq!(reply(&[json!({ "role": "user", "content": "Hello" })]), None);
    }
}
