//! The simulated model as a keeper of notes: from numbered messages it writes down what they plainly state, as JSON.
//!
//! It knows a few sentences ("X is Y", "X moved to Y", "we decided to …"), takes values word for word, and finds nothing in
//! any other.

mod summary;

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::{prompt::content, words};

static NUMBERED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(\d+)\. [^:]{1,80}: (.+)$").expect("a valid pattern"));
static DECIDED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^we(?:'ve| have)? (?:decided|agreed) (?:that |to |on )?(.+)$").expect("a valid pattern")
});
static STATED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^(my|our|the|his|her|their)? ?([\p{L}][\p{L}\p{N}' -]{0,50}?) (?:is now|are now|is|are|was moved to|has moved to|moved to|has been moved to) (?:on |at |in )?(.+)$",
    )
    .expect("a valid pattern")
});
/// What may stand in front of what is stated.
const LEADS: [&str; 8] = [
    "please remember that ",
    "please remember: ",
    "remember that ",
    "remember: ",
    "note that ",
    "fyi: ",
    "fyi, ",
    "no, ",
];
/// Subjects that name nothing.
const EMPTY: [&str; 12] =
    ["it", "this", "that", "there", "he", "she", "they", "you", "what", "here", "we", "these"];

/// `None`: something else is asked.
pub(super) fn reply(messages: &[Value]) -> Option<String> {
    let [system, .., last] = messages else { return None };
    if !content(system).contains("keep the notes of an AI employee") {
        return summary::reply(messages);
    }
    let said = content(last);
    let mut facts: Vec<Value> = Vec::new();
    for line in said.lines().filter_map(|line| NUMBERED.captures(line)) {
        let number: usize = line[1].parse().unwrap_or(0);
        facts.extend(words::sentences(&line[2]).iter().filter_map(|sentence| fact(number, sentence)));
    }
    Some(json!({ "facts": facts }).to_string())
}

fn fact(message: usize, sentence: &str) -> Option<Value> {
    if words::is_question(sentence) {
        return None;
    }
    // A mention at the beginning addresses somebody.
    let mut plain = sentence.trim().trim_end_matches(['.', '!']);
    while let Some((_, rest)) = plain.strip_prefix("<@").and_then(|rest| rest.split_once('>')) {
        plain = rest.trim_start_matches([',', ':', ' ']);
    }
    if let Some(lead) = LEADS.iter().find(|lead| plain.to_lowercase().starts_with(**lead)) {
        plain = &plain[lead.len()..];
    }
    let entry = |subject: &str, attribute: &str, value: &str, single: bool, decision: bool| {
        Some(json!({ "message": message, "subject": subject, "attribute": attribute, "value": value.trim(),
                     "single": single, "decision": decision }))
    };
    if let Some(decided) = DECIDED.captures(plain) {
        return entry("we", "decided", &decided[1], false, true);
    }
    let stated = STATED.captures(plain)?;
    let (owner, subject, value) = (stated.get(1).map_or("", |owner| owner.as_str()), &stated[2], &stated[3]);
    if EMPTY.contains(&subject.to_lowercase().as_str()) || subject.split_whitespace().count() > 5 {
        return None;
    }
    if owner.eq_ignore_ascii_case("my") {
        return entry("I", subject, value, true, false);
    }
    let attribute = if words::has_time(value) { "date" } else { "value" };
    entry(subject, attribute, value, true, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(said: &str) -> Vec<Value> {
        let messages = [
            json!({ "role": "system", "content": "You keep the notes of an AI employee." }),
            json!({ "role": "user", "content": format!("<said x>\n{said}\n</said x>") }),
        ];
        let answer: Value = serde_json::from_str(&reply(&messages).expect("it is asked for facts")).expect("JSON");
        answer["facts"].as_array().expect("a list").clone()
    }

    #[test]
    fn plain_statements_become_facts_and_nothing_else_does() {
        let facts = drawn(
            "1. Ada: Remember that the launch is on 14 March. When is lunch?\n2. Ada: The launch moved to 21 March!\n\
             3. Bob: My badge number is 4711.\n4. Bob: We decided to paint it blue.\n5. Bob: Hello there, is it you?",
        );
        let told: Vec<String> = facts
            .iter()
            .map(|fact| {
                let text = |name: &str| fact[name].as_str().unwrap_or_default().to_owned();
                format!("{} {} | {} | {}", fact["message"], text("subject"), text("attribute"), text("value"))
            })
            .collect();
        assert_eq!(
            told,
            [
                "1 launch | date | 14 March",
                "2 launch | date | 21 March",
                "3 I | badge number | 4711",
                "4 we | decided | paint it blue"
            ]
        );
        assert_eq!(reply(&[json!({ "role": "user", "content": "1. Ada: The launch is today." })]), None);
    }
}
