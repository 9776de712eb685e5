//! Notes in conversations: what members tell each other.

use serde_json::{Value, json};
use shared::ids::{ConversationId, NoteId};

use crate::{stage::House, wire::Ask};

fn path(conversation: ConversationId) -> String {
    format!("/api/v1/conversations/{conversation}/notes")
}

fn texts(list: &Value) -> Vec<&str> {
    list["items"].as_array().expect("a list").iter().filter_map(|note| note["text"].as_str()).collect()
}

#[tokio::test]
async fn a_note_stands_with_its_author_and_goes_with_its_author_or_an_admin() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let talk = house.talked(&acme).await.0;
    let (grace, mut grace_at) = house.person(acme.tenant, "customer_operator").await;
    let (_, mut ada_at) = house.person(acme.tenant, "customer_operator").await;
    let (_, mut admin_at) = house.person(acme.tenant, "customer_admin").await;
    let new = |text: &str| Ask::post(&path(talk)).json(&json!({ "text": text }));
    let written = grace_at.ask(&house, new("  She is angry.\nCall her.  ")).await;
    let first = written.json();
    assert_eq!(
        (written.status, &first["text"], &first["author"], &first["author_id"]),
        (201, &json!("She is angry.\nCall her."), &json!("customer_operator"), &json!(grace))
    );
    for number in 2..=3 {
        assert_eq!(grace_at.ask(&house, new(&format!("Note {number}."))).await.status, 201);
    }
    let by_key = house.ask(&new("By a program.").key(&acme.key)).await.json();
    assert!(by_key["author_id"].as_str().is_some_and(|id| id.starts_with("key_")), "{by_key}");

    let page = ada_at.ask(&house, Ask::get(&format!("{}?limit=3", path(talk)))).await.json();
    assert_eq!(texts(&page), ["By a program.", "Note 3.", "Note 2."]);
    let next = format!("{}?limit=3&cursor={}", path(talk), page["next_cursor"].as_str().expect("there is more"));
    let rest = ada_at.ask(&house, Ask::get(&next)).await.json();
    assert_eq!((&rest["items"][0], &rest["next_cursor"]), (&first, &Value::Null));

    let id = first["id"].as_str().expect("an id");
    let remove = |id: &str| Ask::new("DELETE", &format!("{}/{id}", path(talk)));
    let refused = ada_at.ask(&house, remove(id)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"), "somebody else wrote it");
    let other = house.talked(&acme).await.0;
    let elsewhere = Ask::new("DELETE", &format!("{}/{id}", path(other)));
    assert_eq!(admin_at.ask(&house, elsewhere).await.status, 404, "it stands in another conversation");
    for status in [204, 404] {
        assert_eq!(grace_at.ask(&house, remove(id)).await.status, status);
    }
    let second = texts(&page).iter().position(|text| *text == "Note 2.").expect("it was there");
    let second = page["items"][second]["id"].as_str().expect("an id");
    assert_eq!(admin_at.ask(&house, remove(second)).await.status, 204);
    let left = ada_at.ask(&house, Ask::get(&path(talk))).await.json();
    assert_eq!(texts(&left), ["By a program.", "Note 3."]);
    let acts = house.audited(acme.tenant).await;
    let count = |act: &str| acts.iter().filter(|line| line.contains(act)).count();
    assert_eq!(count("conversation.note_remove"), 2, "{acts:?}");
    assert_eq!(count("conversation.note") - 2, 4, "{acts:?}");
    assert!(!acts.iter().any(|line| line.contains("angry")), "the log holds no words");
}

#[tokio::test]
async fn who_left_is_not_named_and_the_note_stays() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let talk = house.talked(&acme).await.0;
    let (grace, mut grace_at) = house.person(acme.tenant, "customer_operator").await;
    grace_at.ask(&house, Ask::post(&path(talk)).json(&json!({ "text": "She is angry." }))).await;
    let (_, mut admin_at) = house.person(acme.tenant, "owner").await;
    let left = admin_at.ask(&house, Ask::new("DELETE", &format!("/api/v1/members/{grace}"))).await;
    assert_eq!(left.status, 204, "{}", left.text());
    let list = house.ask(&Ask::get(&path(talk)).key(&acme.key)).await.json();
    let note = &list["items"][0];
    assert_eq!((&note["author"], &note["author_id"]), (&Value::Null, &json!(grace)), "{list}");
}

#[tokio::test]
async fn a_note_is_written_by_who_may_in_a_conversation_that_is_there() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (talk, theirs) = (house.talked(&acme).await.0, house.talked(&bolt).await.0);
    let add = |talk: ConversationId, text: &str| Ask::post(&path(talk)).json(&json!({ "text": text }));
    for text in ["", " \n ", "a\u{0}b", &"x".repeat(4_001)] {
        assert_eq!(house.ask(&add(talk, text).key(&acme.key)).await.status, 400, "{} letters", text.len());
    }
    assert_eq!(house.ask(&add(talk, &"ß".repeat(4_000)).key(&acme.key)).await.status, 201);
    let (_, mut reader) = house.person(acme.tenant, "reader").await;
    let refused = reader.ask(&house, add(talk, "x")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "read_only"));
    assert_eq!(reader.ask(&house, Ask::get(&path(talk))).await.status, 200);

    let noted = house.ask(&add(theirs, "Ours alone.").key(&bolt.key)).await.json();
    let note = noted["id"].as_str().expect("an id");
    for (talk, note) in [(theirs, note), (talk, note), (ConversationId::new(), &NoteId::new().to_string())] {
        let refused = house.ask(&Ask::new("DELETE", &format!("{}/{note}", path(talk))).key(&acme.key)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (404, "not_found"));
    }
    for talk in [theirs, ConversationId::new()] {
        for ask in [add(talk, "x"), Ask::get(&path(talk))] {
            let refused = house.ask(&ask.key(&acme.key)).await;
            assert_eq!((refused.status, refused.problem().as_str()), (404, "not_found"));
        }
    }
    assert_eq!(texts(&house.ask(&Ask::get(&path(theirs)).key(&bolt.key)).await.json()), ["Ours alone."]);

    let once = || add(talk, "Once.").header("idempotency-key", "once").key(&acme.key);
    let (first, again) = (house.ask(&once()).await, house.ask(&once()).await);
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    let written = "select count(*) from conversation_notes where body = 'Once.'";
    assert_eq!(house.count(acme.tenant, written).await, 1);
}
