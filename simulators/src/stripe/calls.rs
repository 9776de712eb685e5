//! What each call of the API does. Parameters are Stripe's flat names: `items[0][price]`.

use std::{collections::BTreeMap, sync::Arc};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Core, life::StripeMove, world::World};
use crate::clock::now_seconds;

const DAY: i64 = 24 * 3_600;
const NAME_MAX: usize = 100;

pub(super) type Parameters = BTreeMap<String, String>;

/// A refusal in Stripe's own form.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        let status = match code {
            "resource_missing" => StatusCode::NOT_FOUND,
            "api_key_invalid" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, code, message: message.into() }
    }

    pub fn body(&self) -> Value {
        json!({ "error": { "type": "invalid_request_error", "code": self.code, "message": self.message } })
    }
}

pub(super) type Answer = Result<Value, Refusal>;

fn missing(what: &str, id: &str) -> Refusal {
    Refusal::new("resource_missing", format!("No such {what}: '{id}'"))
}

fn required<'a>(given: &'a Parameters, name: &str) -> Result<&'a str, Refusal> {
    let value = given.get(name).map(String::as_str).filter(|value| !value.is_empty());
    value.ok_or_else(|| Refusal::new("parameter_missing", format!("Missing required param: {name}.")))
}

pub(super) fn answer(core: &Arc<Core>, method: &Method, path: &str, given: &Parameters) -> Answer {
    let parts: Vec<&str> = path.split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["customers"]) => create_customer(core, given),
        ("DELETE", ["customers", id]) => delete_customer(core, id),
        ("POST", ["customers", id]) => update(core, "customer", id, given),
        ("POST", ["checkout", "sessions"]) => checkout(core, given),
        ("POST", ["billing_portal", "sessions"]) => portal(core, given),
        ("GET", ["subscriptions"]) => list(core, "subscription", given),
        ("GET", ["invoices"]) => list(core, "invoice", given),
        ("POST", ["subscriptions", id]) => change(core, id, given),
        ("DELETE", ["subscriptions", id]) => moved(core, id, StripeMove::Ends),
        ("POST", ["billing", "meter_events"]) => meter(core, given),
        ("GET", ["customers", id]) => one(core, "customer", id),
        ("GET", ["subscriptions", id]) => one(core, "subscription", id),
        ("GET", ["invoices", id]) => one(core, "invoice", id),
        ("GET", ["prices", id]) => one(core, "price", id),
        ("GET", ["events", id]) => one(core, "event", id),
        ("GET", ["checkout", "sessions", id]) => one(core, "checkout.session", id),
        _ => Err(Refusal {
            status: StatusCode::NOT_FOUND,
            ..Refusal::new("url_invalid", "Unrecognized request URL")
        }),
    }
}

fn metadata(given: &Parameters, prefix: &str) -> Value {
    let begins = format!("{prefix}[");
    let pairs = given.iter().filter_map(|(name, value)| {
        Some((name.strip_prefix(&begins)?.strip_suffix(']')?.to_owned(), json!(value)))
    });
    Value::Object(pairs.collect())
}

fn create_customer(core: &Arc<Core>, given: &Parameters) -> Answer {
    let mut world = core.world();
    let id = world.id("cus");
    let object = json!({
        "id": id, "object": "customer", "created": now_seconds(), "livemode": false, "email": given.get("email"),
        "name": given.get("name"), "metadata": metadata(given, "metadata"),
    });
    world.put(&id, object.clone());
    core.tell(&mut world, "customer.created", object.clone());
    Ok(object)
}

fn delete_customer(core: &Arc<Core>, id: &str) -> Answer {
    let mut world = core.world();
    let object = found(&world, "customer", id)?;
    for subscription in world.of_customer("subscription", id) {
        if let Some(subscription) = subscription["id"].as_str() {
            world.objects.remove(subscription);
        }
    }
    world.put(id, json!({ "id": id, "object": "customer", "deleted": true }));
    core.tell(&mut world, "customer.deleted", object);
    Ok(json!({ "id": id, "object": "customer", "deleted": true }))
}

fn update(core: &Arc<Core>, kind: &str, id: &str, given: &Parameters) -> Answer {
    let mut world = core.world();
    let mut object = found(&world, kind, id)?;
    for name in ["name", "email"] {
        if let Some(value) = given.get(name) {
            object[name] = json!(value);
        }
    }
    world.put(id, object.clone());
    core.tell(&mut world, "customer.updated", object.clone());
    Ok(object)
}

