//! Memory: who may be reminded of what is the database's decision, and the search finds the right words.

use shared::{
    db::{
        Audience, DbError,
        channels::{self, Described, State},
        memories::{self, Question, Recalled},
        messages::{self, Place},
        people::{self, Profile, Standing},
        system, vectors,
    },
    embedding::Embedder,
    ids::{ConversationId, MessageId, PersonId},
    message::ChannelKind,
};

use crate::stage::{Firm, Stage, message};

/// Stores one saying of `author` in `channel` and returns the author.
async fn remember(firm: &Firm, kind: ChannelKind, channel: &str, author: &str, text: &str) -> PersonId {
    let said = [message(text, channel, author, text)];
    let conversation = conversation_of(firm, channel).await;
    let place = Place { conversation, connection: firm.connection, kind, messages: &said };
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    let authors = messages::store(&mut tx, &place).await.expect("what was said is stored");
    tx.commit().await.expect("it is stored");
    authors[0].person
}

async fn conversation_of(firm: &Firm, channel: &str) -> ConversationId {
    let known = firm
        .texts(&format!("select conversation_id::text from conversations where channel_external_id = '{channel}'"))
        .await;
    known.first().map_or_else(ConversationId::new, |id| ConversationId::from_uuid(id.parse().expect("an id")))
}

/// What a transaction with these audiences sees, in order.
async fn seen(firm: &Firm, audiences: &[Audience]) -> Vec<String> {
    let mut tx = firm.db.begin_for(audiences).await.expect("a transaction begins");
    let bodies = sqlx::query_scalar("select body from memories order by body").fetch_all(tx.conn()).await;
    tx.close().await.expect("the transaction ends");
    bodies.expect("memories can be read")
}

/// Embeds what lacks its vector, as the worker does.
async fn embed_all(stage: &Stage, firm: &Firm) {
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    let missing = vectors::missing(&mut tx, 100).await.expect("memories can be read");
    let texts = missing.iter().map(|(_, text)| text.clone()).collect();
    let vectors = Embedder::new(&stage.test.config).embed(texts).await.expect("the model is loaded");
    vectors::store(&mut tx, &missing, &vectors).await.expect("vectors are stored");
    tx.commit().await.expect("vectors are stored");
}

struct Asked<'a> {
    text: &'a str,
    terms: &'a str,
    about: Option<PersonId>,
    except: &'a [MessageId],
}

async fn ask(stage: &Stage, firm: &Firm, asked: Asked<'_>) -> Vec<Recalled> {
    let vector = Embedder::new(&stage.test.config)
        .embed(vec![asked.text.to_owned()])
        .await
        .expect("the model is loaded")
        .remove(0);
    let question = Question {
        vector: &vector,
        terms: asked.terms,
        about: asked.about,
        asks_when: false,
        asks_past: false,
        windows: &[],
        except: asked.except,
        limit: 10,
    };
    let mut tx = firm.db.begin_for(&[Audience::Tenant]).await.expect("a transaction begins");
    let recalled = memories::search(&mut tx, &question).await.expect("the search runs");
    tx.close().await.expect("the transaction ends");
    recalled
}

#[tokio::test]
async fn the_database_decides_who_may_be_reminded() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    remember(&acme, ChannelKind::Public, "C1", "U1", "to all").await;
    remember(&acme, ChannelKind::Private, "G1", "U1", "to the private channel").await;
    remember(&acme, ChannelKind::Unknown, "G2", "U1", "to a channel nobody described yet").await;
    let ann = remember(&acme, ChannelKind::Direct, "D1", "U1", "from Ann alone").await;
    let bea = remember(&acme, ChannelKind::Direct, "D2", "U2", "from Bea alone").await;
    assert_ne!(ann, bea);
    let in_channel = |name: &str| Audience::Channel(acme.connection, name.to_owned());

    assert_eq!(seen(&acme, &[]).await, [""; 0], "unset means nothing");
    assert_eq!(seen(&acme, &[Audience::Tenant]).await, ["to all"]);
    assert_eq!(seen(&acme, &[in_channel("G1")]).await, ["to the private channel"]);
    assert_eq!(seen(&acme, &[in_channel("G")]).await, [""; 0], "a prefix is another channel");
    assert_eq!(seen(&acme, &[Audience::Person(ann)]).await, ["from Ann alone"]);
    assert_eq!(seen(&acme, &[Audience::Tenant, Audience::Person(bea)]).await, ["from Bea alone", "to all"]);

    // Writing obeys the same fence as reading.
    let mut tx = acme.db.begin_for(&[Audience::Person(bea)]).await.unwrap();
    let touched = sqlx::query("update memories set body = 'mine'").execute(tx.conn()).await.unwrap();
    assert_eq!(touched.rows_affected(), 1);
    let published = sqlx::query("update memories set audience = 'tenant'").execute(tx.conn()).await;
    assert!(DbError::from(published.unwrap_err()).to_string().contains("row-level security"));
}

