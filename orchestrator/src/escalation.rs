//! Whether what was said goes to a human: pure, on the words as they came, before any model is asked and once it has failed.
//!
//! That a person who asks for a human gets one is the rule everybody has; no tenant and no message switches it off.

use std::collections::HashSet;

use shared::{
    conditions::{Condition, Facts, Said},
    db::{
        escalation_rules::ActiveRule,
        escalations::{ASKED, Cause, New},
        lanes::Lease,
        messages::{Author, AuthorKind},
        runs::{Opening, Pending},
    },
    ids::{MessageId, PersonId, RuleId},
};

use crate::{policy, tools::approved};

/// What fired, at which message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub person: PersonId,
    pub message: MessageId,
    /// `None`: the person asked for a human.
    pub rule: Option<(RuleId, i32)>,
    pub reason: String,
}

impl Hit {
    pub fn escalation<'a>(&'a self, lease: &Lease) -> New<'a> {
        New {
            conversation: lease.conversation,
            person: self.person,
            message: Some(self.message),
            cause: self.rule.map_or(Cause::Asked, |(rule, version)| Cause::Rule(rule, version)),
            reason: &self.reason,
        }
    }
}

/// Before a model is asked.
pub fn before(opening: &Opening, authors: &[Author]) -> Option<Hit> {
    let rules = parsed(opening);
    walk(opening, authors, |said, _| {
        let asks = said.last().is_some_and(Said::asks_for_human);
        if asks {
            return Some((None, ASKED.to_owned()));
        }
        fired(&rules, &Facts { said, failed_answers: opening.failed_answers })
    })
}

/// Once the model has failed: one more attempt did not help.
pub fn after_failure(opening: &Opening, authors: &[Author]) -> Option<Hit> {
    let rules = parsed(opening);
    let last = opening.pending.last()?.seq;
    walk(opening, authors, |said, pending| {
        let facts = Facts { said, failed_answers: opening.failed_answers.saturating_add(1) };
        if pending.seq == last { fired(&rules, &facts) } else { None }
    })
}

type Fired = (Option<(RuleId, i32)>, String);

/// Goes over what waits, with what people said before each. Bots are not heard.
fn walk(opening: &Opening, authors: &[Author], look: impl Fn(&[Said], &Pending) -> Option<Fired>) -> Option<Hit> {
    if opening.by_human {
        return None;
    }
    let waiting: HashSet<&str> =
        opening.pending.iter().map(|pending| pending.message.external_id.as_str()).collect();
    let earlier = opening.window.iter().filter(|line| {
        line.author_kind == AuthorKind::Person
            && opening.given_back_at.is_none_or(|at| line.sent_at > at)
            && line.external_id.as_deref().is_none_or(|id| !waiting.contains(id))
    });
    let mut said: Vec<Said> = earlier.map(|line| Said::new(&line.body)).collect();
    for (pending, author) in opening.pending.iter().zip(authors) {
        if pending.message.by_bot || approved::decision(pending).is_some() {
            continue;
        }
        said.push(Said::new(&pending.message.text));
        if !policy::wants_answer(opening, pending) {
            continue;
        }
        if let Some((rule, reason)) = look(&said, pending) {
            return Some(Hit { person: author.person, message: author.message, rule, reason });
        }
    }
    None
}

/// The oldest rule that holds.
fn fired(rules: &[(&ActiveRule, Condition)], facts: &Facts<'_>) -> Option<Fired> {
    rules.iter().find_map(|(rule, condition)| {
        let reason = condition.holds(facts)?;
        Some((Some((rule.id, rule.version)), format!("{reason} (rule “{}”)", rule.name)))
    })
}

fn parsed(opening: &Opening) -> Vec<(&ActiveRule, Condition)> {
    let mut rules = Vec::with_capacity(opening.rules.len());
    for rule in &opening.rules {
        match Condition::parse(&rule.condition) {
            Ok(condition) => rules.push((rule, condition)),
            // The API stores none of these: somebody wrote it past it.
            Err(error) => {
                tracing::error!(rule.id = %rule.id, %error, "An escalation rule can't be read and does not fire");
            }
        }
    }
    rules
}
