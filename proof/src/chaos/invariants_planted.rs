//! A checker that can't fail is worth nothing: an honest story holds, and each planted lie is named by its invariant.

use serde_json::{Value, json};
use shared::ids::OutboxId;
use simulators::{HistoryEntry, ModelRequest};
use uuid::Uuid;

use super::{
    invariants::{Bars, Verdict, judge},
    invariants_samples::Samples,
    invariants_stored::{InboxRow, LaneRow, OutboxRow, RunRow, Stored},
    ledger::Ledger,
};

const TEAM: &str = "TKC001X";
const BARS: Bars = Bars { duplicates_per_100_000: 200_000.0, calm: true };

struct Story {
    ledger: Ledger,
    stored: Stored,
    samples: Samples,
    tenant: Uuid,
    conversation: Uuid,
    run: Uuid,
    placeholder: OutboxId,
    answer: OutboxId,
}

impl Story {
    /// One question and its answer.
    fn honest() -> Self {
        let (placeholder, answer) = (OutboxId::new(), OutboxId::new());
        let (tenant, conversation, run) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let mut story = Self {
            ledger: Ledger::default(),
            stored: Stored::default(),
            samples: Samples::default(),
            tenant,
            conversation,
            run,
            placeholder,
            answer,
        };
        story.samples.drained = true;
        story.stored.tenants.insert(TEAM.into(), tenant);
        story.happens(json!({ "kind": "post", "ts": "1.1", "author_kind": "person",
                              "text": "<@UBOTKC001X> kc001x1 is on 14 March." }));
        story.is_delivered("1.1", 200);
        story.shows("post", "1.2", placeholder, "_Thinking …_");
        story.shows("update", "1.2", answer, "Noted: kc001x1 is on 14 March.");
        story.stores(1, "1.1", run);
        story.runs(1, run);
        story.sends(placeholder, "placeholder", 1);
        story.sends(answer, "answer", 1);
        story.stored.calls = 1;
        let lane = LaneRow {
            tenant_id: tenant,
            conversation_id: conversation,
            last_seq: 1,
            done_seq: 1,
            fence: 1,
            owner: None,
        };
        story.stored.lanes.push(lane);
        story.asks_the_model("You are Kona, an AI employee of kc001x.\nAda: kc001x1 is on 14 March.");
        story
    }

    fn happens(&mut self, mut fields: Value) {
        let seq = self.ledger.seq + 1;
        for (name, value) in
            [("seq", json!(seq)), ("at_ms", json!(seq * 1_000)), ("team", json!(TEAM)), ("channel", json!("C1"))]
        {
            if fields.get(name).is_none() {
                fields[name] = value;
            }
        }
        let entry: HistoryEntry = serde_json::from_value(fields).unwrap();
        self.ledger.absorb(&[entry]);
    }

    fn is_delivered(&mut self, ts: &str, status: u16) {
        self.happens(json!({ "kind": "event_sent", "ts": ts, "attempt": 0, "event_id": "Ev1" }));
        self.happens(
            json!({ "kind": "event_result", "ts": ts, "attempt": 0, "event_id": "Ev1", "status": status }),
        );
    }

    fn shows(&mut self, kind: &str, ts: &str, row: OutboxId, text: &str) {
        let metadata = json!({ "event_type": "konstruct_reply", "event_payload": { "outbox_id": row } });
        let method = if kind == "post" { "chat.postMessage" } else { "chat.update" };
        self.happens(json!({ "kind": kind, "ts": ts, "thread_ts": "1.1", "author_kind": "bot", "text": text,
                             "metadata": metadata, "method": method }));
    }

    fn stores(&mut self, seq: i64, ts: &str, run: Uuid) {
        self.stored.inbox.push(InboxRow {
            tenant_id: self.tenant,
            conversation_id: self.conversation,
            seq,
            addressed: true,
            channel: Some("C1".into()),
            ts: Some(ts.into()),
            state: "replied".into(),
            reason: None,
            run_id: Some(run),
            seconds: 1.0,
        });
    }

    fn runs(&mut self, seq: i64, run: Uuid) {
        self.stored.runs.push(RunRow {
            tenant_id: self.tenant,
            run_id: run,
            conversation_id: self.conversation,
            from_seq: seq,
            to_seq: seq,
            state: "done".into(),
            answered: true,
            calls_ok: 1,
            calls: 1,
        });
    }

    fn sends(&mut self, row: OutboxId, kind: &str, fence: i64) {
        self.stored.outbox.push(OutboxRow {
            tenant_id: self.tenant,
            outbox_id: row.uuid(),
            conversation_id: self.conversation,
            run_id: Some(self.run),
            kind: kind.into(),
            state: "sent".into(),
            external_id: Some("1.2".into()),
            attempts: 1,
            fence,
        });
    }

