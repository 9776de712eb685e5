//! The second factor: asked for after the password, each code once, recovery codes for the day the phone is gone.

use serde_json::{Value, json};
use shared::clock::Clock;
use totp_rs::{Builder, Secret, Totp};

use crate::{
    people::{Browser, PASSWORD, tenant_of},
    stage::{House, run},
    wire::{Ask, Reply},
};

const MAIL: &str = "ada@example.com";
const TOTP: &str = "/api/v1/auth/totp";

/// The code of so many half minutes from now.
pub fn code(app: &Totp, later: u64) -> String {
    let now = u64::try_from(Clock::system().now().unix_timestamp()).expect("after 1970");
    app.generate(now + 30 * later).to_string()
}

async fn log_in(house: &House, code: Option<&str>) -> (Browser, Reply) {
    let mut browser = Browser::default();
    let mut body = json!({ "mail": MAIL, "password": PASSWORD });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    let reply = browser.ask(house, Ask::post("/api/v1/auth/login").json(&body)).await;
    (browser, reply)
}

/// Sets an app up; the app, and the recovery codes.
pub async fn set_up(house: &House, browser: &mut Browser) -> (Totp, Vec<String>) {
    let shown = browser.ask(house, Ask::post(TOTP).json(&json!({ "password": PASSWORD }))).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let shown = shown.json();
    let uri = shown["uri"].as_str().expect("as it is described");
    assert!(uri.starts_with("otpauth://totp/Konstruct:") && uri.contains("issuer=Konstruct"), "{uri}");
    let secret = Secret::try_from_base32(shown["secret"].as_str().expect("as it is described"))
        .expect("as it is described");
    let app = Builder::new().with_secret(secret).build().expect("as it is described");
    assert_eq!(log_in(house, None).await.1.status, 200, "nothing is asked for before it is confirmed");
    let wrong = browser.ask(house, Ask::post(&format!("{TOTP}/confirm")).json(&json!({ "code": "000000" }))).await;
    assert_eq!((wrong.status, wrong.problem().as_str()), (401, "wrong_code"));
    let body = json!({ "code": code(&app, 0) });
    let confirmed = browser.ask(house, Ask::post(&format!("{TOTP}/confirm")).json(&body)).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    let codes: Vec<Value> = confirmed.json()["recovery_codes"].as_array().expect("as it is described").clone();
    (app, codes.iter().map(|code| code.as_str().expect("as it is described").to_owned()).collect())
}

#[tokio::test]
async fn a_code_is_asked_for_after_the_password_and_works_once() {
    let house = House::open().await;
    let mut browser = house.signed_up(MAIL).await;
    let (app, recovery) = set_up(&house, &mut browser).await;
    assert_eq!(browser.me(&house).await["user"]["has_second_factor"], true);
    let (_, bare) = log_in(&house, None).await;
    assert_eq!((bare.status, bare.problem().as_str()), (401, "code_required"));
    let next = code(&app, 1);
    assert_eq!(log_in(&house, Some(&next)).await.1.status, 200);
    assert_eq!(log_in(&house, Some(&next)).await.1.problem(), "wrong_code", "once");
    let typed = recovery[0].to_uppercase().replace('-', " ");
    assert_eq!(log_in(&house, Some(&typed)).await.1.status, 200);
    assert_eq!(log_in(&house, Some(&typed)).await.1.problem(), "wrong_code", "once");
    assert_eq!(recovery.len(), 10);
}

#[tokio::test]
async fn a_factor_is_turned_off_with_both_and_kept_sealed() {
    let house = House::open().await;
    let mut browser = house.signed_up(MAIL).await;
    let (_, recovery) = set_up(&house, &mut browser).await;
    let again = browser.ask(&house, Ask::post(TOTP).json(&json!({ "password": PASSWORD }))).await;
    assert_eq!(again.status, 409, "it is not replaced in passing");
    let off =
        |password: &str, code: &str| Ask::new("DELETE", TOTP).json(&json!({ "password": password, "code": code }));
    assert_eq!(browser.ask(&house, off("not the password", &recovery[1])).await.problem(), "wrong_password");
    assert_eq!(browser.ask(&house, off(PASSWORD, "000000")).await.problem(), "wrong_code");
    assert_eq!(browser.ask(&house, off(PASSWORD, &recovery[1])).await.status, 204);
    run(&mut house.test.system().await, "delete from session_tokens").await;
    let (mut browser, reply) = log_in(&house, None).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let log = house.audited(tenant_of(&browser.me(&house).await)).await;
    assert!(log.contains(&"second_factor.on".into()) && log.contains(&"second_factor.off".into()), "{log:?}");
}

#[tokio::test]
async fn an_invitation_is_no_way_around_the_factor() {
    let house = House::open().await;
    let mut browser = house.signed_up(MAIL).await;
    let (app, recovery) = set_up(&house, &mut browser).await;
    let wrong = json!({ "mail": MAIL, "password": "not the password" });
    let reply = Browser::default().ask(&house, Ask::post("/api/v1/auth/login").json(&wrong)).await;
    assert_eq!(reply.problem(), "wrong_password", "without the password nothing is said of a factor");
    assert_eq!(log_in(&house, Some(&code(&app, 0))).await.1.problem(), "wrong_code", "it confirmed the app");
    let (tenant, _) = house.test.tenant("acme").await;
    let (_, mut owner) = house.person(tenant, "owner").await;
    let invite = json!({ "mail": MAIL, "role": "customer_admin" });
    assert_eq!(owner.ask(&house, Ask::post("/api/v1/invitations").json(&invite)).await.status, 201);
    let mut body = json!({ "token": house.token_for(MAIL).await, "password": PASSWORD });
    let accept = |body: &Value| Ask::post("/api/v1/auth/accept").json(body);
    assert_eq!(Browser::default().ask(&house, accept(&body)).await.problem(), "code_required");
    body["code"] = json!(recovery[2]);
    assert_eq!(Browser::default().ask(&house, accept(&body)).await.status, 200);
}
