//! The language of escalation rules: `keyword in (refund, invoice) and failed_attempts > 2`.
//!
//! A rule is text of a tenant. It is parsed into a [`Condition`] and compared with what was said; nothing of it is ever
//! run as code. Every fact a rule may name is computed from the conversation alone, so the same rule says the same in the
//! orchestrator, in a simulation over the past, and with every model away.
//!
//! - `refund`, `"charge back"`, `keyword in (refund, invoice)`: a word or words of the message. `refund*` also finds
//!   "refunds" and "refunded".
//! - `keyword`: a word about billing, of a list in five languages.
//! - `count`: how many messages of people in the window hold one of the rule's keywords.
//! - `failed_attempts`: how many of them say that the answer did not help, and how many answers failed.
//! - `asks_for_human`: the message asks for a human.
//! - `hours = open`, `hours = closed`: by the tenant's business hours; neither holds where none are set.
//! - `cost > 50`: what models cost in the conversation so far, in cents.
//! - `silence > 60`: minutes since anything was said before, in the conversation.
//! - `vip`: the tenant marked whoever writes.
//! - `language = de`: the language of the message, as far as its frequent words tell.
//! - `sentiment = negative`: how the message sounds, by words of five languages.
//! - `confidence = low`: the answer says that it does not know. Rules with it are held against an answer, once there is one.
//!
//! They are combined by `and`, `or`, `not` and parentheses, in any case.

mod doubt;
mod evaluate;
mod feeling;
mod human;
mod language;
mod parse;
mod plain;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;

pub use evaluate::{Facts, Known, Said, WINDOW};
pub use feeling::Feeling;
pub use language::Language;
pub use plain::{Keyword, Plain};

/// Longest condition, in characters.
pub const LENGTH_MAX: usize = 500;
/// Parentheses and `not` inside of each other.
pub const DEPTH_MAX: usize = 16;
/// Keywords in one condition.
pub const KEYWORDS_MAX: usize = 50;
/// Longest keyword, in characters.
pub const KEYWORD_MAX: usize = 80;

/// A parsed rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    root: Node,
    /// What `count` counts: every keyword the rule names; the words about billing if it names none.
    counted: Vec<Keyword>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// One of these is in the message.
    Keywords(Vec<Keyword>),
    /// A word about billing is in the message.
    Billing,
    AsksForHuman,
    Number(Counter, Comparison, u32),
    Languages(Vec<Language>),
    /// Somebody is there, or nobody.
    Hours(bool),
    Vip,
    Feelings(Vec<Feeling>),
    /// The answer says that it does not know, or that it does.
    Confident(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    Count,
    FailedAttempts,
    Cost,
    Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Greater,
    AtLeast,
    Less,
    AtMost,
    Equal,
    Unequal,
}

/// Why a text is no condition, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Column {column}: {message}")]
pub struct ConditionError {
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
}

impl Condition {
    /// # Errors
    /// A sentence that says what was expected, and the column where.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        parse::condition(text)
    }

    /// It asks for more than what was said, so that somebody has to look it up.
    pub fn asks_for_known(&self) -> bool {
        self.root.has(&|leaf| {
            let looked_up = matches!(leaf, Node::Number(Counter::Cost | Counter::Silence, ..));
            looked_up || matches!(leaf, Node::Hours(_) | Node::Vip)
        })
    }

    /// It is held against an answer, and not before there is one.
    pub fn asks_for_answer(&self) -> bool {
        self.root.has(&|leaf| matches!(leaf, Node::Confident(_)))
    }
}

impl Node {
    /// Whether one of its leaves is such a one.
    fn has(&self, such: &impl Fn(&Self) -> bool) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.has(such)),
            Self::Not(inner) => inner.has(such),
            leaf => such(leaf),
        }
    }
}

impl Counter {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::FailedAttempts => "failed_attempts",
            Self::Cost => "cost",
            Self::Silence => "silence",
        }
    }
}

impl Comparison {
    fn sign(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::Unequal => "!=",
        }
    }

    fn holds(self, left: u32, right: u32) -> bool {
        match self {
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::Unequal => left != right,
        }
    }
}

/// As it can be read again.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.root, f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => joined(f, parts, " and "),
            Self::Any(parts) => joined(f, parts, " or "),
            Self::Not(inner) => {
                f.write_str("not ")?;
                enclosed(f, inner)
            }
            Self::Keywords(keywords) => {
                f.write_str("keyword in (")?;
                for (n, keyword) in keywords.iter().enumerate() {
                    write!(f, "{}\"{keyword}\"", if n == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Self::Billing => f.write_str("keyword"),
            Self::AsksForHuman => f.write_str("asks_for_human"),
            Self::Vip => f.write_str("vip"),
            Self::Hours(open) => write!(f, "hours = {}", if *open { "open" } else { "closed" }),
            Self::Number(counter, comparison, number) => {
                write!(f, "{} {} {number}", counter.name(), comparison.sign())
            }
            Self::Confident(confident) => write!(f, "confidence = {}", if *confident { "high" } else { "low" }),
            Self::Languages(languages) => listed(f, "language", languages.iter().map(|language| language.code())),
            Self::Feelings(feelings) => listed(f, "sentiment", feelings.iter().map(|feeling| feeling.name())),
        }
    }
}

fn listed<'a>(f: &mut fmt::Formatter<'_>, fact: &str, values: impl Iterator<Item = &'a str>) -> fmt::Result {
    write!(f, "{fact} in ({})", values.collect::<Vec<_>>().join(", "))
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Node], between: &str) -> fmt::Result {
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            f.write_str(between)?;
        }
        enclosed(f, part)?;
    }
    Ok(())
}

fn enclosed(f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
    if matches!(node, Node::All(_) | Node::Any(_)) { write!(f, "({node})") } else { fmt::Display::fmt(node, f) }
}
