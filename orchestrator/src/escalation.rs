//! Whether what was said goes to a human: pure, on the words as they came, before any model is asked and once it has failed.
//!
//! That a person who asks for a human gets one is the rule everybody has; no tenant and no message switches it off.

use std::collections::HashSet;

use shared::{
    conditions::{Condition, Facts, Known, Said},
    db::{
        DbError, TenantTx,
        escalation_rules::ActiveRule,
        escalations::{ASKED, Cause, New},
        lanes::Lease,
        messages::{Author, AuthorKind, Line},
        office_hours, people,
        runs::{Opening, Pending},
        usage,
    },
    ids::{MessageId, PersonId, RuleId},
};

use time::OffsetDateTime;

use crate::{errands, policy};

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

/// Looks up what some rule asks for besides the words; most tenants have no such rule, and no look.
pub async fn look_up(
    tx: &mut TenantTx,
    lease: &Lease,
    opening: &Opening,
    authors: &[Author],
    now: OffsetDateTime,
) -> Result<Known, DbError> {
    if !parsed(opening).iter().any(|(_, condition)| condition.asks_for_known()) {
        return Ok(Known::default());
    }
    let open = office_hours::get(tx).await?.is_open(now);
    let cost_cents = Some(usage::cents_of(tx, lease.conversation).await?);
    let vip = match authors.last() {
        Some(author) => people::is_vip(tx, author.person).await?,
        None => false,
    };
    Ok(Known { open, cost_cents, silence_minutes: silence(opening), vip })
}

/// Minutes between what was said last and what waits.
fn silence(opening: &Opening) -> Option<u32> {
    let first = opening.pending.first()?;
    let waits = |line: &Line| {
        let mut waiting = opening.pending.iter();
        waiting.any(|pending| line.external_id.as_ref() == Some(&pending.message.external_id))
    };
    let last = opening.window.iter().filter(|line| !waits(line)).map(|line| line.sent_at).max()?;
    u32::try_from((first.message.sent_at - last).whole_minutes().max(0)).ok()
}

/// Before a model is asked.
pub fn before(opening: &Opening, authors: &[Author]) -> Option<Hit> {
    let rules = parsed(opening);
    walk(opening, authors, |said, _| {
        let asks = said.last().is_some_and(Said::asks_for_human);
        if asks {
            return Some((None, ASKED.to_owned()));
        }
        fired(&rules, &Facts { said, failed_answers: opening.failed_answers, known: opening.known, answer: None })
    })
}

/// Once the model has failed: one more attempt did not help.
pub fn after_failure(opening: &Opening, authors: &[Author]) -> Option<Hit> {
    let rules = parsed(opening);
    let last = opening.pending.last()?.seq;
    walk(opening, authors, |said, pending| {
        let failed_answers = opening.failed_answers.saturating_add(1);
        let facts = Facts { said, failed_answers, known: opening.known, answer: None };
        if pending.seq == last { fired(&rules, &facts) } else { None }
    })
}

/// Once there is an answer: by the rules that ask for it. The others had their say before.
pub fn after_answer(opening: &Opening, authors: &[Author], answer: &str) -> Option<Hit> {
    let rules: Vec<_> = parsed(opening).into_iter().filter(|(_, condition)| condition.asks_for_answer()).collect();
    let last = opening.pending.last().filter(|_| !rules.is_empty())?.seq;
    walk(opening, authors, |said, pending| {
        let (failed_answers, known) = (opening.failed_answers, opening.known);
        let facts = Facts { said, failed_answers, known, answer: Some(answer) };
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
        if pending.message.by_bot || errands::named(pending).is_some() {
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