    fn asks_the_model(&mut self, prompt: &str) {
        let body = json!({ "model": "m", "messages": [{ "role": "system", "content": prompt }] });
        self.asks_with(body);
    }

    fn asks_with(&mut self, body: Value) {
        let reply = Some("Noted.".to_owned());
        self.samples.model.see(&ModelRequest { seq: 1, at_ms: 1, key_hint: String::new(), body, reply });
    }

    fn verdicts(&self) -> Vec<Verdict> {
        judge(&self.ledger, &self.stored, &self.samples, BARS)
    }

    /// A second message of the conversation, answered by a second run.
    fn goes_on(&mut self, shown: bool) -> (Uuid, OutboxId) {
        let (run, row) = (Uuid::now_v7(), OutboxId::new());
        self.happens(json!({ "kind": "post", "ts": "2.1", "thread_ts": "1.1", "author_kind": "person",
                             "text": "<@UBOTKC001X> and?" }));
        self.is_delivered("2.1", 200);
        if shown {
            self.shows("post", "1.2", row, "Noted.");
        }
        self.stores(2, "2.1", run);
        self.runs(2, run);
        self.sends(row, "answer", 2);
        self.stored.outbox.last_mut().unwrap().run_id = Some(run);
        self.stored.calls += 1;
        self.asks_the_model("You are Kona, an AI employee of kc001x.");
        (run, row)
    }
}

#[track_caller]
fn names(id: &str, what: &str, plant: impl FnOnce(&mut Story)) {
    let mut story = Story::honest();
    plant(&mut story);
    let verdicts = story.verdicts();
    let verdict = verdicts.iter().find(|verdict| verdict.id == id).unwrap();
    let named = verdict.violations.iter().any(|violation| violation.contains(what));
    assert!(named, "{id} does not name `{what}`: {verdicts:#?}");
}

