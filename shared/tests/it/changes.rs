//! What people did to their messages afterwards: whatever holds the message follows.

use shared::{
    db::{
        changes::{self, Change, Followed, What},
        lanes,
        messages::{self, Place},
        runs, vectors,
    },
    ids::ConversationId,
    message::ChannelKind,
};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{
    runs::{begin, claimed, parts, record},
    stage::{Firm, Stage, message},
};

const BEGUN: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
const WAITING: Followed = Followed::Applied { pending: true, answered: false };

fn edit(conversation: ConversationId, external_id: &str, minute: i64, text: &str) -> Change {
    Change {
        conversation,
        external_id: external_id.to_owned(),
        changed_at: BEGUN + Duration::minutes(minute),
        what: What::Edited { text: text.to_owned(), mentions_others: false, addressed: false },
        concerns_agent: false,
    }
}

fn deletion(conversation: ConversationId, external_id: &str, minute: i64) -> Change {
    Change { what: What::Deleted, ..edit(conversation, external_id, minute, "") }
}

async fn follow(firm: &Firm, change: Change) -> Followed {
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    let followed = changes::follow(&mut tx, &change).await.expect("it is followed");
    tx.commit().await.expect("it is committed");
    followed
}

/// Stores a message and its memory as an opened turn does.
async fn store(firm: &Firm, conversation: ConversationId, external_id: &str, text: &str) {
    let said = [message(external_id, "C1", "U1", text)];
    let place = Place { conversation, connection: firm.connection, kind: ChannelKind::Public, messages: &said };
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    messages::store(&mut tx, &place).await.expect("it is stored");
    tx.commit().await.expect("it is committed");
}

async fn asked(firm: &Firm) -> Vec<String> {
    firm.texts("select normalized ->> 'text' from inbox where state = 'pending' order by seq").await
}

#[tokio::test]
async fn a_waiting_message_is_asked_as_it_reads_now_and_the_latest_edit_counts() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = stage.hear(acme.says("1.1", "C1", "when is luch?")).await;
    for (minute, text, counts) in [(2, "when is lunch?", "when is lunch?"), (1, "when is lnch?", "when is lunch?")]
    {
        for _ in 0..2 {
            assert_eq!(follow(&acme, edit(talk, "1.1", minute, text)).await, WAITING);
        }
        assert_eq!(asked(&acme).await, [counts]);
    }
    assert_eq!(acme.count("select count(*) from message_changes").await, 2, "delivered twice is once");
    let mut tx = acme.db.begin().await.unwrap();
    let opening = runs::open(&mut tx, &claimed(&stage).await).await.unwrap();
    tx.close().await.unwrap();
    assert_eq!(opening.pending[0].message.text, "when is lunch?");
    assert!(!opening.changes_wait);
}

#[tokio::test]
async fn a_change_that_overtakes_its_message_waits_for_it() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = stage.hear(acme.says("1.1", "C1", "hello")).await;
    let waits = Followed::Waits { lane_known: true };
    assert_eq!(follow(&acme, edit(talk, "1.2", 1, "second, edited")).await, waits);
    assert_eq!(follow(&acme, deletion(talk, "1.3", 1)).await, waits);
    for (name, text) in [("1.2", "second"), ("1.3", "third")] {
        stage.hear(acme.says(name, "C1", text)).await;
    }
    let lease = claimed(&stage).await;
    let mut tx = acme.db.begin_for_all_audiences().await.unwrap();
    assert!(runs::open(&mut tx, &lease).await.unwrap().changes_wait);
    changes::catch_up(&mut tx, talk).await.unwrap();
    let opening = runs::open(&mut tx, &lease).await.unwrap();
    tx.commit().await.unwrap();
    let texts: Vec<&str> = opening.pending.iter().map(|pending| pending.message.text.as_str()).collect();
    assert_eq!(texts, ["hello", "second, edited"]);
    assert!(!opening.changes_wait);
}

