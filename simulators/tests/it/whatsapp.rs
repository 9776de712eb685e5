//! The simulated Meta: what it takes and refuses, how its webhooks come, and how its files expire.

use serde_json::{Value, json};
use simulators::{
    FaultKind, FaultRule, Pace, WhatsAppOptions, WhatsAppOptionsPatch, WhatsAppSay, WhatsAppSimulator, account_of,
    number_of, user_id_of, whatsapp_signature,
};

use crate::harness::{Answer, Receiver, SECRET, anywhere, http};

const TOKEN: &str = "EAAsimulateddemo";
const ADA: &str = "4915100000001";

struct Stage {
    meta: WhatsAppSimulator,
    receiver: Receiver,
    number: String,
}

impl Stage {
    async fn new() -> Self {
        let (receiver, url) = Receiver::start().await;
        let options =
            WhatsAppOptions { retry_time_scale: 0.0, pace: Pace::Silent, ..WhatsAppOptions::new(url, SECRET) };
        let meta = WhatsAppSimulator::start(anywhere(), options).await.unwrap();
        Self { meta, receiver, number: number_of(TOKEN).unwrap() }
    }

    fn says(&self, text: &str) -> String {
        self.meta.say(WhatsAppSay::new(&self.number, ADA, text)).id
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/v26.0/{path}", self.meta.graph_url());
        let answer = http().post(url).bearer_auth(token).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Sends a message of these fields to Ada; returns its id, or the code of the refusal.
    async fn send(&self, fields: Value) -> Result<String, i64> {
        let mut body =
            json!({ "messaging_product": "whatsapp", "to": ADA, "type": "text", "text": { "body": "Hello" } });
        body.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap());
        let (_, answer) = self.post(TOKEN, &format!("{}/messages", self.number), body).await;
        match answer["error"]["code"].as_i64() {
            Some(code) => Err(code),
            None => Ok(answer["messages"][0]["id"].as_str().unwrap().to_owned()),
        }
    }

    fn patch(&self, patch: WhatsAppOptionsPatch) {
        self.meta.set_options(patch);
    }
}

#[tokio::test]
async fn a_webhook_is_signed_over_its_bytes_and_comes_again_until_it_is_accepted() {
    let stage = Stage::new().await;
    stage.receiver.will_answer([Answer::Status(503), Answer::Status(500)]);
    stage.says("hello");
    let received = stage.receiver.wait_for_exactly(3).await;
    for request in &received {
        let signature = whatsapp_signature(SECRET, &request.body);
        assert_eq!(request.header("x-hub-signature-256"), Some(signature.as_str()));
        assert_eq!(request.body, received[0].body);
    }
    let body = received[0].json();
    assert_eq!(body["entry"][0]["id"], json!(account_of(&stage.number)));
    let value = &body["entry"][0]["changes"][0]["value"];
    assert_eq!(value["messages"][0]["text"]["body"], "hello");
    assert_eq!(value["contacts"][0]["user_id"], json!(user_id_of(&stage.number, ADA)));
}

#[tokio::test]
async fn what_is_held_comes_in_one_post_and_some_webhooks_come_twice() {
    let stage = Stage::new().await;
    stage.meta.hold();
    stage.says("one");
    stage.says("two");
    stage.meta.release();
    let received = stage.receiver.wait_for_exactly(1).await;
    assert_eq!(received[0].json()["entry"].as_array().map(Vec::len), Some(2));
    stage.patch(WhatsAppOptionsPatch { twice_every: Some(1), ..WhatsAppOptionsPatch::default() });
    stage.says("three");
    stage.receiver.wait_for_exactly(3).await;
}

#[tokio::test]
async fn only_who_wrote_within_24_hours_gets_free_text() {
    let stage = Stage::new().await;
    stage.patch(WhatsAppOptionsPatch { window_refused_at_once: Some(true), ..WhatsAppOptionsPatch::default() });
    assert_eq!(stage.send(json!({})).await, Err(131_047));
    let template =
        json!({ "type": "template", "template": { "name": "hello_world", "language": { "code": "en" } } });
    assert!(stage.send(template).await.is_ok());
    for (name, code) in [("autumn_sale", 132_015), ("nothing", 132_001)] {
        let template = json!({ "type": "template", "template": { "name": name, "language": { "code": "en" } } });
        assert_eq!(stage.send(template).await, Err(code), "{name}");
    }
    stage.says("hello");
    assert!(stage.send(json!({})).await.is_ok());
    assert_eq!(stage.meta.phone(&stage.number, ADA).len(), 3);
}

#[tokio::test]
async fn a_user_id_reaches_its_person_as_recipient_and_nobody_as_to() {
    let stage = Stage::new().await;
    stage.says("hello");
    let id = user_id_of(&stage.number, ADA);
    assert!(stage.send(json!({ "to": null, "recipient": id })).await.is_ok());
    assert_eq!(stage.meta.phone(&stage.number, ADA).len(), 2);
    assert!(stage.send(json!({ "to": id })).await.is_ok(), "dropped without a word");
    assert_eq!(stage.meta.phone(&stage.number, ADA).len(), 2);
    assert_eq!(stage.send(json!({ "to": null, "recipient": "DE.nobody" })).await, Err(131_026));
}

