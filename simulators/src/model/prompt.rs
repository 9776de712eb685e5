//! A received prompt taken apart: what it says, who said it, and what is asked at its end.
//!
//! Written for prompts whose exact form is not known here: bullets, `[tags]`, times and speaker names in
//! front of a sentence are recognised and taken off, whatever their order.

use serde_json::Value;

use super::words;

const MEMORY_HEADINGS: [&str; 8] = ["memor", "rememb", "recall", "fact", "knowledge", "summary", "notes", "known"];
const HEADING_CHARS_MAX: usize = 120;
const SPEAKER_CHARS_MAX: usize = 60;
const SPEAKER_WORDS_MAX: usize = 5;
/// Words before a colon that are no names.
const LABELS: &str = "note noted reminder remember fyi update correction deadline important question \
    answer todo warning info summary ps re date time place budget";
/// An instruction that says one of these speaks of behaviour, not of the world.
const BEHAVIOUR_WORDS: &str = "you your yourself must never always don't not should answer reply \
    respond user users";

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    Memory,
    Person,
    Assistant,
    Instructions,
}

#[derive(Clone, Debug)]
pub(super) struct Sentence {
    pub(super) text: String,
    pub(super) speaker: Option<String>,
    pub(super) source: Source,
    /// When it was said, as the prompt writes it; sorts by time in the usual form.
    pub(super) stamp: String,
    /// The title of the document it stands in.
    pub(super) document: Option<String>,
    pub(super) position: usize,
}

#[derive(Default)]
pub(super) struct Prompt {
    pub(super) known: Vec<Sentence>,
    /// The questions and the statements of the last user message, and who wrote it.
    pub(super) asked: Vec<String>,
    pub(super) told: Vec<String>,
    pub(super) asker: Option<String>,
}

pub(super) fn parse(messages: &[Value]) -> Prompt {
    let mut prompt = Prompt::default();
    let last_user = messages.iter().rposition(|message| message["role"] == "user");
    for (index, message) in messages.iter().enumerate() {
        let text = content(message);
        match message["role"].as_str().unwrap_or_default() {
            "system" | "developer" => prompt.add_system(&text),
            "assistant" => prompt.add_assistant(&text),
            "user" if Some(index) == last_user => prompt.add_last(&text),
            "user" => prompt.add_lines(&text, Source::Person),
            // What a tool returned.
            _ => prompt.add_lines(&text, Source::Memory),
        }
    }
    prompt
}

/// A string, or the text parts of a list.
pub(super) fn content(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// All that a request says, its tools included.
pub(super) fn everything(request: &Value) -> String {
    let messages = request["messages"].as_array().into_iter().flatten();
    let said =
        messages.map(|message| format!("{}: {}", message["role"].as_str().unwrap_or_default(), content(message)));
    said.chain(request.get("tools").map(Value::to_string)).collect::<Vec<_>>().join("\n\n")
}

impl Prompt {
    fn add_system(&mut self, text: &str) {
        let mut in_memory = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(about_memory) = heading(line) {
                in_memory = about_memory;
                continue;
            }
            let peeled = peel(line);
            if in_memory || peeled.is_remembered() {
                self.add(peeled, Source::Memory);
            } else {
                let peeled =
                    Peeled { speaker: None, body: line.trim_start_matches(['-', '*', '•', ' ']), ..peeled };
                self.add(peeled, Source::Instructions);
            }
        }
    }

    fn add_lines(&mut self, text: &str, source: Source) {
        let mut speaker = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut peeled = peel(line);
            speaker = peeled.speaker.clone().or(speaker);
            peeled.speaker.clone_from(&speaker);
            let source = if peeled.is_remembered() { Source::Memory } else { source };
            self.add(peeled, source);
        }
    }

    /// Of its own earlier answers the model takes what they quote, not their wording.
    fn add_assistant(&mut self, text: &str) {
        for line in text.lines().map(str::trim) {
            let quoted =
                line.split_once(": \"").and_then(|(_, rest)| rest.rsplit_once('"')).map(|(quote, _)| quote);
            let body = quoted.or_else(|| line.strip_prefix("Noted: ")).unwrap_or(line);
            if !body.starts_with("I don't know that yet") && !body.starts_with("I'm an AI assistant") {
                self.add(
                    Peeled { body, speaker: None, stamp: String::new(), bullet: false, document: None },
                    Source::Assistant,
                );
            }
        }
    }

    fn add_last(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let peeled = peel(line);
            if peeled.is_remembered() {
                self.add(peeled, Source::Memory);
                continue;
            }
            self.asker = peeled.speaker.clone().or(self.asker.take());
            let (asked, told): (Vec<_>, Vec<_>) =
                words::sentences(peeled.body).into_iter().partition(|sentence| words::is_question(sentence));
            self.asked.extend(asked);
            self.told.extend(told);
            let speaker = self.asker.clone();
            self.add(Peeled { speaker, ..peeled }, Source::Person);
        }
    }

    /// Only statements can be known.
    fn add(&mut self, from: Peeled<'_>, source: Source) {
        // What is told as outdated is not known.
        if from.stamp.contains("no longer so") {
            return;
        }
        for text in words::sentences(from.body) {
            let about_behaviour = source == Source::Instructions && is_about_behaviour(&text);
            if words::is_question(&text) || about_behaviour {
                continue;
            }
            let (speaker, stamp, document) = (from.speaker.clone(), from.stamp.clone(), from.document.clone());
            self.known.push(Sentence { text, speaker, source, stamp, document, position: self.known.len() });
        }
    }
}

