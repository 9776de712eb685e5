//! What channels tell that is no message: thumbs on answers, and what changed about channels and people.

use serde_json::{Value, json};

use crate::{
    events::{ADA, message},
    forms::click,
    phones::{self, Phones},
    stage::{Firm, House},
};

/// Ada's reaction to the answer of [`House::talked`], at this second.
fn reaction(kind: &str, emoji: &str, second: u32) -> Value {
    json!({ "type": kind, "user": ADA, "reaction": emoji, "item_user": "UBOT", "event_ts": format!("1795167000.{second:06}"),
            "item": { "type": "message", "channel": "C1", "ts": "1.2" } })
}

async fn verdicts(house: &House, firm: &Firm) -> Vec<String> {
    house.lines(firm.tenant, "select coalesce(verdict, '-') || ' by ' || source as line from feedback").await
}

async fn described(house: &House, firm: &Firm) -> Vec<String> {
    let jobs = "select kind || ' ' || coalesce(payload ->> 'channel', '-') as line from jobs order by created_at";
    house.lines(firm.tenant, jobs).await
}

#[tokio::test]
async fn a_thumb_on_an_answer_is_an_opinion_and_the_last_one_counts() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, answer) = house.talked(&acme).await;
    for (event, expected) in [
        (reaction("reaction_added", "thumbsup", 10), "good by reaction"),
        // Slack sends it again.
        (reaction("reaction_added", "thumbsup", 10), "good by reaction"),
        (reaction("reaction_added", "-1::skin-tone-4", 20), "bad by reaction"),
        // The first thumb is taken away: the second one stands.
        (reaction("reaction_removed", "+1", 30), "bad by reaction"),
        (reaction("reaction_removed", "thumbsdown", 40), "- by reaction"),
        // Older than what is known.
        (reaction("reaction_added", "+1", 35), "- by reaction"),
        (reaction("reaction_added", "eyes", 50), "- by reaction"),
    ] {
        house.hear(&acme, event.clone()).await;
        assert_eq!(verdicts(&house, &acme).await, [expected], "{event}");
    }
    // What was said by button is no reaction to take away.
    assert_eq!(house.press(&click(&acme, &format!("feedback:{answer}"), "up")).await.status, 200);
    let later = |kind: &str, emoji: &str| {
        let now = shared::clock::Clock::system().now().unix_timestamp() + 60;
        let mut event = reaction(kind, emoji, 0);
        event["event_ts"] = json!(format!("{now}.000100"));
        event
    };
    house.hear(&acme, later("reaction_removed", "+1")).await;
    assert_eq!(verdicts(&house, &acme).await, ["good by button"]);
    house.hear(&acme, later("reaction_added", "-1")).await;
    assert_eq!(verdicts(&house, &acme).await, ["bad by reaction"]);
    assert_eq!(house.stored(acme.tenant).await, 0, "none of it is a message");
}

#[tokio::test]
async fn reactions_to_anything_else_leave_nothing_behind() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    house.talked(&acme).await;
    let thumb = reaction("reaction_added", "+1", 10);
    let mut others = vec![thumb.clone(); 6];
    others[0]["item"]["channel"] = json!("C2");
    others[1]["item"]["ts"] = json!("1.0");
    others[2]["item"]["type"] = json!("file");
    others[3]["user"] = json!(acme.bot);
    others[4]["user"] = json!("U'; drop table feedback; --");
    others[5]["item"] = json!(["1.2"]);
    for other in others {
        house.hear(&acme, other).await;
    }
    // The same channel and time in another tenant's workspace.
    house.hear(&bolt, thumb).await;
    for firm in [&acme, &bolt] {
        assert_eq!(verdicts(&house, firm).await, Vec::<String>::new());
        assert_eq!(house.stored(firm.tenant).await, 0);
        let strangers = "select count(*) from people where external_id <> 'UADA'";
        assert_eq!(house.count(firm.tenant, strangers).await, 0, "nobody is met by a reaction to nothing");
    }
}

#[tokio::test]
async fn what_changes_about_a_channel_of_ours_is_asked_for_anew() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let known = "insert into channels (tenant_id, connection_id, external_id, kind, name)
                 select tenant_id, connection_id, 'C1', 'public', 'general' from channel_connections";
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    sqlx::query(known).execute(tx.conn()).await.expect("it fits");
    tx.commit().await.expect("committed");
    let convert = |ts: &str| {
        let mut notice = message("C1", "<@UADA> made this channel private.");
        notice["subtype"] = json!("channel_convert_to_private");
        notice["ts"] = json!(ts);
        notice
    };
    let of_ours = [
        json!({ "type": "channel_archive", "channel": "C1", "user": ADA }),
        json!({ "type": "channel_rename", "channel": { "id": "C1", "name": "everyone" } }),
        json!({ "type": "channel_shared", "connected_team_id": "T9", "channel": "C1" }),
        json!({ "type": "member_joined_channel", "user": acme.bot, "channel": "C1" }),
        convert("1795167000.000100"),
    ];
    for event in &of_ours {
        house.hear(&acme, event.clone()).await;
    }
    assert_eq!(described(&house, &acme).await, ["describe_channel C1"; 5]);
    for event in [
        json!({ "type": "channel_archive", "channel": "C2", "user": ADA }),
        json!({ "type": "channel_rename", "channel": { "name": "nobody" } }),
        json!({ "type": "channel_deleted", "channel": 7 }),
        json!({ "type": "member_joined_channel", "user": ADA, "channel": "C1" }),
    ] {
        house.hear(&acme, event).await;
    }
    assert_eq!(described(&house, &acme).await.len(), 5, "nobody spoke with the agent there");
    assert_eq!(house.stored(acme.tenant).await, 0);
}

