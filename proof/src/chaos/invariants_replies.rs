//! What went out: each answer visible once, each duplicate explained, and nothing said that is not on record.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::{
    invariants::Verdict,
    invariants_stored::{OutboxRow, Stored},
    ledger::{Ledger, Shown},
};

/// What was broken this long before a post became visible may have kept its caller from knowing.
const JUST_BEFORE_MS: u64 = 2_000;
/// What can keep an orchestrator from knowing or remembering what it posted. Nothing else explains a duplicate.
const CONCERNS_SENDING: [&str; 6] =
    ["orchestrator", "PostgreSQL", "chat.postMessage", "chat.update", "Stream", "conversations"];

/// INV-3: a row is posted once. What is visible more often is counted, and explained by what was broken just then.
pub fn one_visible_reply(ledger: &Ledger, stored: &Stored, per_100_000: f64) -> Verdict {
    let mut verdict = Verdict::new("INV-3", "at most one visible reply");
    let kinds: HashMap<Uuid, &str> = stored.outbox.iter().map(|row| (row.outbox_id, row.kind.as_str())).collect();
    let mut explained: BTreeMap<String, u64> = BTreeMap::new();
    for (id, shown) in &ledger.shown {
        let posts: Vec<&Shown> = shown.iter().filter(|shown| shown.posted).collect();
        verdict.examined += 1;
        for again in posts.windows(2) {
            let kind = kinds.get(id).copied().unwrap_or("unknown row");
            match explanation(ledger, *id, again[0], again[1]) {
                Some(why) => *explained.entry(format!("{kind}: {why}")).or_default() += 1,
                None => verdict.violations.push(format!(
                    "{kind} {id} is visible as {} and {} in {}, and nothing was broken",
                    again[0].ts, again[1].ts, again[0].channel
                )),
            }
        }
    }
    let duplicates: u64 = explained.values().sum::<u64>() + verdict.violations.len() as u64;
    let rate = duplicates as f64 * 100_000.0 / (ledger.events.max(1) as f64);
    verdict.notes.push(format!("{duplicates} duplicates in {} events: {rate:.1} per 100,000", ledger.events));
    verdict.notes.extend(explained.into_iter().map(|(why, count)| format!("{count} × {why}")));
    if rate > per_100_000 {
        verdict.violations.push(format!("{rate:.1} duplicates per 100,000 events; the bar is {per_100_000}"));
    }
    answered_twice(stored, &mut verdict);
    verdict
}

fn explanation(ledger: &Ledger, id: Uuid, first: &Shown, second: &Shown) -> Option<String> {
    let mut why: Vec<String> =
        ledger.unclear.get(&id).into_iter().flatten().map(|(_, word)| word.clone()).collect();
    let broken = ledger.broken_between(first.at_ms.saturating_sub(JUST_BEFORE_MS), second.at_ms);
    let concerns =
        |what: &&str| CONCERNS_SENDING.iter().any(|word| what.contains(word)) && !what.contains("Model");
    why.extend(broken.into_iter().filter(concerns).map(str::to_owned));
    why.sort();
    why.dedup();
    (!why.is_empty()).then(|| why.join(" + "))
}

/// A message belongs to one run, a run has one answer.
fn answered_twice(stored: &Stored, verdict: &mut Verdict) {
    let mut answers: HashSet<(Uuid, Uuid)> = HashSet::new();
    let mut kinds: HashMap<Uuid, &str> = HashMap::new();
    // A notice says that an answer was interrupted.
    for row in stored.outbox.iter().filter(|row| !matches!(row.kind.as_str(), "placeholder" | "notice")) {
        let Some(run) = row.run_id else { continue };
        let other = kinds.insert(run, &row.kind).filter(|kind| *kind != row.kind);
        verdict.violations.extend(other.map(|kind| format!("run {run} has an {} and an {kind}", row.kind)));
        answers.insert((row.tenant_id, run));
    }
    verdict.examined += answers.len() as u64;
}

/// INV-4: "sent" and visible are the same, both ways; "replied" means that.
pub fn replied_is_visible(ledger: &Ledger, stored: &Stored) -> Verdict {
    let mut verdict = Verdict::new("INV-4", "replied, so visible, and the reverse");
    let teams: HashMap<Uuid, &str> =
        stored.tenants.iter().map(|(team, tenant)| (*tenant, team.as_str())).collect();
    let mut unknown = 0_u64;
    for row in &stored.outbox {
        let visible = is_visible(ledger, &teams, row);
        verdict.examine(match row.state.as_str() {
            "sent" if !visible => {
                Some(format!("{} {} is sent as {:?}, and nobody saw it", row.kind, row.outbox_id, row.external_id))
            }
            "dead" if ledger.is_visible(&row.outbox_id) => {
                Some(format!("{} {} is dead, and visible all the same", row.kind, row.outbox_id))
            }
            _ => None,
        });
        unknown += u64::from(row.state == "unknown");
    }
    let known: HashMap<Uuid, &OutboxRow> = stored.outbox.iter().map(|row| (row.outbox_id, row)).collect();
    for (id, shown) in &ledger.shown {
        let tenant = stored.tenants.get(&shown[0].team);
        let recorded = known.get(id).is_some_and(|row| Some(&row.tenant_id) == tenant);
        verdict.examine((!recorded).then(|| format!("{id} is visible in {}, and not on record", shown[0].team)));
    }
    verdict.violations.extend(ledger.untagged.iter().map(|place| format!("{place} names no outbox row")));
    let unnamed = ledger.unnamed.keys();
    verdict
        .violations
        .extend(unnamed.map(|(team, channel, ts)| format!("the stream {team}/{channel}/{ts} was never ended")));
    replied_rows(stored, &mut verdict);
    if unknown > 0 {
        verdict.notes.push(format!("{unknown} rows ended as unknown: sent twice without a clear answer"));
    }
    verdict
}

fn is_visible(ledger: &Ledger, teams: &HashMap<Uuid, &str>, row: &OutboxRow) -> bool {
    let (Some(shown), Some(ts)) = (ledger.shown.get(&row.outbox_id), &row.external_id) else { return false };
    shown.iter().any(|shown| shown.ts == *ts && Some(&shown.team.as_str()) == teams.get(&row.tenant_id))
}

fn replied_rows(stored: &Stored, verdict: &mut Verdict) {
    let mut parts: HashMap<Uuid, (u32, u32)> = HashMap::new();
    for row in stored.outbox.iter().filter(|row| row.kind == "answer") {
        let Some(run) = row.run_id else { continue };
        let (all, sent) = parts.entry(run).or_default();
        *all += 1;
        *sent += u32::from(row.state == "sent");
    }
    for row in stored.inbox.iter().filter(|row| row.state == "replied") {
        let answered = row.run_id.and_then(|run| parts.get(&run)).is_some_and(|(all, sent)| all == sent);
        let bare = || format!("message {} of {} is replied without an answer", row.seq, row.conversation_id);
        verdict.examine((!answered).then(bare));
    }
    let replied: HashSet<Uuid> =
        stored.inbox.iter().filter(|row| row.state == "replied").filter_map(|row| row.run_id).collect();
    // An answer of which the model gave only the beginning is shown as far as it goes, and its messages end as dead.
    let broken_off: HashSet<Uuid> =
        stored.runs.iter().filter(|run| run.state == "failed").map(|run| run.run_id).collect();
    for (run, (all, sent)) in parts {
        let unsung = all == sent && !replied.contains(&run) && !broken_off.contains(&run);
        verdict.examine(unsung.then(|| format!("run {run} answered, and no message is replied by it")));
    }
}
