//! Tokens that run out: renewed in time, once, both together; and what happens when a new pair is lost.

use secrecy::{ExposeSecret, SecretString};
use shared::{
    channels::{CallError, slack_oauth::SlackClient},
    db::rotations::{self, Lease},
    slack_tokens::Renewal,
};
use simulators::{AppSetup, FaultKind, FaultRule};
use sqlx::Row;

use crate::stage::{Firm, Stage};

async fn refresh_token(stage: &Stage, firm: &Firm) -> SecretString {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    // Rolled back: nobody holds the row's lease afterwards.
    match rotations::lease(&mut tx, &stage.config.master_keys, firm.connection, true).await.expect("it opens") {
        Lease::Yours(held) => held.refresh_token.clone(),
        Lease::Busy | Lease::NotNeeded => panic!("nobody else is at it"),
    }
}

async fn works(stage: &Stage, token: &str) -> bool {
    stage.api.auth_test(&SecretString::from(token.to_owned())).await.is_ok()
}

async fn status(firm: &Firm) -> String {
    let sql = "select status || ' ' || coalesce(dead_reason, '-') as status from channel_connections";
    firm.rows(sql).await[0].get("status")
}

async fn notices(firm: &Firm) -> Vec<String> {
    let rows = firm.rows("select kind from notices order by created_at").await;
    rows.iter().map(|row| row.get("kind")).collect()
}

#[tokio::test]
async fn a_token_with_less_than_two_hours_left_is_renewed_by_a_job_and_one_with_more_is_not() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    let (first, refresh) = (acme.token(&stage).await, refresh_token(&stage, &acme).await);
    acme.wait(&stage, 9.9).await;
    assert_eq!(worker::schedule::renew_due(&stage.test.db).await.expect("it looks"), 0);
    acme.wait(&stage, 0.2).await;
    assert_eq!(worker::schedule::renew_due(&stage.test.db).await.expect("it looks"), 1);
    assert_eq!(worker::schedule::renew_due(&stage.test.db).await.expect("it looks"), 0, "one job is enough");
    assert!(acme.work(&stage, "refresh_token").await.iter().all(Result::is_ok));
    let second = acme.token(&stage).await;
    assert_ne!(second, first);
    assert_ne!(refresh_token(&stage, &acme).await.expose_secret(), refresh.expose_secret());
    assert!(works(&stage, &second).await && works(&stage, &first).await, "a turn that holds the old one goes on");
    let sql = "select extract(epoch from expires_at - clock_timestamp())::float8 as lives,
                      extract(epoch from expires_at - refresh_at)::float8 as ahead from token_rotations";
    let row = &acme.rows(sql).await[0];
    let (lives, ahead): (f64, f64) = (row.get("lives"), row.get("ahead"));
    assert!(lives > 43_000.0 && (ahead - 7_200.0).abs() < 1.0, "{lives} {ahead}");
    acme.wait(&stage, 11.5).await;
    assert!(!works(&stage, &first).await && works(&stage, &second).await);
    assert_eq!(status(&acme).await, "active -");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_who_renew_at_once_use_the_refresh_token_once() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    let before = stage.exchanges();
    let tokens = stage.tokens();
    let racing = (0..20).map(|_| tokens.renew(&acme.db, acme.connection, true));
    let ends = futures::future::join_all(racing).await;
    let done = ends.iter().filter(|end| matches!(end, Ok(Renewal::Done))).count();
    let busy = ends.iter().filter(|end| matches!(end, Ok(Renewal::Busy))).count();
    assert_eq!(done + busy, 20, "{ends:?}");
    assert_eq!(stage.exchanges() - before, done as u64, "each exchange used a refresh token of its own");
    assert!(works(&stage, &acme.token(&stage).await).await);
    assert!(notices(&acme).await.is_empty());
}

#[tokio::test]
async fn a_call_whose_token_ran_out_is_made_again_with_a_new_one() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    let first = acme.token(&stage).await;
    // Slack's clock alone: our row says that it lives on.
    stage.slack.advance_clock(12 * 3_600 + 1);
    let api = &stage.api;
    let asking = |token| async move { api.auth_test(&token).await };
    let who = stage.tokens().call(&acme.db, acme.connection, asking).await;
    assert_eq!(who.expect("the database answers").expect("Slack answers").team_id, "TACME");
    assert_ne!(acme.token(&stage).await, first);
    assert_eq!(status(&acme).await, "active -");
}

#[tokio::test]
async fn a_token_that_ran_out_while_nobody_looked_is_renewed_before_it_is_used() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    acme.wait(&stage, 13.0).await;
    let token = stage.tokens().usable(&acme.db, acme.connection).await.expect("the database answers");
    assert!(works(&stage, token.expose_secret()).await);
}

