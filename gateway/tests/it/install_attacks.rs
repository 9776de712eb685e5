//! Attacks on an installation: answers that are forged, stolen, replayed or late, and workspaces of others.

use serde_json::{Value, json};
use sqlx::Row;

use crate::{
    events::{envelope, having, message},
    install::{Visit, allow, come_back, connections, exchanges, house, install, link, open},
    stage::run,
    wire::Ask,
};

const COOKIE: &str = "__Host-konstruct-install";

#[tokio::test]
async fn attack_60_a_state_that_was_never_given_out_is_refused() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let visit = open(&house, &link(&house, &key, &json!({})).await).await;
    let back = allow(&house, &visit, "TACME");
    let (before, state) = back.split_once("state=").expect("there is a state");
    let (other, _) = house.test.tenant("other").await;
    let random = state.split_once('.').expect("tenant and token").1;
    let forged = [
        String::new(),
        "null".into(),
        random.to_owned(),
        format!("{tenant}."),
        format!("{tenant}.{}", &random[1..]),
        format!("{other}.{random}"),
        format!("{state}x"),
        format!("ten_00000000000000000000000000.{random}"),
        "x".repeat(5_000),
    ];
    for state in forged {
        let reply = come_back(&house, &visit, &format!("{before}state={state}")).await;
        assert_eq!(reply.status, 400, "{state}: {}", reply.text());
    }
    for query in ["", "?", "?code=x", "?state[]=x&code=y", "?error=access_denied"] {
        let reply = come_back(&house, &visit, &format!("/oauth/slack/callback{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
    }
    assert_eq!((connections(&house, tenant).await, exchanges(&house)), (0, 0));
    assert_eq!(come_back(&house, &visit, &back).await.status, 200, "the true one was not used up");
}

#[tokio::test]
async fn attack_60_a_state_counts_in_its_own_browser_only() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let visit = open(&house, &link(&house, &key, &json!({})).await).await;
    let other = open(&house, &link(&house, &key, &json!({})).await).await;
    let back = allow(&house, &visit, "TACME");
    let without = house.ask(&Ask::get(&back)).await;
    assert_eq!(without.status, 400, "no cookie");
    let stolen = come_back(&house, &other, &back).await;
    assert_eq!(stolen.status, 403, "another visit's cookie");
    assert!(stolen.text().contains("another browser"), "{}", stolen.text());
    let doubled = Ask::get(&back).header("cookie", format!("{}; {}", other.cookie, visit.cookie));
    assert_eq!(house.ask(&doubled).await.status, 400, "two cookies of one name");
    assert_eq!((connections(&house, tenant).await, exchanges(&house)), (0, 0));
    assert_eq!(come_back(&house, &visit, &back).await.status, 200, "the thief could not use it up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_60_a_state_counts_once_also_when_it_comes_twenty_times_at_once() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let first = link(&house, &key, &json!({})).await;
    let visit = open(&house, &first).await;
    let back = allow(&house, &visit, "TACME");
    let racing = (0..20).map(|_| come_back(&house, &visit, &back));
    let replies = futures::future::join_all(racing).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.status == 410).count(), 19);
    assert_eq!((connections(&house, tenant).await, exchanges(&house)), (1, 1));
    assert_eq!(house.ask(&Ask::get(&first)).await.status, 410, "and so does its link");
}

#[tokio::test]
async fn attack_60_a_visit_of_more_than_ten_minutes_and_an_old_link_are_refused() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let unopened = link(&house, &key, &json!({})).await;
    let visit = open(&house, &link(&house, &key, &json!({})).await).await;
    let sql = "select extract(epoch from state_expires_at - clock_timestamp())::float8 as left from install_links
                where state_hash is not null";
    let left: f64 = house.rows(tenant, sql).await[0].get("left");
    assert!(left > 590.0 && left <= 600.0, "{left}");
    let mut tx = house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
    sqlx::query("update install_links set expires_at = expires_at - interval '601 s', state_expires_at = state_expires_at - interval '601 s'")
        .execute(tx.conn())
        .await
        .expect("time passes");
    tx.commit().await.expect("it is committed");
    let late = come_back(&house, &visit, &allow(&house, &visit, "TACME")).await;
    assert_eq!(late.status, 410);
    assert!(late.text().contains("longer than ten minutes"), "{}", late.text());
    assert_eq!(house.ask(&Ask::get(&unopened)).await.status, 410);
    assert_eq!((connections(&house, tenant).await, exchanges(&house)), (0, 0));
}

#[tokio::test]
async fn attack_60_what_a_key_began_ends_with_the_key() {
    let house = house().await;
    let (tenant, _) = house.test.tenant("acme").await;
    for ending in ["revoked_at = now()", "role = 'customer_operator'", "expires_at = now()"] {
        let key = house.new_key(tenant, "customer_admin").await;
        let visit = open(&house, &link(&house, &key, &json!({})).await).await;
        let end = format!("update api_keys set {ending} where key_hash = sha256('{key}'::bytea)");
        assert_eq!(run(&mut house.test.system().await, &end).await, 1);
        assert_eq!(come_back(&house, &visit, &allow(&house, &visit, "TACME")).await.status, 400, "{ending}");
    }
    assert_eq!((connections(&house, tenant).await, exchanges(&house)), (0, 0));
}

