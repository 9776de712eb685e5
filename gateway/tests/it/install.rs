//! Connecting by a click: link → consent page → back. Whose visit it is, where it was begun, and that it counts once.

use serde_json::{Value, json};
use shared::{
    channels::{slack_app, slack_oauth::SlackClient},
    ids::TenantId,
};
use simulators::{AppSetup, Decision, FaultKind, FaultRule};
use sqlx::Row;

use crate::{
    events::{envelope, having, message},
    stage::House,
    wire::{Ask, Reply},
};

const BEGIN: &str = "/api/v1/connections/slack/install";
const EXCHANGE: &str = "oauth.v2.access";

fn client() -> Option<SlackClient> {
    Some(SlackClient { id: "1000000000.2000000000".into(), secret: "simulated-client-secret".to_owned().into() })
}

/// A house with a Slack app of its own, whose token exchanges are counted.
pub async fn house() -> House {
    let house = House::open_with(|config| config.slack.client = client()).await;
    house.slack.faults().add(FaultRule::always(EXCHANGE, FaultKind::Empty).chance(0, 0));
    house
}

/// A link, as a path of the house.
pub async fn link(house: &House, key: &str, body: &Value) -> String {
    let begun = house.ask(&Ask::post(BEGIN).key(key).json(body)).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    path(begun.json()["url"].as_str().expect("a link"))
}

/// What of an address a browser sends.
pub fn path(url: &str) -> String {
    let at = url.find("/oauth/").expect("an address of the installation");
    url[at..].to_owned()
}

/// An opened link: Slack's page, and the browser's cookie.
pub struct Visit {
    pub page: String,
    pub cookie: String,
}

pub async fn open(house: &House, link: &str) -> Visit {
    let opened = house.ask(&Ask::get(link)).await;
    assert_eq!(opened.status, 303, "{}", opened.text());
    let set = opened.header("set-cookie").to_owned();
    assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Lax") && set.contains("Max-Age=600"), "{set}");
    let cookie = set.split(';').next().expect("it begins with the value").to_owned();
    Visit { page: opened.header("location").to_owned(), cookie }
}

/// Where Slack sends somebody who allows the app in `team`.
pub fn allow(house: &House, visit: &Visit, team: &str) -> String {
    let decision = Decision { team: team.into(), user: "UADA".into(), allow: true };
    path(&house.slack.decide(&visit.page, &decision).expect("the page is there"))
}

pub async fn come_back(house: &House, visit: &Visit, to: &str) -> Reply {
    house.ask(&Ask::get(to).header("cookie", visit.cookie.clone())).await
}

/// The whole way.
pub async fn install(house: &House, key: &str, team: &str) -> Reply {
    let visit = open(house, &link(house, key, &json!({})).await).await;
    let back = allow(house, &visit, team);
    come_back(house, &visit, &back).await
}

pub async fn connections(house: &House, tenant: TenantId) -> i64 {
    house.count(tenant, "select count(*) from channel_connections").await
}

/// Calls that reached Slack's token exchange.
pub fn exchanges(house: &House) -> u64 {
    house.slack.faults().list().iter().filter(|fault| fault.rule.method == EXCHANGE).map(|fault| fault.seen).sum()
}

#[tokio::test]
async fn a_click_connects_a_workspace_with_its_route_and_audit_row_and_its_events_arrive() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("Acme Ltd").await;
    let done = install(&house, &key, "TACME").await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.text().contains("Acme is connected to Acme Ltd at Konstruct."), "{}", done.text());
    assert_eq!(done.header("cache-control"), "no-store");
    let sql = "select a.actor_kind, a.detail ->> 'by' as by, c.scopes, c.bot_id, c.status, c.org_wide,
                      a.transaction_id::text = c.xmin::text and a.transaction_id::text = r.xmin::text as together
                 from audit_events a, channel_connections c, connection_routes r where a.action = 'connection.connect'";
    let rows = house.rows(tenant, sql).await;
    let row = &rows[0];
    assert!(row.get::<bool, _>("together") && !row.get::<bool, _>("org_wide"));
    assert_eq!((row.get("actor_kind"), row.get("by")), ("api_key", "install_link"));
    assert_eq!((row.get("bot_id"), row.get("status")), ("BBOTACME", "active"));
    assert!(row.get::<&str, _>("scopes").contains("chat:write"));
    let hello = envelope("TACME", having(message("D1", "hello"), json!({ "channel_type": "im" })));
    assert_eq!(house.deliver(hello.to_string()).await.status, 200);
    assert_eq!(house.stored(tenant).await, 1);
}

#[tokio::test]
async fn the_consent_page_is_asked_for_exactly_the_needed_scopes() {
    let house = house().await;
    let (_, key) = house.test.tenant("acme").await;
    let visit = open(&house, &link(&house, &key, &json!({})).await).await;
    let page: url::Url = visit.page.parse().expect("an address");
    let asked =
        |name: &str| page.query_pairs().find(|(given, _)| given == name).map(|(_, value)| value.into_owned());
    assert!(visit.page.starts_with(&house.slack.api_url().replace("/api/", "/oauth/v2/authorize?")), "{page}");
    assert_eq!(asked("scope").as_deref(), Some(slack_app::scope_list().as_str()));
    assert_eq!(asked("client_id").as_deref(), Some("1000000000.2000000000"));
    assert!(asked("redirect_uri").expect("there is one").ends_with("/oauth/slack/callback"));
    let state = asked("state").expect("there is one");
    assert!(state.len() >= 43 + 30, "256 random bits and the tenant: {state}");
}

