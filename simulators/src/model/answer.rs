//! The simulated model's mind: it finds the sentence of its prompt that answers, or says that there is none.
//!
//! It knows nothing itself, so what it answers shows what the product put into the prompt. It is pure: the
//! same messages give the same reply.

use std::cmp::Ordering;

use serde_json::Value;

use super::{
    prompt::{self, Prompt, Sentence, Source},
    words::{self, Word},
};

const UNKNOWN: &str = "I don't know that yet: nothing in our conversation or my memory says so.";
const IDENTITY: &str = "I'm an AI assistant, not a human being. A simulated model is answering here, \
    made for development and tests.";

/// How much of what a question asks for a sentence must contain.
const MATCH_MIN: f64 = 0.6;
/// The same without names and numbers: "the Berlin office" alone does not tell its password.
const PLAIN_MATCH_MIN: f64 = 0.5;
const SPECIAL_WEIGHT: f64 = 2.0;
/// "colour" in "which colour is the car": the answer names one and need not say the word.
const ATTRIBUTE_WEIGHT: f64 = 0.5;
/// "date", "name", "place": the answer is one.
const CATEGORY_WEIGHT: f64 = 0.25;
const WRONG_KIND: f64 = 0.5;
const OTHER_PERSON: f64 = 0.3;

const TIME_CATEGORIES: [&str; 5] = ["dat", "date", "day", "time", "tim"];
const OTHER_CATEGORIES: [&str; 8] = ["name", "person", "plac", "place", "location", "city", "number", "amount"];
const IDENTITY_NOUNS: [&str; 15] = [
    "human",
    "person",
    "bot",
    "robot",
    "ai",
    "machine",
    "real",
    "artificial",
    "chatgpt",
    "gpt",
    "llm",
    "model",
    "mensch",
    "ki",
    "roboter",
];
const IDENTITY_QUESTIONS: [&str; 5] =
    ["who are you", "what are you", "what exactly are you", "wer bist du", "was bist du"];
const SMALL_TALK: &str = "hi hello hey there hallo good morning afternoon evening thanks thank you \
    danke very much ok okay great cool bye cheers so many team everyone";

pub(super) fn reply(messages: &[Value]) -> String {
    let prompt = prompt::parse(messages);
    if prompt.asked.is_empty() {
        return acknowledge(&prompt);
    }
    let mut replies: Vec<String> = Vec::new();
    for question in &prompt.asked {
        let reply = if is_about_identity(question) { IDENTITY.to_owned() } else { answer(question, &prompt) };
        if !replies.contains(&reply) {
            replies.push(reply);
        }
    }
    replies.join("\n")
}

fn acknowledge(prompt: &Prompt) -> String {
    let all_words: Vec<String> = prompt.told.iter().flat_map(|sentence| words::tokens(sentence)).collect();
    let small_talk = |word: &String| SMALL_TALK.split_whitespace().any(|known| known == word.to_lowercase());
    if all_words.is_empty() {
        return "I received a message without words.".to_owned();
    }
    if all_words.iter().all(small_talk) {
        let thanked = all_words.iter().any(|word| word.to_lowercase().starts_with("thank") || word == "danke");
        return if thanked { "You're welcome." } else { "Hello! I'm an AI assistant. How can I help?" }.to_owned();
    }
    let weight = |sentence: &&String| {
        let words = words::content_words(sentence);
        words.iter().map(|word| if word.is_special { 2 } else { 1 }).sum::<usize>()
    };
    // Of equals the first: `max_by_key` would take the last.
    let key_fact = prompt.told.iter().rev().max_by_key(weight);
    format!("Noted: {}", key_fact.map(String::as_str).unwrap_or_default())
}

fn answer(question: &str, prompt: &Prompt) -> String {
    let wanted = Wanted::read(question);
    if wanted.words.is_empty() {
        return match prompt.known.iter().rfind(|sentence| sentence.source == Source::Person) {
            Some(last) if wanted.asks_what_was_said => quote(last, prompt),
            _ => UNKNOWN.to_owned(),
        };
    }
    let scored = prompt.known.iter().map(|sentence| (wanted.score(sentence, prompt), sentence));
    let best = scored.filter(|(score, _)| *score >= MATCH_MIN).max_by(better);
    best.map_or_else(|| UNKNOWN.to_owned(), |(_, sentence)| quote(sentence, prompt))
}

/// The higher score; on a tie what was said later: memories by their time, then the conversation in order.
fn better(one: &(f64, &Sentence), other: &(f64, &Sentence)) -> Ordering {
    let talk = |sentence: &Sentence| matches!(sentence.source, Source::Person | Source::Assistant);
    let age = |sentence: &Sentence| {
        if talk(sentence) { String::new() } else { sentence.stamp.clone() }
    };
    one.0
        .total_cmp(&other.0)
        .then_with(|| talk(one.1).cmp(&talk(other.1)))
        .then_with(|| age(one.1).cmp(&age(other.1)))
        .then_with(|| one.1.position.cmp(&other.1.position))
}

