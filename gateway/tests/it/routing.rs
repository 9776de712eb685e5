//! Whose event it is: the verified installation decides, and what belongs to nobody is kept aside.

use serde_json::{Value, json};
use sqlx::Row;

use crate::{
    events::{envelope, having, message, question, signed},
    stage::{Firm, House},
};

/// A direct message under these authorizations.
fn direct(outer_team: &str, authorizations: Value) -> String {
    let event = having(message("D1", "hello"), json!({ "channel_type": "im" }));
    having(envelope(outer_team, event), json!({ "authorizations": authorizations })).to_string()
}

fn installed_in(team: &str) -> Value {
    json!([{ "enterprise_id": null, "team_id": team, "user_id": "UBOT", "is_bot": true, "is_enterprise_install": false }])
}

async fn stored(house: &House, firms: [&Firm; 2]) -> [i64; 2] {
    [house.stored(firms[0].tenant).await, house.stored(firms[1].tenant).await]
}

#[tokio::test]
async fn attack_57_the_installation_decides_and_not_the_outer_team() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let shared = direct(&bolt.team, installed_in(&acme.team));
    assert_eq!(house.deliver(shared).await.status, 200);
    assert_eq!(stored(&house, [&acme, &bolt]).await, [1, 0]);

    // The author's own company, inside the event, is nobody's address either.
    let event = having(
        message("D1", "from bolt's people"),
        json!({ "channel_type": "im", "team": bolt.team,
        "user_team": bolt.team, "source_team": bolt.team }),
    );
    let body = having(
        envelope(&acme.team, event),
        json!({ "context_team_id": bolt.team, "is_ext_shared_channel": true }),
    );
    assert_eq!(house.deliver(body.to_string()).await.status, 200);
    assert_eq!(stored(&house, [&acme, &bolt]).await, [2, 0]);

    assert_eq!(house.deliver(direct(&acme.team, json!([]))).await.status, 200);
    assert_eq!(
        stored(&house, [&acme, &bolt]).await,
        [3, 0],
        "without authorizations the outer team is all there is"
    );
}

#[tokio::test]
async fn attack_57_an_installation_that_is_not_named_is_never_guessed() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let unclear = [
        installed_in(""),
        json!([{ "team_id": null, "is_enterprise_install": false }]),
        json!([{}]),
        json!([{ "team_id": acme.team, "is_enterprise_install": true, "enterprise_id": null }]),
        json!([{ "team_id": acme.team, "is_enterprise_install": true, "enterprise_id": "E1" }]),
        json!([{ "team_id": acme.team, "is_enterprise_install": "yes" }]),
        json!([{ "team_id": [acme.team] }]),
        json!(null),
        json!({ "team_id": acme.team }),
        installed_in("TNOBODY"),
        installed_in(&acme.team.to_lowercase()),
        installed_in(&format!("{} ", acme.team)),
    ];
    let count = unclear.len();
    for authorizations in unclear {
        let reply = house.deliver(direct(&acme.team, authorizations.clone())).await;
        assert_eq!(reply.status, 200, "{authorizations}");
    }
    assert_eq!(house.stored(acme.tenant).await, 0);
    assert_eq!(house.quarantined().await.len(), count);
}

#[tokio::test]
async fn an_organization_wide_installation_is_found_by_its_organization() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    // What Slack calls an enterprise is connected under its own id.
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    sqlx::query("update connection_routes set external_id = 'E0ACME' where tenant_id = $1")
        .bind(acme.tenant)
        .execute(tx.conn())
        .await
        .expect("the route can be changed");
    tx.commit().await.expect("it is committed");
    let authorizations =
        json!([{ "enterprise_id": "E0ACME", "team_id": "TELSEWHERE", "is_enterprise_install": true }]);
    assert_eq!(house.deliver(direct("TELSEWHERE", authorizations)).await.status, 200);
    assert_eq!(house.stored(acme.tenant).await, 1);
}

#[tokio::test]
async fn what_belongs_to_nobody_is_quarantined_byte_for_byte() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let stranger = envelope("TNOBODY", message("C1", "hello?")).to_string();
    let whole = question(&acme, "cut in the middle").to_string();
    let cut = whole[..whole.len() / 2].to_owned();
    let held_back = json!({ "token": "x", "type": "app_rate_limited", "team_id": acme.team,
        "minute_rate_limited": 1_518_467_820, "api_app_id": "A0PLATFORM" })
    .to_string();
    let no_event = json!({ "type": "event_callback", "team_id": acme.team, "event_id": "EvNone" }).to_string();
    for body in [&stranger, &cut, &held_back, &no_event] {
        let reply = house.deliver(body.clone()).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, ""), "{body}");
    }
    let expected = [
        ("no tenant has connected this workspace".to_owned(), stranger.into_bytes()),
        ("not readable as JSON".to_owned(), cut.into_bytes()),
        ("app_rate_limited".to_owned(), held_back.into_bytes()),
    ];
    assert_eq!(house.quarantined().await, expected);
    assert_eq!(house.inbox(acme.tenant).await, ["ignored event without content overheard"]);
}

#[tokio::test]
async fn a_workspace_is_heard_as_soon_as_it_is_connected() {
    let house = House::open().await;
    let event = || envelope("TACME", having(message("D1", "hello"), json!({ "channel_type": "im" }))).to_string();
    assert_eq!(house.deliver(event()).await.status, 200);
    assert_eq!(house.quarantined().await.len(), 1);
    let acme = house.firm("acme").await;
    assert_eq!(house.deliver(event()).await.status, 200);
    assert_eq!(
        house.stored(acme.tenant).await,
        1,
        "that nobody was found is not remembered beyond the connecting"
    );
}

#[tokio::test]
async fn a_retry_is_stored_if_the_first_delivery_was_not() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for (number, reason) in [("1", "http_timeout"), ("2", "http_error"), ("3", "connection_failed")] {
        let ask = signed(house.secret(), question(&acme, number).to_string());
        let ask = ask.header("x-slack-retry-num", number).header("x-slack-retry-reason", reason);
        for _ in 0..2 {
            assert_eq!(house.ask(&ask).await.status, 200);
        }
    }
    assert_eq!(house.texts(acme.tenant).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn the_same_ids_in_two_workspaces_are_two_events() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let event = having(message("D1", "hello"), json!({ "channel_type": "im" }));
    for firm in [&acme, &bolt] {
        let body = having(envelope(&firm.team, event.clone()), json!({ "event_id": "EvSame" }));
        assert_eq!(house.deliver(body.to_string()).await.status, 200);
    }
    assert_eq!(stored(&house, [&acme, &bolt]).await, [1, 1]);
    let keys = "select identity::text as key from inbox_keys";
    let mut system = house.test.system().await;
    let rows = sqlx::query(keys).fetch_all(&mut system).await.expect("the system reads hashes");
    assert_ne!(rows[0].get::<String, _>("key"), rows[1].get::<String, _>("key"));
}
