//! Facts: merged, closed and put right by keys and time, and gone with the words they come from.

use shared::{
    db::{
        Audience, DbError,
        audit::Actor,
        changes::{self, Change, What},
        channels::{self, Described, State},
        facts::{self, Correction, Drawn, Learned},
        memories::{self, Kind, Question, Recalled},
        messages::{self, Place},
        origins,
    },
    ids::{ConversationId, MemoryId, PersonId},
    message::ChannelKind,
};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::stage::{Firm, Stage, message};

const BEGUN: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

/// Stores what somebody says in a channel that is a conversation of its own; when, in minutes.
async fn says(firm: &Firm, place: (ChannelKind, &str), author: &str, minute: i64, text: &str) -> ConversationId {
    let (kind, channel) = place;
    let known = firm
        .texts(&format!("select conversation_id::text from conversations where channel_external_id = '{channel}'"))
        .await;
    let conversation =
        known.first().map_or_else(ConversationId::new, |id| ConversationId::from_uuid(id.parse().expect("an id")));
    let mut said = message(&format!("{channel}.{minute}"), channel, author, text);
    said.sent_at = BEGUN + Duration::minutes(minute);
    let place = Place { conversation, connection: firm.connection, kind, messages: &[said] };
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    messages::store(&mut tx, &place).await.expect("it is stored");
    tx.commit().await.expect("it is committed");
    conversation
}

/// Draws `value` of the attribute `date` of `subject` from each unread message that holds one of these values.
async fn learns(
    firm: &Firm,
    conversation: ConversationId,
    subject: &str,
    values: &[&str],
    single: bool,
) -> Learned {
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    let read = facts::sources(&mut tx, conversation).await.expect("messages can be read");
    let drawn: Vec<Drawn> = read
        .iter()
        .flat_map(|source| {
            values.iter().filter(|value| source.body.contains(**value)).map(move |value| (source, *value))
        })
        .map(|(source, value)| Drawn {
            from: source.memory,
            subject: subject.into(),
            attribute: "date".into(),
            value: value.into(),
            value_key: facts::key(value),
            single,
            decision: false,
            quote: source.body.clone(),
        })
        .collect();
    let learned = facts::learn(&mut tx, conversation, &read, &drawn).await.expect("facts are stored");
    tx.commit().await.expect("it is committed");
    learned
}

/// Open facts and closed ones, by value.
async fn known(firm: &Firm) -> (Vec<String>, Vec<String>) {
    let values = |closed: &str| {
        format!("select value from memories where kind = 'fact' and valid_until is {closed} null order by value")
    };
    (firm.texts(&values("")).await, firm.texts(&values("not")).await)
}

async fn found(firm: &Firm, audiences: &[Audience], asks_past: bool) -> Vec<Recalled> {
    let vector = [0.0; 384];
    let question = Question { vector: &vector, terms: "launch", asks_past, limit: 10, ..Question::default() };
    let mut tx = firm.db.begin_for(audiences).await.expect("a transaction begins");
    let found = memories::search(&mut tx, &question).await.expect("the search runs");
    tx.close().await.expect("it ends");
    found
}

const C1: (ChannelKind, &str) = (ChannelKind::Public, "C1");

#[tokio::test]
async fn the_same_is_merged_and_what_contradicts_closes_the_older_one() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = says(&acme, C1, "U1", 0, "The launch is on 14 March.").await;
    assert_eq!(learns(&acme, talk, "launch", &["14 March"], true).await, Learned { new: 1, closed: 0 });
    assert_eq!(
        learns(&acme, talk, "launch", &["14 March"], true).await,
        Learned::default(),
        "nothing is read twice"
    );
    says(&acme, C1, "U2", 1, "Yes, 14 MARCH... the launch: 14 March").await;
    assert_eq!(learns(&acme, talk, "launch", &["14 March"], true).await, Learned::default(), "merged");
    assert_eq!(acme.count("select count(*) from fact_sources").await, 2);
    says(&acme, C1, "U2", 2, "The launch moved to 21 March.").await;
    assert_eq!(learns(&acme, talk, "launch", &["21 March"], true).await, Learned { new: 1, closed: 1 });
    assert_eq!(known(&acme).await, (vec!["21 March".into()], vec!["14 March".into()]));

    // Said before, heard later: it closes nothing, and holds no longer.
    says(&acme, C1, "U1", -5, "The launch is on 1 March.").await;
    assert_eq!(learns(&acme, talk, "launch", &["1 March"], true).await, Learned { new: 1, closed: 0 });
    assert_eq!(known(&acme).await, (vec!["21 March".into()], vec!["1 March".into(), "14 March".into()]));

    // What somebody can have several of closes nothing.
    says(&acme, C1, "U1", 6, "The party is on 2 May. The party is on 3 May.").await;
    assert_eq!(learns(&acme, talk, "party", &["2 May", "3 May"], false).await, Learned { new: 2, closed: 0 });
}

