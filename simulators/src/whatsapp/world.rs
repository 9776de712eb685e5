//! Numbers, chats and files. All ids are derived from tokens and phone numbers: nothing has to be created before it is used.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::types::{PhoneEntry, WhatsAppHistory};
use crate::clock;

const TOKEN_PREFIX: &str = "EAAsimulated";
const REVOKED_PREFIX: &str = "EAArevoked";
const TYPING_SECONDS: i64 = 25;
/// Traffic is forgotten after so many lines; what people saw is not.
const HISTORY_MAX: usize = 100_000;
/// Calling codes whose country a user id names.
const COUNTRIES: [(&str, &str); 6] =
    [("49", "DE"), ("44", "GB"), ("55", "BR"), ("91", "IN"), ("34", "ES"), ("1", "US")];

pub(crate) struct World {
    numbers: BTreeMap<String, Number>,
    pub(crate) files: BTreeMap<String, File>,
    history: Vec<WhatsAppHistory>,
    next_seq: u64,
    next_id: u64,
    /// Of this process: what is named after it is new to a database that outlives it.
    pub(super) run: u64,
    pub(crate) webhooks: u64,
    /// Codes of Embedded Signup work once.
    pub(crate) used_codes: BTreeSet<String>,
    /// News that wait to be sent together.
    pub(crate) held: Option<Vec<(String, Value)>>,
    pub(crate) changed: watch::Sender<u64>,
}

#[derive(Default)]
pub(crate) struct Number {
    chats: BTreeMap<String, Chat>,
    pub(crate) registered: bool,
    /// Its account's news go to the app, or to this address.
    pub(crate) subscribed: Option<Option<String>>,
    /// Name and language of its templates, with their state.
    pub(crate) templates: BTreeMap<(String, String), String>,
}

#[derive(Default)]
pub(crate) struct Chat {
    pub(crate) entries: Vec<PhoneEntry>,
    /// When the person last wrote, in seconds.
    pub(crate) wrote_at: Option<i64>,
    pub(crate) typing_until: i64,
    /// The person wants no marketing.
    pub(crate) opted_out: bool,
}

pub(crate) struct File {
    pub(crate) number: String,
    pub(crate) mime_type: String,
    pub(crate) bytes: Bytes,
    /// In hexadecimal.
    pub(crate) sha256: String,
    /// It comes a byte a second.
    pub(crate) drips: bool,
    /// Grows with each address given out; an older one no longer works.
    pub(crate) address: u64,
    pub(crate) address_until: i64,
}

/// The phone number id that a simulated token may use: `EAAsimulateddemo`.
pub fn number_of(token: &str) -> Option<String> {
    let name = token.strip_prefix(TOKEN_PREFIX).filter(|name| !name.is_empty())?;
    Some(format!("1{}", digits(&format!("number/{name}"), 14)))
}

pub(crate) fn is_revoked(token: &str) -> bool {
    token.starts_with(REVOKED_PREFIX)
}

/// The business account of a number.
pub fn account_of(number: &str) -> String {
    format!("2{}", digits(&format!("account/{number}"), 14))
}

pub(crate) fn display_number_of(number: &str) -> String {
    format!("4930{}", digits(&format!("display/{number}"), 8))
}

/// The business-scoped user id of a person, as this number's business knows them.
pub fn user_id_of(number: &str, person: &str) -> String {
    let country = COUNTRIES.iter().find(|(code, _)| person.starts_with(code)).map_or("FR", |(_, country)| country);
    format!("{country}.{}", digits(&format!("{}/{person}", account_of(number)), 15))
}

fn digits(of: &str, count: usize) -> String {
    let hash = Sha256::digest(of);
    hash.iter().cycle().take(count).map(|byte| char::from(b'0' + byte % 10)).collect()
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            numbers: BTreeMap::new(),
            files: BTreeMap::new(),
            history: Vec::new(),
            next_seq: 0,
            next_id: 0,
            run: rand::random(),
            webhooks: 0,
            used_codes: BTreeSet::new(),
            held: None,
            changed: watch::Sender::new(0),
        }
    }

    pub(crate) fn number(&mut self, number: &str) -> &mut Number {
        self.numbers.entry(number.to_owned()).or_insert_with(|| {
            let mut new = Number { registered: true, ..Number::default() };
            let approved = |name: &str| ((name.to_owned(), "en".to_owned()), "APPROVED".to_owned());
            new.templates.extend([approved("answer_ready"), approved("hello_world")]);
            new.templates.insert(("autumn_sale".into(), "en".into()), "PAUSED".into());
            new
        })
    }

    pub(crate) fn chat(&mut self, number: &str, person: &str) -> &mut Chat {
        self.number(number).chats.entry(person.to_owned()).or_default()
    }

    /// The phone number behind a user id that this number's business knows.
    pub(crate) fn person_of(&mut self, number: &str, user_id: &str) -> Option<String> {
        self.number(number).chats.keys().find(|person| user_id_of(number, person) == user_id).cloned()
    }

    /// The chat a message is in.
    pub(crate) fn find(&mut self, number: &str, id: &str) -> Option<(String, &mut PhoneEntry)> {
        self.number(number).chats.iter_mut().find_map(|(person, chat)| {
            chat.entries.iter_mut().find(|entry| entry.id == id).map(|entry| (person.clone(), entry))
        })
    }

    pub(crate) fn phone(&mut self, number: &str, person: &str) -> Vec<PhoneEntry> {
        self.chat(number, person).entries.clone()
    }

    pub(crate) fn is_typing(&mut self, number: &str, person: &str) -> bool {
        self.chat(number, person).typing_until > clock::now_seconds()
    }

    pub(crate) fn type_now(&mut self, number: &str, person: &str) {
        self.chat(number, person).typing_until = clock::now_seconds() + TYPING_SECONDS;
    }

    pub(crate) fn next_message_id(&mut self) -> String {
        self.next_id += 1;
        format!(
            "wamid.{}{:08X}",
            hex::encode_upper(
                &Sha256::digest([self.run.to_be_bytes(), self.next_id.to_be_bytes()].concat())[..12]
            ),
            self.next_id
        )
    }

    pub(crate) fn record(&mut self, line: WhatsAppHistory) {
        self.next_seq += 1;
        self.history.push(WhatsAppHistory { seq: self.next_seq, ..line });
        if self.history.len() > HISTORY_MAX {
            self.history.drain(..HISTORY_MAX / 10);
        }
        self.touch();
    }

    pub(crate) fn touch(&mut self) {
        let next = self.next_seq;
        self.changed.send_modify(|seq| *seq = next);
    }

    pub(crate) fn history(&self, after: u64) -> Vec<WhatsAppHistory> {
        self.history.iter().filter(|line| line.seq > after).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_their_number_and_people_have_an_id_for_each_business() {
        let (one, other) = (number_of("EAAsimulateddemo").unwrap(), number_of("EAAsimulatedother").unwrap());
        assert!(one != other && one.len() == 15 && account_of(&one) != account_of(&other));
        assert_eq!(number_of("EAArevokeddemo"), None);
        assert_ne!(user_id_of(&one, "4915100001"), user_id_of(&other, "4915100001"));
        assert!(user_id_of(&one, "4915100001").starts_with("DE."));
    }
}
