//! Whether a condition holds of what was said, and why: the same answer for the same words, always.

use std::cell::OnceCell;

use super::{Condition, Counter, Feeling, Keyword, Language, Node, Plain, doubt, human, words};

/// Messages of people that are counted, the one in question included.
pub const WINDOW: usize = 20;
/// Keywords named in a reason.
const NAMED_MAX: usize = 3;

/// A message of a person, ready to be compared.
pub struct Said {
    text: String,
    plain: OnceCell<Plain>,
    asks_for_human: OnceCell<bool>,
    failed: OnceCell<bool>,
    feeling: OnceCell<Feeling>,
}

impl Said {
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            plain: OnceCell::new(),
            asks_for_human: OnceCell::new(),
            failed: OnceCell::new(),
            feeling: OnceCell::new(),
        }
    }

    /// Made when a rule needs it: most turns have none.
    fn plain(&self) -> &Plain {
        self.plain.get_or_init(|| Plain::new(&self.text))
    }

    /// Whether it asks for a human.
    pub fn asks_for_human(&self) -> bool {
        *self.asks_for_human.get_or_init(|| human::is_asked_for(&self.text))
    }

    fn says_it_failed(&self) -> bool {
        *self.failed.get_or_init(|| words::failed().iter().any(|phrase| self.plain().holds(phrase)))
    }

    fn feeling(&self) -> Feeling {
        *self.feeling.get_or_init(|| Feeling::of(&self.text))
    }

    fn holds_one<'k>(&self, keywords: &'k [Keyword]) -> Option<&'k Keyword> {
        keywords.iter().find(|keyword| self.plain().holds(keyword))
    }
}

/// What is known besides the words. What nobody knows makes nothing hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Whether somebody is there; `None`: no business hours are set.
    pub open: Option<bool>,
    pub cost_cents: Option<u32>,
    pub silence_minutes: Option<u32>,
    pub vip: bool,
}

/// What a condition is held against.
pub struct Facts<'a> {
    /// What people said in the conversation since it was last given back, oldest first; the last is in question. Beyond
    /// [`WINDOW`] nothing is looked at.
    pub said: &'a [Said],
    /// Answers that failed meanwhile.
    pub failed_answers: u32,
    pub known: Known,
    /// What the agent has answered to it; `None`: nothing yet.
    pub answer: Option<&'a str>,
}

impl Condition {
    /// Why it holds, as part of a sentence; `None`: it does not.
    pub fn holds(&self, facts: &Facts<'_>) -> Option<String> {
        let said = &facts.said[facts.said.len().saturating_sub(WINDOW)..];
        let last = said.last()?;
        if self.asks_for_answer() && facts.answer.is_none() {
            return None;
        }
        let (failed_answers, known) = (facts.failed_answers, facts.known);
        let doubts = OnceCell::new();
        let held =
            Held { said, last, failed_answers, known, counted: self.counted(), answer: facts.answer, doubts };
        let mut reasons = Vec::new();
        held.holds(&self.root, &mut reasons).then(|| reasons.join(" and "))
    }

    fn counted(&self) -> &[Keyword] {
        if self.counted.is_empty() { words::billing() } else { &self.counted }
    }
}

struct Held<'a> {
    said: &'a [Said],
    last: &'a Said,
    failed_answers: u32,
    known: Known,
    counted: &'a [Keyword],
    answer: Option<&'a str>,
    doubts: OnceCell<bool>,
}

impl Held<'_> {
    /// Adds to `reasons` what makes it true.
    fn holds(&self, node: &Node, reasons: &mut Vec<String>) -> bool {
        let before = reasons.len();
        let holds = match node {
            Node::All(parts) => parts.iter().all(|part| self.holds(part, reasons)),
            Node::Any(parts) => parts.iter().any(|part| self.holds(part, reasons)),
            Node::Not(inner) => {
                let holds = !self.holds(inner, &mut Vec::new());
                reasons.push(format!("it is not so that {inner}"));
                holds
            }
            Node::Keywords(keywords) => self.keywords(keywords, reasons),
            Node::Billing => {
                let found = self.last.holds_one(words::billing());
                reasons.extend(found.map(|word| format!("the message is about billing (“{word}”)")));
                found.is_some()
            }
            Node::AsksForHuman => {
                reasons.push("the message asks for a human".into());
                self.last.asks_for_human()
            }
            Node::Number(counter, comparison, number) => {
                let value = self.count(*counter);
                reasons.extend(value.map(|value| match counter {
                    Counter::Count => format!("{value} messages hold such words"),
                    Counter::FailedAttempts => format!("{value} attempts failed"),
                    Counter::Cost => format!("the conversation has cost {value} cents"),
                    Counter::Silence => format!("nothing was said for {value} minutes"),
                }));
                value.is_some_and(|value| comparison.holds(value, *number))
            }
            Node::Hours(open) => {
                reasons.push(format!("it is {} business hours", if *open { "within" } else { "outside" }));
                self.known.open == Some(*open)
            }
            Node::Vip => {
                reasons.push("the person is marked as important".into());
                self.known.vip
            }
            Node::Languages(languages) => {
                let found = Language::of(self.last.plain()).filter(|language| languages.contains(language));
                reasons.extend(found.map(|language| format!("the language is {}", language.code())));
                found.is_some()
            }
            Node::Feelings(feelings) => {
                let feeling = self.last.feeling();
                reasons.push(format!("the message sounds {feeling}"));
                feelings.contains(&feeling)
            }
            Node::Confident(confident) => {
                reasons.push(format!(
                    "the answer says that it {}",
                    if *confident { "knows" } else { "does not know" }
                ));
                self.doubts().is_some_and(|doubts| doubts != *confident)
            }
        };
        if !holds {
            reasons.truncate(before);
        }
        holds
    }

    fn doubts(&self) -> Option<bool> {
        let answer = self.answer?;
        Some(*self.doubts.get_or_init(|| doubt::is_in_doubt(answer)))
    }

    fn keywords(&self, keywords: &[Keyword], reasons: &mut Vec<String>) -> bool {
        let found = keywords.iter().filter(|keyword| self.last.plain().holds(keyword)).take(NAMED_MAX);
        let found: Vec<String> = found.map(|keyword| format!("“{keyword}”")).collect();
        reasons.push(format!("the message holds {}", found.join(", ")));
        !found.is_empty()
    }

    fn count(&self, counter: Counter) -> Option<u32> {
        let count = |fits: &dyn Fn(&Said) -> bool| {
            u32::try_from(self.said.iter().filter(|said| fits(said)).count()).unwrap_or(u32::MAX)
        };
        match counter {
            Counter::Count => Some(count(&|said| said.holds_one(self.counted).is_some())),
            Counter::FailedAttempts => Some(count(&Said::says_it_failed).saturating_add(self.failed_answers)),
            Counter::Cost => self.known.cost_cents,
            Counter::Silence => self.known.silence_minutes,
        }
    }
}
