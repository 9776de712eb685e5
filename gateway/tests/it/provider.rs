//! Signing in by a provider of OpenID Connect: who comes from there becomes whom, and what proves nothing.

use serde_json::{Value, json};
use shared::{config::OidcConfig, db::mails::Mail};
use simulators::{OidcPerson, OidcSimulator, Twist};

use crate::{
    people::{Browser, PASSWORD, tenant_of},
    second_factor,
    stage::{ANY_PORT, House, run},
    wire::{Ask, Reply},
};

const MAIL: &str = "ada@example.com";
const FINISH: &str = "/api/v1/auth/provider/finish";

fn ada() -> OidcPerson {
    OidcPerson {
        subject: "248289761001".into(),
        mail: Some(MAIL.into()),
        mail_verified: true,
        name: "Ada".into(),
        methods: Vec::new(),
    }
}

async fn open(change: impl FnOnce(&mut OidcConfig)) -> (House, OidcSimulator) {
    let provider = OidcSimulator::start(ANY_PORT, ada()).await.expect("a port is free");
    let mut oidc = config(&provider);
    change(&mut oidc);
    (House::open_with(|config| config.oidc = Some(oidc)).await, provider)
}

fn config(provider: &OidcSimulator) -> OidcConfig {
    OidcConfig {
        issuer: provider.issuer(),
        client_id: provider.client_id().into(),
        client_secret: provider.client_secret().into(),
        name: "Acme".into(),
        trusts_second_factor: false,
    }
}

fn location(reply: &Reply) -> String {
    reply.header("location").to_owned()
}

/// The address that the provider sends the browser back to.
async fn agree(page: &str) -> String {
    let (host, path) = page.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
    let reply = Ask::get(&format!("/{path}")).send(host.parse().expect("an address")).await;
    assert_eq!(reply.status, 302, "{}", reply.text());
    let target = location(&reply);
    target[target.find("/oauth/").expect("the callback")..].to_owned()
}

