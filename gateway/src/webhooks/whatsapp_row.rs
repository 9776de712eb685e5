//! What one piece of Meta's news comes to: a row of the inbox, the progress of a message of ours, or something odd.
//!
//! A person is known by the business-scoped user id where Meta sends one, otherwise by the phone number. The conversation
//! is the person's with that number of ours.

use serde_json::Value;
use shared::{
    channels::{
        slack_text::without_lone_surrogates,
        whatsapp::{is_phone, is_user_id},
    },
    crypto::FingerprintKey,
    db::{
        changes,
        deliveries::{Progress, Status},
        feedback::{Opinion, Reaction, Verdict},
        inbox::{Arrival, Content},
        numbers::{Change, Echo},
        system::Route,
    },
    ids::ConversationId,
    message::{ChannelKind, InboundMessage, Profile, clean_text},
};
use time::{Duration, OffsetDateTime};

use super::{
    whatsapp_event::{Contact, Piece, What, is_id},
    whatsapp_words::{self, Words},
};

const NAME_CHARS_MAX: usize = 80;
const REASON_CHARS_MAX: usize = 200;
const NAMELESS: &str = "someone on WhatsApp";

/// What a piece comes to.
#[derive(Debug)]
pub enum Kept {
    Row(Box<Row>),
    Status(Box<Status>),
    /// A thumb under an answer, or none any more.
    Reaction(Reaction),
    /// A person changed what they had written.
    Rewritten(Rewritten),
    /// Kept for an operator to look at.
    Odd(&'static str),
}

/// An edit, or a message that was taken back.
#[derive(Clone, Debug)]
pub struct Rewritten {
    person: String,
    external_id: String,
    at: OffsetDateTime,
    what: changes::What,
}

/// A row of the inbox.
#[derive(Clone, Debug)]
pub struct Row {
    pub message: Option<InboundMessage>,
    /// Why it is no message to answer.
    pub reason: &'static str,
    /// The provider's id of it; '' if it has none.
    id: String,
    /// Whose conversation it belongs to: a person, or what kind of event it is.
    lane: [String; 2],
    /// What it changes besides.
    pub change: Option<Change>,
    /// What a colleague wrote on the phone.
    pub echo: Option<Echo>,
}

/// Reads a piece. Pure: what it means for stored rows is said, not done.
pub fn normalize(piece: &Piece<'_>, now: OffsetDateTime) -> Kept {
    let reason = match &piece.what {
        What::Poison(reason) => return Kept::Odd(reason),
        What::Change | What::Status | What::Message(_) | What::Echo => "not readable as JSON",
    };
    let Some(value) = read(piece.raw) else { return Kept::Odd(reason) };
    match &piece.what {
        What::Status => status(&value, now)
            .map_or(Kept::Odd("a status without an id"), |status| Kept::Status(Box::new(status))),
        What::Message(contact) => {
            let contact = contact.as_ref();
            about_another(&value, contact, now)
                .unwrap_or_else(|| Kept::Row(Box::new(message(&value, contact, now))))
        }
        What::Echo => Kept::Row(Box::new(echo(&value, now))),
        _ => Kept::Row(Box::new(of_account(&value, piece, now))),
    }
}

/// One JSON object. Lone surrogates are repaired: the message counts, and the raw bytes are kept.
fn read(raw: &str) -> Option<Value> {
    let parsed = serde_json::from_str(raw).or_else(|_| serde_json::from_str(&without_lone_surrogates(raw)));
    parsed.ok().filter(Value::is_object)
}

/// Who someone is on WhatsApp.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    /// The user id, or the phone number where there is none.
    id: String,
    phone: Option<String>,
}

fn identity(user_id: Option<&str>, phone: Option<&str>) -> Option<Identity> {
    let user_id = user_id.filter(|id| is_user_id(id));
    let phone = phone.map(|phone| phone.trim_start_matches('+')).filter(|phone| is_phone(phone));
    let id = user_id.or(phone)?.to_owned();
    Some(Identity { id, phone: phone.map(str::to_owned) })
}