fn checkout(core: &Arc<Core>, given: &Parameters) -> Answer {
    let mut world = core.world();
    if required(given, "mode")? != "subscription" {
        return Err(Refusal::new("parameter_invalid", "Only subscriptions are simulated."));
    }
    let customer = required(given, "customer")?;
    found(&world, "customer", customer)?;
    required(given, "success_url")?;
    let mut prices = Vec::new();
    for n in 0..20 {
        let Some(price) = given.get(&format!("line_items[{n}][price]")) else { break };
        let object = found(&world, "price", price)?;
        let metered = object["recurring"]["usage_type"] == "metered";
        match (metered, given.contains_key(&format!("line_items[{n}][quantity]"))) {
            (true, true) => {
                return Err(Refusal::new(
                    "parameter_invalid",
                    "Quantity should not be specified where usage_type is metered.",
                ));
            }
            (false, false) => return Err(Refusal::new("parameter_missing", "Quantity is required.")),
            _ => prices.push(json!(price)),
        }
    }
    if prices.is_empty() {
        return Err(Refusal::new("parameter_missing", "You must provide at least one line item."));
    }
    let id = world.id("cs");
    let object = json!({
        "id": id, "object": "checkout.session", "mode": "subscription", "status": "open", "payment_status": "unpaid",
        "customer": customer, "client_reference_id": given.get("client_reference_id"), "created": now_seconds(),
        "expires_at": now_seconds() + DAY, "livemode": false, "metadata": metadata(given, "metadata"),
        "success_url": given.get("success_url"), "cancel_url": given.get("cancel_url"), "subscription": null,
        "url": format!("{}/checkout/{id}", core.origin()), "_prices": prices,
        "_subscription_metadata": metadata(given, "subscription_data[metadata]"),
    });
    world.put(&id, object.clone());
    Ok(object)
}

fn portal(core: &Arc<Core>, given: &Parameters) -> Answer {
    let mut world = core.world();
    let customer = required(given, "customer")?;
    found(&world, "customer", customer)?;
    let id = world.id("bps");
    let object = json!({
        "id": id, "object": "billing_portal.session", "customer": customer, "created": now_seconds(),
        "livemode": false, "return_url": given.get("return_url"), "url": format!("{}/portal/{id}", core.origin()),
    });
    world.put(&id, object.clone());
    Ok(object)
}

fn list(core: &Arc<Core>, kind: &str, given: &Parameters) -> Answer {
    let world = core.world();
    let customer = required(given, "customer")?;
    let status = given.get("status").map(String::as_str);
    let mut data = world.of_customer(kind, customer);
    data.retain(|object| match status {
        Some("all") => true,
        Some(status) => object["status"] == status,
        None => object["status"] != "canceled",
    });
    let limit = given.get("limit").and_then(|text| text.parse().ok()).unwrap_or(10_usize);
    let more = data.len() > limit;
    data.truncate(limit);
    if given.iter().any(|(name, value)| name.starts_with("expand") && value == "data.latest_invoice") {
        for object in &mut data {
            let invoice = object["latest_invoice"].as_str().and_then(|id| world.objects.get(id));
            object["latest_invoice"] = invoice.cloned().unwrap_or_default();
        }
    }
    Ok(json!({ "object": "list", "data": data, "has_more": more, "url": format!("/v1/{kind}s") }))
}

fn change(core: &Arc<Core>, id: &str, given: &Parameters) -> Answer {
    match given.get("cancel_at_period_end").map(String::as_str) {
        Some("true") => moved(core, id, StripeMove::CancelsAtPeriodEnd)?,
        Some(_) => moved(core, id, StripeMove::Resumes)?,
        None => Value::Null,
    };
    if let Some(price) = given.get("items[0][price]") {
        found(&core.world(), "price", price)?;
        moved(core, id, StripeMove::Changes(price.clone()))?;
    }
    one(core, "subscription", id)
}

fn moved(core: &Arc<Core>, id: &str, what: StripeMove) -> Answer {
    if core.happens(id, what) { one(core, "subscription", id) } else { Err(missing("subscription", id)) }
}

fn meter(core: &Arc<Core>, given: &Parameters) -> Answer {
    let mut world = core.world();
    let name = required(given, "event_name")?;
    if name.len() > NAME_MAX {
        return Err(Refusal::new("parameter_invalid", "event_name is too long."));
    }
    found(&world, "customer", required(given, "payload[stripe_customer_id]")?)?;
    let value: i64 = required(given, "payload[value]")?
        .parse()
        .map_err(|_| Refusal::new("parameter_invalid", "The value must be a whole number."))?;
    let now = now_seconds();
    let timestamp = given.get("timestamp").and_then(|text| text.parse().ok()).unwrap_or(now);
    if timestamp < now - 35 * DAY || timestamp > now + 300 {
        return Err(Refusal::new("timestamp_invalid", "The timestamp is too far in the past or future."));
    }
    let identifier = given.get("identifier").cloned().unwrap_or_else(|| world.id("mev"));
    if world.identifiers.get(&identifier).is_some_and(|at| *at > now - DAY) {
        return Err(Refusal::new("duplicate_meter_event", "An event with this identifier already exists."));
    }
    world.identifiers.insert(identifier.clone(), now);
    let event = json!({
        "object": "billing.meter_event", "event_name": name, "identifier": identifier, "created": now,
        "timestamp": timestamp, "livemode": false,
        "payload": { "stripe_customer_id": given["payload[stripe_customer_id]"], "value": value.to_string() },
    });
    world.metered.push(event.clone());
    Ok(event)
}

fn one(core: &Arc<Core>, kind: &str, id: &str) -> Answer {
    found(&core.world(), kind, id)
}

fn found(world: &World, kind: &str, id: &str) -> Answer {
    let object = world.objects.get(id).filter(|value| value["object"] == kind && value["deleted"] != true);
    object.cloned().ok_or_else(|| missing(kind, id))
}