#[tokio::test]
async fn closed_facts_are_recalled_only_for_the_past_and_their_messages_are_known_as_outdated() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = says(&acme, C1, "U1", 0, "The launch is on 14 March.").await;
    learns(&acme, talk, "launch", &["14 March"], true).await;
    says(&acme, C1, "U2", 2, "The launch moved to 21 March.").await;
    learns(&acme, talk, "launch", &["21 March"], true).await;

    let now = found(&acme, &[Audience::Tenant], false).await;
    let facts = |found: &[Recalled]| {
        let facts = found.iter().filter(|memory| matches!(memory.kind, Kind::Fact { .. }));
        facts.map(|memory| memory.body.clone()).collect::<Vec<_>>()
    };
    assert_eq!(facts(&now), ["The launch moved to 21 March."]);
    let message =
        |text: &str| now.iter().find(|memory| memory.message.is_some() && memory.body == text).expect(text);
    let closed_at = BEGUN + Duration::minutes(2);
    assert_eq!(
        message("The launch is on 14 March.").kind,
        Kind::Message { outdated_at: Some(closed_at) },
        "as said, and known to hold no longer"
    );
    assert_eq!(message("The launch moved to 21 March.").kind, Kind::Message { outdated_at: None });
    assert_eq!(facts(&found(&acme, &[Audience::Tenant], true).await).len(), 2);
    let messages: Vec<_> = now.iter().filter_map(|memory| memory.message).collect();
    let vector = [0.0; 384];
    let question =
        Question { vector: &vector, terms: "launch", except: &messages, limit: 10, ..Question::default() };
    let mut tx = acme.db.begin_for(&[Audience::Tenant]).await.expect("the database answers");
    let rest = memories::search(&mut tx, &question).await.expect("the database answers");
    assert_eq!(rest.len(), 1, "a fact is no message that the prompt holds anyway");
}

#[tokio::test]
async fn attack_122_facts_stay_with_the_audience_of_their_message() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let public = says(&acme, C1, "U1", 0, "The launch is on 14 March.").await;
    learns(&acme, public, "launch", &["14 March"], true).await;
    let secret = says(&acme, (ChannelKind::Private, "G1"), "U1", 1, "The launch is on 1 April.").await;
    assert_eq!(learns(&acme, secret, "launch", &["1 April"], true).await, Learned { new: 1, closed: 0 });
    let direct = says(&acme, (ChannelKind::Direct, "D1"), "U1", 2, "The launch is on 2 April.").await;
    assert_eq!(learns(&acme, direct, "launch", &["2 April"], true).await, Learned { new: 1, closed: 0 });
    assert_eq!(known(&acme).await.0, ["1 April", "14 March", "2 April"], "nothing private closes what all know");

    let shown = |found: Vec<Recalled>| found.iter().any(|memory| memory.body.contains("April"));
    assert!(!shown(found(&acme, &[Audience::Tenant], true).await));
    let in_g1 = Audience::Channel(acme.connection, "G1".into());
    assert!(shown(found(&acme, std::slice::from_ref(&in_g1), false).await));

    // The public channel turns private: what was drawn there goes with what was said there.
    let told = Described { kind: ChannelKind::Private, name: "c1".into(), shared: false, state: State::Open };
    let mut tx = acme.db.begin_for_all_audiences().await.expect("the database answers");
    channels::describe(&mut tx, acme.connection, "C1", &told, &[]).await.expect("the database answers");
    tx.commit().await.expect("the database answers");
    assert_eq!(found(&acme, &[Audience::Tenant], true).await, []);
    assert_eq!(found(&acme, &[Audience::Channel(acme.connection, "C1".into())], false).await.len(), 2);
}

