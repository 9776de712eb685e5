//! Devices: tokens that change, come back, are stolen, and end.

use serde_json::json;
use shared::{db::mails::Mail, ids::TenantId};
use sqlx::Row;

use crate::{
    people::{Browser, PASSWORD, tenant_of},
    second_factor::{code, set_up},
    stage::{House, run},
    wire::{Ask, Reply},
};

const REFRESH: &str = "/api/v1/auth/refresh";
const ME: &str = "/api/v1/me";
const SESSIONS: &str = "/api/v1/auth/sessions";

async fn refresh(house: &House, browser: &mut Browser) -> Reply {
    browser.ask(house, Ask::post(REFRESH)).await
}

async fn is_in(house: &House, browser: &Browser) -> bool {
    house.ask(&browser.with_cookies(Ask::get(ME))).await.status == 200
}

/// Makes the last rotation this long ago.
async fn wait(house: &House, seconds: u32) {
    let sql = format!("update sessions set rotated_at = rotated_at - interval '{seconds} seconds'");
    run(&mut house.test.system().await, &sql).await;
}

async fn owner(house: &House) -> (TenantId, Browser) {
    let (tenant, _) = house.test.tenant("acme").await;
    let (_, browser) = house.person(tenant, "owner").await;
    (tenant, browser)
}

#[tokio::test]
async fn a_refresh_token_leads_to_the_next_and_the_device_stays_signed_in() {
    let house = House::open().await;
    let (_, mut browser) = owner(&house).await;
    for _ in 0..3 {
        let before = browser.clone();
        assert_eq!(refresh(&house, &mut browser).await.status, 200);
        assert!(browser.access() != before.access() && browser.refresh() != before.refresh());
        assert!(is_in(&house, &browser).await);
    }
    run(&mut house.test.system().await, "delete from session_tokens where kind = 'access'").await;
    assert!(!is_in(&house, &browser).await, "without its access token");
    assert_eq!(refresh(&house, &mut browser).await.status, 200);
    assert!(is_in(&house, &browser).await);
    run(&mut house.test.system().await, "update sessions set expires_at = now()").await;
    assert!(!is_in(&house, &browser).await);
    assert_eq!(refresh(&house, &mut browser).await.status, 401, "and everything ends after thirty days");
}

#[tokio::test]
async fn attack_86_a_used_refresh_token_that_comes_back_ends_the_family() {
    let house = House::open().await;
    let (tenant, mut browser) = owner(&house).await;
    let mail = browser.me(&house).await["user"]["mail"].as_str().unwrap().to_owned();
    let stolen = browser.clone();
    assert_eq!(refresh(&house, &mut browser).await.status, 200);
    wait(&house, 30).await;
    let mut thief = stolen.clone();
    let reply = refresh(&house, &mut thief).await;
    assert_eq!((reply.status, reply.problem().as_str()), (401, "unauthorized"));
    assert!(!is_in(&house, &browser).await && !is_in(&house, &stolen).await, "whoever has which token");
    assert_eq!(refresh(&house, &mut browser).await.status, 401);
    assert_eq!(house.audited(tenant).await.last().unwrap(), "session.stolen");
    assert!(matches!(house.mails_for(&mail).await.as_slice(), [Mail::SessionStolen { .. }]));
}

#[tokio::test]
async fn attack_87_only_the_parent_is_forgiven_and_gets_the_same_tokens() {
    let house = House::open().await;
    let (tenant, mut browser) = owner(&house).await;
    let grandparent = browser.clone();
    assert_eq!(refresh(&house, &mut browser).await.status, 200);
    let parent = browser.clone();
    assert_eq!(refresh(&house, &mut browser).await.status, 200);
    let mut again = parent.clone();
    assert_eq!(refresh(&house, &mut again).await.status, 200);
    assert_eq!(again.cookies, browser.cookies, "the same result");
    wait(&house, 9).await;
    let mut late = parent.clone();
    assert_eq!(refresh(&house, &mut late).await.status, 200);
    let mut old = grandparent.clone();
    assert_eq!(refresh(&house, &mut old).await.status, 401);
    assert!(!is_in(&house, &browser).await);
    assert_eq!(house.audited(tenant).await.last().unwrap(), "session.stolen");
}