fn quote(sentence: &Sentence, prompt: &Prompt) -> String {
    let text = &sentence.text;
    if let Some(title) = &sentence.document {
        return format!("It says: \"{text}\" (source: {title})");
    }
    match (sentence.source, &sentence.speaker) {
        (Source::Assistant, _) => format!("I said earlier: \"{text}\""),
        (Source::Instructions, _) => format!("As far as I know: \"{text}\""),
        (_, Some(speaker)) if ["assistant", "agent"].contains(&speaker.to_lowercase().as_str()) => {
            format!("I said earlier: \"{text}\"")
        }
        (_, Some(speaker)) if prompt.asker.as_ref() != Some(speaker) && speaker.to_lowercase() != "user" => {
            format!("{speaker} told me: \"{text}\"")
        }
        (Source::Memory, None) => format!("I remember: \"{text}\""),
        _ => format!("You told me: \"{text}\""),
    }
}

/// What a question asks for.
struct Wanted {
    words: Vec<(Word, f64)>,
    time: bool,
    number: bool,
    person: bool,
    first_person: bool,
    asks_what_was_said: bool,
}

impl Wanted {
    fn read(question: &str) -> Self {
        let plain = question.to_lowercase();
        let tokens = words::tokens(&plain);
        let has = |word: &str| tokens.iter().any(|token| token == word);
        let asked_for = tokens.windows(2).find(|pair| ["what", "which"].contains(&pair[0].as_str()));
        let attribute = asked_for.and_then(|pair| words::content_words(&pair[1]).pop()).map(|word| word.stem);

        let weigh = |word: Word| {
            let category = [&TIME_CATEGORIES[..], &OTHER_CATEGORIES].concat().contains(&word.stem.as_str());
            let weight = match () {
                () if category => CATEGORY_WEIGHT,
                () if Some(&word.stem) == attribute.as_ref() => ATTRIBUTE_WEIGHT,
                () if word.is_special => SPECIAL_WEIGHT,
                () => 1.0,
            };
            (word, weight)
        };
        let words: Vec<(Word, f64)> = words::content_words(question).into_iter().map(weigh).collect();
        let time_category = words.iter().any(|(word, _)| TIME_CATEGORIES.contains(&word.stem.as_str()));
        Self {
            time: has("when") || has("wann") || time_category,
            number: plain.contains("how many") || plain.contains("how much"),
            person: has("who") || has("whom") || has("wer"),
            first_person: words::is_first_person(question),
            asks_what_was_said: ["say", "said", "tell", "told", "mention", "remember"].into_iter().any(has),
            words,
        }
    }

    /// The share of the wanted words that the sentence (or the name of its speaker) contains, less if it fits
    /// badly.
    fn score(&self, sentence: &Sentence, prompt: &Prompt) -> f64 {
        let said = words::content_words(&sentence.text);
        let speaker = words::content_words(sentence.speaker.as_deref().unwrap_or_default());
        let among =
            |words: &[Word], wanted: &Word| words.iter().any(|word| words::same_word(&word.stem, &wanted.stem));
        let share = |plain_only: bool| {
            let counted = || self.words.iter().filter(move |(word, _)| !plain_only || !word.is_special);
            let total: f64 = counted().map(|(_, weight)| weight).sum();
            let found = counted().filter(|(word, _)| among(&said, word) || among(&speaker, word));
            if total > 0.0 { found.map(|(_, weight)| weight).sum::<f64>() / total } else { 1.0 }
        };
        let speaks_of_it = self.words.iter().any(|(word, _)| among(&said, word));
        if !speaks_of_it || share(true) < PLAIN_MATCH_MIN {
            return 0.0;
        }
        share(false) * self.fit(sentence, prompt)
    }

    fn fit(&self, sentence: &Sentence, prompt: &Prompt) -> f64 {
        let mut fit = match sentence.source {
            Source::Memory | Source::Person => 1.0,
            Source::Instructions => 0.97,
            Source::Assistant => 0.95,
        };
        let text = &sentence.text;
        let named = words::has_name(text) || (sentence.speaker.is_some() && words::is_first_person(text));
        for (asked, present) in
            [(self.time, words::has_time(text)), (self.number, words::has_number(text)), (self.person, named)]
        {
            if asked && !present {
                fit *= WRONG_KIND;
            }
        }
        let someone_else =
            sentence.speaker.is_some() && prompt.asker.is_some() && sentence.speaker != prompt.asker;
        if self.first_person && someone_else && words::is_first_person(text) {
            fit *= OTHER_PERSON;
        }
        fit
    }
}

fn is_about_identity(question: &str) -> bool {
    let tokens = words::tokens(&question.to_lowercase());
    let plain = tokens.join(" ");
    let about_me = [
        "are you",
        "you are",
        "you re",
        "talking to",
        "talking with",
        "speaking to",
        "speaking with",
        "chatting with",
        "bist du",
    ];
    let names_a_kind = tokens.iter().any(|token| IDENTITY_NOUNS.contains(&token.as_str()));
    IDENTITY_QUESTIONS.contains(&plain.as_str())
        || (names_a_kind && about_me.iter().any(|part| plain.contains(part)))
}