/// A line without what stands before its sentence.
struct Peeled<'a> {
    body: &'a str,
    speaker: Option<String>,
    stamp: String,
    bullet: bool,
    /// The title of the document that says so.
    document: Option<String>,
}

impl Peeled<'_> {
    /// `- [2026-11-20 14:03] …` is a memory wherever it stands, and so is `- [source: …] …`.
    fn is_remembered(&self) -> bool {
        self.bullet && (!self.stamp.is_empty() || self.document.is_some())
    }
}

fn peel(line: &str) -> Peeled<'_> {
    let unbulleted = line.trim_start_matches(['-', '*', '•', '>']).trim_start();
    let (mut body, bullet) = (unbulleted, unbulleted.len() < line.len());
    let (mut stamp, mut document) = (String::new(), None);
    while let Some((tag, rest)) = tag(body) {
        if looks_like_time(tag) {
            stamp = tag.to_owned();
        }
        document = tag.strip_prefix("source: ").map(str::to_owned).or(document);
        body = rest;
    }
    body = without_mentions(body);
    let (speaker, body) = match body.split_once(':') {
        Some((name, rest)) if document.is_none() && is_speaker(name, rest) => {
            (Some(name.trim().to_owned()), without_mentions(rest.trim()))
        }
        _ => (None, body),
    };
    Peeled { body, speaker, stamp, bullet, document }
}

/// `[…] rest` or `(14:03) rest`, but not the `[text](address)` of a link.
fn tag(line: &str) -> Option<(&str, &str)> {
    let (close, inside) = match line.chars().next()? {
        '[' => (']', &line[1..]),
        '(' => (')', &line[1..]),
        _ => return None,
    };
    let (tag, rest) = inside.split_once(close)?;
    let is_tag = !rest.starts_with('(') && (close == ']' || looks_like_time(tag));
    is_tag.then_some((tag.trim(), rest.trim_start_matches([':', ' '])))
}

fn looks_like_time(tag: &str) -> bool {
    tag.starts_with(|letter: char| letter.is_ascii_digit()) && tag.contains(['-', ':', '/', '.'])
}

/// `<@U123>` at the beginning addresses someone and says nothing.
fn without_mentions(text: &str) -> &str {
    let mut text = text.trim_start();
    while let Some((_, rest)) = text.strip_prefix("<@").and_then(|rest| rest.split_once('>')) {
        text = rest.trim_start_matches([',', ':', ' ']);
    }
    text
}

fn is_speaker(name: &str, rest: &str) -> bool {
    let words: Vec<&str> = name.split_whitespace().collect();
    let fits = (1..=SPEAKER_WORDS_MAX).contains(&words.len()) && name.len() <= SPEAKER_CHARS_MAX;
    let named = words.iter().all(|word| word.starts_with(|letter: char| letter.is_uppercase() || letter == '('))
        || ["user", "assistant", "agent", "person", "customer"].contains(&name.to_lowercase().as_str());
    let plain = !name.contains(['.', ',', '!', '?', '"', '/']) || name.ends_with('.');
    let label = LABELS.split_whitespace().any(|label| label == name.to_lowercase());
    fits && named && plain && !label && rest.starts_with(' ') && rest.split_whitespace().count() >= 2
}

/// `None`: no heading. Else: does it announce memories?
fn heading(line: &str) -> Option<bool> {
    let tagged = line.starts_with('<') && line.ends_with('>') && !line.starts_with("<@");
    let is_heading = line.starts_with('#') || tagged || (line.ends_with(':') && !line.starts_with("- "));
    let plain = line.to_lowercase();
    let about_memory = !line.starts_with("</") && MEMORY_HEADINGS.iter().any(|word| plain.contains(word));
    (is_heading && line.len() <= HEADING_CHARS_MAX).then_some(about_memory)
}

fn is_about_behaviour(sentence: &str) -> bool {
    let plain = sentence.to_lowercase().replace('’', "'");
    let mut spoken = plain.split(|letter: char| !letter.is_alphanumeric() && letter != '\'');
    spoken.any(|word| BEHAVIOUR_WORDS.split_whitespace().any(|known| known == word))
}