/// The process died between exchange and write: the row's refresh token is spent.
#[tokio::test]
async fn a_lost_pair_is_told_while_the_token_still_works_and_ends_the_connection_only_then() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    let spent = refresh_token(&stage, &acme).await;
    stage.api.refresh(&stage.client, &spent).await.expect("the dying process had its answer");
    acme.wait(&stage, 11.0).await;
    for _ in 0..2 {
        let end = stage.tokens().renew(&acme.db, acme.connection, false).await.expect("the database answers");
        assert_eq!(end, Renewal::PutOff("invalid_refresh_token".into()));
    }
    assert_eq!(
        (status(&acme).await.as_str(), notices(&acme).await),
        ("active -", vec!["token_refused".to_owned()])
    );
    assert!(works(&stage, &acme.token(&stage).await).await, "nobody is cut off yet");
    acme.wait(&stage, 1.1).await;
    let end = stage.tokens().renew(&acme.db, acme.connection, false).await.expect("the database answers");
    assert_eq!(end, Renewal::Over);
    assert_eq!(status(&acme).await, "dead invalid_refresh_token");
    assert_eq!(notices(&acme).await, ["token_refused", "connection_dead"]);
    acme.wait(&stage, 1.0).await;
    assert_eq!(worker::schedule::renew_due(&stage.test.db).await.expect("it looks"), 0, "a dead one rests");
    // Installed anew, it is as good as new.
    let grant = stage.grant(&stage.client, "TACME").await;
    assert_eq!(stage.install(&acme.db, grant, None).await, acme.connection);
    acme.wait(&stage, 10.5).await;
    assert_eq!(worker::schedule::renew_due(&stage.test.db).await.expect("it looks"), 1);
}

#[tokio::test]
async fn a_request_that_never_arrived_and_a_slack_in_trouble_cost_nothing_but_time() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    let first = acme.token(&stage).await;
    for fault in [
        FaultKind::DropConnectionBefore,
        FaultKind::Status { code: 503, retry_after: None },
        FaultKind::Status { code: 429, retry_after: Some(30) },
        FaultKind::SlackError("bad_client_secret".into()),
    ] {
        stage.slack.faults().add(FaultRule::once("oauth.v2.access", fault.clone()));
        let end = stage.tokens().renew(&acme.db, acme.connection, true).await.expect("the database answers");
        assert!(matches!(end, Renewal::PutOff(_)), "{fault:?}: {end:?}");
        assert_eq!(acme.token(&stage).await, first);
    }
    assert!(notices(&acme).await.is_empty());
    let end = stage.tokens().renew(&acme.db, acme.connection, true).await.expect("the database answers");
    assert_eq!(end, Renewal::Done);
}

#[tokio::test]
async fn a_newer_installation_is_not_undone_by_a_slow_renewal() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    let keys = &stage.config.master_keys;
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let Lease::Yours(held) = rotations::lease(&mut tx, keys, acme.connection, true).await.expect("it opens")
    else {
        panic!("nobody else is at it")
    };
    tx.commit().await.expect("it is committed");
    let slow = stage.api.refresh(&stage.client, &held.refresh_token).await.expect("Slack answers");
    let grant = stage.grant(&stage.client, "TACME").await;
    let newest = grant.bot_token.expose_secret().to_owned();
    stage.install(&acme.db, grant, None).await;
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    assert!(!rotations::store(&mut tx, keys, acme.connection, &held, &slow).await.expect("it answers"));
    tx.commit().await.expect("it is committed");
    assert_eq!(acme.token(&stage).await, newest);
}

#[tokio::test]
async fn a_customers_own_app_renews_with_its_own_client() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    let own = SlackClient { id: "7.7".into(), secret: "own-client-secret".to_owned().into() };
    stage.slack.register_app(AppSetup {
        client_id: own.id.clone(),
        client_secret: own.secret.expose_secret().to_owned(),
        app_id: "A0OWNAPP".into(),
        token_rotation: true,
    });
    let grant = stage.grant(&own, "TBOLT").await;
    let bolt = Firm { connection: stage.install(&acme.db, grant, Some(own)).await, ..acme };
    assert_eq!(stage.tokens().renew(&bolt.db, bolt.connection, true).await.expect("it answers"), Renewal::Done);
    assert!(works(&stage, &bolt.token(&stage).await).await);
}

#[tokio::test]
async fn a_call_whose_token_is_dead_ends_the_connection_and_says_so() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    stage.slack.uninstall("TACME");
    let api = &stage.api;
    let asking = |token| async move { api.auth_test(&token).await };
    let who = stage.tokens().call(&acme.db, acme.connection, asking).await;
    assert!(matches!(who.expect("the database answers"), Err(CallError::Dead(_))));
    assert!(status(&acme).await.starts_with("dead"));
    assert_eq!(notices(&acme).await, ["connection_dead"]);
}
