//! What came in: stored before it was accepted, ended, in order, and worked on by one owner at a time.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    invariants::Verdict,
    invariants_samples::Samples,
    invariants_stored::{InboxRow, OutboxRow, Stored},
    ledger::{Ledger, MessageKey, Shown},
};

/// A message has its end within this, whatever happens.
pub const DEADLINE_SECONDS: f64 = 600.0;

/// INV-1: what was answered 2xx has a row.
pub fn accepted_is_stored(ledger: &Ledger, stored: &Stored) -> Verdict {
    let mut verdict = Verdict::new("INV-1", "accepted, so stored");
    let rows = by_message(stored);
    let mut unheard = 0_u64;
    for (key, sent) in &ledger.messages {
        let is_stored = row_key(stored, key).is_some_and(|key| rows.contains_key(&key));
        if sent.accepted.is_none() {
            continue;
        }
        if !ledger.must_be_stored(key, sent) {
            unheard += u64::from(!is_stored);
            continue;
        }
        let lost = || format!("{}/{}/{} was accepted and is nowhere", key.0, key.1, key.2);
        verdict.examine((!is_stored).then(lost));
    }
    let never = ledger.messages.values().filter(|sent| sent.accepted.is_none() && sent.deliveries > 0).count();
    if never > 0 {
        verdict
            .notes
            .push(format!("{never} messages were refused four times: Slack gave up, nobody was told 200"));
    }
    if unheard > 0 {
        verdict
            .notes
            .push(format!("{unheard} follow-ups without a mention came before their thread was the agent's"));
    }
    if stored.quarantined > 0 {
        verdict.violations.push(format!("{} events are in quarantine", stored.quarantined));
    }
    verdict
}

/// INV-2: every row has one end, and had it in time; nothing hangs half-way.
pub fn stored_ends(stored: &Stored) -> Verdict {
    let mut verdict = Verdict::new("INV-2", "stored, so ended");
    let mut ends: HashMap<String, usize> = HashMap::new();
    for row in &stored.inbox {
        let place = || format!("message {} of conversation {}", row.seq, row.conversation_id);
        let silent = || row.state != "replied" && row.reason.is_none();
        verdict.examine(match row.state.as_str() {
            "pending" => Some(format!("{} is pending for {:.0} s", place(), row.seconds)),
            _ if row.seconds > DEADLINE_SECONDS => {
                Some(format!("{} took {:.0} s to its end", place(), row.seconds))
            }
            state if silent() => Some(format!("{} is {state} without a reason", place())),
            _ => None,
        });
        let end = match &row.reason {
            Some(reason) => format!("{} ({reason})", row.state),
            None => row.state.clone(),
        };
        *ends.entry(end).or_default() += 1;
    }
    for lane in &stored.lanes {
        // Rows that were ignored on arrival end without a turn.
        let stopped = lane.done_seq < lane.last_seq && stored_pending(stored, lane.conversation_id);
        verdict
            .violations
            .extend(stopped.then(|| format!("lane {} stopped at {}", lane.conversation_id, lane.done_seq)));
    }
    let hanging = stored.runs.iter().filter(|run| run.state == "running");
    verdict.violations.extend(hanging.map(|run| format!("run {} never ended", run.run_id)));
    let sending = stored.outbox.iter().filter(|row| row.state == "sending");
    verdict
        .violations
        .extend(sending.map(|row| format!("outbox row {} ({}) is still being sent", row.outbox_id, row.kind)));
    let mut ends: Vec<_> = ends.into_iter().collect();
    ends.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let listed: Vec<String> = ends.iter().take(12).map(|(end, count)| format!("{count} {end}")).collect();
    verdict.notes.push(listed.join(", "));
    verdict
}

fn stored_pending(stored: &Stored, conversation: Uuid) -> bool {
    stored.inbox.iter().any(|row| row.conversation_id == conversation && row.state == "pending")
}

/// INV-5: in a conversation, what was accepted first is numbered first, and what is numbered first is answered first.
pub fn order(ledger: &Ledger, stored: &Stored) -> Verdict {
    let mut verdict = Verdict::new("INV-5", "per-conversation order");
    numbered_as_accepted(ledger, stored, &mut verdict);
    answered_as_numbered(ledger, stored, &mut verdict);
    verdict
}