#[tokio::test]
async fn attack_106_two_tabs_that_refresh_at_once_stay_signed_in() {
    let house = House::open().await;
    let (_, mut browser) = owner(&house).await;
    for round in 0..100 {
        let (mut one, mut other) = (browser.clone(), browser.clone());
        let (a, b) = tokio::join!(refresh(&house, &mut one), refresh(&house, &mut other));
        assert_eq!((a.status, b.status), (200, 200), "round {round}");
        assert_eq!(one.cookies, other.cookies, "round {round}");
        browser = one;
    }
    assert!(is_in(&house, &browser).await);
}

#[tokio::test]
async fn attack_91_signing_in_replaces_what_the_browser_was_before() {
    let house = House::open().await;
    let ada = house.signed_up("ada@example.com").await;
    let (_, planted) = owner(&house).await;
    let mut browser = planted.clone();
    let body = json!({ "mail": "ada@example.com", "password": PASSWORD });
    let reply = browser.ask(&house, Ask::post("/api/v1/auth/login").json(&body)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(browser.access() != planted.access() && browser.refresh() != planted.refresh());
    assert!(!is_in(&house, &planted).await, "the planted session is dead");
    assert!(is_in(&house, &ada).await, "other devices are not concerned");
    for (name, cookie) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
        assert!(
            cookie.starts_with("__Host-") && cookie.contains("; Secure; HttpOnly; SameSite="),
            "{name} {cookie}"
        );
    }
}

#[tokio::test]
async fn attack_90_a_changed_password_signs_every_other_device_out() {
    let house = House::open().await;
    let mut here = house.signed_up("ada@example.com").await;
    let body = json!({ "mail": "ada@example.com", "password": PASSWORD });
    let mut there = Browser::default();
    assert_eq!(there.ask(&house, Ask::post("/api/v1/auth/login").json(&body)).await.status, 200);
    let change = |current: &str| {
        Ask::post("/api/v1/auth/password")
            .json(&json!({ "current": current, "password": "an entirely new phrase" }))
    };
    let wrong = here.ask(&house, change("not my password")).await;
    assert_eq!((wrong.status, wrong.problem().as_str()), (403, "wrong_password"));
    assert!(is_in(&house, &there).await);
    assert_eq!(here.ask(&house, change(PASSWORD)).await.status, 204);
    assert!(is_in(&house, &here).await && !is_in(&house, &there).await);
    assert_eq!(refresh(&house, &mut there).await.status, 401);
    let tenant = tenant_of(&here.me(&house).await);
    assert_eq!(house.audited(tenant).await.last().unwrap(), "password.change");
}

#[tokio::test]
async fn attack_90_who_is_removed_or_locked_out_is_nobody_with_the_next_request() {
    let house = House::open().await;
    let (tenant, mut admin) = owner(&house).await;
    let (bob, mut bobs) = house.person(tenant, "customer_admin").await;
    let invite = json!({ "mail": "carl@example.com", "role": "customer_operator" });
    assert_eq!(bobs.ask(&house, Ask::post("/api/v1/invitations").json(&invite)).await.status, 201);
    let removed = admin.ask(&house, Ask::new("DELETE", &format!("/api/v1/members/{bob}"))).await;
    assert_eq!(removed.status, 204, "{}", removed.text());
    let reply = bobs.ask(&house, Ask::get("/api/v1/agents")).await;
    assert_eq!((reply.status, reply.problem().as_str()), (403, "no_tenant"));
    assert!(bobs.me(&house).await["tenant_id"].is_null());
    let open = admin.ask(&house, Ask::get("/api/v1/invitations")).await.json();
    assert_eq!(open["items"], json!([]), "what they gave out is void");
    shared::db::accounts::set_disabled(&house.test.db.system(), &mail_of(&house, bob).await, true).await.unwrap();
    assert!(!is_in(&house, &bobs).await);
    assert_eq!(refresh(&house, &mut bobs).await.status, 401);
}

async fn mail_of(house: &House, user: shared::ids::UserId) -> String {
    let row = sqlx::query("select mail from users where user_id = $1").bind(user);
    row.fetch_one(&mut house.test.system().await).await.expect("the user is there").get("mail")
}