fn sender(message: &Value, contact: Option<&Contact>) -> Option<Identity> {
    let text = |name: &str| message[name].as_str().filter(|text| !text.is_empty());
    let contact = contact.cloned().unwrap_or_default();
    identity(text("from_user_id").or(contact.user_id.as_deref()), text("from").or(contact.wa_id.as_deref()))
}

/// What is said about an earlier message, with its id; one that names none is kept like everything that is not understood.
fn about_another(message: &Value, contact: Option<&Contact>, now: OffsetDateTime) -> Option<Kept> {
    // Most messages are none: nothing is worked out for them here.
    let kind = message["type"].as_str().filter(|kind| matches!(*kind, "reaction" | "edit" | "revoke"))?;
    let content = &message[kind];
    let named = |field: &str| content[field].as_str().filter(|id| is_id(id)).map(str::to_owned);
    let person = sender(message, contact)?.id;
    let at = time_of(&message["timestamp"], now);
    let what = match kind {
        "reaction" => {
            let opinion = content["emoji"].as_str().map_or(Opinion::Nothing, opinion);
            let message = named("message_id")?;
            return Some(Kept::Reaction(Reaction { channel: person.clone(), message, user: person, opinion, at }));
        }
        "edit" => match whatsapp_words::of(&content["message"]) {
            Words::Said(text) => {
                changes::What::Edited { text: clean_text(&text), mentions_others: false, addressed: true }
            }
            Words::Beside(_) => return None,
        },
        "revoke" => changes::What::Deleted,
        _ => return None,
    };
    Some(Kept::Rewritten(Rewritten { person, external_id: named("original_message_id")?, at, what }))
}

/// Thumbs in any colour; every other emoji means too many things, and replaces a thumb.
fn opinion(emoji: &str) -> Opinion {
    match emoji.chars().next() {
        Some('👍') => Opinion::Is(Verdict::Good),
        Some('👎') => Opinion::Is(Verdict::Bad),
        _ => Opinion::Nothing,
    }
}

fn message(message: &Value, contact: Option<&Contact>, now: OffsetDateTime) -> Row {
    let Some(sender) = sender(message, contact) else { return beside(message, None, "message without author") };
    if let Some(group) = message["group_id"].as_str() {
        let lane = ["group".into(), group.chars().take(128).collect()];
        return Row { lane, ..beside(message, None, "group message") };
    }
    if message["type"] == "system" {
        return Row {
            change: moved(&message["system"], &sender),
            ..beside(message, Some(&sender.id), "a change of identity")
        };
    }
    let text = match whatsapp_words::of(message) {
        Words::Said(text) => text,
        Words::Beside(reason) => return beside(message, Some(&sender.id), reason),
    };
    let id = id_of(message);
    let Some(external_id) = Some(id.clone()).filter(|id| !id.is_empty()) else {
        return beside(message, Some(&sender.id), "message without an id");
    };
    let inbound = InboundMessage {
        external_id,
        channel: sender.id.clone(),
        thread: None,
        channel_kind: ChannelKind::Direct,
        author: sender.id.clone(),
        text: clean_text(&text),
        mentions_others: false,
        // A customer is nobody of the company's: what is remembered there is not for them.
        with_outsiders: true,
        outsider: false,
        by_bot: false,
        attachments: whatsapp_words::attachment(message).into_iter().collect(),
        profile: Some(Profile {
            name: name(contact),
            phone: sender.phone.or_else(|| whatsapp_words::own_number(message)),
        }),
        sent_at: time_of(&message["timestamp"], now),
    };
    Row { message: Some(inbound), reason: "", id, lane: [sender.id, String::new()], change: None, echo: None }
}

