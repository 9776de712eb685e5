//! The bodies of webhooks, and what a person does that causes them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Core,
    types::{Ids, PhoneEntry, WhatsAppEcho, WhatsAppSaid, WhatsAppSay},
    world::{account_of, display_number_of, user_id_of},
};
use crate::clock;

/// The value of a change of field `messages`.
pub(super) fn value(number: &str, content: Value) -> Value {
    let metadata = json!({ "display_phone_number": display_number_of(number), "phone_number_id": number });
    let mut value = json!({ "messaging_product": "whatsapp", "metadata": metadata });
    if let (Some(value), Value::Object(content)) = (value.as_object_mut(), content) {
        value.extend(content);
    }
    value
}

/// One POST of these changes, each of one number and field.
pub(super) fn envelope(changes: &[(String, String, Value)]) -> Value {
    let entry = changes.iter().map(|(number, field, value)| {
        json!({ "id": account_of(number), "time": clock::now_seconds(), "changes": [{ "field": field, "value": value }] })
    });
    json!({ "object": "whatsapp_business_account", "entry": entry.collect::<Vec<_>>() })
}

pub(super) fn status(id: &str, status: &str, person: &str, user_id: &str, category: &str) -> Value {
    json!({
        "id": id, "status": status, "timestamp": clock::now_seconds().to_string(),
        "recipient_id": person, "recipient_user_id": user_id,
        "conversation": { "id": format!("C{id}"), "origin": { "type": category } },
        "pricing": { "billable": true, "pricing_model": "PMP", "category": category, "type": "regular" },
    })
}

impl Core {
    pub(super) fn say(self: &Arc<Self>, say: WhatsAppSay) -> WhatsAppSaid {
        let mut world = self.world();
        let (id, at) = (world.next_message_id(), clock::now_seconds() - say.seconds_ago);
        let user_id = user_id_of(&say.number, &say.person);
        let mut message =
            json!({ "id": id, "timestamp": at.to_string(), "type": "text", "text": { "body": say.text } });
        if let (Some(fields), Some(Value::Object(given))) = (message.as_object_mut(), say.message.clone()) {
            fields.remove("text");
            fields.extend(given);
        }
        let mut contact = json!({ "profile": { "name": say.name.as_deref().unwrap_or("Ada") } });
        if say.ids != Ids::UserId {
            message["from"] = json!(say.person);
            contact["wa_id"] = json!(say.person);
        }
        if say.ids != Ids::Phone {
            message["from_user_id"] = json!(user_id);
            contact["user_id"] = json!(user_id);
        }
        let shown = match message["type"].as_str() {
            Some("text") | None => message["text"]["body"].as_str().unwrap_or_default().to_owned(),
            Some(kind) => format!("[{kind}]"),
        };
        let chat = world.chat(&say.number, &say.person);
        chat.wrote_at = chat.wrote_at.max(Some(at));
        chat.entries.push(PhoneEntry {
            id: id.clone(),
            incoming: false,
            kind: message["type"].as_str().unwrap_or("text").to_owned(),
            text: shown,
            buttons: Vec::new(),
            status: "sent".into(),
            reaction: None,
            at,
        });
        let news = value(&say.number, json!({ "contacts": [contact], "messages": [message] }));
        self.send(&mut world, &say.number, "messages", news);
        WhatsAppSaid { id }
    }

    pub(super) fn echo(self: &Arc<Self>, echo: &WhatsAppEcho) -> String {
        let mut world = self.world();
        let (id, at) = (world.next_message_id(), clock::now_seconds());
        world.chat(&echo.number, &echo.person).entries.push(PhoneEntry {
            id: id.clone(),
            incoming: true,
            kind: "text".into(),
            text: echo.text.clone(),
            buttons: Vec::new(),
            status: "delivered".into(),
            reaction: None,
            at,
        });
        let message = json!({
            "id": id, "from": display_number_of(&echo.number), "to": echo.person,
            "to_user_id": user_id_of(&echo.number, &echo.person), "timestamp": at.to_string(), "type": "text",
            "text": { "body": echo.text },
        });
        let news = value(&echo.number, json!({ "message_echoes": [message] }));
        self.send(&mut world, &echo.number, "smb_message_echoes", news);
        id
    }

    pub(super) fn send_change(self: &Arc<Self>, number: &str, field: &str, value: Value) {
        self.send(&mut self.world(), number, field, value);
    }
}