async fn begin(house: &House, browser: &mut Browser, body: &Value) -> String {
    let reply = browser.ask(house, Ask::post("/api/v1/auth/provider").json(body)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["url"].as_str().expect("as it is described").to_owned()
}

/// The way there and back; where in the portal it ends.
async fn visit(house: &House, browser: &mut Browser, body: &Value) -> String {
    let back = agree(&begin(house, browser, body).await).await;
    come_back(house, browser, &back).await
}

async fn come_back(house: &House, browser: &mut Browser, back: &str) -> String {
    let reply = house.ask(&browser.with_cookies(Ask::get(back))).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    browser.keep(&reply);
    location(&reply).replace(house.test.config.public_url.as_str(), "")
}

async fn finish(house: &House, browser: &mut Browser, body: &Value) -> Reply {
    browser.ask(house, Ask::post(FINISH).json(body)).await
}

#[tokio::test]
async fn somebody_new_is_asked_for_an_organization_and_comes_back_without_a_question() {
    let (house, provider) = open(|_| {}).await;
    let mut browser = Browser::default();
    let options = browser.ask(&house, Ask::get("/api/v1/auth/options")).await.json();
    assert_eq!(options, json!({ "signup": true, "provider": { "name": "Acme" } }));
    assert_eq!(visit(&house, &mut browser, &json!({})).await, "signin/provider");
    let reply = finish(&house, &mut browser, &json!({})).await;
    assert_eq!((reply.status, reply.problem().as_str()), (409, "account_required"));
    let reply = finish(&house, &mut browser, &json!({ "tenant_name": "Engines" })).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let me = browser.me(&house).await;
    assert_eq!((&me["tenant_name"], &me["user"]["mail"]), (&json!("Engines"), &json!(MAIL)));
    assert_eq!(finish(&house, &mut browser, &json!({})).await.problem(), "visit_over", "it is used up");
    assert_eq!(house.audited(tenant_of(&me)).await, ["tenant.create", "session.open"]);

    // Whatever the provider calls them now: the subject is who they are.
    provider.becomes(OidcPerson { mail: None, name: "Countess".into(), ..ada() });
    let mut again = Browser::default();
    visit(&house, &mut again, &json!({})).await;
    assert_eq!(finish(&house, &mut again, &json!({})).await.status, 200);
    assert_eq!(again.me(&house).await["user"]["id"], me["user"]["id"]);
    // A password was never chosen, so none fits.
    let body = json!({ "mail": MAIL, "password": PASSWORD });
    let reply = Browser::default().ask(&house, Ask::post("/api/v1/auth/login").json(&body)).await;
    assert_eq!(reply.problem(), "wrong_password");
}

#[tokio::test]
async fn the_same_mail_address_connects_nothing_without_the_password() {
    let (house, provider) = open(|_| {}).await;
    let owner = house.signed_up(MAIL).await.me(&house).await;
    let mut browser = Browser::default();
    visit(&house, &mut browser, &json!({})).await;
    let reply = finish(&house, &mut browser, &json!({})).await;
    assert_eq!((reply.status, reply.problem().as_str()), (401, "password_required"));
    let reply = finish(&house, &mut browser, &json!({ "password": "not the password", "tenant_name": "x" })).await;
    assert_eq!((reply.status, reply.problem().as_str()), (401, "wrong_password"));
    let mut system = house.test.system().await;
    let known: i64 =
        sqlx::query_scalar("select count(*) from identities").fetch_one(&mut system).await.expect("rows");
    assert_eq!(known, 0);
    let reply = finish(&house, &mut browser, &json!({ "password": PASSWORD })).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(browser.me(&house).await["user"]["id"], owner["user"]["id"]);
    let told = house.mails_for(MAIL).await;
    assert!(told.contains(&Mail::ProviderConnected { provider: "Acme".into() }), "{told:?}");
    assert!(house.audited(tenant_of(&owner)).await.contains(&"identity.connect".to_owned()));
    // Once: from now on the subject is enough.
    let mut again = Browser::default();
    visit(&house, &mut again, &json!({})).await;
    assert_eq!(finish(&house, &mut again, &json!({})).await.status, 200);

    // Somebody else's word for the address of an account, or nobody's.
    for verified in [true, false] {
        provider.becomes(OidcPerson { subject: "another".into(), mail_verified: verified, ..ada() });
        let mut other = Browser::default();
        visit(&house, &mut other, &json!({})).await;
        let code = finish(&house, &mut other, &json!({})).await.problem();
        assert_eq!(code, if verified { "password_required" } else { "mail_unproved" });
    }
}

#[tokio::test]
async fn attack_93_tokens_that_prove_nothing_let_nobody_in() {
    let (house, provider) = open(|_| {}).await;
    for twist in [
        Twist::OtherAudience,
        Twist::OneAudienceMore,
        Twist::OtherIssuer,
        Twist::OtherNonce,
        Twist::NoNonce,
        Twist::Expired,
        Twist::Unsigned,
        Twist::SharedSecret,
        Twist::OtherKey,
        Twist::KeySwap,
        Twist::NoSubject,
        Twist::NoToken,
    ] {
        provider.twist(twist);
        let mut browser = Browser::default();
        assert_eq!(visit(&house, &mut browser, &json!({})).await, "signin?provider=refused", "{twist:?}");
        let reply = finish(&house, &mut browser, &json!({ "tenant_name": "x" })).await;
        assert_eq!((reply.status, reply.problem().as_str()), (401, "visit_over"), "{twist:?}");
    }
    // New keys are no reason to lock everybody out.
    provider.twist(Twist::NewKey);
    assert_eq!(visit(&house, &mut Browser::default(), &json!({})).await, "signin/provider");
}

#[tokio::test]
async fn attack_93_a_provider_whose_description_is_anothers_or_whose_keys_never_end_is_not_used() {
    for twist in [Twist::OtherDescription, Twist::HugeKeys] {
        let (house, provider) = open(|_| {}).await;
        provider.twist(twist);
        let mut browser = Browser::default();
        let reply = browser.ask(&house, Ask::post("/api/v1/auth/provider").json(&json!({}))).await;
        assert_eq!((reply.status, reply.problem().as_str()), (502, "provider_unreachable"), "{twist:?}");
        // Nobody is told why, and it may be better in a moment.
        provider.twist(Twist::None);
        assert_eq!(visit(&house, &mut browser, &json!({})).await, "signin/provider", "{twist:?}");
    }
    let (house, _provider) = open(|oidc| oidc.client_secret = "another".into()).await;
    assert_eq!(visit(&house, &mut Browser::default(), &json!({})).await, "signin?provider=refused");
}

#[tokio::test]
async fn a_visit_belongs_to_its_browser_and_comes_back_once() {
    let (house, _provider) = open(|_| {}).await;
    let mut victim = Browser::default();
    let back = agree(&begin(&house, &mut victim, &json!({})).await).await;
    // Somebody else's browser, with and without a visit of its own.
    let mut other = Browser::default();
    assert_eq!(come_back(&house, &mut other, &back).await, "signin?provider=unknown");
    begin(&house, &mut other, &json!({})).await;
    assert_eq!(come_back(&house, &mut other, &back).await, "signin?provider=unknown");
    assert_eq!(finish(&house, &mut other, &json!({})).await.problem(), "visit_over");
    // That did not use it up.
    assert_eq!(come_back(&house, &mut victim, &back).await, "signin/provider");
    assert_eq!(come_back(&house, &mut victim, &back).await, "signin?provider=unknown", "a code is never replayed");
    // A code of one visit with the state of another: the provider's hash of the verifier does not fit.
    let mut third = Browser::default();
    let first = agree(&begin(&house, &mut third, &json!({})).await).await;
    let second = agree(&begin(&house, &mut third, &json!({})).await).await;
    let code = first.split(['?', '&']).nth(1).expect("a code");
    let state = second.split('&').nth(1).expect("a state");
    let mixed = format!("/oauth/oidc/callback?{code}&{state}");
    assert_eq!(come_back(&house, &mut third, &mixed).await, "signin?provider=refused");
    // Whoever does not agree comes back, too; a late one begins again.
    let mut fourth = Browser::default();
    let page = begin(&house, &mut fourth, &json!({})).await;
    let state = page.split(['?', '&']).find(|pair| pair.starts_with("state=")).expect("a state").to_owned();
    let denied = format!("/oauth/oidc/callback?error=access_denied&{state}");
    assert_eq!(come_back(&house, &mut fourth, &denied).await, "signin?provider=denied");
    let back = agree(&begin(&house, &mut fourth, &json!({})).await).await;
    run(&mut house.test.system().await, "update provider_visits set expires_at = now()").await;
    assert_eq!(come_back(&house, &mut fourth, &back).await, "signin?provider=late");
}

#[tokio::test]
async fn the_second_factor_is_asked_for_unless_a_trusted_provider_says_that_it_did() {
    for (trusts, methods, is_asked) in
        [(false, ["pwd", "mfa"], true), (true, ["pwd", "kba"], true), (true, ["pwd", "mfa"], false)]
    {
        let (house, provider) = open(|oidc| oidc.trusts_second_factor = trusts).await;
        let mut owner = house.signed_up(MAIL).await;
        let (app, recovery) = second_factor::set_up(&house, &mut owner).await;
        let mut browser = Browser::default();
        visit(&house, &mut browser, &json!({})).await;
        // To connect, it is asked for in any case.
        let reply = finish(&house, &mut browser, &json!({ "password": PASSWORD })).await;
        assert_eq!((reply.status, reply.problem().as_str()), (401, "code_required"));
        let code = second_factor::code(&app, 1);
        let reply = finish(&house, &mut browser, &json!({ "password": PASSWORD, "code": code })).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let mut again = Browser::default();
        provider.becomes(OidcPerson { methods: methods.map(str::to_owned).to_vec(), ..ada() });
        visit(&house, &mut again, &json!({})).await;
        let reply = finish(&house, &mut again, &json!({})).await;
        if !is_asked {
            assert_eq!(reply.status, 200, "{}", reply.text());
        } else {
            assert_eq!((reply.status, reply.problem().as_str()), (401, "code_required"));
            assert_eq!(finish(&house, &mut again, &json!({ "code": "000000" })).await.problem(), "wrong_code");
            assert_eq!(finish(&house, &mut again, &json!({ "code": recovery[0] })).await.status, 200);
        }
    }
}

#[tokio::test]
async fn an_account_is_connected_and_disconnected_by_its_owner() {
    let (house, provider) = open(|_| {}).await;
    let mut owner = house.signed_up(MAIL).await;
    provider.becomes(OidcPerson { mail: Some("work@example.org".into()), ..ada() });
    let path = "/api/v1/auth/identities";
    let wrong = owner.ask(&house, Ask::post(path).json(&json!({ "password": "not the password" }))).await;
    assert_eq!((wrong.status, wrong.problem().as_str()), (403, "wrong_password"));
    let page = owner.ask(&house, Ask::post(path).json(&json!({ "password": PASSWORD }))).await.json();
    let back = agree(page["url"].as_str().expect("as it is described")).await;
    // Whoever signed out or changed the account meanwhile connects nothing.
    let mut without = owner.clone();
    without.cookies.remove("__Host-konstruct");
    assert_eq!(come_back(&house, &mut owner, &back).await, "settings?provider=connected");
    let listed = owner.ask(&house, Ask::get(path)).await.json();
    assert_eq!(
        (&listed["items"][0]["label"], listed["items"].as_array().map(Vec::len)),
        (&json!("work@example.org"), Some(1))
    );
    let mut browser = Browser::default();
    visit(&house, &mut browser, &json!({})).await;
    assert_eq!(finish(&house, &mut browser, &json!({})).await.status, 200);

    // The same account of the provider belongs to one account here.
    let mut bob = house.signed_up("bob@example.com").await;
    let page = bob.ask(&house, Ask::post(path).json(&json!({ "password": PASSWORD }))).await.json();
    let back = agree(page["url"].as_str().expect("as it is described")).await;
    assert_eq!(come_back(&house, &mut bob, &back).await, "settings?provider=taken");

    let one = format!("{path}/{}", listed["items"][0]["id"].as_str().expect("an id"));
    let gone = |password: &str| Ask::new("DELETE", &one).json(&json!({ "password": password }));
    assert_eq!(bob.ask(&house, gone(PASSWORD)).await.status, 404);
    assert_eq!(owner.ask(&house, gone("not the password")).await.status, 403);
    assert_eq!(owner.ask(&house, gone(PASSWORD)).await.status, 204);
    let me = owner.me(&house).await;
    let audited = house.audited(tenant_of(&me)).await;
    assert!(
        audited.ends_with(&["identity.connect".into(), "session.open".into(), "identity.disconnect".into()]),
        "{audited:?}"
    );
    let mut later = Browser::default();
    visit(&house, &mut later, &json!({})).await;
    assert_eq!(finish(&house, &mut later, &json!({})).await.problem(), "account_required");

    // A visit to connect is nobody's any more once its person signed out.
    let page = without.ask(&house, Ask::post(path).json(&json!({ "password": PASSWORD }))).await;
    assert_eq!(page.status, 401);
    let page = owner.ask(&house, Ask::post(path).json(&json!({ "password": PASSWORD }))).await.json();
    let back = agree(page["url"].as_str().expect("as it is described")).await;
    owner.cookies.remove("__Host-konstruct");
    assert_eq!(come_back(&house, &mut owner, &back).await, "settings?provider=late");
}

#[tokio::test]
async fn an_invitation_is_accepted_by_its_address_only_and_closed_doors_stay_closed() {
    let (house, provider) = open(|_| {}).await;
    let mut owner = house.signed_up("owner@example.com").await;
    let body = json!({ "mail": MAIL, "role": "customer_operator" });
    assert_eq!(owner.ask(&house, Ask::post("/api/v1/invitations").json(&body)).await.status, 201);
    let token = house.token_for(MAIL).await;
    provider.becomes(OidcPerson { mail: Some("eve@example.com".into()), ..ada() });
    let mut eve = Browser::default();
    visit(&house, &mut eve, &json!({ "invitation": token })).await;
    let reply = finish(&house, &mut eve, &json!({ "tenant_name": "x" })).await;
    assert_eq!((reply.status, reply.problem().as_str()), (409, "other_mail"));
    // The link proves the address as well as the provider does.
    provider.becomes(OidcPerson { mail_verified: false, ..ada() });
    let mut browser = Browser::default();
    visit(&house, &mut browser, &json!({ "invitation": token })).await;
    let reply = finish(&house, &mut browser, &json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let me = browser.me(&house).await;
    assert_eq!(me["role"], "customer_operator");
    assert_eq!(tenant_of(&me), tenant_of(&owner.me(&house).await));

    let provider = OidcSimulator::start(ANY_PORT, ada()).await.expect("a port is free");
    let closed =
        House::open_with(|config| (config.oidc, config.signup) = (Some(self::config(&provider)), false)).await;
    let mut stranger = Browser::default();
    visit(&closed, &mut stranger, &json!({})).await;
    let reply = finish(&closed, &mut stranger, &json!({ "tenant_name": "x" })).await;
    assert_eq!((reply.status, reply.problem().as_str()), (403, "signup_off"));
}

#[tokio::test]
async fn who_is_locked_out_here_stays_out() {
    let (house, _provider) = open(|_| {}).await;
    let mut browser = Browser::default();
    visit(&house, &mut browser, &json!({})).await;
    assert_eq!(finish(&house, &mut browser, &json!({ "tenant_name": "Engines" })).await.status, 200);
    shared::db::accounts::set_disabled(&house.test.db.system(), MAIL, true).await.expect("it is locked");
    let mut again = Browser::default();
    visit(&house, &mut again, &json!({})).await;
    let reply = finish(&house, &mut again, &json!({})).await;
    assert_eq!((reply.status, reply.problem().as_str()), (403, "locked"));
    let without = House::open().await;
    let reply = Browser::default().ask(&without, Ask::post("/api/v1/auth/provider").json(&json!({}))).await;
    assert_eq!((reply.status, reply.problem().as_str()), (404, "no_provider"));
}
