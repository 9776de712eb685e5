//! What `konstruct eval recall` reads: sayings and questions, a JSON object a line.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, bail};
use serde::Deserialize;
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339, macros::format_description,
};

/// Something somebody said.
#[derive(Clone, Debug)]
pub struct Said {
    pub id: String,
    pub speaker: String,
    pub at: OffsetDateTime,
    pub text: String,
}

#[derive(Clone, Debug)]
pub struct Question {
    pub id: String,
    pub talk: String,
    pub text: String,
    pub category: String,
    /// Its premise is wrong, about the other person say: scored apart.
    pub adversarial: bool,
    /// What answers it; for scoring alone.
    pub evidence: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Data {
    /// In order, by talk.
    pub talks: BTreeMap<String, Vec<Said>>,
    pub questions: Vec<Question>,
}

/// A line that has `question` is one; any other is something said.
#[derive(Deserialize)]
struct Line {
    id: String,
    conv: String,
    #[serde(default)]
    speaker: Option<String>,
    #[serde(default)]
    datetime: Option<String>,
    #[serde(default)]
    text: Option<String>,
    /// What a picture that was shared shows.
    #[serde(default)]
    caption: Option<String>,
    #[serde(default)]
    question: Option<String>,
    #[serde(default)]
    category_name: Option<String>,
    #[serde(default)]
    evidence: Vec<String>,
}

impl Data {
    pub fn file(path: &Path) -> anyhow::Result<Self> {
        let mut data = Self::default();
        data.read(path)?;
        data.check()
    }

    pub fn folder(folder: &Path) -> anyhow::Result<Self> {
        let mut data = Self::default();
        data.read(&folder.join("turns.jsonl"))?;
        data.read(&folder.join("questions.jsonl"))?;
        data.check()
    }

    fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let place = || format!("{}, line {}", path.display(), n + 1);
            let line: Line = serde_json::from_str(line).with_context(place)?;
            self.add(line).with_context(place)?;
        }
        Ok(())
    }

    fn add(&mut self, line: Line) -> anyhow::Result<()> {
        if let Some(question) = line.question {
            let category = line.category_name.unwrap_or_else(|| "questions".into());
            let adversarial = category == "adversarial";
            let (id, talk, evidence) = (line.id, line.conv, line.evidence);
            self.questions.push(Question { id, talk, text: question, category, adversarial, evidence });
            return Ok(());
        }
        let (Some(speaker), Some(at), Some(text)) = (line.speaker, line.datetime, line.text) else {
            bail!("a saying has `speaker`, `datetime` and `text`; a question has `question`");
        };
        let text = match line.caption {
            Some(caption) => format!("{text} [shares a picture: {caption}]"),
            None => text,
        };
        let said = Said { id: line.id, speaker, at: moment(&at)?, text };
        self.talks.entry(line.conv).or_default().push(said);
        Ok(())
    }

    fn check(self) -> anyhow::Result<Self> {
        if self.talks.is_empty() || self.questions.is_empty() {
            bail!("There is nothing to measure: the data holds no sayings, or no questions.");
        }
        Ok(self)
    }
}

/// With a zone, or without one in UTC.
fn moment(text: &str) -> anyhow::Result<OffsetDateTime> {
    let plain = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| PrimitiveDateTime::parse(text, plain).map(PrimitiveDateTime::assume_utc))
        .with_context(|| format!("`{text}` is no time such as 2026-11-20T14:03:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sayings_and_questions_are_told_apart() {
        let mut data = Data::default();
        let lines = [
            r#"{"id": "a/1", "conv": "a", "speaker": "Ada", "datetime": "2026-11-20T14:03:00", "text": "Look!", "caption": "a dog"}"#,
            r#"{"id": "a/q1", "conv": "a", "question": "What did Ada show?", "category_name": "adversarial", "evidence": ["a/1"]}"#,
        ];
        for line in lines {
            data.add(serde_json::from_str(line).expect("a line")).expect("it is taken");
        }
        assert_eq!(data.talks["a"][0].text, "Look! [shares a picture: a dog]");
        assert!(data.questions[0].adversarial && data.questions[0].evidence == ["a/1"]);
        let bare = r#"{"id": "a/2", "conv": "a", "text": "Nobody says this."}"#;
        assert!(data.add(serde_json::from_str(bare).expect("a line")).is_err());
        assert!(moment("yesterday").is_err());
    }
}