async fn follow(firm: &Firm, conversation: ConversationId, external_id: &str, what: What) {
    let change = Change {
        conversation,
        external_id: external_id.into(),
        changed_at: BEGUN + Duration::hours(1),
        what,
        concerns_agent: true,
    };
    let mut tx = firm.db.begin_for_all_audiences().await.expect("the database answers");
    changes::follow(&mut tx, &change).await.expect("the database answers");
    tx.commit().await.expect("the database answers");
}

/// A conversation with a lane, as the accept path makes one.
async fn heard(stage: &Stage, firm: &Firm, name: &str, text: &str) -> ConversationId {
    let conversation = stage.hear(firm.says(name, name, text)).await;
    let said = [message(name, name, "U1", text)];
    let place = Place { conversation, connection: firm.connection, kind: ChannelKind::Public, messages: &said };
    let mut tx = firm.db.begin_for_all_audiences().await.expect("the database answers");
    messages::store(&mut tx, &place).await.expect("the database answers");
    tx.commit().await.expect("the database answers");
    conversation
}

#[tokio::test]
async fn an_edit_and_a_deletion_take_the_facts_along_and_an_edit_is_read_anew() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let edited = heard(&stage, &acme, "C1", "The launch is on 14 March.").await;
    let deleted = heard(&stage, &acme, "C2", "The party is on 1 May.").await;
    learns(&acme, edited, "launch", &["14 March"], true).await;
    learns(&acme, deleted, "party", &["1 May"], true).await;
    assert_eq!(known(&acme).await.0.len(), 2);
    assert_eq!(acme.count("select count(*) from learnings").await, 0);

    let text = "The launch is on 15 March.".to_owned();
    follow(&acme, edited, "C1", What::Edited { text, mentions_others: false, addressed: false }).await;
    follow(&acme, deleted, "C2", What::Deleted).await;
    assert_eq!(known(&acme).await, (Vec::new(), Vec::new()), "in the same transaction");
    assert_eq!(acme.count("select count(*) from learnings").await, 1);
    learns(&acme, edited, "launch", &["14 March", "15 March"], true).await;
    assert_eq!(known(&acme).await.0, ["15 March"]);
}

#[tokio::test]
async fn what_is_forgotten_takes_its_facts_and_whoever_said_the_same_is_asked_again() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = says(&acme, C1, "U1", 0, "The launch is on 14 March.").await;
    learns(&acme, talk, "launch", &["14 March"], true).await;
    says(&acme, C1, "U2", 1, "So the launch is on 14 March!").await;
    learns(&acme, talk, "launch", &["14 March"], true).await;
    let first: Vec<MemoryId> = acme
        .texts(
            "select memory_id::text from memories where body = 'The launch is on 14 March.' and kind = 'message'",
        )
        .await
        .iter()
        .map(|id| MemoryId::from_uuid(id.parse().expect("an id")))
        .collect();
    let mut tx = acme.db.begin_for_all_audiences().await.expect("the database answers");
    origins::forget(&mut tx, &Actor::System, first[0]).await.expect("the database answers").expect("it is there");
    tx.commit().await.expect("the database answers");
    assert_eq!(known(&acme).await.0, [""; 0], "the fact quoted what is forgotten");
    learns(&acme, talk, "launch", &["14 March"], true).await;
    assert_eq!(
        acme.texts("select body from memories where kind = 'fact'").await,
        ["So the launch is on 14 March!"]
    );

    let person = acme.texts("select person_id::text from people where external_id = 'U2'").await;
    acme.forget(PersonId::from_uuid(person[0].parse().expect("an id"))).await;
    assert_eq!(acme.count("select count(*) from memories").await, 0);
    assert_eq!(acme.count("select count(*) from fact_sources").await, 0);
}