fn numbered_as_accepted(ledger: &Ledger, stored: &Stored, verdict: &mut Verdict) {
    let senders: HashMap<Uuid, &str> =
        stored.tenants.iter().map(|(team, tenant)| (*tenant, team.as_str())).collect();
    let mut lanes: HashMap<Uuid, Vec<(&InboxRow, u64, u64)>> = HashMap::new();
    for row in &stored.inbox {
        let key = (senders.get(&row.tenant_id), &row.channel, &row.ts);
        let (Some(team), Some(channel), Some(ts)) = key else { continue };
        let sent = ledger.messages.get(&((*team).to_owned(), channel.clone(), ts.clone()));
        let Some((first_sent, accepted)) = sent.and_then(|sent| sent.first_sent.zip(sent.accepted)) else {
            continue;
        };
        lanes.entry(row.conversation_id).or_default().push((row, first_sent, accepted));
    }
    for rows in lanes.into_values() {
        // Rows come by number. One that was accepted before an earlier number was even sent has been overtaken.
        let mut latest: Option<(&InboxRow, u64)> = None;
        for (row, first_sent, accepted) in rows {
            let overtaken = latest.filter(|(_, sent)| accepted < *sent);
            verdict.examine(overtaken.map(|(earlier, _)| {
                format!(
                    "conversation {}: {:?} was accepted before {:?} was sent, and is numbered after it",
                    row.conversation_id, row.ts, earlier.ts
                )
            }));
            if latest.is_none_or(|(_, sent)| first_sent > sent) {
                latest = Some((row, first_sent));
            }
        }
    }
}

/// By the first moment anything of a run was visible. A question that was edited is answered anew: what was begun of an answer
/// to it as it was has been withdrawn.
fn answered_as_numbered(ledger: &Ledger, stored: &Stored, verdict: &mut Verdict) {
    let first_shown = first_shown(ledger, stored);
    for pair in stored.runs.windows(2) {
        let [earlier, later] = pair else { continue };
        if earlier.conversation_id != later.conversation_id || earlier.tenant_id != later.tenant_id {
            continue;
        }
        let overlap = later.from_seq <= earlier.to_seq && earlier.state != "dropped";
        let shown = first_shown.get(&earlier.run_id).zip(first_shown.get(&later.run_id));
        let inverted = shown.is_some_and(|(earlier, later)| earlier > later);
        verdict.examine((overlap || inverted).then(|| {
            let what = if overlap { "answers what was answered already in" } else { "was visible before" };
            format!("conversation {}: run {} {what} run {}", earlier.conversation_id, later.run_id, earlier.run_id)
        }));
    }
}

fn first_shown(ledger: &Ledger, stored: &Stored) -> HashMap<Uuid, u64> {
    let mut first: HashMap<Uuid, u64> = HashMap::new();
    for row in &stored.outbox {
        let shown = ledger.shown.get(&row.outbox_id).and_then(|shown: &Vec<Shown>| shown.first());
        if let Some((run, shown)) = row.run_id.zip(shown) {
            let seq = first.entry(run).or_insert(shown.seq);
            *seq = shown.seq.min(*seq);
        }
    }
    first
}

/// INV-7: nobody writes under a fence after a later one, and a fence has one owner.
pub fn one_owner(stored: &Stored, samples: &Samples) -> Verdict {
    let mut verdict = Verdict::new("INV-7", "one owner at a time");
    let mut last: HashMap<Uuid, &OutboxRow> = HashMap::new();
    // In the order they were written, under the lane's lock.
    for row in &stored.outbox {
        let earlier = last.insert(row.conversation_id, row).filter(|earlier| earlier.fence > row.fence);
        verdict.examine(earlier.map(|earlier| {
            format!(
                "conversation {}: outbox row {} was written under fence {} after fence {}",
                row.conversation_id, row.outbox_id, row.fence, earlier.fence
            )
        }));
    }
    verdict.examined += samples.owner_looks;
    verdict.violations.extend(samples.owner_conflicts.iter().cloned());
    verdict
}

fn by_message(stored: &Stored) -> HashMap<(Uuid, &str, &str), &InboxRow> {
    let keyed = stored
        .inbox
        .iter()
        .filter_map(|row| Some(((row.tenant_id, row.channel.as_deref()?, row.ts.as_deref()?), row)));
    keyed.collect()
}

fn row_key<'a>(stored: &Stored, key: &'a MessageKey) -> Option<(Uuid, &'a str, &'a str)> {
    Some((*stored.tenants.get(&key.0)?, &key.1, &key.2))
}
