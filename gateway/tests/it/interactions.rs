//! What people press: stored before Slack is answered, once, and only where the person may.

use serde_json::json;
use simulators::Command;

use crate::{
    events::{ADA, having},
    forms::{INTERACTIONS, click, form_of, pressed, signed_form, signed_form_at, submitted},
    own_app::{APP, SECRET},
    stage::House,
};

#[tokio::test]
async fn an_opinion_is_stored_with_the_run_and_can_be_changed() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, run) = house.talked(&acme).await;
    let button = format!("feedback:{run}");
    let reply = house.press(&click(&acme, &button, "up")).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, ""));
    assert_eq!(house.opinions(&acme).await, ["good -"]);
    assert_eq!(house.jobs(&acme).await, ["tell_person"]);
    assert_eq!(house.press(&click(&acme, &button, "down")).await.status, 200);
    assert_eq!(house.opinions(&acme).await, ["bad -"]);
    // Somebody else's opinion is another one.
    let grace = having(click(&acme, &button, "up"), json!({ "user": { "id": "UGRACE", "team_id": acme.team } }));
    assert_eq!(house.press(&grace).await.status, 200);
    assert_eq!(house.opinions(&acme).await, ["bad -", "good -"]);
    assert_eq!(house.acts(&acme).await, ["feedback done -"; 3]);
}

#[tokio::test]
async fn a_bad_answer_opens_a_dialog_that_asks_why() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, run) = house.talked(&acme).await;
    let asked = Command { team: acme.team.clone(), user: ADA.into(), ..Command::default() };
    let trigger = house.slack.form_of_command(&asked);
    let (_, trigger) = trigger.rsplit_once("trigger_id=").expect("a command has a trigger");
    let bad = having(click(&acme, &format!("feedback:{run}"), "down"), json!({ "trigger_id": trigger }));
    assert_eq!(house.press(&bad).await.status, 200);
    let dialogs = house.slack.dialogs(&acme.team, ADA);
    assert_eq!((dialogs.len(), &dialogs[0].view["callback_id"]), (1, &json!("feedback_reason")));
    let opened = dialogs[0].view["private_metadata"].as_str().expect("it refers back").to_owned();

    let reply = house.press(&submitted(&acme, "feedback_reason", &opened, "  It is from last year.  ")).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, ""));
    assert_eq!(house.opinions(&acme).await, ["bad It is from last year."]);

    let long = "x".repeat(3_001);
    let reply = house.press(&submitted(&acme, "feedback_reason", &opened, &long)).await;
    assert_eq!((reply.status, reply.json()["response_action"].as_str()), (200, Some("errors")));
    assert!(reply.json()["errors"]["text"].is_string());
    // Somebody who did not open it, and something that was never one.
    let grace = having(
        submitted(&acme, "feedback_reason", &opened, "mine"),
        json!({ "user": { "id": "UGRACE", "team_id": acme.team } }),
    );
    assert_eq!(house.press(&grace).await.status, 200);
    for metadata in ["", "int_01h455vb4pex5vsknk084sn02q", &run.to_string(), &"x".repeat(100_000)] {
        assert_eq!(house.press(&submitted(&acme, "feedback_reason", metadata, "mine")).await.status, 200);
    }
    assert_eq!(house.opinions(&acme).await, ["bad It is from last year."]);
}

#[tokio::test]
async fn a_double_click_acts_once() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, run) = house.talked(&acme).await;
    let good = format!("feedback:{run}");
    let [first, second] = [click(&acme, &good, "up"), click(&acme, &good, "up")];
    let (one, two) = tokio::join!(house.press(&first), house.press(&second));
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!((house.opinions(&acme).await.len(), house.jobs(&acme).await.len()), (1, 1));

    let [first, second] = [click(&acme, "forget_me", ""), click(&acme, "forget_me", "")];
    let (one, two) = tokio::join!(house.press(&first), house.press(&second));
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!(house.jobs(&acme).await, ["erase_person", "tell_person"]);
}