#[tokio::test]
async fn what_was_changed_while_a_model_read_it_is_not_learned() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = heard(&stage, &acme, "C1", "The launch is on 14 March.").await;
    let mut tx = acme.db.begin_for_all_audiences().await.expect("the database answers");
    assert_eq!(facts::claim(&mut tx, 0.0).await.expect("the database answers"), Some(talk));
    assert_eq!(facts::claim(&mut tx, 0.0).await.expect("the database answers"), None, "one at a time");
    let read = facts::sources(&mut tx, talk).await.expect("the database answers");
    tx.commit().await.expect("the database answers");
    let text = "The launch is a secret.".to_owned();
    follow(&acme, talk, "C1", What::Edited { text, mentions_others: false, addressed: false }).await;
    let drawn = [Drawn {
        from: read[0].memory,
        subject: "launch".into(),
        attribute: "date".into(),
        value: "14 March".into(),
        value_key: "14 march".into(),
        single: true,
        decision: false,
        quote: read[0].body.clone(),
    }];
    let mut tx = acme.db.begin_for_all_audiences().await.expect("the database answers");
    assert_eq!(
        facts::learn(&mut tx, talk, &read, &drawn).await.expect("the database answers"),
        Learned::default()
    );
    assert_eq!(
        facts::claim(&mut tx, 0.0).await.expect("the database answers"),
        Some(talk),
        "as it reads now, it is still to be read"
    );
    tx.commit().await.expect("the database answers");
    assert_eq!(known(&acme).await.0, [""; 0]);
}

#[tokio::test]
async fn a_correction_closes_the_fact_is_its_authors_and_goes_with_the_message() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = says(&acme, C1, "U1", 0, "The launch is on 14 March.").await;
    learns(&acme, talk, "launch", &["14 March"], true).await;
    let mut tx = acme.db.begin_for_all_audiences().await.expect("the database answers");
    let listed = origins::list(&mut tx, &origins::Filter::default(), 10).await.expect("the database answers");
    let (fact, said): (Vec<_>, Vec<_>) = listed.iter().partition(|memory| memory.fact.is_some());
    assert_eq!(fact[0].fact.as_ref().expect("the database answers").sources, [said[0].message]);
    let correction = Correction { text: "The launch is on 15 March.", value: "15 March", value_key: "15 march" };
    let refused = facts::correct(&mut tx, &Actor::System, said[0].id, &correction).await;
    assert!(matches!(refused, Err(DbError::Conflict(_))), "{refused:?}");
    assert_eq!(
        facts::correct(&mut tx, &Actor::System, MemoryId::new(), &correction).await.expect("the database answers"),
        None
    );
    let new = facts::correct(&mut tx, &Actor::System, fact[0].id, &correction)
        .await
        .expect("the database answers")
        .expect("a fact");
    let again = facts::correct(&mut tx, &Actor::System, fact[0].id, &correction).await;
    assert!(matches!(again, Err(DbError::Conflict(_))), "it holds no longer");
    let corrected = origins::find(&mut tx, new).await.expect("the database answers").expect("it is there");
    assert_eq!(corrected.fact.expect("the database answers").corrected_by.as_deref(), Some("system:konstruct"));
    tx.commit().await.expect("the database answers");
    assert_eq!(
        acme.texts("select action from audit_events where action like 'memory%'").await,
        ["memory.correct"]
    );
    assert_eq!(acme.texts("select body from messages").await, ["The launch is on 14 March."]);
    let told = found(&acme, &[Audience::Tenant], false).await;
    let authors = told.iter().filter(|memory| matches!(memory.kind, Kind::Fact { .. }));
    assert_eq!(authors.map(|memory| memory.author.as_str()).collect::<Vec<_>>(), ["Your employer"]);

    // What was said before the correction does not come back.
    says(&acme, C1, "U1", 1, "I repeat: the launch is on 14 March.").await;
    learns(&acme, talk, "launch", &["14 March"], true).await;
    assert_eq!(known(&acme).await.0, ["15 March"]);
    let mut tx = acme.db.begin_for_all_audiences().await.expect("the database answers");
    origins::forget(&mut tx, &Actor::System, said[0].id)
        .await
        .expect("the database answers")
        .expect("it is there");
    tx.commit().await.expect("the database answers");
    assert_eq!(known(&acme).await.0, [""; 0]);
}

#[tokio::test]
async fn a_conversation_that_nobody_could_read_is_put_off_and_then_left() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = says(&acme, C1, "U1", 0, "The launch is on 14 March.").await;
    let mut tx = acme.db.begin_for_all_audiences().await.expect("the database answers");
    assert_eq!(
        facts::claim(&mut tx, 3_600.0).await.expect("the database answers"),
        None,
        "somebody may still be writing"
    );
    for attempt in 1..=facts::FAILURES_MAX {
        assert_eq!(
            facts::put_off(&mut tx, talk).await.expect("the database answers"),
            attempt == facts::FAILURES_MAX
        );
        assert_eq!(facts::claim(&mut tx, 0.0).await.expect("the database answers"), None);
    }
}
