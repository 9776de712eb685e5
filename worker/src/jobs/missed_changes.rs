//! Edits and deletions of a time in which nobody listened: what the history shows is compared with what is stored of it, and
//! what differs goes the way of Slack's own events. Pure, but for its last step.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::{
    channels::{slack_change, slack_event, slack_ids},
    db::{DbError, TenantDb, changes::Followed, missed::Stored, system::Route},
    slack_follow::Follower,
    telemetry,
};

use crate::Worker;

/// What was read of a channel.
#[derive(Default)]
pub struct History {
    /// In the order in which they were said.
    pub messages: Vec<Value>,
    /// The channel itself was read to its end.
    pub whole: bool,
    /// Threads that were read, to their end or not.
    pub threads: BTreeMap<String, bool>,
}

impl History {
    /// Messages of ours that are there no more. Only where all was read: what is not seen may be elsewhere.
    fn gone<'a>(&'a self, stored: &'a [Stored]) -> impl Iterator<Item = &'a Stored> {
        let shown: BTreeSet<&str> = self.messages.iter().filter_map(|message| message["ts"].as_str()).collect();
        stored.iter().filter(move |one| {
            let read = match one.thread.as_deref() {
                Some(thread) if thread != one.external_id => self.threads.get(thread).copied().unwrap_or_default(),
                _ => self.whole,
            };
            read && !shown.contains(one.external_id.as_str())
        })
    }

    /// Messages of ours that read differently now: Slack tells when that was, and we know of no such change.
    fn edited<'a>(&'a self, stored: &'a [Stored]) -> impl Iterator<Item = &'a Value> {
        let known: BTreeMap<&str, &Stored> = stored.iter().map(|one| (one.external_id.as_str(), one)).collect();
        self.messages.iter().filter(move |message| {
            let stored = message["ts"].as_str().and_then(|ts| known.get(ts));
            let edited = message["edited"]["ts"].as_str().and_then(slack_ids::time_of);
            let news = |one: &&Stored| edited.is_some_and(|at| one.edited_at.is_none_or(|seen| seen < at));
            stored.is_some_and(|one| news(one) || message["subtype"] == "tombstone")
        })
    }

    /// The inner events that Slack would have sent, the edits first: a deletion counts above all.
    pub fn events(&self, stored: &[Stored], now: &str) -> Vec<Value> {
        let edits = self.edited(stored).map(|message| {
            let at = message["edited"]["ts"].as_str().unwrap_or(now);
            json!({ "subtype": "message_changed", "message": message, "ts": at, "event_ts": at, "hidden": true })
        });
        let deletions = self.gone(stored).map(|one| {
            let before = json!({ "type": "message", "user": one.author, "ts": one.external_id,
                                 "thread_ts": one.thread, "text": "" });
            json!({ "subtype": "message_deleted", "deleted_ts": one.external_id, "previous_message": before,
                    "ts": now, "event_ts": now, "hidden": true })
        });
        edits.chain(deletions).collect()
    }
}

/// Whether it changed anything.
pub async fn follow(worker: &Worker, db: &TenantDb, route: &Route, event: &Value) -> Result<bool, DbError> {
    let raw = event.to_string().into_bytes();
    let Ok(envelope) = slack_event::parse(&raw) else { return Ok(false) };
    let read = slack_change::read(&envelope, route, worker.clock.now());
    let slack_change::Read::Changed(changed) = read else { return Ok(false) };
    let (ingest, fingerprints) = (&worker.ingest, &worker.fingerprints);
    let follower = Follower { db, route, ingest, fingerprints, hold_back: &[] };
    let followed = follower.follow(*changed, (raw, telemetry::traceparent())).await?;
    Ok(matches!(followed, Followed::Applied { .. } | Followed::Gone))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn stored(ts: &str, thread: Option<&str>) -> Stored {
        Stored {
            external_id: ts.into(),
            thread: thread.map(str::to_owned),
            author: "UADA".into(),
            edited_at: None,
        }
    }

    fn read(messages: &[Value], whole: bool, threads: &[(&str, bool)]) -> History {
        History {
            messages: messages.to_vec(),
            whole,
            threads: threads.iter().map(|(thread, whole)| ((*thread).to_owned(), *whole)).collect(),
        }
    }

    #[test]
    fn only_what_must_have_been_seen_counts_as_gone() {
        let ours = [stored("1.1", Some("1.1")), stored("1.2", Some("1.1")), stored("1.3", None)];
        let gone = |history: History| -> Vec<String> {
            history.events(&ours, "9.9").iter().map(|event| event["deleted_ts"].to_string()).collect()
        };
        let all = ["\"1.1\"", "\"1.2\"", "\"1.3\""];
        assert_eq!(gone(read(&[], true, &[("1.1", true)])), all);
        assert_eq!(gone(read(&[], true, &[("1.1", false)])), [all[0], all[2]], "a thread that was cut off");
        assert_eq!(gone(read(&[], true, &[])), [all[0], all[2]], "a thread that was not read");
        assert_eq!(gone(read(&[], false, &[("1.1", true)])), [all[1]], "a channel that was cut off");
        let shown = [json!({ "ts": "1.1" }), json!({ "ts": "1.2" }), json!({ "ts": "1.3" })];
        assert_eq!(gone(read(&shown, true, &[("1.1", true)])), [] as [&str; 0]);
    }

    #[test]
    fn an_edit_is_told_once_and_only_of_what_is_stored() {
        let edited =
            |ts: &str| json!({ "ts": ts, "text": "b", "user": "UADA", "edited": { "ts": "1764237600.000100" } });
        let history = read(&[edited("1.1"), edited("1.2"), json!({ "ts": "1.3", "text": "c" })], false, &[]);
        let seen = |at| Stored { edited_at: Some(at), ..stored("1.1", None) };
        let count = |ours: &[Stored]| history.events(ours, "9.9").len();
        assert_eq!(count(&[stored("1.1", None), stored("1.3", None)]), 1);
        assert_eq!(count(&[seen(datetime!(2025-11-27 09:00 UTC))]), 1, "that was an earlier one");
        assert_eq!(count(&[seen(datetime!(2025-11-27 10:00:01 UTC))]), 0);
        assert_eq!(count(&[]), 0);
        let event = &history.events(&[stored("1.1", None)], "9.9")[0];
        assert_eq!((&event["subtype"], &event["message"]["text"]), (&json!("message_changed"), &json!("b")));
    }
}