#[tokio::test]
async fn what_is_remembered_follows_and_gets_a_new_vector() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = stage.hear(acme.says("1.1", "C1", "the launch is on 14 March")).await;
    store(&acme, talk, "1.1", "the launch is on 14 March").await;
    let mut tx = acme.db.begin_for_all_audiences().await.unwrap();
    let old = vectors::missing(&mut tx, 10).await.unwrap();
    let answered = "update inbox set state = 'replied' where tenant_id = $1";
    sqlx::query(answered).bind(acme.tenant).execute(tx.conn()).await.unwrap();
    tx.commit().await.unwrap();

    let settled = Followed::Applied { pending: false, answered: true };
    assert_eq!(follow(&acme, edit(talk, "1.1", 5, "the launch is on 15 March")).await, settled);
    assert_eq!(acme.texts("select body from memories").await, ["the launch is on 15 March"]);
    let edited = "select body from messages where edited_at = '2026-11-20 12:05Z'";
    assert_eq!(acme.texts(edited).await, ["the launch is on 15 March"]);

    // A worker that was at it since before the edit.
    let mut tx = acme.db.begin_for_all_audiences().await.unwrap();
    vectors::store(&mut tx, &old, &[vec![0.5; 384]]).await.unwrap();
    let waiting = vectors::missing(&mut tx, 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(waiting.len(), 1, "the old text's vector is not the new one's");
    assert_eq!(follow(&acme, edit(talk, "1.1", 4, "the launch is on 13 March")).await, settled);
    assert_eq!(acme.texts("select body from memories").await, ["the launch is on 15 March"]);
}

#[tokio::test]
async fn what_was_deleted_is_nowhere_and_stays_so() {
    const SECRET: &str = "CANARY-deleted";
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = stage.hear(acme.says("1.1", "C1", SECRET)).await;
    store(&acme, talk, "1.1", SECRET).await;
    follow(&acme, edit(talk, "1.1", 1, &format!("{SECRET}, edited"))).await;
    for _ in 0..2 {
        assert_eq!(follow(&acme, deletion(talk, "1.1", 2)).await, Followed::Gone);
    }
    assert_eq!(follow(&acme, edit(talk, "1.1", 3, &format!("{SECRET} again"))).await, Followed::Gone);
    assert!(asked(&acme).await.is_empty());
    let kept = format!(
        "select (select count(*) from inbox where normalized::text like '%{SECRET}%' or position('{SECRET}'::bytea in raw) > 0)
              + (select count(*) from messages where body like '%{SECRET}%')
              + (select count(*) from message_changes where body like '%{SECRET}%')
              + (select count(*) from memories)"
    );
    assert_eq!(acme.count(&kept).await, 0);
    let ended = "select state || ': ' || reason from inbox";
    assert_eq!(acme.texts(ended).await, ["ignored: deleted by its author"]);
    let mut tx = acme.db.begin().await.unwrap();
    let opening = runs::open(&mut tx, &claimed(&stage).await).await.unwrap();
    tx.close().await.unwrap();
    assert!(opening.window.is_empty() && opening.pending.is_empty());
}

#[tokio::test]
async fn changes_of_talk_the_agent_never_heard_are_not_kept() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let elsewhere = ConversationId::new();
    assert_eq!(follow(&acme, edit(elsewhere, "1.1", 1, "lunch?")).await, Followed::NotKept);
    assert_eq!(acme.count("select count(*) from message_changes").await, 0);
    let concerns = Change { concerns_agent: true, ..deletion(elsewhere, "1.1", 1) };
    assert_eq!(follow(&acme, concerns).await, Followed::Waits { lane_known: false });
}

#[tokio::test]
async fn a_turn_at_work_on_the_old_text_is_ended_at_once_unless_its_answer_is_paid_for() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let state = "select state || ' ' || coalesce(failure, '-') from runs order by started_at desc limit 1";
    let notice =
        "select body from outbox where kind = 'notice' and state = 'sending' order by created_at desc limit 1";
    for (lane, change, reason, shown) in [
        (
            "edited",
            What::Edited { text: "new".into(), mentions_others: false, addressed: true },
            "edited",
            "changed",
        ),
        ("deleted", What::Deleted, "deleted", "deleted"),
    ] {
        let talk = stage.hear(acme.says(lane, lane, "old")).await;
        let begun = begin(&stage, &acme).await;
        follow(&acme, Change { what: change, ..edit(talk, lane, 1, "") }).await;
        assert!(!record(&acme, &begun, None, &[], &parts("1.9")).await, "{lane}: nothing may be sent any more");
        assert_eq!(acme.texts(state).await, [format!("dropped the question was {reason}")]);
        assert!(acme.texts(notice).await[0].contains(shown), "{lane}");
        let next = claimed(&stage).await;
        assert_eq!(next.conversation, talk, "the notice does not wait");
        lanes::put_back(&stage.db().system(), &next, 3_600.0).await.unwrap();
    }
    let talk = stage.hear(acme.says("answered", "answered", "old")).await;
    let begun = begin(&stage, &acme).await;
    assert!(record(&acme, &begun, Some(serde_json::json!({ "text": "hello" })), &[], &parts("1.9")).await);
    follow(&acme, edit(talk, "answered", 1, "new")).await;
    assert_eq!(acme.texts(state).await, ["running -"], "what was worked out is sent");
}