#[tokio::test]
async fn tokens_limits_and_ids_are_checked() {
    let stage = Stage::new().await;
    let asked = stage.says("hello");
    let path = format!("{}/messages", stage.number);
    let (status, answer) = stage.post("EAArevokeddemo", &path, json!({})).await;
    assert_eq!((status, answer["error"]["code"].as_i64()), (401, Some(190)));
    let (_, answer) = stage.post("EAAsimulatedother", &path, json!({ "messaging_product": "whatsapp" })).await;
    assert!(answer["error"]["code"].is_i64(), "another number's token: {answer}");
    assert_eq!(stage.send(json!({ "text": { "body": "x".repeat(4_097) } })).await, Err(131_009));
    assert_eq!(stage.send(json!({ "text": { "body": "" } })).await, Err(131_009));
    let button = |title: &str| json!({ "type": "reply", "reply": { "id": title, "title": title } });
    let with = |buttons: Vec<Value>| {
        let action = json!({ "buttons": buttons });
        json!({ "type": "interactive", "interactive": { "type": "button", "body": { "text": "?" }, "action": action } })
    };
    assert!(stage.send(with(vec![button("Yes"), button("No")])).await.is_ok());
    assert_eq!(stage.send(with((0..4).map(|n| button(&n.to_string())).collect())).await, Err(131_009));
    assert_eq!(stage.send(with(vec![button(&"x".repeat(21))])).await, Err(131_009));
    assert_eq!(stage.send(json!({ "type": "hologram" })).await, Err(131_051));
    let read = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": asked, "typing_indicator": { "type": "text" } });
    assert_eq!(stage.post(TOKEN, &path, read).await.0, 200);
    assert!(stage.meta.is_typing(&stage.number, ADA));
    assert!(stage.send(json!({})).await.is_ok());
    assert!(!stage.meta.is_typing(&stage.number, ADA), "an answer ends it");
}

#[tokio::test]
async fn statuses_follow_a_message_and_codes_come_on_cue() {
    let stage = Stage::new().await;
    stage.says("hello");
    stage.receiver.wait_for(1).await;
    stage.patch(WhatsAppOptionsPatch { pace: Some(Pace::Upset), ..WhatsAppOptionsPatch::default() });
    let id = stage.send(json!({ "biz_opaque_callback_data": "out_1" })).await.unwrap();
    let received = stage.receiver.wait_for_exactly(7).await;
    for request in &received[1..] {
        let status = &request.json()["entry"][0]["changes"][0]["value"]["statuses"][0];
        assert_eq!((&status["id"], &status["biz_opaque_callback_data"]), (&json!(id), &json!("out_1")));
    }
    stage.meta.faults().add(FaultRule::once("messages", FaultKind::GraphError(131_056)));
    assert_eq!(stage.send(json!({})).await, Err(131_056));
    stage.meta.faults().add(FaultRule::once("status", FaultKind::GraphError(131_026)));
    assert!(stage.send(json!({})).await.is_ok());
    let failed = stage.receiver.wait_for_exactly(8).await[7].json();
    let status = &failed["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!((&status["status"], &status["errors"][0]["code"]), (&json!("failed"), &json!(131_026)));
}

#[tokio::test]
async fn a_files_address_needs_the_token_and_expires() {
    let stage = Stage::new().await;
    let keep = format!("{}/_sim/file?number={}&mime_type=image/png", stage.meta.graph_url(), stage.number);
    let kept: Value = http().post(keep).body("picture").send().await.unwrap().json().await.unwrap();
    let described = async |token: &str| -> Value {
        let url = format!("{}/v26.0/{}", stage.meta.graph_url(), kept["id"].as_str().unwrap());
        http().get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap()
    };
    let got = async |url: &Value, token: &str| {
        http().get(url.as_str().unwrap()).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    let first = described(TOKEN).await;
    assert_eq!((first["file_size"].as_i64(), first["mime_type"].as_str()), (Some(7), Some("image/png")));
    assert_eq!(described("EAAsimulatedother").await["error"]["code"], 33, "another account's file");
    assert_eq!((got(&first["url"], TOKEN).await, got(&first["url"], "EAAsimulatedother").await), (200, 401));
    let second = described(TOKEN).await;
    assert_eq!((got(&first["url"], TOKEN).await, got(&second["url"], TOKEN).await), (404, 200));
    stage.patch(WhatsAppOptionsPatch { media_address_lives_seconds: Some(0), ..WhatsAppOptionsPatch::default() });
    assert_eq!(got(&described(TOKEN).await["url"], TOKEN).await, 404);
}