#[tokio::test]
async fn whoever_does_not_agree_is_told_and_nothing_is_stored() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let visit = open(&house, &link(&house, &key, &json!({})).await).await;
    let decision = Decision { team: "TACME".into(), allow: false, ..Decision::default() };
    let back = path(&house.slack.decide(&visit.page, &decision).expect("the page is there"));
    let denied = come_back(&house, &visit, &back).await;
    assert_eq!(denied.status, 403);
    assert!(
        denied.text().contains("the permission was not given") && denied.text().contains("Ask for a new link")
    );
    assert_eq!((connections(&house, tenant).await, exchanges(&house)), (0, 0));
    // The visit is over: a code that turns up later changes nothing.
    let again = come_back(&house, &visit, &allow(&house, &visit, "TACME")).await;
    assert_eq!((again.status, connections(&house, tenant).await), (410, 0));
}

#[tokio::test]
async fn a_link_opened_again_belongs_to_the_browser_that_opened_it_last_and_a_look_opens_nothing() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let link = link(&house, &key, &json!({})).await;
    let first = open(&house, &link).await;
    let second = open(&house, &link).await;
    // A mail filter looks at the address.
    assert_eq!(house.ask(&Ask::new("HEAD", &link)).await.status, 204);
    let back = allow(&house, &first, "TACME");
    assert_eq!(come_back(&house, &first, &back).await.status, 400);
    let back = allow(&house, &second, "TACME");
    assert_eq!(come_back(&house, &second, &back).await.status, 200);
    assert_eq!(connections(&house, tenant).await, 1);
}

#[tokio::test]
async fn a_customers_own_app_is_installed_with_its_own_client() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    house.slack.register_app(AppSetup {
        client_id: "7.7".into(),
        client_secret: "own-client-secret".into(),
        app_id: "A0OWNAPP".into(),
        token_rotation: true,
    });
    let own = |app: &str, secret: &str| {
        json!({ "app_id": app, "signing_secret": "0123456789abcdef0123456789abcdef", "client_id": "7.7",
            "client_secret": secret })
    };
    for (app, secret, status, word) in [
        ("A0OWNAPP", "wrong", 400, "bad_client_secret"),
        ("A0OTHER", "own-client-secret", 400, "another app"),
        ("A0OWNAPP", "own-client-secret", 200, "is connected to"),
    ] {
        let visit = open(&house, &link(&house, &key, &own(app, secret)).await).await;
        let done = come_back(&house, &visit, &allow(&house, &visit, "TACME")).await;
        assert_eq!(done.status, status, "{}", done.text());
        assert!(done.text().contains(word), "{}", done.text());
    }
    let sql = "select c.app_id, c.client_id, c.client_secret is not null as sealed,
                      extract(epoch from t.expires_at - clock_timestamp())::float8 as lives
                 from channel_connections c join token_rotations t using (tenant_id, connection_id)";
    let rows = house.rows(tenant, sql).await;
    assert_eq!(
        (rows[0].get("app_id"), rows[0].get("client_id"), rows[0].get("sealed")),
        ("A0OWNAPP", "7.7", true)
    );
    let lives: f64 = rows[0].get("lives");
    assert!(lives > 43_000.0 && lives <= 43_200.0, "{lives}");
}

#[tokio::test]
async fn half_an_app_and_a_house_without_one_are_refused_with_a_sentence() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let whole = json!({ "app_id": "A0OWNAPP", "signing_secret": "0123456789abcdef0123456789abcdef",
        "client_id": "7.7", "client_secret": "s" });
    for missing in ["app_id", "signing_secret", "client_id", "client_secret"] {
        let mut half = whole.clone();
        half.as_object_mut().expect("an object").remove(missing);
        let reply = house.ask(&Ask::post(BEGIN).key(&key).json(&half)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "without {missing}");
    }
    for body in [json!({ "tenant_id": "ten_x" }), json!({ "client_id": "" }), json!([])] {
        assert_eq!(house.ask(&Ask::post(BEGIN).key(&key).json(&body)).await.status, 400, "{body}");
    }
    let operator = house.new_key(tenant, "customer_operator").await;
    assert_eq!(house.ask(&Ask::post(BEGIN).key(&operator).json(&json!({}))).await.status, 403);
    assert_eq!(house.ask(&Ask::post(BEGIN)).await.status, 401);
    assert_eq!(house.ask(&Ask::post(BEGIN).key(&key)).await.status, 201, "no body means the platform's app");

    let bare = House::open_with(|config| config.slack.client = None).await;
    let (_, key) = bare.test.tenant("acme").await;
    let reply = bare.ask(&Ask::post(BEGIN).key(&key).json(&json!({}))).await;
    assert_eq!((reply.status, reply.problem().as_str()), (409, "no_slack_app"));
    assert!(reply.detail().contains("SLACK_CLIENT_ID"), "{}", reply.detail());
}

#[tokio::test]
async fn when_slack_does_not_answer_the_page_says_so_and_nothing_is_stored() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let faults = [
        ("oauth.v2.access", FaultKind::DropConnectionAfter, 502),
        ("oauth.v2.access", FaultKind::Status { code: 503, retry_after: None }, 502),
        ("oauth.v2.access", FaultKind::GarbageJson, 502),
        ("auth.test", FaultKind::DropConnectionBefore, 502),
        ("oauth.v2.access", FaultKind::SlackError("invalid_code".into()), 410),
        ("oauth.v2.access", FaultKind::SlackError("<b>bad_client_secret</b>".into()), 400),
    ];
    for (method, fault, status) in faults {
        house.slack.faults().add(FaultRule::once(method, fault.clone()));
        let reply = install(&house, &key, "TACME").await;
        assert_eq!(reply.status, status, "{fault:?}: {}", reply.text());
        assert!(!reply.text().contains("<b>") && reply.text().contains("new link"), "{}", reply.text());
    }
    assert_eq!(connections(&house, tenant).await, 0);
}
