//! What becomes of subscriptions and invoices. Each change is seen by the next call at once, and told by events.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Core, world::World};
use crate::clock::now_seconds;

const MONTH: i64 = 30 * 24 * 3_600;

/// Something that happens to a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StripeMove {
    /// The period is over, and the card pays for the next one.
    Renews,
    /// The period is over, and the card is refused.
    PaymentFails,
    /// The open invoice is paid after all.
    Pays,
    /// All attempts to collect are used up.
    RetriesEnd,
    /// It ends with the period.
    CancelsAtPeriodEnd,
    /// It does not end with the period after all.
    Resumes,
    /// It is over now.
    Ends,
    Changes(String),
}

impl Core {
    pub(super) fn pay(self: &Arc<Self>, session: &str) -> Option<String> {
        let mut world = self.world();
        let mut checkout =
            world.objects.get(session).filter(|value| value["object"] == "checkout.session")?.clone();
        if checkout["status"] != "open" {
            return checkout["subscription"].as_str().map(str::to_owned);
        }
        let id = self.subscribe(&mut world, &checkout);
        checkout["status"] = json!("complete");
        checkout["payment_status"] = json!("paid");
        checkout["subscription"] = json!(id);
        world.put(session, checkout.clone());
        self.tell(&mut world, "checkout.session.completed", checkout);
        Some(id)
    }

    fn subscribe(self: &Arc<Self>, world: &mut World, checkout: &Value) -> String {
        let (id, now) = (world.id("sub"), now_seconds());
        let prices = checkout["_prices"].as_array().cloned().unwrap_or_default();
        let items: Vec<Value> = prices
            .iter()
            .map(|price| {
                json!({
                    "id": world.id("si"), "object": "subscription_item", "created": now, "subscription": id,
                    "price": world.objects.get(price.as_str().unwrap_or_default()),
                    "quantity": 1, "current_period_start": now, "current_period_end": now + MONTH, "metadata": {},
                })
            })
            .collect();
        let customer = checkout["customer"].as_str().unwrap_or_default().to_owned();
        let invoice = self.invoice(world, &customer, &id, "paid");
        let subscription = json!({
            "id": id, "object": "subscription", "status": "active", "customer": customer, "created": now,
            "start_date": now, "billing_cycle_anchor": now, "cancel_at": null, "cancel_at_period_end": false,
            "canceled_at": null, "ended_at": null, "collection_method": "charge_automatically", "currency": "usd",
            "items": { "object": "list", "data": items, "has_more": false, "url": "/v1/subscription_items" },
            "latest_invoice": invoice, "livemode": false, "metadata": checkout["_subscription_metadata"],
        });
        world.put(&id, subscription.clone());
        self.tell(world, "customer.subscription.created", subscription);
        self.tell_of(world, &invoice, &["invoice.created", "invoice.finalized", "invoice.paid"]);
        id
    }

    fn invoice(self: &Arc<Self>, world: &mut World, customer: &str, subscription: &str, status: &str) -> String {
        let id = world.id("in");
        let object = json!({
            "id": id, "object": "invoice", "status": status, "customer": customer, "created": now_seconds(),
            "currency": "usd", "livemode": false, "metadata": {},
            "hosted_invoice_url": format!("{}/invoice/{id}", self.origin()),
            "parent": { "type": "subscription_details", "subscription_details": { "subscription": subscription } },
            "lines": { "object": "list", "data": [], "has_more": false, "url": format!("/v1/invoices/{id}/lines") },
        });
        world.put(&id, object);
        id
    }

    pub(super) fn happens(self: &Arc<Self>, id: &str, what: StripeMove) -> bool {
        let mut world = self.world();
        let Some(subscription) = world.objects.get(id).filter(|value| value["object"] == "subscription").cloned()
        else {
            return false;
        };
        self.moves(&mut world, subscription, what);
        true
    }

    fn moves(self: &Arc<Self>, world: &mut World, mut subscription: Value, what: StripeMove) {
        let id = subscription["id"].as_str().unwrap_or_default().to_owned();
        let customer = subscription["customer"].as_str().unwrap_or_default().to_owned();
        let invoice = subscription["latest_invoice"].as_str().unwrap_or_default().to_owned();
        let (mut of_invoice, mut kind): (&[&str], &str) = (&[], "customer.subscription.updated");
        match what {
            StripeMove::Renews => {
                next_period(&mut subscription);
                subscription["latest_invoice"] = json!(self.invoice(world, &customer, &id, "paid"));
                of_invoice = &["invoice.created", "invoice.finalized", "invoice.paid"];
            }
            StripeMove::PaymentFails => {
                next_period(&mut subscription);
                subscription["status"] = json!("past_due");
                subscription["latest_invoice"] = json!(self.invoice(world, &customer, &id, "open"));
                of_invoice = &["invoice.created", "invoice.finalized", "invoice.payment_failed"];
            }
            StripeMove::Pays => {
                set(world, &invoice, "status", "paid");
                subscription["status"] = json!("active");
                of_invoice = &["invoice.paid"];
            }
            StripeMove::RetriesEnd => subscription["status"] = json!("unpaid"),
            StripeMove::CancelsAtPeriodEnd => {
                subscription["cancel_at_period_end"] = json!(true);
                subscription["cancel_at"] = subscription["items"]["data"][0]["current_period_end"].clone();
            }
            StripeMove::Resumes => {
                subscription["cancel_at_period_end"] = json!(false);
                subscription["cancel_at"] = Value::Null;
            }
            StripeMove::Ends => {
                subscription["status"] = json!("canceled");
                subscription["ended_at"] = json!(now_seconds());
                kind = "customer.subscription.deleted";
            }
            StripeMove::Changes(price) => {
                subscription["items"]["data"][0]["price"] =
                    world.objects.get(&price).cloned().unwrap_or(json!({ "id": price, "object": "price" }));
            }
        }
        world.put(&id, subscription.clone());
        let invoice = subscription["latest_invoice"].as_str().unwrap_or_default().to_owned();
        self.tell(world, kind, subscription);
        self.tell_of(world, &invoice, of_invoice);
    }

    fn tell_of(self: &Arc<Self>, world: &mut World, id: &str, kinds: &[&str]) {
        for kind in kinds {
            let object = world.objects.get(id).cloned().unwrap_or_default();
            self.tell(world, kind, object);
        }
    }
}

fn next_period(subscription: &mut Value) {
    for item in subscription["items"]["data"].as_array_mut().into_iter().flatten() {
        let end = item["current_period_end"].as_i64().unwrap_or_default();
        (item["current_period_start"], item["current_period_end"]) = (json!(end), json!(end + MONTH));
    }
}

fn set(world: &mut World, id: &str, field: &str, value: &str) {
    if let Some(object) = world.objects.get_mut(id) {
        object[field] = json!(value);
    }
}
