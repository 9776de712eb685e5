//! An installation's life beside the conversation: tokens run out and are renewed, it is removed, and it comes back.

use secrecy::ExposeSecret;
use shared::{
    channels::{slack::SlackApi, slack_oauth::SlackClient},
    config::Config,
    db::connections::{self, NewSlackConnection},
};
use simulators::{Decision, OptionsPatch, SlackOptions};

use crate::house::{House, Tenant};

const REDIRECT: &str = "http://konstruct/oauth/slack/callback";

fn client() -> SlackClient {
    let options = SlackOptions::default();
    SlackClient { id: options.client_id, secret: options.client_secret.into() }
}

async fn open() -> House {
    let house = House::open_with(|config: &mut Config| config.slack.client = Some(client())).await;
    house.slack.set_options(OptionsPatch { token_rotation: Some(true), ..OptionsPatch::default() });
    house.start_orchestrator();
    house
}

/// Installs the workspace anew, as a click does; the token runs out after twelve hours.
async fn install(house: &House, tenant: &Tenant<'_>) -> String {
    let api = SlackApi::new(&house.config.slack.api_url);
    let page = api.authorize_url(&client().id, REDIRECT, "state", None);
    let decision = Decision { team: tenant.team.clone(), allow: true, ..Decision::default() };
    let back = house.slack.decide(page.as_str(), &decision).expect("the page is there");
    let code = back.split_once("code=").and_then(|(_, rest)| rest.split('&').next()).expect("a code");
    let grant = api.exchange_code(&client(), code, REDIRECT).await.expect("the code is good");
    let token = grant.bot_token.expose_secret().to_owned();
    let new = NewSlackConnection {
        team_id: grant.workspace_id,
        team_name: grant.workspace_name,
        bot_user_id: grant.bot_user_id,
        bot_token: grant.bot_token,
        scopes: grant.scopes,
        rotation: grant.rotation,
        ..NewSlackConnection::default()
    };
    let mut tx = tenant.db.begin().await.expect("a transaction");
    connections::connect_slack(&mut tx, &house.config.master_keys, &new).await.expect("it is connected");
    tx.commit().await.expect("committed");
    token
}

async fn dead(tenant: &Tenant<'_>) -> bool {
    tenant.count("select count(*) from channel_connections where tenant_id = $1 and status = 'dead'").await == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_when_its_token_has_lived_its_time() {
    let house = open().await;
    let acme = house.tenant("acme").await;
    install(&house, &acme).await;
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert_eq!(acme.finished("CGENERAL", &asked.thread_ts, 1).await.len(), 1);
    acme.everything_remembered().await;
    // Slack's clock alone: nothing here knows that twelve hours have passed.
    house.slack.advance_clock(12 * 3_600 + 1);
    acme.says_in_thread("CGENERAL", "UADA", "When is the launch?", &asked.thread_ts);
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 2).await[1].contains("14 March"));
    assert!(acme.inbox().await.iter().all(|(state, _)| state == "replied"));
    assert!(!dead(&acme).await);
    let placeholders = "select count(*) from outbox where tenant_id = $1 and state <> 'sent'";
    assert_eq!(acme.count(placeholders).await, 0, "what was refused for its old token went out with the new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_asks_each_workspace_and_names_the_screen_where_it_is_mended() {
    let house = open().await;
    let acme = house.tenant("acme").await;
    let found = async |name: &str| {
        let all = house.examined().await;
        let one = all.iter().find(|(found, ..)| found == name).cloned();
        one.map(|(_, well, detail)| (well, detail)).unwrap_or_else(|| panic!("{name}: {all:?}"))
    };
    let (well, detail) = found("events address").await;
    assert!(well && detail.contains("/webhooks/slack/events refuses strangers"), "{detail}");
    assert_eq!(found("Acme (TACME)").await, (true, "the token works and has every scope".into()));

    let few = shared::channels::slack_app::scope_list().replace("chat:write,", "");
    house.slack.set_options(OptionsPatch { scopes: Some(few), ..OptionsPatch::default() });
    let (well, detail) = found("Acme (TACME)").await;
    assert!(!well && detail.contains("scopes are missing: chat:write") && detail.contains("OAuth & Permissions"));

    house.slack.revoke(&simulators::Revoke { team: "TACME".into(), error: Some("invalid_auth".into()) });
    while !dead(&acme).await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let (well, detail) = found("Acme (TACME)").await;
    assert!(!well && detail.contains("the connection is dead") && detail.contains("--install-link"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_app_ends_the_connection_and_installing_it_again_brings_it_back() {
    let house = open().await;
    let acme = house.tenant("acme").await;
    install(&house, &acme).await;
    house.slack.uninstall(&acme.team);
    while !dead(&acme).await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // What is still asked, as with an event that was on its way, ends with a reason.
    acme.asks("CGENERAL", "UADA", "Anyone there?");
    while acme.count("select count(*) from inbox where tenant_id = $1 and state = 'dead'").await < 1 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    install(&house, &acme).await;
    assert!(!dead(&acme).await);
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 15 March.");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].contains("15 March"));
    assert_eq!(acme.count("select count(*) from notices where tenant_id = $1").await, 1);
}
