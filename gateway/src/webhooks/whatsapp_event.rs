//! Meta's webhooks as values: a pure step from bytes to what is kept, and why the rest is not.
//!
//! One POST can tell a thousand things about many tenants' numbers. Each becomes a [`Piece`] with its own slice of the body,
//! so that a tenant's row holds nothing of another's, and a piece that can't be read costs only itself.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// Pieces of one POST; Meta sends 1,000 at most.
const PIECES_MAX: usize = 2_000;
/// Longest id that is believed, in bytes.
const ID_MAX: usize = 256;
const OBJECT: &str = "whatsapp_business_account";

/// Why bytes are no webhook.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing Meta would send; the sentence says what is wrong.
    NotAnEvent(&'static str),
    /// Kept for an operator to look at, for this reason.
    Odd(&'static str),
}

/// One thing that a POST tells.
#[derive(Debug)]
pub struct Piece<'a> {
    /// The WhatsApp Business account, or ''.
    pub account: String,
    /// The phone number id, or '' if all numbers of the account are meant.
    pub number: String,
    pub field: String,
    pub what: What,
    /// Of the change, in seconds; 0 if Meta does not say.
    pub time: i64,
    pub raw: &'a str,
}

#[derive(Debug)]
pub enum What {
    Message(Option<Contact>),
    /// Written by a human on the business's own phone.
    Echo,
    Status,
    /// A change that is no message: its value as a whole.
    Change,
    Poison(&'static str),
}

/// A person as the envelope introduces them.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Contact {
    #[serde(default, deserialize_with = "lenient")]
    pub wa_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub user_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub profile: ContactProfile,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct ContactProfile {
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub username: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, deserialize_with = "lenient")]
    object: String,
    #[serde(borrow)]
    entry: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    time: i64,
    #[serde(borrow)]
    changes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ChangeBody<'a> {
    #[serde(default, deserialize_with = "lenient")]
    field: String,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct MessagesValue<'a> {
    #[serde(default, deserialize_with = "lenient")]
    metadata: Metadata,
    #[serde(default, deserialize_with = "lenient")]
    contacts: Vec<Value>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    message_echoes: Option<&'a RawValue>,
    #[serde(borrow)]
    statuses: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default, deserialize_with = "lenient")]
    phone_number_id: Option<String>,
}

/// A value of another type than Meta documents counts as missing: one odd field must not cost the message.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// The body as text: invalid UTF-8 and a byte-order mark are repaired, the message counts.
pub fn text_of(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    text.trim_start_matches('\u{feff}').trim().to_owned()
}

/// Takes a body apart.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Unreadable> {
    if !text.starts_with('{') {
        return Err(Unreadable::NotAnEvent("The body must be one JSON object."));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        if reason.starts_with("trailing characters") {
            Unreadable::NotAnEvent("The body must be one JSON object.")
        } else if reason.starts_with("duplicate field") {
            Unreadable::NotAnEvent("The body names a field twice.")
        } else if reason.starts_with("recursion limit") {
            Unreadable::NotAnEvent("The body is nested too deeply.")
        } else {
            Unreadable::Odd("not readable as JSON")
        }
    })?;
    if envelope.object != OBJECT {
        return Err(Unreadable::Odd("not about a WhatsApp Business account"));
    }
    let mut found = Vec::new();
    for entry in items(envelope.entry).ok_or(Unreadable::Odd("the entries are no list"))? {
        of_entry(entry, &mut found);
        if found.len() > PIECES_MAX {
            return Err(Unreadable::Odd("more than Meta puts into one POST"));
        }
    }
    Ok(found)
}

/// Nothing, or the items of a list; `None` for anything else.
fn items(raw: Option<&RawValue>) -> Option<Vec<&RawValue>> {
    match raw.map(RawValue::get) {
        None | Some("null") => Some(Vec::new()),
        Some(text) => serde_json::from_str(text).ok(),
    }
}

fn of_entry<'a>(raw: &'a RawValue, found: &mut Vec<Piece<'a>>) {
    let frame = Piece {
        account: String::new(),
        number: String::new(),
        field: String::new(),
        what: What::Poison("an entry that can't be read"),
        time: 0,
        raw: raw.get(),
    };
    // serde would also take a list for an object.
    let entry = raw.get().starts_with('{').then(|| serde_json::from_str::<Entry<'a>>(raw.get()).ok()).flatten();
    let changes = entry.as_ref().and_then(|entry| items(entry.changes));
    let (Some(entry), Some(changes)) = (entry, changes) else {
        found.push(frame);
        return;
    };
    let account = entry.id.filter(|id| is_id(id)).unwrap_or_default();
    for change in changes {
        of_change(change, &account, entry.time, found);
    }
}

fn of_change<'a>(raw: &'a RawValue, account: &str, time: i64, found: &mut Vec<Piece<'a>>) {
    let piece = |number: &str, field: &str, what: What, raw: &'a RawValue| Piece {
        account: account.to_owned(),
        number: number.to_owned(),
        field: field.chars().take(64).collect(),
        what,
        time,
        raw: raw.get(),
    };
    let body =
        raw.get().starts_with('{').then(|| serde_json::from_str::<ChangeBody<'a>>(raw.get()).ok()).flatten();
    let Some(ChangeBody { field, value: Some(value) }) = body else {
        return found.push(piece("", "", What::Poison("a change that can't be read"), raw));
    };
    let spoilt = || piece("", &field, What::Poison("a change whose value can't be read"), value);
    let parsed = value.get().starts_with('{').then(|| serde_json::from_str::<MessagesValue<'a>>(value.get()).ok());
    let Some(parsed) = parsed.flatten() else { return found.push(spoilt()) };
    let number = parsed.metadata.phone_number_id.filter(|id| is_id(id)).unwrap_or_default();
    if !matches!(field.as_str(), "messages" | "smb_message_echoes") {
        return found.push(piece(&number, &field, What::Change, value));
    }
    let lists = [items(parsed.messages), items(parsed.message_echoes), items(parsed.statuses)];
    let [Some(messages), Some(echoes), Some(statuses)] = lists else { return found.push(spoilt()) };
    if messages.is_empty() && echoes.is_empty() && statuses.is_empty() {
        return found.push(piece(&number, &field, What::Change, value));
    }
    let contacts: Vec<Contact> =
        parsed.contacts.into_iter().filter_map(|contact| serde_json::from_value(contact).ok()).collect();
    found.extend(
        messages.into_iter().map(|raw| piece(&number, &field, What::Message(contact_of(raw, &contacts)), raw)),
    );
    found.extend(echoes.into_iter().map(|raw| piece(&number, &field, What::Echo, raw)));
    found.extend(statuses.into_iter().map(|raw| piece(&number, &field, What::Status, raw)));
}

/// The contact who wrote a message: by id, or because there is only one.
fn contact_of(raw: &RawValue, contacts: &[Contact]) -> Option<Contact> {
    if let [only] = contacts {
        return Some(only.clone());
    }
    let ids: Sender = serde_json::from_str(raw.get()).ok()?;
    let writes = |contact: &&Contact| {
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        same(&contact.user_id, &ids.from_user_id) || same(&contact.wa_id, &ids.from)
    };
    contacts.iter().find(writes).cloned()
}

#[derive(Default, Deserialize)]
struct Sender {
    #[serde(default, deserialize_with = "lenient")]
    from: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    from_user_id: Option<String>,
}

/// Ids of Meta: short, and safe in any context.
pub fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= ID_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-=+/:".contains(&byte))
}