#[tokio::test]
async fn whoever_changed_is_asked_for_once_if_they_are_known() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    house.talked(&acme).await;
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    let asked = sqlx::query("update people set profile_fetched_at = now()").execute(tx.conn()).await;
    assert_eq!(asked.expect("it is valid").rows_affected(), 1);
    tx.commit().await.expect("committed");
    for user in [ADA, ADA, "UNOBODY"] {
        let event =
            json!({ "type": "user_change", "user": { "id": user, "profile": { "display_name": "Augusta" } } });
        house.hear(&acme, event).await;
    }
    assert_eq!(described(&house, &acme).await, ["fetch_person_profile -"]);
}

#[tokio::test]
async fn a_customers_thumb_counts_until_another_emoji_replaces_it() {
    let phones = Phones::open().await;
    let shop = phones.shop("acme").await;
    let connection = shop.connection["id"].as_str().expect("an id").parse().expect("an id");
    let (tenant, house) = (shop.tenant, &phones.house);
    house.talked_over(tenant, connection).await;
    let mut tx = house.test.db.tenant(tenant).begin().await.expect("a transaction begins");
    for sql in
        ["update conversations set channel_external_id = $1", "update outbox set external_id = 'wamid.' || $1"]
    {
        sqlx::query(sql).bind(phones::ADA_ID).execute(tx.conn()).await.expect("it is valid");
    }
    tx.commit().await.expect("committed");
    let react = |emoji: Value, second: u32| {
        let mut reaction = json!({ "message_id": format!("wamid.{}", phones::ADA_ID) });
        if emoji.is_string() {
            reaction["emoji"] = emoji;
        }
        phones::message(
            json!({ "type": "reaction", "reaction": reaction, "timestamp": (1_767_000_000 + second).to_string() }),
        )
    };
    let verdicts = "select coalesce(verdict, '-') as line from feedback";
    for (emoji, second, expected) in [
        (json!("👍🏽"), 1, "good"),
        (json!("👎"), 2, "bad"),
        (json!("🎉"), 3, "-"),
        (json!("👍"), 4, "good"),
        (json!(null), 5, "-"),
        (json!("👍"), 4, "-"),
    ] {
        phones.hear(&phones::messages(&shop, vec![react(emoji.clone(), second)])).await;
        assert_eq!(house.lines(tenant, verdicts).await, [expected], "{emoji}");
    }
    let elsewhere = json!({ "type": "reaction", "reaction": { "message_id": "wamid.OTHER", "emoji": "👍" } });
    phones.hear(&phones::messages(&shop, vec![phones::message(elsewhere)])).await;
    assert_eq!((house.lines(tenant, verdicts).await.len(), house.stored(tenant).await), (1, 0));
}

#[tokio::test]
async fn a_customer_edits_and_takes_back_what_waits_in_any_order() {
    let phones = Phones::open().await;
    let shop = phones.shop("acme").await;
    let edit = |original: &str, body: &str, second: u32| {
        phones::message(json!({ "type": "edit", "timestamp": (1_767_000_000 + second).to_string(),
            "edit": { "original_message_id": original, "message": { "type": "text", "text": { "body": body } } } }))
    };
    let revoke = |original: &str| {
        phones::message(json!({ "type": "revoke", "revoke": { "original_message_id": original } }))
    };
    let said = phones::text("Two tickets, please.");
    let id = said["id"].as_str().expect("an id").to_owned();
    phones.hear(&phones::messages(&shop, vec![said])).await;
    phones.hear(&phones::messages(&shop, vec![edit(&id, "Three tickets, please.", 20)])).await;
    // Of an earlier edit Meta tells later.
    phones.hear(&phones::messages(&shop, vec![edit(&id, "Four tickets.", 10)])).await;
    let waiting = "select state || ' ' || (normalized ->> 'text') as line from inbox order by seq";
    assert_eq!(phones.house.lines(shop.tenant, waiting).await, ["pending Three tickets, please."]);
    phones.hear(&phones::messages(&shop, vec![revoke(&id)])).await;
    assert_eq!(phones.house.lines(shop.tenant, waiting).await, ["ignored "]);
    let kept = "select count(*) from inbox where position('tickets'::bytea in raw) > 0";
    assert_eq!(phones.house.count(shop.tenant, kept).await, 0, "in none of its versions");
    let versions = "select count(*) from message_changes where body <> ''";
    assert_eq!(phones.house.count(shop.tenant, versions).await, 0);
    // Somebody else's message is not theirs to take back.
    let of_grace =
        phones::message(json!({ "from": "4915100000002", "from_user_id": "DE.9z", "text": { "body": "Hi" } }));
    let graces = of_grace["id"].as_str().expect("an id").to_owned();
    phones.hear(&phones::messages(&shop, vec![of_grace])).await;
    phones.hear(&phones::messages(&shop, vec![revoke(&graces)])).await;
    assert_eq!(phones.house.lines(shop.tenant, waiting).await, ["ignored ", "pending Hi"]);
}
