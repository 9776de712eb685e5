//! Summaries go with what they were made of, and what was forgotten is in none.

use shared::{
    db::{
        audit::Actor,
        changes::{self, Change, What},
        messages::{self, Place},
        origins,
        summaries::{self, New, Spoken},
    },
    ids::{ConversationId, MemoryId, PersonId},
    message::ChannelKind,
};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::stage::{Firm, Stage, message};

const BEGUN: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
/// With these behind it, a message is out of the window.
const NEWER: i64 = 20;

/// A talk of these sayings, each by its author, and so many after them that they want a summary.
async fn talk(firm: &Firm, sayings: &[(&str, &str)]) -> ConversationId {
    let conversation = ConversationId::new();
    let newer = (0..NEWER).map(|_| ("U9", "And so on."));
    let said: Vec<_> = sayings
        .iter()
        .copied()
        .chain(newer)
        .zip(0..)
        .map(|((author, text), minute)| {
            let mut said = message(&format!("1.{minute}"), "C1", author, text);
            said.sent_at = BEGUN + Duration::minutes(minute);
            said
        })
        .collect();
    let place = Place { conversation, connection: firm.connection, kind: ChannelKind::Public, messages: &said };
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    messages::store(&mut tx, &place).await.expect("it is stored");
    tx.commit().await.expect("it is committed");
    conversation
}

async fn open(firm: &Firm, conversation: ConversationId) -> Vec<Spoken> {
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    let mut spoken = summaries::spoken(&mut tx, conversation).await.expect("messages can be read");
    tx.close().await.expect("it ends");
    spoken.retain(|spoken| !spoken.covered);
    spoken
}

async fn store(firm: &Firm, conversation: ConversationId, of: &[Spoken]) -> bool {
    let body: Vec<&str> = of.iter().map(|spoken| spoken.body.as_str()).collect();
    let new = New { conversation, agent: firm.agent, body: &body.join(" "), of };
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    let stored = summaries::store(&mut tx, &new).await.expect("the database answers");
    tx.commit().await.expect("it is committed");
    stored
}

const BODIES: &str = "select body from summaries";
const ASKED: &str = "select count(*) from summary_requests";

#[tokio::test]
async fn what_people_wrote_is_summed_up_once_and_the_newest_is_left_alone() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = talk(&acme, &[("U1", "The launch is on 14 March."), ("U2", "The venue is open.")]).await;
    let spoken = open(&acme, talk).await;
    let said: Vec<&str> = spoken.iter().map(|spoken| spoken.body.as_str()).collect();
    assert_eq!(said, ["The launch is on 14 March.", "The venue is open."]);
    assert!(store(&acme, talk, &spoken).await);
    assert_eq!(acme.texts(BODIES).await, ["The launch is on 14 March. The venue is open."]);
    assert!(open(&acme, talk).await.is_empty());
    assert!(!store(&acme, talk, &spoken).await, "it is summed up already");
    assert!(!store(&acme, talk, &[]).await);
}

#[tokio::test]
async fn what_the_agent_said_is_in_no_summary() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = talk(&acme, &[("U1", "The launch is on 14 March.")]).await;
    let mut tx = acme.db.begin_for_all_audiences().await.expect("a transaction begins");
    sqlx::query(
        "insert into messages (tenant_id, message_id, conversation_id, author_kind, agent_id, body, sent_at)
         values ($1, gen_random_uuid(), $2, 'agent', $3, 'From memory: the code is 4711.', '2026-11-20 11:00Z')",
    )
    .bind(acme.tenant)
    .bind(talk)
    .bind(acme.agent)
    .execute(tx.conn())
    .await
    .expect("an answer");
    tx.commit().await.expect("it is committed");
    let said = open(&acme, talk).await;
    assert_eq!(said.iter().map(|spoken| spoken.body.as_str()).collect::<Vec<_>>(), ["The launch is on 14 March."]);
}

