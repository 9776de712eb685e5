//! From the text of a rule to a [`Condition`]: words by winnow, then a descent that says at which column it stumbled.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;
use winnow::{
    LocatingSlice, ModalResult, Parser as _,
    combinator::{alt, delimited, preceded, repeat},
    token::take_while,
};

use super::{
    Comparison, Condition, ConditionError, Counter, DEPTH_MAX, Feeling, KEYWORD_MAX, KEYWORDS_MAX, Keyword,
    LENGTH_MAX, Language, Node,
};

/// Numbers beyond it compare like nothing a window could hold.
const NUMBER_MAX: u32 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'s> {
    Open,
    Close,
    Comma,
    Compare(Comparison),
    Quoted(&'s str),
    Word(&'s str),
}

type Input<'s> = LocatingSlice<&'s str>;

fn tokens<'s>(input: &mut Input<'s>) -> ModalResult<Vec<(Token<'s>, Range<usize>)>> {
    repeat(0.., preceded(take_while(0.., char::is_whitespace), token.with_span())).parse_next(input)
}

fn token<'s>(input: &mut Input<'s>) -> ModalResult<Token<'s>> {
    alt((
        '('.value(Token::Open),
        ')'.value(Token::Close),
        ','.value(Token::Comma),
        comparison.map(Token::Compare),
        delimited('"', take_while(0.., |letter| letter != '"'), '"').map(Token::Quoted),
        take_while(1.., is_of_word).map(Token::Word),
    ))
    .parse_next(input)
}

/// The longer signs come first.
fn comparison(input: &mut Input<'_>) -> ModalResult<Comparison> {
    alt((
        ">=".value(Comparison::AtLeast),
        "<=".value(Comparison::AtMost),
        "!=".value(Comparison::Unequal),
        "==".value(Comparison::Equal),
        '>'.value(Comparison::Greater),
        '<'.value(Comparison::Less),
        '='.value(Comparison::Equal),
    ))
    .parse_next(input)
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || is_combining_mark(letter) || "_-'’*".contains(letter)
}

pub(super) fn condition(text: &str) -> Result<Condition, ConditionError> {
    if text.chars().count() > LENGTH_MAX {
        let message = format!("a condition may have {LENGTH_MAX} characters at most.");
        return Err(ConditionError { column: LENGTH_MAX + 1, message });
    }
    let mut input = LocatingSlice::new(text);
    let tokens = tokens(&mut input).unwrap_or_default();
    let rest = input.trim_start();
    let end = text.trim_end().len();
    let mut descent = Descent { text, tokens, end, next: 0, depth: 0, keywords: Vec::new() };
    if let Some(letter) = rest.chars().next() {
        let message = match letter {
            '"' => "this quotation mark is not closed.".to_owned(),
            letter => format!("`{}` has no meaning here.", letter.escape_debug()),
        };
        return Err(descent.at(text.len() - rest.len(), message));
    }
    let root = descent.any()?;
    match descent.peek() {
        None => Ok(Condition { root, counted: descent.keywords }),
        Some(Token::Close) => Err(descent.here("this parenthesis was never opened.")),
        Some(_) => Err(descent.here("`and` or `or` is missing before this.")),
    }
}

struct Descent<'s> {
    text: &'s str,
    tokens: Vec<(Token<'s>, Range<usize>)>,
    /// Where the text ends, in bytes.
    end: usize,
    next: usize,
    depth: usize,
    keywords: Vec<Keyword>,
}