#[tokio::test]
async fn attack_45_a_hundred_copies_of_a_click_act_once() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = signed_form(house.secret(), INTERACTIONS, form_of(&click(&acme, "forget_me", "")));
    let replies = futures::future::join_all((0..100).map(|_| house.ask(&ask))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(house.acts(&acme).await, ["forget_me done -"]);
    assert_eq!(house.jobs(&acme).await, ["erase_person"]);
}

#[tokio::test]
async fn attack_39_and_42_and_43_a_forged_or_stale_form_is_401() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, run) = house.talked(&acme).await;
    let form = form_of(&click(&acme, &format!("feedback:{run}"), "up"));
    let good = signed_form(house.secret(), INTERACTIONS, form.clone());
    let now = shared::clock::Clock::system().now().unix_timestamp();
    let asks = [
        ("no signature", good.clone().without("x-slack-signature")),
        ("another secret", signed_form("some-other-secret-0123456789", INTERACTIONS, form.clone())),
        ("a blank secret", signed_form("", INTERACTIONS, form.clone())),
        ("an altered value", good.clone().body(form.replace("up", "down"))),
        ("the same form in another spelling", good.clone().body(form.replace("%22", "\""))),
        ("too old", signed_form_at(house.secret(), now - 302, INTERACTIONS, form.clone())),
        ("of the future", signed_form_at(house.secret(), now + 400, INTERACTIONS, form.clone())),
        ("a signature for another body", signed_form(house.secret(), INTERACTIONS, "payload=%7B%7D").body(form)),
    ];
    for (what, ask) in asks {
        assert_eq!(house.ask(&ask).await.status, 401, "{what}");
    }
    assert!(house.acts(&acme).await.is_empty() && house.opinions(&acme).await.is_empty());
}

#[tokio::test]
async fn attack_67_another_tenants_ids_are_like_missing_ones() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (_, theirs) = house.talked(&bolt).await;
    let missing = shared::ids::OutboxId::new();
    let mut seen = Vec::new();
    for run in [theirs, missing] {
        let reply = house.press(&click(&acme, &format!("feedback:{run}"), "up")).await;
        seen.push((reply.status, reply.text()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(house.acts(&acme).await, ["feedback refused no answer that can be seen there"; 2]);
    assert!(house.opinions(&acme).await.is_empty() && house.opinions(&bolt).await.is_empty());
    assert!(house.acts(&bolt).await.is_empty());
}

#[tokio::test]
async fn a_click_counts_only_where_the_answer_can_be_seen() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, run) = house.talked(&acme).await;
    let mut elsewhere = click(&acme, &format!("feedback:{run}"), "up");
    elsewhere["container"]["channel_id"] = json!("C2");
    assert_eq!(house.press(&elsewhere).await.status, 200);
    assert_eq!(house.acts(&acme).await, ["feedback refused no answer that can be seen there"]);
    assert!(house.opinions(&acme).await.is_empty());
}

#[tokio::test]
async fn attack_55_a_click_of_somebody_from_another_company_does_nothing() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, run) = house.talked(&acme).await;
    for action in [format!("feedback:{run}"), "forget_me".into()] {
        let stranger =
            having(click(&acme, &action, "up"), json!({ "user": { "id": "UEVE", "team_id": "TELSEWHERE" } }));
        assert_eq!(house.press(&stranger).await.status, 200);
    }
    let refused = "refused not a member of the connected workspace";
    assert_eq!(house.acts(&acme).await, [format!("feedback {refused}"), format!("forget_me {refused}")]);
    assert!(house.opinions(&acme).await.is_empty() && house.jobs(&acme).await.is_empty());
}

