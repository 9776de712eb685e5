//! Stripe's objects: the few fields that matter here.

use serde::Deserialize;
use time::OffsetDateTime;

const ID_MAX: usize = 255;

/// The envelope of a webhook. What it carries is only read for whose it is: the state is fetched anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub live: bool,
    /// Somebody else's, whose platform we would be.
    pub account: Option<String>,
    /// Whose it is; `None`: nobody's, or none that is named.
    pub customer: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    livemode: bool,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    customer: Option<Reference>,
}

/// An object, or only its id.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Reference {
    Id(String),
    Whole { id: String },
}

impl Event {
    /// `None`: not an event.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let envelope: Envelope = serde_json::from_slice(raw).ok()?;
        let customer =
            envelope.data.and_then(|data| match (data.object.object.as_deref(), data.object.customer) {
                (Some("customer"), _) => data.object.id,
                (_, Some(Reference::Id(id) | Reference::Whole { id })) => Some(id),
                (_, None) => None,
            });
        if !is_id(&envelope.id) || !is_id(&envelope.kind) || !customer.as_deref().is_none_or(is_id) {
            return None;
        }
        Some(Self {
            id: envelope.id,
            kind: envelope.kind,
            live: envelope.livemode,
            account: envelope.account,
            customer,
        })
    }
}

/// Ids and kinds of events are short and plain; anything else is none of Stripe's.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= ID_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[derive(Clone, Debug, Deserialize)]
pub struct Subscription {
    pub id: String,
    pub status: String,
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
    #[serde(default, with = "time::serde::timestamp::option")]
    pub cancel_at: Option<OffsetDateTime>,
    #[serde(default)]
    pub cancel_at_period_end: bool,
    #[serde(default)]
    pub items: List<Item>,
    #[serde(default)]
    pub latest_invoice: Option<Latest>,
}

/// Periods are the items', not the subscription's.
#[derive(Clone, Debug, Deserialize)]
pub struct Item {
    pub price: Identified,
    #[serde(default, with = "time::serde::timestamp::option")]
    pub current_period_end: Option<OffsetDateTime>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Identified {
    pub id: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Latest {
    Id(String),
    Whole(Invoice),
}

#[derive(Clone, Debug, Deserialize)]
pub struct Invoice {
    pub id: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub hosted_invoice_url: Option<String>,
}

impl Subscription {
    /// When what is paid for ends.
    pub fn period_end(&self) -> Option<OffsetDateTime> {
        self.items.data.iter().filter_map(|item| item.current_period_end).min()
    }

    /// When it ends for good, if that is decided.
    pub fn ends_at(&self) -> Option<OffsetDateTime> {
        self.cancel_at.or_else(|| self.cancel_at_period_end.then(|| self.period_end()).flatten())
    }

    pub fn prices(&self) -> impl Iterator<Item = &str> {
        self.items.data.iter().map(|item| item.price.id.as_str())
    }

    /// An invoice that waits for its payment, with the page where it is paid.
    pub fn open_invoice(&self) -> Option<(&str, &str)> {
        match &self.latest_invoice {
            Some(Latest::Whole(invoice)) if invoice.status.as_deref() == Some("open") => {
                Some((&invoice.id, invoice.hosted_invoice_url.as_deref()?))
            }
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct List<T> {
    pub data: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { data: Vec::new() }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Customer {
    pub id: String,
}

#[derive(Deserialize)]
pub(super) struct Page {
    pub url: String,
}

#[derive(Deserialize)]
pub(super) struct Price {
    #[serde(default)]
    pub active: bool,
    #[serde(default, rename = "type")]
    pub kind: String,
}

#[derive(Deserialize)]
pub(super) struct Refusal {
    pub error: RefusalBody,
}

#[derive(Deserialize)]
pub(super) struct RefusalBody {
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(object: &str) -> Option<String> {
        let raw = format!(r#"{{"id":"evt_1","type":"x","data":{{"object":{object}}}}}"#);
        Event::parse(raw.as_bytes()).expect("an event").customer
    }

    #[test]
    fn whose_an_event_is_stands_in_several_places() {
        assert_eq!(customer(r#"{"object":"customer","id":"cus_1"}"#).as_deref(), Some("cus_1"));
        assert_eq!(customer(r#"{"object":"invoice","id":"in_1","customer":"cus_2"}"#).as_deref(), Some("cus_2"));
        assert_eq!(
            customer(r#"{"object":"subscription","customer":{"id":"cus_3","object":"customer"}}"#).as_deref(),
            Some("cus_3")
        );
        assert_eq!(customer(r#"{"object":"product","id":"prod_1"}"#), None);
        assert_eq!(customer(r#"{"object":"invoice","customer":null}"#), None);
        for odd in ["", "[]", "{}", r#"{"id":1,"type":"x"}"#, "null", "\u{0}", r#"{"id":"a\u0000","type":"x"}"#] {
            assert!(Event::parse(odd.as_bytes()).is_none(), "{odd}");
        }
    }

    #[test]
    fn a_subscription_of_tomorrow_is_still_read() {
        let raw = r#"{"id":"sub_1","object":"subscription","status":"thinking","created":1767000000,
            "cancel_at_period_end":true,"new_field":{"a":[1]},
            "items":{"object":"list","data":[{"id":"si_1","price":{"id":"price_pro"},"current_period_end":1769000000}]},
            "latest_invoice":{"id":"in_1","status":"open","hosted_invoice_url":"https://invoice.example/in_1"}}"#;
        let read: Subscription = serde_json::from_str(raw).expect("it is read");
        assert_eq!(read.status, "thinking");
        assert_eq!(read.ends_at().map(OffsetDateTime::unix_timestamp), Some(1_769_000_000));
        assert_eq!(read.prices().collect::<Vec<_>>(), ["price_pro"]);
        assert_eq!(read.open_invoice(), Some(("in_1", "https://invoice.example/in_1")));
        let short: Subscription =
            serde_json::from_str(r#"{"id":"sub_2","status":"active","created":1,"latest_invoice":"in_2"}"#)
                .unwrap();
        assert!(short.open_invoice().is_none() && short.ends_at().is_none());
    }
}
