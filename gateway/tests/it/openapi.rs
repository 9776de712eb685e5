//! The API's description: its checked-in copy is the current one, no route is missing from it, none is open to strangers.

use gateway::openapi::Api;
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::{stage::House, wire::Ask};

const COPY: &str = include_str!("../../openapi.json");
const ROUTER: &str = include_str!("../../src/router.rs");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    serde_json::to_value(Api::openapi()).expect("the description is JSON")
}

/// `method path` of every operation that is described.
pub fn described() -> Vec<(&'static str, String)> {
    let document = document();
    let paths = document["paths"].as_object().expect("there are paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        METHODS.into_iter().filter(|method| item.get(method).is_some()).map(|method| (method, path.clone()))
    });
    let mut operations: Vec<_> = operations.collect();
    operations.sort();
    operations
}

/// `method path` of every `/api/v1` route of the router's page.
fn routed() -> Vec<(&'static str, String)> {
    let mut operations = Vec::new();
    // However a route is broken into lines.
    let page = ROUTER.split_whitespace().collect::<Vec<_>>().join(" ").replace(".route( \"", ".route(\"");
    for route in page.split(".route(\"").skip(1) {
        let (path, handlers) = route.split_once('"').expect("a path ends with a quotation mark");
        let handlers = handlers.split(".layer(").next().unwrap_or_default();
        let handlers = handlers.split(" }").next().unwrap_or_default();
        if path.starts_with("/api/v1/") {
            let called = |method: &&str| handlers.contains(&format!("{method}("));
            operations.extend(METHODS.into_iter().filter(called).map(|method| (method, path.to_owned())));
        }
    }
    operations.sort();
    operations
}

#[test]
fn the_checked_in_description_is_the_current_one() {
    let current = format!("{}\n", serde_json::to_string_pretty(&Api::openapi()).expect("the description is JSON"));
    assert!(
        current == COPY,
        "gateway/openapi.json is out of date. Renew it: cargo run -p gateway --example openapi > gateway/openapi.json"
    );
}

#[test]
fn attack_73_every_route_is_described_and_every_description_is_routed() {
    let routed = routed();
    assert!(routed.len() >= 5, "the router's page was read: {routed:?}");
    assert_eq!(described(), routed);
}

#[tokio::test]
async fn the_served_description_is_the_same() {
    let house = House::open().await;
    let reply = house.ask(&Ask::get("/api/openapi.json")).await;
    assert_eq!((reply.status, reply.json()), (200, document()));
}

/// Programs are made from the description: what it calls a part of the address must be one.
#[test]
fn parameters_are_described_where_they_are() {
    let document = document();
    for (method, path) in described() {
        for parameter in
            document["paths"][&path][method].get("parameters").and_then(Value::as_array).into_iter().flatten()
        {
            let (name, place) = (parameter["name"].as_str().expect("a name"), &parameter["in"]);
            assert_eq!(
                path.contains(&format!("{{{name}}}")),
                place == "path",
                "{method} {path}: {name} in {place}"
            );
            assert!(["path", "query", "header"].iter().any(|known| place == known), "{method} {path}: {place}");
        }
    }
}

/// What the sign-in page has to know before anybody is known, and a browser's GET says no page it comes from.
const FOR_ANYBODY: &str = "/api/v1/auth/options";

/// A new route without an extractor fails here; `routes` tries the rest of the table.
#[tokio::test]
async fn attack_85_every_operation_refuses_strangers() {
    let house = House::open().await;
    let document = document();
    for (method, path) in described().into_iter().filter(|(_, path)| path != FOR_ANYBODY) {
        let name = METHODS.iter().find(|known| **known == method).map_or("", |known| known);
        let verb =
            ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|verb| verb.eq_ignore_ascii_case(name));
        let operation = &document["paths"][&path][method];
        let path = path.replace(['{', '}'], "x");
        let stranger = house.ask(&Ask::new(verb.expect("a known method"), &path).json(&json!({}))).await;
        // Who has no identity yet must at least be a page of ours.
        let (status, code) = if is_open(operation) { (403, "foreign_page") } else { (401, "unauthorized") };
        assert_eq!((stranger.status, stranger.problem().as_str()), (status, code), "{method} {path}");
    }
}

/// Described as needing no identity.
fn is_open(operation: &Value) -> bool {
    operation["security"] == json!([{}])
}

#[test]
fn every_operation_says_that_it_needs_a_key_and_no_schema_gives_a_secret_back() {
    let document = document();
    assert_eq!(document["security"], json!([{ "api_key": [] }, { "session": [] }]));
    assert_eq!(document["components"]["securitySchemes"]["session"]["name"], "__Host-konstruct");
    assert_eq!(document["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");
    for (method, path) in described().into_iter().filter(|(_, path)| path != FOR_ANYBODY) {
        let operation = &document["paths"][&path][method];
        let says = |status: &str| operation["responses"].get(status).is_some();
        let stranger = if is_open(operation) { "403" } else { "401" };
        assert!(says(stranger), "{method} {path} says what a stranger gets");
        let of_a_person = operation["security"] == json!([{ "session": [] }]);
        let rule = operation["security"].is_null() || of_a_person || path.starts_with("/api/v1/auth/");
        assert!(rule, "{method} {path} is no exception");
        if method != "get" {
            assert!(says("403"), "{method} {path} says 403");
            assert!(says("400") || operation["requestBody"].is_null(), "{method} {path} says 400");
        }
    }
    let shown = document["components"]["schemas"]["ConnectionBody"].to_string();
    assert!(shown.contains("display_name"), "{shown}");
    for secret in ["token", "secret"] {
        assert!(!shown.contains(&format!("\"{secret}")) && !shown.contains(&format!("{secret}\":")), "{shown}");
    }
}