#[tokio::test]
async fn attack_136_what_is_forgotten_is_gone_from_summaries_and_in_no_later_one() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk =
        talk(&acme, &[("U1", "My badge number is 4711."), ("U2", "The venue is open."), ("U2", "It is large.")])
            .await;
    assert!(store(&acme, talk, &open(&acme, talk).await).await);
    let id = acme.texts("select memory_id::text from memories where body like 'My badge%'").await;
    let id = MemoryId::from_uuid(id[0].parse().expect("an id"));
    let mut tx = acme.db.begin_for_all_audiences().await.expect("a transaction begins");
    origins::forget(&mut tx, &Actor::System, id).await.expect("the database answers").expect("it is there");
    tx.commit().await.expect("it is committed");
    assert_eq!(acme.texts(BODIES).await, [""; 0]);
    assert_eq!(acme.count(ASKED).await, 1, "it is made anew of what is left");
    // The message still stands in the conversation.
    assert!(store(&acme, talk, &open(&acme, talk).await).await);
    assert_eq!(acme.texts(BODIES).await, ["The venue is open. It is large."]);

    let person = acme.texts("select person_id::text from people where external_id = 'U2'").await;
    acme.forget(PersonId::from_uuid(person[0].parse().expect("an id"))).await;
    assert_eq!((acme.texts(BODIES).await, open(&acme, talk).await), (Vec::<String>::new(), Vec::new()));
    assert_eq!(acme.count("select count(*) from summary_sources").await, 0);
}

#[tokio::test]
async fn an_edit_or_a_deletion_takes_the_summary_along() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = talk(&acme, &[("U1", "The launch is on 14 March."), ("U2", "The venue is open.")]).await;
    for (number, what) in [
        (0, What::Edited { text: "The launch is on 15 March.".into(), mentions_others: false, addressed: false }),
        (1, What::Deleted),
    ] {
        assert!(store(&acme, talk, &open(&acme, talk).await).await);
        let change = Change {
            conversation: talk,
            external_id: format!("1.{number}"),
            changed_at: BEGUN + Duration::hours(1),
            what,
            concerns_agent: true,
        };
        let mut tx = acme.db.begin_for_all_audiences().await.expect("a transaction begins");
        // Whoever holds the lane carries it out.
        changes::follow(&mut tx, &change).await.expect("the database answers");
        changes::catch_up(&mut tx, talk).await.expect("the database answers");
        tx.commit().await.expect("it is committed");
        assert_eq!(acme.texts(BODIES).await, [""; 0], "{change:?}");
    }
    assert!(store(&acme, talk, &open(&acme, talk).await).await);
    assert_eq!(acme.texts(BODIES).await, ["The launch is on 15 March."]);
}

#[tokio::test]
async fn what_was_changed_while_a_model_read_it_is_not_stored() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = talk(&acme, &[("U1", "The launch is on 14 March.")]).await;
    let read = open(&acme, talk).await;
    let mut tx = acme.db.begin_for_all_audiences().await.expect("a transaction begins");
    sqlx::query("update messages set body = 'Nothing.' where tenant_id = $1 and body like 'The launch%'")
        .bind(acme.tenant)
        .execute(tx.conn())
        .await
        .expect("it changes");
    tx.commit().await.expect("it is committed");
    assert!(!store(&acme, talk, &read).await);
    assert_eq!(acme.texts(BODIES).await, [""; 0]);
}

#[tokio::test]
async fn requests_are_leased_and_a_new_one_outlives_the_end_of_an_older() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = talk(&acme, &[("U1", "The launch is on 14 March.")]).await;
    let ask = "insert into summary_requests (tenant_id, conversation_id) values ($1, $2)
               on conflict (tenant_id, conversation_id) do update set asked_at = clock_timestamp()";
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    sqlx::query(ask).bind(acme.tenant).bind(talk).execute(tx.conn()).await.expect("it is asked for");
    let claimed = summaries::claim(&mut tx).await.expect("the database answers").expect("it is there");
    assert_eq!(summaries::claim(&mut tx).await.expect("the database answers"), None, "somebody is at it");
    tx.commit().await.expect("it is committed");

    let mut tx = acme.db.begin().await.expect("a transaction begins");
    sqlx::query(ask).bind(acme.tenant).bind(talk).execute(tx.conn()).await.expect("it is asked for");
    summaries::release(&mut tx, &claimed, false).await.expect("the database answers");
    let again = summaries::claim(&mut tx).await.expect("the database answers").expect("it was asked for again");
    summaries::put_off(&mut tx, talk).await.expect("the database answers");
    assert_eq!(summaries::claim(&mut tx).await.expect("the database answers"), None, "it waits");
    summaries::release(&mut tx, &again, false).await.expect("the database answers");
    tx.commit().await.expect("it is committed");
    assert_eq!(acme.count(ASKED).await, 0);
}
