//! Installing the simulated Slack's app: codes and refresh tokens work once, access tokens run out, removal is told.

use serde_json::{Value, json};
use simulators::{AppSetup, Decision, OptionsPatch, SlackSimulator};

use crate::harness::*;

const REDIRECT: &str = "http://127.0.0.1:1/oauth/slack/callback";
const CLIENT: (&str, &str) = ("1000000000.2000000000", "simulated-client-secret");

fn page(slack: &SlackSimulator) -> String {
    let authorize = slack.api_url().replace("/api/", "/oauth/v2/authorize");
    format!("{authorize}?client_id={}&scope=chat:write,commands&redirect_uri={REDIRECT}&state=s1", CLIENT.0)
}

fn code(slack: &SlackSimulator, team: &str) -> String {
    let decision = Decision { team: team.into(), user: "UGRACE".into(), allow: true };
    let back = slack.decide(&page(slack), &decision).unwrap();
    assert!(back.starts_with(REDIRECT) && back.ends_with("&state=s1"), "{back}");
    back.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned()
}

async fn ask(slack: &SlackSimulator, method: &str, fields: Value) -> Value {
    let form: Vec<(String, String)> = fields
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().into()))
        .collect();
    http().post(format!("{}{method}", slack.api_url())).form(&form).send().await.unwrap().json().await.unwrap()
}

async fn access(slack: &SlackSimulator, mut fields: Value) -> Value {
    fields["client_id"] = json!(CLIENT.0);
    fields["client_secret"] = json!(CLIENT.1);
    ask(slack, "oauth.v2.access", fields).await
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("{name} in {answer}")).to_owned()
}

async fn works(slack: &SlackSimulator, token: &str) -> Value {
    let answer = call(slack, token, "auth.test", json!({})).await;
    if answer["ok"] == true { json!(true) } else { answer["error"].clone() }
}