#[tokio::test]
async fn devices_are_listed_and_signed_out_one_by_one_or_all_at_once() {
    let house = House::open().await;
    let mut here = house.signed_up("ada@example.com").await;
    let me = here.me(&house).await;
    let (user, tenant) = (me["user"]["id"].as_str().unwrap().parse().unwrap(), tenant_of(&me));
    let there = house.browser(user, Some(tenant)).await;
    let list = here.ask(&house, Ask::get("/api/v1/auth/sessions")).await.json();
    let items = list["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 2);
    assert!(
        items.iter().any(|item| (&item["address"], &item["agent"]) == (&json!("127.0.0.1"), &json!("a test")))
    );
    let proof = json!({ "password": PASSWORD });
    let other = items.iter().find(|item| item["is_current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/auth/sessions/{other}");
    assert_eq!(here.ask(&house, Ask::new("DELETE", &path).json(&proof)).await.status, 204);
    assert!(is_in(&house, &here).await && !is_in(&house, &there).await);
    assert_eq!(here.ask(&house, Ask::new("DELETE", &path).json(&proof)).await.status, 404, "gone is gone");
    let third = house.browser(user, Some(tenant)).await;
    let before = here.clone();
    let ended = here.ask(&house, Ask::new("DELETE", SESSIONS).json(&proof)).await;
    assert_eq!((ended.status, ended.header("clear-site-data")), (204, "\"storage\""));
    assert!(here.cookies.is_empty());
    assert!(!is_in(&house, &before).await && !is_in(&house, &third).await);
    // Signing out is fine twice.
    let mut last = house.browser(user, Some(tenant)).await;
    let kept = last.clone();
    let out = last.ask(&house, Ask::post("/api/v1/auth/logout")).await;
    assert_eq!((out.status, out.header("clear-site-data")), (204, "\"storage\""), "and the browser forgets");
    assert!(last.cookies.is_empty() && !is_in(&house, &kept).await);
    assert_eq!(last.ask(&house, Ask::post("/api/v1/auth/logout")).await.status, 204);
}

#[tokio::test]
async fn devices_are_signed_out_only_by_who_shows_the_password_and_the_code() {
    let house = House::open().await;
    let mut here = house.signed_up("ada@example.com").await;
    let me = here.me(&house).await;
    let there = house.browser(me["user"]["id"].as_str().unwrap().parse().unwrap(), Some(tenant_of(&me))).await;
    let list = here.ask(&house, Ask::get(SESSIONS)).await.json();
    let other = list["items"].as_array().unwrap().iter().find(|item| item["is_current"] == false).unwrap().clone();
    let one = format!("{SESSIONS}/{}", other["id"].as_str().unwrap());
    let (app, _) = set_up(&house, &mut here).await;
    for path in [SESSIONS, &one] {
        let bare = here.ask(&house, Ask::new("DELETE", path)).await;
        assert_eq!(bare.status, 400, "{path}: {}", bare.text());
        let ask = Ask::new("DELETE", path);
        let wrong = here.ask(&house, ask.clone().json(&json!({ "password": "somebody else's" }))).await;
        assert_eq!((wrong.status, wrong.problem().as_str()), (403, "wrong_password"), "{path}");
        let half = here.ask(&house, ask.json(&json!({ "password": PASSWORD }))).await;
        assert_eq!((half.status, half.problem().as_str()), (401, "code_required"), "{path}");
    }
    assert!(is_in(&house, &there).await, "nobody was signed out");
    let proof = json!({ "password": PASSWORD, "code": code(&app, 1) });
    assert_eq!(here.ask(&house, Ask::new("DELETE", &one).json(&proof)).await.status, 204);
    assert!(is_in(&house, &here).await && !is_in(&house, &there).await);
}

#[tokio::test]
async fn attack_102_other_pages_change_nothing_with_a_browsers_cookies() {
    let house = House::open().await;
    let (tenant, browser) = owner(&house).await;
    let body = json!({ "name": "Mallory" });
    let own = house.origin();
    let change = || browser.with_cookies(Ask::put("/api/v1/agents").json(&body));
    let token = || browser.csrf.clone();
    for (what, ask) in [
        ("a form elsewhere", change()),
        ("without the token", change().header("origin", &own)),
        ("without the page", change().header("x-csrf-token", token())),
        ("another page", change().header("origin", "https://evil.example").header("x-csrf-token", token())),
        ("a sandboxed page", change().header("origin", "null").header("x-csrf-token", token())),
        (
            "another scheme",
            change().header("origin", own.replace("http", "https")).header("x-csrf-token", token()),
        ),
        (
            "two pages",
            change()
                .header("origin", &own)
                .header("origin", "https://evil.example")
                .header("x-csrf-token", token()),
        ),
        ("another token", change().header("origin", &own).header("x-csrf-token", "A".repeat(43))),
    ] {
        let reply = house.ask(&ask).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "foreign_page"), "{what}");
    }
    for path in
        [REFRESH, "/api/v1/auth/login", "/api/v1/auth/logout", "/api/v1/auth/signup", "/api/v1/auth/accept"]
    {
        let reply = house.ask(&browser.with_cookies(Ask::post(path).json(&json!({})))).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "foreign_page"), "{path}");
    }
    let mut plain = browser.clone();
    let text = Ask::put("/api/v1/agents").header("content-type", "text/plain").body(body.to_string());
    assert_eq!(plain.ask(&house, text).await.status, 400, "what a form can send is no JSON");
    assert_eq!(house.count(tenant, "select count(*) from agents").await, 0);
    assert_eq!(plain.ask(&house, Ask::put("/api/v1/agents").json(&body)).await.status, 200);
}