#[tokio::test]
async fn a_channel_id_that_holds_a_list_opens_nothing() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for cunning in ["G1,tenant", "*", "x','*", "G1 ", "G1\0"] {
        let begun = acme.db.begin_for(&[Audience::Channel(acme.connection, cunning.into())]).await;
        assert!(matches!(begun, Err(DbError::Damaged(_))), "{cunning:?}");
    }
}

#[tokio::test]
async fn a_channel_that_turns_out_to_be_public_opens_what_was_said_there() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    remember(&acme, ChannelKind::Unknown, "C1", "U1", "said in C1").await;
    remember(&acme, ChannelKind::Unknown, "C2", "U1", "said in C2").await;
    let mut tx = acme.db.begin_for_all_audiences().await.unwrap();
    for (channel, kind, name) in [("C1", ChannelKind::Public, "general"), ("C2", ChannelKind::Private, "secret")] {
        let told = Described { kind, name: name.into(), shared: false, state: State::Open };
        channels::describe(&mut tx, acme.connection, channel, &told, &[]).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(seen(&acme, &[Audience::Tenant]).await, ["said in C1"]);
    let kinds = "select kind || ' ' || name from channels order by external_id";
    assert_eq!(acme.texts(kinds).await, ["public general", "private secret"]);
    assert_eq!(
        acme.texts("select kind from conversations order by channel_external_id").await,
        ["public", "private"]
    );
}

/// Two turns begin in a channel that nobody knows. What the second one stores is not committed when the first one's answer
/// from the platform comes.
#[tokio::test]
async fn what_was_stored_in_doubt_opens_after_the_channel_is_known() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    remember(&acme, ChannelKind::Unknown, "C1", "U1", "said first").await;
    let told = Described { kind: ChannelKind::Public, name: "general".into(), shared: false, state: State::Open };
    let mut tx = acme.db.begin_for_all_audiences().await.unwrap();
    assert!(channels::describe(&mut tx, acme.connection, "C1", &told, &[]).await.unwrap());
    tx.commit().await.unwrap();
    remember(&acme, ChannelKind::Unknown, "C1", "U1", "said in doubt").await;
    remember(&acme, ChannelKind::Private, "C1", "U1", "said in private").await;
    assert_eq!(seen(&acme, &[Audience::Tenant]).await, ["said first"]);
    let ids = acme.texts("select message_id::text from messages where body = 'said in doubt'").await;
    let in_doubt = [MessageId::from_uuid(ids[0].parse().unwrap())];
    let mut tx = acme.db.begin_for_all_audiences().await.unwrap();
    assert!(!channels::describe(&mut tx, acme.connection, "C1", &told, &in_doubt).await.unwrap());
    tx.commit().await.unwrap();
    let mut open = seen(&acme, &[Audience::Tenant]).await;
    open.sort();
    assert_eq!(open, ["said first", "said in doubt"], "and nothing that was said in private");
}

#[tokio::test]
async fn the_search_ranks_the_right_memory_first_and_names_its_author() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let ann = remember(&acme, ChannelKind::Public, "C1", "U1", "My sister's wedding is in Lisbon in June.").await;
    let bea =
        remember(&acme, ChannelKind::Public, "C2", "U2", "The printer on the second floor jams again.").await;
    remember(&acme, ChannelKind::Public, "C3", "U3", "We ship parcels on Tuesdays and Fridays.").await;
    remember(&acme, ChannelKind::Public, "C4", "U2", "Lunch is at noon, as always.").await;
    let mut tx = acme.db.begin().await.unwrap();
    let profile = Profile { display_name: "Ann".into(), standing: Standing::Member };
    people::describe(&mut tx, ann, &profile).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(system::tenants_to_embed(&stage.db().system()).await.unwrap(), [acme.tenant]);
    embed_all(&stage, &acme).await;
    assert_eq!(system::tenants_to_embed(&stage.db().system()).await.unwrap(), []);

    let about = |text| Asked { text, terms: "", about: None, except: &[] };
    let wedding = ask(&stage, &acme, about("Who is getting married, and where?")).await;
    assert_eq!(wedding.len(), 4);
    assert_eq!(wedding[0].body, "My sister's wedding is in Lisbon in June.");
    assert_eq!(wedding[0].author, "Ann");
    assert!(wedding.is_sorted_by(|better, worse| better.score >= worse.score));
    let parcels = ask(&stage, &acme, about("When do deliveries leave the warehouse?")).await;
    assert_eq!(parcels[0].body, "We ship parcels on Tuesdays and Fridays.");
    // Words and the author weigh in where meaning alone is not enough.
    let words = Asked { text: "anything", terms: "printer OR jams", about: None, except: &[] };
    assert_eq!(ask(&stage, &acme, words).await[0].body, "The printer on the second floor jams again.");
    let by_bea = Asked { text: "anything", terms: "", about: Some(bea), except: &[] };
    let first_two = &ask(&stage, &acme, by_bea).await[..2];
    assert!(first_two.iter().all(|memory| memory.body.contains("printer") || memory.body.contains("noon")));

    let ids = acme.texts("select message_id::text from messages where body like 'My sister%'").await;
    let except = [MessageId::from_uuid(ids[0].parse().unwrap())];
    let without = Asked { text: "Who is getting married?", terms: "", about: None, except: &except };
    let rest = ask(&stage, &acme, without).await;
    assert_eq!(rest.len(), 3);
    assert!(
        rest.iter().all(|memory| !memory.body.contains("wedding")),
        "what the prompt holds anyway is left out"
    );
}

