//! Files that people send on WhatsApp: pictures, documents, voice messages.

use serde_json::{Value, json};
use shared::config::TranscriptionConfig;
use simulators::{FaultKind, FaultRule, ModelSimulator, WhatsAppOptionsPatch, WhatsAppSay};

use crate::phones::{ADA, Phones, Shop};

/// The beginning of a sound in an Ogg file, and what the simulated ear hears in it.
fn voice(words: &str) -> Vec<u8> {
    [b"OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x13OpusHead say:".as_slice(), words.as_bytes(), b"\n"]
        .concat()
}

fn sends(shop: &Shop<'_>, kind: &str, mime_type: &str, bytes: Vec<u8>, fields: Value) {
    let id = shop.phones.whatsapp.keep(&shop.number, mime_type, bytes);
    let mut content = json!({ "id": id, "mime_type": mime_type, "sha256": "" });
    content.as_object_mut().expect("an object").extend(fields.as_object().cloned().expect("fields"));
    let message = json!({ "type": kind, kind: content });
    shop.phones.whatsapp.say(WhatsAppSay::new(&shop.number, ADA, "").message(message));
}

fn last_prompt(model: &ModelSimulator) -> String {
    model.requests().last().map(|request| request.prompt_text()).unwrap_or_default()
}

async fn with_ears() -> (Phones, ModelSimulator) {
    let ear = ModelSimulator::start("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
    let base_url = ear.base_url().parse().expect("a URL");
    let phones = Phones::open_with(|config| {
        config.transcription =
            Some(TranscriptionConfig { base_url, api_key: "key".to_owned().into(), model: "whisper-1".into() });
    })
    .await;
    (phones, ear)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_read_and_remembered() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    let text = b"The warranty of the blue bicycle ends on 14 March.".to_vec();
    sends(
        &acme,
        "document",
        "text/plain",
        text,
        json!({ "filename": "warranty.txt", "caption": "Please keep this" }),
    );
    acme.answered(ADA, 1).await;
    let prompt = last_prompt(&phones.house.model);
    assert!(prompt.contains("blue bicycle") && prompt.contains("warranty.txt"), "{prompt}");
    acme.eventually("select state from media where tenant_id = $1", "stored").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_expired_is_asked_for_anew() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    // Meta does not answer at first: the next attempt asks again.
    phones.whatsapp.faults().add(FaultRule::once("object", FaultKind::GraphError(2)));
    sends(&acme, "document", "text/plain", b"Room 7.".to_vec(), json!({ "filename": "room.txt" }));
    acme.eventually("select state || ' ' || attempts from media where tenant_id = $1", "stored 2").await;
    // One that is dead when it is given out ends with a reason, and the message is answered all the same.
    phones
        .whatsapp
        .set_options(WhatsAppOptionsPatch { media_address_lives_seconds: Some(0), ..Default::default() });
    sends(&acme, "document", "text/plain", b"Room 8.".to_vec(), json!({ "filename": "late.txt" }));
    acme.eventually(
        "select reason from media where tenant_id = $1 and state = 'refused'",
        "it is no longer there",
    )
    .await;
    acme.answered(ADA, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_157_a_file_of_another_account_is_not_fetched() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let (acme, other) = (phones.shop("acme").await, phones.shop("other").await);
    let id = phones.whatsapp.keep(&other.number, "text/plain", b"CANARY-B".to_vec());
    let document = json!({ "id": id, "mime_type": "text/plain", "sha256": "", "filename": "x.txt" });
    let message = json!({ "type": "document", "document": document });
    phones.whatsapp.say(WhatsAppSay::new(&acme.number, ADA, "").message(message));
    acme.eventually("select state from media where tenant_id = $1", "refused").await;
    acme.answered(ADA, 1).await;
    assert!(!last_prompt(&phones.house.model).contains("CANARY-B"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_message_is_heard_answered_and_remembered() {
    let (phones, ear) = with_ears().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    ear.faults().add(FaultRule::once("transcriptions", FaultKind::Status { code: 503, retry_after: None }));
    let spoken = voice("My order number is 4713.");
    sends(&acme, "audio", "audio/ogg; codecs=opus", spoken, json!({ "voice": true }));
    acme.eventually("select body from media where tenant_id = $1", "[transcribed] My order number is 4713.").await;
    acme.answered(ADA, 1).await;
    // The first call failed; the second heard five words, for a tenth of a cent a second.
    let booked =
        "select string_agg(status || ' ' || audio_seconds || ' ' || cost_micro_usd, ', ' order by created_at)
                    from usage where tenant_id = $1 and purpose = 'transcription'";
    acme.eventually(booked, "failed 0 0, ok 3 300").await;
    acme.everything_remembered().await;
    acme.hears(ADA, "What is my order number?");
    let answers = acme.answered(ADA, 2).await;
    assert!(answers[1].contains("4713"), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_sends_a_file_and_an_operator_sees_it() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    acme.call("PUT", "agents", json!({ "name": "Kona", "tools": ["send_file"] })).await;
    acme.hears(ADA, "Please send me a file: colour;price, name=prices.csv");
    acme.answered(ADA, 2).await;
    let replies = acme.replies(ADA);
    assert_eq!(replies[1].text, "[document prices.csv]", "{replies:?}");
    let media = phones.whatsapp.history_after(0).into_iter().find_map(|line| {
        (line.what == "message").then(|| line.body["document"]["id"].as_str().map(str::to_owned)).flatten()
    });
    assert_eq!(phones.whatsapp.kept(&media.expect("a document")).as_deref(), Some(b"colour;price".as_slice()));
    let states =
        "select string_agg(kind || ' ' || state, ', ' order by created_at) from outbox where tenant_id = $1";
    acme.eventually(states, "file sent, answer sent").await;

    let listed = acme.call("GET", "conversations", json!({})).await;
    let id = listed["items"][0]["id"].as_str().expect("a conversation").to_owned();
    let said = acme.call("GET", &format!("conversations/{id}/messages"), json!({})).await;
    let shown = &said["items"][0];
    assert_eq!(shown["text"], "(sent the file prices.csv)");
    let file = json!({ "name": "prices.csv", "content_type": "text/csv", "size": 12, "state": "sent" });
    assert_eq!((&shown["files"], &shown["trouble"]), (&json!([file]), &Value::Null), "{shown}");

    // Meta takes none: the person is told, and an operator sees why.
    phones.whatsapp.faults().add(FaultRule::once("media", FaultKind::GraphError(131_053)));
    acme.hears(ADA, "Please send me a file: size;price, name=sizes.csv");
    let answers = acme.answered(ADA, 4).await;
    assert!(answers[3].contains("sizes.csv could not be sent"), "{answers:?}");
    acme.eventually(
        "select state || ' ' || error from outbox where tenant_id = $1 and kind = 'file' order by created_at desc limit 1",
        "dead the platform refused: 131053: Meta can't handle the media",
    )
    .await;
    let said = acme.call("GET", &format!("conversations/{id}/messages"), json!({})).await;
    let failed = said["items"].as_array().expect("a list").iter().find(|item| item["trouble"] != Value::Null);
    let failed = failed.expect("it stands among the messages");
    assert_eq!((&failed["trouble"]["state"], &failed["files"][0]["state"]), (&json!("failed"), &json!("failed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_people_sent_stand_beside_their_message() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    sends(&acme, "document", "text/plain", b"Room 7.".to_vec(), json!({ "filename": "room.txt" }));
    acme.answered(ADA, 1).await;
    acme.eventually("select state from media where tenant_id = $1", "stored").await;
    // The phone shows the answer a moment before it stands among the messages.
    acme.eventually("select state from outbox where tenant_id = $1 and kind = 'answer'", "sent").await;
    let listed = acme.call("GET", "conversations", json!({})).await;
    let id = listed["items"][0]["id"].as_str().expect("a conversation").to_owned();
    let said = acme.call("GET", &format!("conversations/{id}/messages"), json!({})).await;
    let files = said["items"][1]["files"].clone();
    assert_eq!(files[0]["name"], "room.txt", "{said}");
    assert_eq!((&files[0]["size"], &files[0]["state"]), (&json!(7), &json!("stored")));
}