#[tokio::test]
async fn attack_93_nothing_but_a_living_token_is_an_identity() {
    let house = House::open().await;
    let (_, browser) = owner(&house).await;
    let (head, good) = ("eyJhbGciOiJub25lIn0", browser.access());
    for token in [
        format!("{head}.eyJzdWIiOiJhZG1pbiJ9."),
        format!("{head}.{head}.{head}"),
        good.to_uppercase(),
        format!("{good}A"),
        good[..good.len() - 1].to_owned(),
        browser.refresh().to_owned(),
        format!("ksa_{}", "A".repeat(43)),
        String::new(),
    ] {
        let mut other = browser.clone();
        other.cookies.insert("__Host-konstruct".into(), token.clone());
        assert!(!is_in(&house, &other).await, "{token}");
        let bearer = Ask::get(ME).header("authorization", format!("Bearer {token}"));
        assert_eq!(house.ask(&bearer).await.status, 401, "{token}");
    }
    let twice = browser.with_cookies(Ask::get(ME)).header("cookie", format!("__Host-konstruct={good}"));
    assert_eq!(house.ask(&twice).await.status, 401, "a cookie that is there twice");
    let bare = Ask::get(ME).header("cookie", format!("konstruct={good}"));
    assert_eq!(house.ask(&bare).await.status, 401, "a cookie that a sibling domain may have set");
    let mut access_as_refresh = browser.clone();
    access_as_refresh.cookies.insert("__Host-konstruct-refresh".into(), good.to_owned());
    assert_eq!(refresh(&house, &mut access_as_refresh).await.status, 401);
}

#[tokio::test]
async fn a_browser_speaks_for_one_tenant_of_its_person_at_a_time() {
    let house = House::open().await;
    let (acme, bolt, other) =
        (house.test.tenant("acme").await.0, house.test.tenant("bolt").await.0, house.test.tenant("other").await.0);
    let (user, mut browser) = house.person(acme, "owner").await;
    house.member(bolt, user, "customer_operator").await;
    let switch = |tenant: TenantId| Ask::post("/api/v1/auth/tenant").json(&json!({ "tenant_id": tenant }));
    assert_eq!(browser.me(&house).await["memberships"].as_array().unwrap().len(), 2);
    let reply = browser.ask(&house, switch(bolt)).await;
    assert_eq!((reply.status, &reply.json()["role"]), (200, &json!("customer_operator")));
    let shape = Ask::put("/api/v1/agents").json(&json!({ "name": "Kona" }));
    assert_eq!(browser.ask(&house, shape.clone()).await.status, 403, "an operator there");
    let (foreign, missing) =
        (browser.ask(&house, switch(other)).await, browser.ask(&house, switch(TenantId::new())).await);
    assert_eq!((foreign.status, &foreign.body), (404, &missing.body));
    assert_eq!(tenant_of(&browser.me(&house).await), bolt);
    assert_eq!(browser.ask(&house, switch(acme)).await.status, 200);
    assert_eq!(browser.ask(&house, shape).await.status, 200);
}