#[tokio::test]
async fn attack_61_an_own_secret_speaks_for_its_own_workspace_only() {
    let house = House::open().await;
    let acme = house.firm_with_app("acme", APP, SECRET).await;
    let bolt = house.firm("bolt").await;
    let (_, run) = house.talked(&acme).await;
    let (_, theirs) = house.talked(&bolt).await;
    let own = having(click(&acme, &format!("feedback:{run}"), "up"), json!({ "api_app_id": APP }));
    let sent = async |payload| house.ask(&signed_form(SECRET, INTERACTIONS, form_of(&payload))).await.status;
    assert_eq!(sent(own).await, 200);
    assert_eq!(house.opinions(&acme).await, ["good -"]);
    let for_bolt = click(&bolt, &format!("feedback:{theirs}"), "up");
    for (what, payload) in [
        ("another firm's workspace", having(for_bolt.clone(), json!({ "api_app_id": APP }))),
        ("the platform's app", for_bolt),
        ("no app", having(pressed(&acme, "shortcut"), json!({ "api_app_id": null }))),
        ("no workspace", having(pressed(&acme, "shortcut"), json!({ "api_app_id": APP, "team": null }))),
    ] {
        assert_eq!(sent(payload).await, 401, "{what}");
    }
    assert!(house.opinions(&bolt).await.is_empty());
}

#[tokio::test]
async fn attack_191_acts_that_nobody_knows_are_stored_and_ignored() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let kinds =
        ["block_actions", "view_submission", "view_closed", "message_action", "shortcut", "block_suggestion", "x"];
    for kind in kinds {
        let reply = house.press(&pressed(&acme, kind)).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, ""), "{kind}");
    }
    let unknown = click(&acme, "approve:everything", "yes");
    assert_eq!(house.press(&unknown).await.status, 200);
    let acts = house.acts(&acme).await;
    assert_eq!(acts.len(), kinds.len() + 1);
    assert!(acts.iter().all(|act| act.ends_with("ignored not an act we know")), "{acts:?}");
}

#[tokio::test]
async fn attack_190_every_field_of_a_click_spoilt_in_every_way_is_no_failure() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, run) = house.talked(&acme).await;
    let good = click(&acme, &format!("feedback:{run}"), "down");
    let fields: Vec<String> = good.as_object().expect("an object").keys().cloned().collect();
    let odd = [json!(null), json!(""), json!([]), json!({}), json!(7), json!("\u{0}"), json!(["x", { "id": 1 }])];
    for field in fields {
        for value in &odd {
            let reply = house.press(&having(good.clone(), json!({ &field: value }))).await;
            assert!(matches!(reply.status, 200 | 400), "{field} {value}: {} {}", reply.status, reply.text());
        }
    }
    let huge = "x".repeat(300_000);
    for action in
        [json!([{ "action_id": huge, "value": huge }]), json!([{ "action_id": "feedback:", "value": "up" }])]
    {
        assert_eq!(house.press(&having(good.clone(), json!({ "actions": action }))).await.status, 200);
    }
}

#[tokio::test]
async fn attack_189_a_form_of_another_kind_is_refused() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let form = form_of(&click(&acme, "forget_me", ""));
    let sent = async |body: String| house.ask(&signed_form(house.secret(), INTERACTIONS, body)).await.status;
    for body in ["", "payload=", "payload=[]", "{}", "payload=%7B", "payload=%7B%7D&payload=%7B%7D"] {
        assert_eq!(sent(body.into()).await, 400, "{body}");
    }
    let json = signed_form(house.secret(), INTERACTIONS, form).with("content-type", "application/json");
    assert_eq!(house.ask(&json).await.status, 400);
    assert_eq!(sent(format!("payload={}", "x".repeat(1024 * 1024))).await, 413);
    assert!(house.acts(&acme).await.is_empty());
}

#[tokio::test]
async fn attack_177_clicks_from_an_unknown_workspace_leave_a_few_samples() {
    let house = House::open().await;
    let nobody = having(click(&house.firm("acme").await, "forget_me", ""), json!({ "team": { "id": "TNOBODY" } }));
    for _ in 0..30 {
        assert_eq!(house.press(&nobody).await.status, 200);
    }
    assert_eq!(house.quarantined().await.len(), 20);
}
