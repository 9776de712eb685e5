//! What was said: stored once, with its author, in the order of a window.

use std::time::Duration;

use shared::{
    db::{
        messages::{self, AuthorKind, Place},
        runs,
    },
    ids::ConversationId,
    message::{ChannelKind, InboundMessage},
};

use crate::stage::{Firm, Stage, message};

fn place<'a>(firm: &Firm, conversation: ConversationId, said: &'a [InboundMessage]) -> Place<'a> {
    Place { conversation, connection: firm.connection, kind: ChannelKind::Public, messages: said }
}

async fn store(firm: &Firm, conversation: ConversationId, said: &[InboundMessage]) -> Vec<messages::Author> {
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    let authors = messages::store(&mut tx, &place(firm, conversation, said)).await.expect("it is stored");
    tx.commit().await.expect("it is stored");
    authors
}

#[tokio::test]
async fn storing_twice_changes_nothing_and_names_the_same_author() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let conversation = ConversationId::new();
    let said =
        [message("1.1", "C1", "U1", "one"), message("1.2", "C1", "U2", "two"), message("1.3", "C1", "U1", "")];
    let first = store(&acme, conversation, &said).await;
    assert_eq!(first.len(), 3);
    assert_eq!(first[0].person, first[2].person);
    assert!(first.iter().all(|author| author.unnamed), "the platform has not told their names yet");
    let people = |authors: &[messages::Author]| authors.iter().map(|author| author.person).collect::<Vec<_>>();
    assert_eq!(people(&store(&acme, conversation, &said).await), people(&first));
    assert_eq!(acme.count("select count(*) from people").await, 2);
    assert_eq!(acme.count("select count(*) from messages").await, 3);
    assert_eq!(acme.count("select count(*) from memories").await, 2, "silence is not remembered");
}

#[tokio::test]
async fn a_person_who_first_writes_in_two_places_at_once_is_heard_in_both() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let (here, there) = ([message("1.1", "C1", "U1", "here")], [message("2.2", "C2", "U1", "there")]);
    let mut tx = acme.db.begin_for_all_audiences().await.unwrap();
    let of_here = messages::store(&mut tx, &place(&acme, ConversationId::new(), &here)).await.unwrap();

    let waiting = store(&acme, ConversationId::new(), &there);
    let committing = async {
        // Long enough for the other statement to run into the person's uncommitted row.
        tokio::time::sleep(Duration::from_millis(300)).await;
        tx.commit().await.unwrap();
    };
    let (of_there, ()) = tokio::join!(waiting, committing);
    assert_eq!(of_there[0].person, of_here[0].person, "one person");
    assert_eq!(acme.texts("select body from messages order by body").await, ["here", "there"]);
    assert_eq!(acme.texts("select body from memories order by body").await, ["here", "there"]);
}

#[tokio::test]
async fn the_window_shows_what_was_said_before_oldest_first_and_no_deleted_ones() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let conversation = stage.hear(acme.says("e1", "C1", "and now?")).await;
    let said: Vec<InboundMessage> = (0..4_i64)
        .map(|minute| {
            let mut said = message(&format!("{minute}"), "C1", "U1", &format!("minute {minute}"));
            said.sent_at += time::Duration::minutes(minute);
            said
        })
        .collect();
    store(&acme, conversation, &said).await;
    let mut tx = acme.db.begin().await.unwrap();
    sqlx::query("update messages set deleted_at = now() where tenant_id = $1 and external_id = '2'")
        .bind(acme.tenant)
        .execute(tx.conn())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let lease = crate::runs::claimed(&stage).await;
    let mut tx = acme.db.begin().await.unwrap();
    let lines = runs::open(&mut tx, &lease).await.unwrap().window;
    tx.close().await.unwrap();
    let bodies: Vec<&str> = lines.iter().map(|line| line.body.as_str()).collect();
    assert_eq!(bodies, ["minute 0", "minute 1", "minute 3"]);
    assert!(lines.iter().all(|line| line.author_kind == AuthorKind::Person && line.author == "U1"));
}

#[tokio::test]
async fn a_pause_of_four_hours_starts_a_new_stretch_of_talk() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let conversation = ConversationId::new();
    for (name, hours) in [("a", 0), ("b", 3), ("c", 8), ("d", 9)] {
        let mut said = message(name, "C1", "U1", name);
        said.sent_at += time::Duration::hours(hours);
        store(&acme, conversation, &[said]).await;
    }
    let stretches = "select body || segment from memories order by position";
    assert_eq!(acme.texts(stretches).await, ["a0", "b0", "c1", "d1"]);
}
