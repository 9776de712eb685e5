//! What stands around a number: the code of a signup, what a token may do, and where an account's news go.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    Core,
    graph::{Answer, Refusal},
    world::{is_revoked, number_of},
};

/// The app that the simulated tokens belong to.
const APP_ID: &str = "4001";
const CHALLENGE: &str = "1158201444";

/// The token for a code of Embedded Signup: `code-demo` → `EAAsimulateddemo`, once.
pub(super) fn exchange(core: &Core, query: &HashMap<String, String>) -> Answer {
    let given = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    if given("client_secret") != core.options().app_secret || given("client_id").is_empty() {
        return Err(Refusal::new(101, "Error validating application. Invalid application ID or secret."));
    }
    let code = given("code");
    let name = code.strip_prefix("code-").filter(|_| core.world().used_codes.insert(code.to_owned()));
    let name = name.ok_or_else(|| Refusal::new(100, "This authorization code has been used or is invalid."))?;
    Ok(json!({ "access_token": format!("EAAsimulated{name}"), "token_type": "bearer" }))
}

/// What a token may do, and for how long.
pub(super) fn debug_token(core: &Core, query: &HashMap<String, String>) -> Answer {
    let token =
        query.get("input_token").ok_or_else(|| Refusal::new(100, "The parameter input_token is required."))?;
    let options = core.options();
    let is_valid = number_of(token).is_some() && !is_revoked(token);
    Ok(json!({ "data": {
        "app_id": APP_ID, "type": "SYSTEM_USER", "is_valid": is_valid, "expires_at": options.token_expires_at,
        "scopes": options.token_scopes,
    } }))
}

/// From now on the account's news go to the app, or to an address of its own: that one is looked at first.
pub(super) async fn subscribe(core: &Core, number: &str, body: &Value) -> Answer {
    let own = body["override_callback_uri"].as_str().map(str::to_owned);
    if let Some(address) = &own {
        let token = body["verify_token"].as_str().unwrap_or_default();
        let query = [("hub.mode", "subscribe"), ("hub.verify_token", token), ("hub.challenge", CHALLENGE)];
        let echoed = match core.http.get(address).query(&query).send().await {
            Ok(response) if response.status().is_success() => response.text().await.unwrap_or_default(),
            _ => String::new(),
        };
        if echoed != CHALLENGE {
            return Err(Refusal::new(2_200, "The URL couldn't be validated. Callback verification failed."));
        }
    }
    core.world().number(number).subscribed = Some(own);
    Ok(json!({ "success": true }))
}

pub(super) fn subscriptions(core: &Core, number: &str) -> Value {
    let Some(own) = core.world().number(number).subscribed.clone() else { return json!({ "data": [] }) };
    let mut app = json!({ "whatsapp_business_api_data": { "id": APP_ID, "name": "Simulated app", "link": "" } });
    if let Some(address) = own {
        app["override_callback_uri"] = json!(address);
    }
    json!({ "data": [app] })
}