impl<'s> Descent<'s> {
    fn peek(&self) -> Option<Token<'s>> {
        self.tokens.get(self.next).map(|(token, _)| *token)
    }

    fn take(&mut self) -> Option<Token<'s>> {
        let token = self.peek();
        self.next += usize::from(token.is_some());
        token
    }

    /// Steps over the word, in any case.
    fn take_word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.next += usize::from(there);
        there
    }

    fn at(&self, byte: usize, message: impl Into<String>) -> ConditionError {
        let column = self.text[..byte].chars().count() + 1;
        ConditionError { column, message: message.into() }
    }

    /// At the next token, or behind the last one.
    fn here(&self, message: impl Into<String>) -> ConditionError {
        let byte = self.tokens.get(self.next).map_or(self.end, |(_, span)| span.start);
        self.at(byte, message)
    }

    fn any(&mut self) -> Result<Node, ConditionError> {
        let mut parts = vec![self.all()?];
        while self.take_word("or") {
            parts.push(self.all()?);
        }
        Ok(flat(parts, |node| match node {
            Node::Any(inner) => Ok(inner),
            other => Err(other),
        })
        .unwrap_or_else(Node::Any))
    }

    fn all(&mut self) -> Result<Node, ConditionError> {
        let mut parts = vec![self.one()?];
        while self.take_word("and") {
            parts.push(self.one()?);
        }
        Ok(flat(parts, |node| match node {
            Node::All(inner) => Ok(inner),
            other => Err(other),
        })
        .unwrap_or_else(Node::All))
    }

    fn one(&mut self) -> Result<Node, ConditionError> {
        if self.depth == DEPTH_MAX {
            return Err(self.here(format!("{DEPTH_MAX} levels are the most a condition may have.")));
        }
        self.depth += 1;
        let node = if self.take_word("not") {
            Node::Not(Box::new(self.one()?))
        } else if self.peek() == Some(Token::Open) {
            self.next += 1;
            let inner = self.any()?;
            self.close()?;
            inner
        } else {
            self.leaf()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn close(&mut self) -> Result<(), ConditionError> {
        match self.peek() {
            Some(Token::Close) => {
                self.next += 1;
                Ok(())
            }
            _ => Err(self.here("a closing parenthesis is missing.")),
        }
    }

    fn leaf(&mut self) -> Result<Node, ConditionError> {
        let word = match self.peek() {
            Some(Token::Quoted(_)) => return Ok(Node::Keywords(vec![self.keyword()?])),
            Some(Token::Word(word)) => word,
            None => return Err(self.here("a condition is missing.")),
            Some(_) => return Err(self.here("a keyword or a fact is missing before this.")),
        };
        let name = word.to_lowercase();
        match name.as_str() {
            "and" | "or" | "in" => Err(self.here(format!("a keyword or a fact is missing before `{word}`."))),
            "keyword" | "keywords" => self.keywords(),
            "count" => self.number(Counter::Count),
            "failed_attempts" => self.number(Counter::FailedAttempts),
            "asks_for_human" => {
                self.next += 1;
                Ok(Node::AsksForHuman)
            }
            "cost" => self.number(Counter::Cost),
            "silence" => self.number(Counter::Silence),
            "vip" => {
                self.next += 1;
                Ok(Node::Vip)
            }
            "hours" => self.either("hours", ("open", "closed"), Node::Hours),
            "confidence" => self.either("confidence", ("high", "low"), Node::Confident),
            "language" => self.of_list(("language", "de", "fr"), Self::language, Node::Languages),
            "sentiment" => self.of_list(("sentiment", "negative", "neutral"), Self::feeling, Node::Feelings),
            _ => self.bare(word),
        }
    }

    /// A word that is no fact stands for itself.
    fn bare(&mut self, word: &str) -> Result<Node, ConditionError> {
        let compared = matches!(self.tokens.get(self.next + 1), Some((Token::Compare(_), _)));
        if compared || word.contains('_') {
            return Err(self.here(format!(
                "`{word}` is no fact. There are `keyword`, `count`, `failed_attempts`, `asks_for_human`, `language`, `sentiment`, \
                 `confidence`, `hours`, `cost`, `silence` and `vip`."
            )));
        }
        Ok(Node::Keywords(vec![self.keyword()?]))
    }

    fn keywords(&mut self) -> Result<Node, ConditionError> {
        self.next += 1;
        let keywords = if self.take_word("in") {
            self.list(Self::keyword)?
        } else {
            match self.peek() {
                Some(Token::Compare(Comparison::Equal)) => {
                    self.next += 1;
                    vec![self.keyword()?]
                }
                Some(Token::Compare(_)) => {
                    return Err(self.here("a keyword can be compared by `=` and `in` only; put `not` before it."));
                }
                _ => return Ok(Node::Billing),
            }
        };
        Ok(Node::Keywords(keywords))
    }

    fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, ConditionError>,
    ) -> Result<Vec<T>, ConditionError> {
        if self.peek() != Some(Token::Open) {
            return Err(self.here("a list in parentheses must follow `in`."));
        }
        self.next += 1;
        let mut items = vec![item(self)?];
        while self.peek() == Some(Token::Comma) {
            self.next += 1;
            items.push(item(self)?);
        }
        self.close()?;
        Ok(items)
    }

    fn keyword(&mut self) -> Result<Keyword, ConditionError> {
        let (Some(Token::Quoted(text)) | Some(Token::Word(text))) = self.peek() else {
            return Err(self.here("a keyword is missing."));
        };
        let Some(keyword) = Keyword::new(text) else {
            return Err(self
                .here(format!("a keyword must have a letter or a digit, and {KEYWORD_MAX} characters at most.")));
        };
        if self.keywords.len() == KEYWORDS_MAX {
            return Err(self.here(format!("{KEYWORDS_MAX} keywords are the most a condition may have.")));
        }
        self.next += 1;
        self.keywords.push(keyword.clone());
        Ok(keyword)
    }

    fn number(&mut self, counter: Counter) -> Result<Node, ConditionError> {
        self.next += 1;
        let Some(Token::Compare(comparison)) = self.peek() else {
            return Err(self.here(format!("`{}` needs a comparison, such as `> 2`.", counter.name())));
        };
        self.next += 1;
        let at = self.here(format!("a whole number from 0 to {NUMBER_MAX} is missing."));
        match self.take() {
            Some(Token::Word(digits)) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                let number = digits.parse().ok().filter(|number| *number <= NUMBER_MAX).ok_or(at)?;
                Ok(Node::Number(counter, comparison, number))
            }
            _ => Err(at),
        }
    }

    /// A fact that is one of two.
    fn either(
        &mut self,
        fact: &str,
        (yes, no): (&str, &str),
        node: impl Fn(bool) -> Node,
    ) -> Result<Node, ConditionError> {
        self.next += 1;
        let equal = match self.peek() {
            Some(Token::Compare(Comparison::Equal)) => true,
            Some(Token::Compare(Comparison::Unequal)) => false,
            _ => return Err(self.here(format!("`{fact}` needs a comparison: `= {yes}` or `= {no}`."))),
        };
        self.next += 1;
        let is_yes = match self.peek() {
            Some(Token::Word(word)) if word.eq_ignore_ascii_case(yes) => true,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case(no) => false,
            _ => return Err(self.here(format!("`{yes}` or `{no}` is missing."))),
        };
        self.next += 1;
        let node = node(is_yes);
        Ok(if equal { node } else { Node::Not(Box::new(node)) })
    }

    /// A fact that is one of several.
    fn of_list<T>(
        &mut self,
        (fact, one, other): (&str, &str, &str),
        item: impl Fn(&mut Self) -> Result<T, ConditionError>,
        node: impl Fn(Vec<T>) -> Node,
    ) -> Result<Node, ConditionError> {
        self.next += 1;
        if self.take_word("in") {
            return Ok(node(self.list(item)?));
        }
        let comparison = self.peek();
        if !matches!(comparison, Some(Token::Compare(Comparison::Equal | Comparison::Unequal))) {
            return Err(
                self.here(format!("`{fact}` needs a comparison, such as `= {one}` or `in ({one}, {other})`."))
            );
        }
        self.next += 1;
        let is = node(vec![item(self)?]);
        Ok(if comparison == Some(Token::Compare(Comparison::Unequal)) { Node::Not(Box::new(is)) } else { is })
    }

    fn feeling(&mut self) -> Result<Feeling, ConditionError> {
        let found = match self.peek() {
            Some(Token::Word(name)) => Feeling::parse(name),
            _ => None,
        };
        let feeling = found.ok_or_else(|| self.here("`negative`, `neutral` or `positive` is missing."))?;
        self.next += 1;
        Ok(feeling)
    }

    fn language(&mut self) -> Result<Language, ConditionError> {
        let found = match self.peek() {
            Some(Token::Word(code) | Token::Quoted(code)) => Language::parse(code),
            _ => None,
        };
        let language = found.ok_or_else(|| self.here(format!("a language is missing: {}.", Language::list())))?;
        self.next += 1;
        Ok(language)
    }
}

/// One part stands for itself; parts of the same kind become one list. `Err`: the list.
fn flat(parts: Vec<Node>, open: impl Fn(Node) -> Result<Vec<Node>, Node>) -> Result<Node, Vec<Node>> {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match open(part) {
            Ok(inner) => flat.extend(inner),
            Err(other) => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.pop().ok_or_else(Vec::new) } else { Err(flat) }
}