#[tokio::test]
async fn attack_31_a_question_that_fits_another_tenant_finds_only_ones_own() {
    let stage = Stage::new().await;
    let (acme, bolt) = (stage.firm("acme").await, stage.firm("bolt").await);
    let secret = "The launch code of the rocket is seven seven seven.";
    for n in 0..40 {
        remember(&bolt, ChannelKind::Public, "C1", "U1", &format!("{secret} ({n})")).await;
    }
    for n in 0..12 {
        remember(&acme, ChannelKind::Public, "C1", "U1", &format!("Ordinary talk number {n}.")).await;
    }
    embed_all(&stage, &acme).await;
    embed_all(&stage, &bolt).await;
    let foreign = Asked { text: secret, terms: "launch OR code OR rocket", about: None, except: &[] };
    let recalled = ask(&stage, &acme, foreign).await;
    assert_eq!(recalled.len(), 10, "a small tenant is not starved by a large one");
    assert!(recalled.iter().all(|memory| memory.body.starts_with("Ordinary talk")));

    let (empty, _) = stage.test.tenant("empty").await;
    let mut tx = stage.db().tenant(empty).begin_for_all_audiences().await.unwrap();
    let count: i64 = sqlx::query_scalar("select count(*) from memories").fetch_one(tx.conn()).await.unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn what_is_asked_every_day_leaves_room_for_its_answer() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let question = "When is the Apollo launch?";
    remember(&acme, ChannelKind::Public, "C0", "U1", "We moved Apollo to the ninth of March.").await;
    for n in 1..=40 {
        remember(&acme, ChannelKind::Public, &format!("C{n}"), "U2", question).await;
    }
    remember(&acme, ChannelKind::Public, "C41", "U3", question).await;
    embed_all(&stage, &acme).await;
    let found =
        ask(&stage, &acme, Asked { text: question, terms: "apollo OR launch", about: None, except: &[] }).await;
    let bodies: Vec<&str> = found.iter().map(|one| one.body.as_str()).collect();
    assert_eq!(bodies, [question, question, "We moved Apollo to the ninth of March."], "once of each who asked");
}

#[tokio::test]
async fn a_memory_that_can_not_be_embedded_is_given_up_after_five_attempts() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    remember(&acme, ChannelKind::Public, "C1", "U1", "unspeakable").await;
    for _ in 0..5 {
        let mut tx = acme.db.begin_for_all_audiences().await.unwrap();
        let missing = vectors::missing(&mut tx, 10).await.unwrap();
        assert_eq!(missing.len(), 1);
        vectors::count_failure(&mut tx, &missing).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(system::tenants_to_embed(&stage.db().system()).await.unwrap(), []);
    let words = Asked { text: "unspeakable", terms: "unspeakable", about: None, except: &[] };
    assert_eq!(ask(&stage, &acme, words).await.len(), 1, "still found by its words");
}

/// Two turns of one channel, of which one meets whoever the other has just met: neither waits for the other's end, or each
/// could wait for the other.
#[tokio::test]
async fn meeting_someone_again_holds_up_nobody_who_stores_what_they_say() {
    let stage = Stage::new().await;
    let acme = stage.firm("Acme").await;
    remember(&acme, ChannelKind::Public, "C1", "UADA", "We met before.").await;
    let mut first = acme.db.begin().await.unwrap();
    people::meet(&mut first, acme.connection, "UADA").await.unwrap();
    let mut second = acme.db.begin_for_all_audiences().await.unwrap();
    sqlx::query("set local lock_timeout = '500ms'").execute(second.conn()).await.unwrap();
    let said = [message("m2", "C2", "UADA", "And now we meet again.")];
    let conversation = ConversationId::new();
    let place = Place { conversation, connection: acme.connection, kind: ChannelKind::Public, messages: &said };
    messages::store(&mut second, &place).await.expect("no lock of the first one is in the way");
    second.commit().await.unwrap();
    first.commit().await.unwrap();
}