/// Stored in the person's conversation, or with its kind if nobody is known; never answered.
fn beside(message: &Value, person: Option<&str>, reason: &'static str) -> Row {
    let lane = match person {
        Some(person) => [person.to_owned(), String::new()],
        None => ["event".into(), "message".into()],
    };
    Row { message: None, reason, id: id_of(message), lane, change: None, echo: None }
}

/// What a colleague wrote on the phone, in the conversation of the person it went to.
fn echo(message: &Value, now: OffsetDateTime) -> Row {
    let to = identity(message["to_user_id"].as_str(), message["to"].as_str());
    let row = beside(message, to.as_ref().map(|to| to.id.as_str()), "written on the business's own phone");
    let text = match whatsapp_words::of(message) {
        Words::Said(text) => clean_text(&text),
        Words::Beside(_) => String::new(),
    };
    let at = time_of(&message["timestamp"], now);
    let echo = to.filter(|_| !row.id.is_empty()).map(|_| Echo { external_id: row.id.clone(), text, at });
    Row { echo, ..row }
}

fn name(contact: Option<&Contact>) -> String {
    let profile = contact.map(|contact| contact.profile.clone()).unwrap_or_default();
    let given = [profile.name, profile.username].into_iter().flatten();
    let clean = given.map(|name| clean_text(name.trim()).chars().take(NAME_CHARS_MAX).collect::<String>());
    clean.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| NAMELESS.into())
}

/// A person who has another id or number from now on.
fn moved(system: &Value, sender: &Identity) -> Option<Change> {
    let text = |name: &str| system[name].as_str();
    let current = identity(
        text("user_id").or(text("current")),
        text("wa_id").or(text("new_wa_id")).or(sender.phone.as_deref()),
    )?;
    let previous = text("previous").filter(|id| is_user_id(id)).unwrap_or(&sender.id).to_owned();
    (previous != current.id).then_some(Change::Moved { previous, current: current.id, phone: current.phone })
}

fn of_account(value: &Value, piece: &Piece<'_>, now: OffsetDateTime) -> Row {
    let at = OffsetDateTime::from_unix_timestamp(piece.time).ok().filter(|_| piece.time > 0).unwrap_or(now);
    let (reason, change) = match piece.field.as_str() {
        "message_template_status_update" => ("the state of a template", template(value, at)),
        "account_update" => ("news of the account", gone(value)),
        "user_id_update" => ("a change of identity", user_id_update(value)),
        "history" | "smb_app_state_sync" => ("what the phone knew before", None),
        "phone_number_quality_update"
        | "business_capability_update"
        | "account_alerts"
        | "account_review_update"
        | "security" => ("news of the account", None),
        "flows" => ("news of a flow", None),
        "messages" | "smb_message_echoes" => ("nothing in it", None),
        _ => ("field not handled", None),
    };
    Row {
        message: None,
        reason,
        id: String::new(),
        lane: ["event".into(), piece.field.clone()],
        change,
        echo: None,
    }
}

/// Meta sends one change, or a list of them.
fn user_id_update(value: &Value) -> Option<Change> {
    let update = value["user_id_update"].get(0).unwrap_or(value);
    let ids = if update["user_id"].is_object() { &update["user_id"] } else { update };
    let previous = ids["previous"].as_str().filter(|id| is_user_id(id))?.to_owned();
    let current = identity(ids["current"].as_str(), update["wa_id"].as_str())?;
    (previous != current.id).then_some(Change::Moved { previous, current: current.id, phone: current.phone })
}

fn template(value: &Value, at: OffsetDateTime) -> Option<Change> {
    let text =
        |name: &str| value[name].as_str().map(|text| clean_text(text).chars().take(512).collect::<String>());
    Some(Change::Template {
        name: text("message_template_name").filter(|name| !name.is_empty())?,
        language: text("message_template_language").unwrap_or_default(),
        category: text("message_template_category"),
        status: text("event").unwrap_or_default().to_ascii_uppercase(),
        reason: text("reason").filter(|reason| reason != "NONE"),
        at,
    })
}

