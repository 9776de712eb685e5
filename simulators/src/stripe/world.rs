//! Stripe's objects by their ids, as the API shows them.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::clock::now_seconds;

/// What a customer can subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripePrice {
    pub id: String,
    /// In cents a month; `None`: by usage.
    pub amount: Option<u32>,
}

impl StripePrice {
    pub fn monthly(id: impl Into<String>, cents: u32) -> Self {
        Self { id: id.into(), amount: Some(cents) }
    }

    pub fn metered(id: impl Into<String>) -> Self {
        Self { id: id.into(), amount: None }
    }
}

pub(crate) struct World {
    pub objects: BTreeMap<String, Value>,
    /// Key of a call: a hash of what was asked, and what was answered.
    pub answered: HashMap<String, (String, u16, Value)>,
    pub metered: Vec<Value>,
    pub identifiers: HashMap<String, i64>,
    pub events: Vec<Value>,
    pub holds: bool,
    pub webhooks: u64,
    made: u64,
}

impl World {
    pub fn new(prices: &[StripePrice]) -> Self {
        let objects = prices.iter().map(|price| (price.id.clone(), price_object(price))).collect();
        Self {
            objects,
            answered: HashMap::new(),
            metered: Vec::new(),
            identifiers: HashMap::new(),
            events: Vec::new(),
            holds: false,
            webhooks: 0,
            made: 0,
        }
    }

    /// An id that no object has: they sort by age.
    pub fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}_sim{:08}", self.made)
    }

    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl DoubleEndedIterator<Item = (&'a str, &'a Value)> {
        self.objects
            .iter()
            .filter(move |(_, value)| value["object"] == kind)
            .map(|(id, value)| (id.as_str(), value))
    }

    /// Of this kind and this customer, newest first.
    pub fn of_customer(&self, kind: &str, customer: &str) -> Vec<Value> {
        let all = self.of_kind(kind).filter(|(_, value)| value["customer"] == customer);
        let mut found: Vec<Value> = all.map(|(_, value)| value.clone()).collect();
        found.reverse();
        found
    }

    pub fn put(&mut self, id: &str, object: Value) {
        self.objects.insert(id.to_owned(), object);
    }
}

fn price_object(price: &StripePrice) -> Value {
    let usage = if price.amount.is_some() { "licensed" } else { "metered" };
    json!({
        "id": price.id,
        "object": "price",
        "active": true,
        "billing_scheme": "per_unit",
        "created": now_seconds(),
        "currency": "usd",
        "livemode": false,
        "metadata": {},
        "product": format!("prod_{}", price.id),
        "recurring": { "interval": "month", "interval_count": 1, "usage_type": usage },
        "type": "recurring",
        "unit_amount": price.amount,
    })
}
