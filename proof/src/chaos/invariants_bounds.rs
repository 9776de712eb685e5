//! Isolation, money, pools, limits, tools and recovery: what must hold whatever the messages say.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use super::{
    invariants::Verdict,
    invariants_samples::{Recovery, Samples},
    invariants_stored::Stored,
    ledger::Ledger,
};

/// What the product may do in a workspace. Anything else would be a tool, and there is none.
const KNOWN_EFFECTS: [&str; 16] = [
    "auth.test",
    "chat.postMessage",
    "chat.update",
    "chat.delete",
    "chat.startStream",
    "chat.appendStream",
    "chat.stopStream",
    "reactions.add",
    "users.info",
    "bots.info",
    "conversations.info",
    "conversations.replies",
    "conversations.history",
    "assistant.threads.setStatus",
    "assistant.threads.setTitle",
    "agents.sessions.setStatus",
];

/// INV-6: no tenant's words in another's prompt or reply, and nobody's in a log.
pub fn no_foreign_canary(ledger: &Ledger, samples: &Samples) -> Verdict {
    let mut verdict = Verdict::new("INV-6", "nothing of one tenant with another");
    let prompts = samples.model.requests.load(Ordering::Relaxed);
    verdict.examined = prompts + ledger.texts_examined as u64 + samples.log_lines;
    verdict.violations.extend(samples.model.leaks().iter().cloned());
    verdict.violations.extend(ledger.leaks.iter().cloned());
    verdict.violations.extend(samples.log_leaks.iter().cloned());
    verdict.notes.push(format!(
        "{prompts} prompts, {} visible texts, {} log lines were read",
        ledger.texts_examined, samples.log_lines
    ));
    verdict
}

/// INV-10: every answer was paid once in the books, and the books hold no call that was not made.
pub fn money(stored: &Stored, samples: &Samples, calm: bool) -> Verdict {
    let mut verdict = Verdict::new("INV-10", "each model call in the ledger");
    for run in &stored.runs {
        let unpaid = run.answered && run.calls_ok == 0;
        verdict.examine(unpaid.then(|| format!("run {} has an answer and no paid call", run.run_id)));
    }
    let counted: i64 = stored.runs.iter().map(|run| run.calls).sum();
    if counted != stored.calls {
        verdict.violations.push(format!("{} ledger rows, but the runs' add up to {counted}", stored.calls));
    }
    if stored.drifting > 0 {
        verdict.violations.push(format!("{} budgets do not agree with the ledger", stored.drifting));
    }
    let booked: i64 = stored.runs.iter().map(|run| run.calls_ok).sum();
    let answers = i64::try_from(samples.model.answers.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
    if booked > answers {
        verdict.violations.push(format!("{booked} calls are booked as answered; the model answered {answers}"));
    }
    let requests = i64::try_from(samples.model.requests.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
    let missing = requests - stored.calls;
    if calm && missing > 0 {
        verdict.violations.push(format!("{missing} of {requests} calls are not in the ledger"));
    } else if missing > 0 {
        verdict.notes.push(format!("{missing} of {requests} calls are in no ledger: their process died in them"));
    }
    verdict
}

/// INV-12: no session stays inside a transaction.
pub fn no_pool_poison(samples: &Samples) -> Verdict {
    let mut verdict = Verdict::new("INV-12", "no session stuck in a transaction");
    verdict.examined = samples.session_looks;
    verdict.violations.extend(samples.poisoned.iter().cloned());
    verdict
}

/// INV-13: memory, files, sessions and queue within bounds; no panic, no end that nobody ordered.
pub fn bounded(samples: &Samples) -> Verdict {
    let mut verdict = Verdict::new("INV-13", "bounded, no panic, no crash");
    verdict.examined = samples.process_looks;
    for found in [&samples.out_of_bounds, &samples.panics, &samples.crashes] {
        verdict.violations.extend(found.iter().cloned());
    }
    let peaks = samples.megabytes.iter().map(|(name, megabytes)| {
        let files = samples.files.get(name).copied().unwrap_or_default();
        format!("{name} {megabytes:.0} MB {files} files")
    });
    verdict.notes.push(format!("peaks: {}", peaks.collect::<Vec<_>>().join(", ")));
    if samples.refused_starts > 0 {
        verdict.notes.push(format!("{} starts were refused, for the database was away", samples.refused_starts));
    }
    verdict.notes.push(format!("oldest waiting message: {:.1} s", samples.queue_seconds));
    verdict
}

/// INV-15: there are no tools, so no prompt offers one and nothing is done but talk.
pub fn no_tool_effects(ledger: &Ledger, samples: &Samples) -> Verdict {
    let mut verdict = Verdict::new("INV-15", "no effect without a grant");
    for (method, count) in &ledger.effects {
        verdict.examined += count;
        let unknown = !KNOWN_EFFECTS.contains(&method.as_str());
        verdict.violations.extend(unknown.then(|| format!("{method} was called {count} times")));
    }
    let offers = samples.model.with_tools.load(Ordering::Relaxed);
    verdict.violations.extend((offers > 0).then(|| format!("{offers} prompts offer tools")));
    verdict
}

/// INV-16: everything came back by itself, and soon enough.
pub fn recovery(samples: &Samples) -> Verdict {
    let mut verdict = Verdict::new("INV-16", "recovery without hands");
    let mut kinds: BTreeMap<&str, Vec<&Recovery>> = BTreeMap::new();
    for one in &samples.recoveries {
        kinds.entry(one.what).or_default().push(one);
    }
    for (what, mut all) in kinds {
        all.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let place = |share: f64| all[((all.len() as f64 * share).ceil() as usize).clamp(1, all.len()) - 1];
        let (p50, p99) = (place(0.5), place(0.99));
        verdict.examined += all.len() as u64;
        verdict.notes.push(format!(
            "{what}: p50 {:.1} s, p99 {:.1} s of {}; bar {:.0} s",
            p50.seconds,
            p99.seconds,
            all.len(),
            p99.seconds_max
        ));
        let late = p99.seconds > p99.seconds_max;
        verdict.violations.extend(late.then(|| format!("{what} took {:.1} s", p99.seconds)));
    }
    if !samples.drained {
        verdict.violations.push("the backlog did not drain".into());
    }
    verdict
}