/// The account no longer lets us in.
fn gone(value: &Value) -> Option<Change> {
    match value["event"].as_str() {
        Some(
            event @ ("ACCOUNT_DELETED" | "PARTNER_REMOVED" | "PARTNER_APP_UNINSTALLED" | "ACCOUNT_OFFBOARDED"),
        ) => Some(Change::Gone { reason: format!("Meta says {event}") }),
        _ => None,
    }
}

fn status(value: &Value, now: OffsetDateTime) -> Option<Status> {
    let text = |name: &str| value[name].as_str();
    let error = &value["errors"][0];
    let details = [&error["error_data"]["details"], &error["title"], &error["message"]];
    let details = details.into_iter().find_map(Value::as_str).unwrap_or_default();
    let recipient = [text("recipient_user_id"), text("recipient_id")].into_iter().flatten();
    let short = |value: &Value| value.as_str().map(|text| clean_text(text).chars().take(64).collect::<String>());
    Some(Status {
        external_id: Some(id_of(value)).filter(|id| !id.is_empty())?,
        progress: Progress::parse(text("status").unwrap_or_default()),
        at: time_of(&value["timestamp"], now),
        outbox: text("biz_opaque_callback_data").and_then(|data| data.parse().ok()),
        recipient: recipient.map(str::to_owned).find(|id| is_user_id(id) || is_phone(id)).unwrap_or_default(),
        error_code: error["code"].as_i64().and_then(|code| i32::try_from(code).ok()),
        error: (!details.is_empty()).then(|| clean_text(details).chars().take(REASON_CHARS_MAX).collect()),
        category: short(&value["pricing"]["category"]),
        pricing: short(&value["pricing"]["type"]),
    })
}

fn id_of(value: &Value) -> String {
    value["id"].as_str().filter(|id| is_id(id)).unwrap_or_default().to_owned()
}

/// The author's own time, in seconds; nonsense and the future become now.
fn time_of(value: &Value, now: OffsetDateTime) -> OffsetDateTime {
    let seconds = value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_i64());
    seconds
        .filter(|seconds| *seconds > 0)
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .filter(|time| *time <= now + Duration::minutes(5))
        .unwrap_or(now)
}

/// A person's conversation, or what is kept by its kind.
fn lane(key: &FingerprintKey, route: &Route, [person, kind]: [&str; 2]) -> ConversationId {
    ConversationId::from_uuid(key.fingerprint(&["whatsapp-lane", &route.connection.to_string(), person, kind]))
}

impl Rewritten {
    pub fn into_change(self, key: &FingerprintKey, route: &Route) -> changes::Change {
        changes::Change {
            conversation: lane(key, route, [&self.person, ""]),
            external_id: self.external_id,
            changed_at: self.at,
            what: self.what,
            concerns_agent: true,
        }
    }
}

impl Row {
    /// With the keyed hashes that dedupe it. What has no id is told apart by its bytes.
    pub fn into_arrival(self, key: &FingerprintKey, route: &Route, raw: &str, trace: Option<String>) -> Arrival {
        let connection = route.connection.to_string();
        let event_key = if self.id.is_empty() {
            key.fingerprint(&["whatsapp-bytes", &connection, &self.lane[1], raw])
        } else {
            key.fingerprint(&["whatsapp-message", &connection, &self.id])
        };
        let [person, kind] = &self.lane;
        Arrival {
            tenant: route.tenant,
            connection: route.connection,
            event_key,
            message_key: None,
            conversation: lane(key, route, [person, kind]),
            addressed: self.message.is_some(),
            known_lane_only: false,
            raw: raw.as_bytes().to_vec(),
            content: match self.message {
                Some(message) => Content::Message(Box::new(message)),
                None => Content::Ignored(self.reason),
            },
            trace,
        }
    }
}