#[tokio::test]
async fn the_consent_page_lists_what_is_asked_and_leads_back_with_a_code_or_a_refusal() {
    let slack = quiet_slack().await;
    let shown = http().get(page(&slack)).send().await.unwrap().text().await.unwrap();
    for part in ["chat:write", "commands", "Ada Lovelace", "value=\"allow\"", "value=\"deny\""] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let decide = async |decision: &str| {
        let form = [
            ("client_id", CLIENT.0),
            ("scope", "chat:write"),
            ("redirect_uri", REDIRECT),
            ("state", "a&b"),
            ("team", "TACME"),
            ("decision", decision),
        ];
        let staying = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let page = slack.api_url().replace("/api/", "/oauth/v2/authorize");
        let answer = staying.build().unwrap().post(page).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        answer.headers()["location"].to_str().unwrap().to_owned()
    };
    assert!(decide("allow").await.contains("?code=code.") && decide("allow").await.ends_with("&state=a%26b"));
    assert!(decide("deny").await.contains("?error=access_denied&state=a%26b"));
    let strange = page(&slack).replace(CLIENT.0, "9.9");
    assert_eq!(http().get(strange).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_code_works_once_for_its_client_and_for_ten_minutes() {
    let slack = quiet_slack().await;
    let first = code(&slack, "TACME");
    let wrong = ask(
        &slack,
        "oauth.v2.access",
        json!({ "client_id": CLIENT.0, "client_secret": "guessed", "code": first }),
    );
    assert_eq!(wrong.await["error"], "bad_client_secret");
    let moved = access(&slack, json!({ "code": first, "redirect_uri": "http://elsewhere/" })).await;
    assert_eq!(moved["error"], "bad_redirect_uri");
    let granted = access(&slack, json!({ "code": first, "redirect_uri": REDIRECT })).await;
    assert_eq!((&granted["token_type"], &granted["team"]["id"]), (&json!("bot"), &json!("TACME")));
    assert_eq!(
        (&granted["scope"], &granted["authed_user"]["id"]),
        (&json!("chat:write,commands"), &json!("UGRACE"))
    );
    assert!(granted["refresh_token"].is_null() && works(&slack, &text(&granted, "access_token")).await == true);
    assert_eq!(access(&slack, json!({ "code": first })).await["error"], "code_already_used");
    let late = code(&slack, "TACME");
    slack.advance_clock(601);
    assert_eq!(access(&slack, json!({ "code": late })).await["error"], "invalid_code");
}

#[tokio::test]
async fn rotating_tokens_run_out_and_their_refresh_tokens_work_once() {
    let slack = quiet_slack().await;
    slack.set_options(OptionsPatch { token_rotation: Some(true), ..OptionsPatch::default() });
    let first = access(&slack, json!({ "code": code(&slack, "TACME") })).await;
    assert_eq!(first["expires_in"], 43_200);
    let refresh =
        async |token: &str| access(&slack, json!({ "grant_type": "refresh_token", "refresh_token": token })).await;
    let second = refresh(&text(&first, "refresh_token")).await;
    assert_eq!(refresh(&text(&first, "refresh_token")).await["error"], "invalid_refresh_token");
    let old = text(&first, "access_token");
    assert!(works(&slack, &old).await == true && works(&slack, &text(&second, "access_token")).await == true);
    let third = refresh(&text(&second, "refresh_token")).await;
    assert_eq!(works(&slack, &old).await, "token_revoked", "two work at a time");
    slack.advance_clock(43_200);
    assert_eq!(works(&slack, &text(&third, "access_token")).await, "token_expired");
    let fourth = refresh(&text(&third, "refresh_token")).await;
    assert_eq!(works(&slack, &text(&fourth, "access_token")).await, true);
}

#[tokio::test]
async fn a_token_for_ever_can_be_exchanged_for_one_that_runs_out() {
    let slack = quiet_slack().await;
    let fields = json!({ "client_id": CLIENT.0, "client_secret": CLIENT.1, "token": DEMO });
    let pair = ask(&slack, "oauth.v2.exchange", fields).await;
    assert_eq!((&pair["ok"], &pair["expires_in"]), (&json!(true), &json!(43_200)));
    assert_eq!(works(&slack, &text(&pair, "access_token")).await, true);
    assert_eq!(works(&slack, DEMO).await, "token_expired");
}

#[tokio::test]
async fn an_organization_is_granted_without_a_team_and_its_events_say_so() {
    let (slack, receiver) = slack_with_receiver().await;
    let granted = access(&slack, json!({ "code": code(&slack, "E0ACME") })).await;
    assert_eq!((&granted["team"], &granted["enterprise"]["id"]), (&Value::Null, &json!("E0ACME")));
    assert_eq!(granted["is_enterprise_install"], true);
    let who = call(&slack, &text(&granted, "access_token"), "auth.test", json!({})).await;
    assert_eq!((&who["enterprise_id"], &who["is_enterprise_install"]), (&json!("E0ACME"), &json!(true)));
    slack.send_event("E0ACME", json!({ "type": "app_uninstalled_team" }));
    let body: Value = serde_json::from_slice(&receiver.wait_for(1).await[0].body).unwrap();
    let authorization = &body["authorizations"][0];
    assert_eq!(
        (&authorization["enterprise_id"], &authorization["is_enterprise_install"]),
        (&json!("E0ACME"), &json!(true))
    );
}

#[tokio::test]
async fn removal_and_revocation_end_the_tokens_and_are_told() {
    let (slack, receiver) = slack_with_receiver().await;
    let kinds = async |count: usize| -> Vec<String> {
        let received = receiver.wait_for(count).await;
        let kind = |body: &[u8]| text(&serde_json::from_slice::<Value>(body).unwrap()["event"], "type");
        let mut kinds: Vec<String> = received.iter().map(|received| kind(&received.body)).collect();
        kinds.sort();
        kinds
    };
    let test = call(&slack, DEMO, "auth.revoke", json!({ "test": "true" })).await;
    assert_eq!((&test["revoked"], works(&slack, DEMO).await), (&json!(false), json!(true)));
    assert_eq!(call(&slack, DEMO, "auth.revoke", json!({})).await["revoked"], true);
    assert_eq!(works(&slack, DEMO).await, "token_revoked");
    assert_eq!(kinds(1).await, ["tokens_revoked"]);

    let granted = access(&slack, json!({ "code": code(&slack, "TDEMO") })).await;
    assert_eq!(works(&slack, &text(&granted, "access_token")).await, true, "installing again gives it back");
    let app = json!({ "client_id": CLIENT.0, "client_secret": CLIENT.1 });
    assert_eq!(call(&slack, DEMO, "apps.uninstall", app).await["ok"], true);
    assert_eq!(works(&slack, DEMO).await, "token_revoked");
    assert_eq!(kinds(3).await, ["app_uninstalled", "tokens_revoked", "tokens_revoked"]);
}

#[tokio::test]
async fn a_customers_app_is_another_client() {
    let slack = quiet_slack().await;
    slack.register_app(AppSetup {
        client_id: "7.7".into(),
        client_secret: "own".into(),
        app_id: "A0OWN".into(),
        token_rotation: true,
    });
    let decision = Decision { team: "TACME".into(), allow: true, ..Decision::default() };
    let back = slack.decide(&page(&slack).replace(CLIENT.0, "7.7"), &decision).unwrap();
    let code = back.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
    assert_eq!(access(&slack, json!({ "code": code })).await["error"], "invalid_code", "not the platform's");
    let fields = json!({ "client_id": "7.7", "client_secret": "own", "code": code });
    let granted = ask(&slack, "oauth.v2.access", fields).await;
    assert_eq!((&granted["app_id"], granted["refresh_token"].is_string()), (&json!("A0OWN"), true));
}