#[tokio::test]
async fn attack_97_the_database_knows_links_states_and_browsers_by_their_hashes_only() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let body = json!({ "app_id": "A0OWNAPP", "signing_secret": "0123456789abcdef0123456789abcdef",
        "client_id": "7.7", "client_secret": "CANARY-client-secret" });
    let link = link(&house, &key, &body).await;
    let opened = house.ask(&Ask::get(&link)).await;
    let cookie = opened.header("set-cookie").to_owned();
    let page = opened.header("location").to_owned();
    let cut = |text: &str, from: &str| {
        let rest = text.split_once(from).expect("it is there").1;
        rest.split(['&', ';']).next().unwrap_or_default().to_owned()
    };
    let state = cut(&page, "state=");
    let secrets = [
        cut(&link, "link="),
        state.split_once('.').expect("tenant and token").1.to_owned(),
        cut(&cookie, "__Host-konstruct-install="),
        "CANARY-client-secret".to_owned(),
        "0123456789abcdef0123456789abcdef".to_owned(),
    ];
    let dump: String =
        house.rows(tenant, "select string_agg(to_jsonb(l)::text, '') as dump from install_links l").await[0]
            .get("dump");
    let audit: String =
        house.rows(tenant, "select string_agg(to_jsonb(a)::text, '') as dump from audit_events a").await[0]
            .get("dump");
    for secret in secrets {
        assert!(secret.len() > 19, "{secret}");
        let hexed = hex_of(&secret);
        for place in [&dump, &audit] {
            assert!(!place.contains(&secret) && !place.contains(&hexed), "{secret}");
        }
    }
    // The pages tell nobody where they came from.
    assert_eq!(opened.header("referrer-policy"), "no-referrer");
}

fn hex_of(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn attack_56_a_workspace_of_another_tenant_is_refused_and_stays_theirs() {
    let house = house().await;
    let acme = house.firm("acme").await;
    let (mallory, key) = house.test.tenant("mallory").await;
    let refused = install(&house, &key, "TACME").await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("Acme is connected to another customer"), "{}", refused.text());
    for secret in ["acme", &acme.connection, &acme.tenant.to_string()] {
        assert!(!refused.text().contains(secret), "{secret}");
    }
    assert_eq!(connections(&house, mallory).await, 0);
    house.hear(&acme, having(message("D1", "x"), json!({ "channel_type": "im" }))).await;
    assert_eq!((house.stored(acme.tenant).await, house.stored(mallory).await), (1, 0));
}

#[tokio::test]
async fn attack_57_an_organization_wide_installation_is_keyed_by_the_organization_that_events_name() {
    let house = house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let done = install(&house, &key, "E0ACME").await;
    assert_eq!(done.status, 200, "{}", done.text());
    let sql = "select external_id, org_wide from channel_connections";
    let rows = house.rows(tenant, sql).await;
    assert_eq!((rows[0].get("external_id"), rows[0].get("org_wide")), ("E0ACME", true));
    let deliver = |authorization: Value| {
        let event = having(message("D1", "hello"), json!({ "channel_type": "im" }));
        having(envelope("TSOMEWHERE", event), json!({ "authorizations": [authorization] })).to_string()
    };
    let organization =
        json!({ "enterprise_id": "E0ACME", "team_id": "TSOMEWHERE", "is_enterprise_install": true });
    assert_eq!(house.deliver(deliver(organization)).await.status, 200);
    assert_eq!(house.stored(tenant).await, 1);
    let workspace = json!({ "enterprise_id": "E0ACME", "team_id": "TSOMEWHERE", "is_enterprise_install": false });
    assert_eq!(house.deliver(deliver(workspace)).await.status, 200);
    assert_eq!(house.stored(tenant).await, 1, "an installation in one workspace is another installation");
}

#[tokio::test]
async fn attack_103_the_visits_cookie_is_this_hosts_and_no_other_name_counts() {
    let house = house().await;
    let (_, key) = house.test.tenant("acme").await;
    let link = link(&house, &key, &json!({})).await;
    let opened = house.ask(&Ask::get(&link)).await;
    let set = opened.header("set-cookie").to_owned();
    assert!(set.starts_with(&format!("{COOKIE}=ksb_")) && !set.contains("Domain"), "{set}");
    for attribute in ["; Path=/;", "; Secure;", "; HttpOnly;", "; SameSite=Lax;", "; Max-Age=600"] {
        assert!(set.contains(attribute), "{set}");
    }
    let visit = Visit {
        page: opened.header("location").to_owned(),
        cookie: set.split(';').next().expect("a value").to_owned(),
    };
    let back = allow(&house, &visit, "TACME");
    // The name without the prefix, which a neighbouring address could set, counts for nothing.
    let tossed = visit.cookie.replace("__Host-", "");
    assert_eq!(house.ask(&Ask::get(&back).header("cookie", tossed)).await.status, 400);
    assert_eq!(come_back(&house, &visit, &back).await.status, 200);
}