#[test]
fn an_honest_story_holds() {
    let mut story = Story::honest();
    story.goes_on(true);
    let broken: Vec<Verdict> = story.verdicts().into_iter().filter(|verdict| !verdict.holds()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(story.verdicts().len(), 12);
    assert_eq!((story.ledger.events, story.ledger.messages.len()), (2, 2));
}

#[test]
fn inv_1_names_an_accepted_message_that_is_nowhere() {
    names("INV-1", "TKC001X/C1/1.1", |story| story.stored.inbox.clear());
    names("INV-1", "quarantine", |story| story.stored.quarantined = 1);
    // Refused four times: nobody promised anything.
    let mut story = Story::honest();
    story.happens(json!({ "kind": "post", "ts": "3.1", "author_kind": "person", "text": "<@UBOTKC001X> hi" }));
    story.is_delivered("3.1", 503);
    assert!(story.verdicts()[0].holds());
}

#[test]
fn inv_1_asks_for_a_follow_up_only_once_the_thread_was_known() {
    names("INV-1", "C1/2.1", |story| {
        story.happens(
            json!({ "kind": "post", "ts": "2.1", "thread_ts": "1.1", "author_kind": "person", "text": "and?" }),
        );
        story.is_delivered("2.1", 200);
    });
    let mut story = Story::honest();
    let alone =
        json!({ "kind": "post", "ts": "2.1", "thread_ts": "0.9", "author_kind": "person", "text": "lunch?" });
    story.happens(alone);
    story.is_delivered("2.1", 200);
    assert!(story.verdicts()[0].holds(), "talk of others is not the agent's");
}

#[test]
fn inv_2_names_what_has_no_end_or_came_to_it_too_late() {
    names("INV-2", "is pending", |story| story.stored.inbox[0].state = "pending".into());
    names("INV-2", "took 601 s", |story| story.stored.inbox[0].seconds = 601.0);
    names("INV-2", "dead without a reason", |story| story.stored.inbox[0].state = "dead".into());
    names("INV-2", "never ended", |story| story.stored.runs[0].state = "running".into());
    names("INV-2", "still being sent", |story| story.stored.outbox[1].state = "sending".into());
}

#[test]
fn inv_3_counts_a_duplicate_and_wants_it_explained() {
    names("INV-3", "nothing was broken", |story| {
        let row = story.placeholder;
        story.shows("post", "1.3", row, "_Thinking …_");
    });
    let mut story = Story::honest();
    let row = story.placeholder;
    story.shows("post", "1.3", row, "_Thinking …_");
    story.ledger.disturb("kill -9 orchestrator-0", 4_500, 5_500);
    let verdict = &story.verdicts()[2];
    assert!(verdict.holds() && verdict.notes[1].contains("placeholder: kill -9 orchestrator-0"), "{verdict}");
    names("INV-3", "has an apology and an answer", |story| {
        let row = OutboxId::new();
        story.sends(row, "apology", 1);
    });
    let mut story = Story::honest();
    let row = story.placeholder;
    story.shows("post", "1.3", row, "_Thinking …_");
    story.ledger.disturb("kill -9 orchestrator-0", 4_500, 5_500);
    let strict =
        judge(&story.ledger, &story.stored, &story.samples, Bars { duplicates_per_100_000: 20.0, calm: true });
    assert!(strict[2].violations[0].contains("the bar is 20"), "{}", strict[2]);
}

#[test]
fn inv_4_names_what_is_sent_and_unseen_or_seen_and_unsent() {
    names("INV-4", "nobody saw it", |story| story.stored.outbox[1].external_id = Some("9.9".into()));
    names("INV-4", "dead, and visible", |story| story.stored.outbox[1].state = "dead".into());
    names("INV-4", "not on record", |story| story.stored.outbox.clear());
    names("INV-4", "replied without an answer", |story| story.stored.outbox[1].state = "unknown".into());
    names("INV-4", "no message is replied by it", |story| story.stored.inbox[0].state = "dead".into());
    names("INV-4", "names no outbox row", |story| {
        story.happens(json!({ "kind": "post", "ts": "1.9", "author_kind": "bot", "text": "hi" }));
    });
}

#[test]
fn inv_5_names_inversions_of_numbers_and_of_answers() {
    names("INV-5", "is numbered after it", |story| {
        story.goes_on(true);
        story.stored.inbox[0].seq = 2;
        story.stored.inbox[1].seq = 1;
        story.stored.inbox.reverse();
    });
    names("INV-5", "was visible before", |story| {
        story.goes_on(true);
        let (earlier, later) = (story.stored.runs[0].run_id, story.stored.runs[1].run_id);
        story.stored.runs[0].run_id = later;
        story.stored.runs[1].run_id = earlier;
    });
    names("INV-5", "answers what was answered already", |story| {
        story.goes_on(true);
        story.stored.runs[1].from_seq = 1;
    });
    let mut story = Story::honest();
    story.goes_on(true);
    story.stored.runs[1].from_seq = 1;
    story.stored.runs[0].state = "dropped".into();
    let verdicts = story.verdicts();
    let order = verdicts.iter().find(|verdict| verdict.to_string().starts_with("INV-5")).expect("it is judged");
    assert!(order.holds(), "an edited question was answered anew: {order}");
}

#[test]
fn inv_6_names_foreign_words_in_prompts_replies_and_logs() {
    names("INV-6", "holds kc002x", |story| {
        story.asks_the_model("You work for kc001x.\nAda: kc002x7 is on 1 March.")
    });
    names("INV-6", "shows kc002x", |story| {
        let row = story.answer;
        story.shows("update", "1.2", row, "I remember: kc002x7");
    });
    names("INV-6", "log of gateway-0", |story| story.samples.see_log_line("gateway-0", "stored kc001x1"));
}

#[test]
fn inv_7_names_a_second_owner_and_a_write_under_an_old_fence() {
    names("INV-7", "under fence 1 after fence 2", |story| {
        story.stored.outbox[0].fence = 2;
    });
    names("INV-7", "belongs to a and b", |story| {
        let lane = story.conversation;
        story.samples.see_owners(vec![(lane, 5, "a".into())]);
        story.samples.see_owners(vec![(lane, 5, "b".into())]);
    });
    names("INV-7", "fence 5 fell to 4", |story| {
        let lane = story.conversation;
        story.samples.see_owners(vec![(lane, 5, "a".into()), (lane, 4, "a".into())]);
    });
}

#[test]
fn inv_10_names_unpaid_invented_and_forgotten_calls() {
    names("INV-10", "no paid call", |story| story.stored.runs[0].calls_ok = 0);
    names("INV-10", "the model answered 1", |story| story.stored.runs[0].calls_ok = 2);
    names("INV-10", "do not agree with the ledger", |story| story.stored.drifting = 1);
    names("INV-10", "add up to 1", |story| story.stored.calls = 2);
    names("INV-10", "are not in the ledger", |story| story.asks_the_model("You work for kc001x."));
}

#[test]
fn inv_12_to_16_name_what_is_out_of_bounds() {
    names("INV-12", "session 7", |story| story.samples.poisoned.push("session 7 is idle".into()));
    names("INV-13", "panicked", |story| {
        story.samples.see_log_line("worker-0", r#"{"message":"A task panicked"}"#)
    });
    names("INV-13", "ended by itself", |story| story.samples.crashes.push("worker-0 ended by itself".into()));
    names("INV-15", "files.upload was called", |story| {
        story.happens(json!({ "kind": "refused", "method": "files.upload", "error": "unknown_method" }));
    });
    names("INV-15", "offer tools", |story| {
        story.asks_with(json!({ "messages": [], "tools": [{ "type": "function" }] }))
    });
    names("INV-16", "took 11.0 s", |story| story.samples.recovered("takeover after kill -9", 11.0, 10.0));
    names("INV-16", "did not drain", |story| story.samples.drained = false);
}
