//! Checkout, the customer's own page and the page of an invoice, to click through: forms without script.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Core, life::StripeMove};

#[derive(Deserialize)]
pub(super) struct Choice {
    act: String,
    #[serde(default)]
    subscription: String,
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <style>body{{font:16px/1.5 system-ui;max-width:36rem;margin:3rem auto;padding:0 1rem}}\
         button{{font:inherit;padding:.5rem 1rem;margin:.25rem .5rem .25rem 0}}small{{color:#666}}</style>\
         <h1>{title}</h1>{body}<p><small>Simulated: no money moves.</small></p></html>"
    ))
}

fn gone() -> Response {
    (StatusCode::NOT_FOUND, page("Nothing here", "<p>This page has expired.</p>")).into_response()
}

fn escaped(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) async fn overview(State(core): State<Arc<Core>>) -> Html<String> {
    let world = core.world();
    let rows: String = world
        .of_kind("subscription")
        .map(|(id, value)| {
            format!("<li>{id}: {} of {}</li>", escaped(&value["status"]), escaped(&value["customer"]))
        })
        .collect();
    page("Stripe, simulated", &format!("<p>Subscriptions:</p><ul>{rows}</ul>"))
}

pub(super) async fn checkout(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Response {
    let world = core.world();
    let Some(session) = world.objects.get(&id).filter(|value| value["object"] == "checkout.session") else {
        return gone();
    };
    let prices: Vec<String> = session["_prices"].as_array().into_iter().flatten().map(escaped).collect();
    let body = format!(
        "<p>You subscribe to {}.</p><form method=\"post\"><button name=\"act\" value=\"pay\">Pay and subscribe</button>\
         <button name=\"act\" value=\"back\">Back</button></form>",
        prices.join(" and ")
    );
    page("Checkout", &body).into_response()
}

pub(super) async fn paid(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    Form(choice): Form<Choice>,
) -> Response {
    let session = core.world().objects.get(&id).cloned().unwrap_or_default();
    if session["object"] != "checkout.session" {
        return gone();
    }
    let back = if choice.act == "pay" {
        core.pay(&id);
        session["success_url"].as_str().unwrap_or_default().replace("{CHECKOUT_SESSION_ID}", &id)
    } else {
        session["cancel_url"].as_str().unwrap_or_default().to_owned()
    };
    Redirect::to(&back).into_response()
}

pub(super) async fn portal(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Response {
    let world = core.world();
    let Some(session) = world.objects.get(&id).filter(|value| value["object"] == "billing_portal.session") else {
        return gone();
    };
    let customer = session["customer"].as_str().unwrap_or_default();
    let prices: Vec<&str> = world
        .of_kind("price")
        .filter(|(_, price)| price["recurring"]["usage_type"] == "licensed")
        .map(|(id, _)| id)
        .collect();
    let mut body = String::new();
    for subscription in world.of_customer("subscription", customer) {
        let button = |act: &str, word: &str| format!("<button name=\"act\" value=\"{act}\">{word}</button>");
        let changes: String = prices.iter().map(|price| button(price, &format!("Change to {price}"))).collect();
        body += &format!(
            "<form method=\"post\"><h2>{}</h2><p>{}, {}</p><input type=\"hidden\" name=\"subscription\" value=\"{}\">{}{}{}{}{}{}</form>",
            escaped(&subscription["items"]["data"][0]["price"]["id"]),
            escaped(&subscription["status"]),
            if subscription["cancel_at_period_end"] == true { "ends with its period" } else { "goes on" },
            escaped(&subscription["id"]),
            changes,
            button("cancel", "Cancel"),
            button("resume", "Don't cancel"),
            button("end", "End now"),
            button("fail", "Let the next payment fail"),
            button("pay", "Pay what is open"),
        );
    }
    body += &format!("<p><a href=\"{}\">Back</a></p>", escaped(&session["return_url"]));
    page("Your subscription", &body).into_response()
}

pub(super) async fn chosen(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    Form(choice): Form<Choice>,
) -> Response {
    let what = match choice.act.as_str() {
        "cancel" => StripeMove::CancelsAtPeriodEnd,
        "resume" => StripeMove::Resumes,
        "end" => StripeMove::Ends,
        "fail" => StripeMove::PaymentFails,
        "pay" => StripeMove::Pays,
        price => StripeMove::Changes(price.to_owned()),
    };
    let session = core.world().objects.get(&id).cloned().unwrap_or_default();
    let subscription = core.world().objects.get(&choice.subscription).cloned().unwrap_or_default();
    if session["customer"].is_null() || session["customer"] != subscription["customer"] {
        return gone();
    }
    core.happens(&choice.subscription, what);
    Redirect::to(&format!("/portal/{id}")).into_response()
}

pub(super) async fn invoice(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Response {
    let world = core.world();
    let Some(invoice) = world.objects.get(&id).filter(|value| value["object"] == "invoice") else { return gone() };
    let body = format!(
        "<p>This invoice is {}.</p><form method=\"post\"><button>Pay</button></form>",
        escaped(&invoice["status"])
    );
    page("Invoice", &body).into_response()
}

pub(super) async fn invoice_paid(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Response {
    let invoice = core.world().objects.get(&id).cloned().unwrap_or_default();
    let of = &invoice["parent"]["subscription_details"]["subscription"];
    if invoice["status"] == "open" {
        core.happens(of.as_str().unwrap_or_default(), StripeMove::Pays);
    }
    Redirect::to(&format!("/invoice/{id}")).into_response()
}
