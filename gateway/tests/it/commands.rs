//! `/konstruct …`: what each word does, and that only the asker is told.

use serde_json::Value;
use sqlx::Row;

use crate::{
    forms::{COMMANDS, command, form, signed_form},
    own_app::{APP, SECRET},
    stage::{Firm, House},
    wire::Ask,
};

/// What the asker is told.
async fn told(house: &House, firm: &Firm, text: &str) -> Value {
    let reply = house.command(command(firm, text)).await;
    assert_eq!(reply.status, 200, "{text}: {}", reply.text());
    let told = reply.json();
    assert_eq!(told["response_type"], "ephemeral", "{text}");
    told
}

#[tokio::test]
async fn help_lists_what_can_be_said() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for text in ["", "help", " HELP ", "hilfe"] {
        let told = told(&house, &acme, text).await["text"].as_str().expect("a text").to_owned();
        for word in ["/konstruct <", "status", "human", "forget me"] {
            assert!(told.contains(&word.replace('<', "")) || told.contains(word), "{word}: {told}");
        }
    }
    assert_eq!(house.acts(&acme).await, ["command_help done -"; 4]);
}

#[tokio::test]
async fn status_counts_what_is_remembered_of_the_asker() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let status = told(&house, &acme, "status").await;
    let text = status["text"].as_str().expect("a text");
    assert!(
        text.contains("no agent is set up") && text.contains("is connected") && text.contains("remember 0"),
        "{text}"
    );
    house.ask(&Ask::put("/api/v1/agents").key(&acme.key).json(&serde_json::json!({ "name": "Kona & Co" }))).await;
    let status = told(&house, &acme, "status").await;
    assert!(status["text"].as_str().expect("a text").contains("*Kona &amp; Co* answers."));
}

#[tokio::test]
async fn forget_me_asks_once_more_and_does_nothing_yet() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for text in ["forget me", "Vergiss mich"] {
        let told = told(&house, &acme, text).await;
        let button = &told["blocks"][1]["elements"][0];
        assert_eq!((button["action_id"].as_str(), button["style"].as_str()), (Some("forget_me"), Some("danger")));
        assert!(button["confirm"]["confirm"].is_object());
    }
    assert!(house.jobs(&acme).await.is_empty());
}

#[tokio::test]
async fn human_hands_over_the_last_conversation_here() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let told_of = async |text: &str| told(&house, &acme, text).await["text"].as_str().expect("a text").to_owned();
    assert!(told_of("human").await.contains("no conversation here"));
    house.talked(&acme).await;
    assert!(told_of("human").await.contains("has been asked to take over"));
    assert!(told_of("Mensch").await.contains("already has"));
    let lane = &house.rows(acme.tenant, "select by_human, fence from lanes").await[0];
    assert_eq!((lane.get::<bool, _>("by_human"), lane.get::<i64, _>("fence")), (true, 1));
    let waits = "select count(*) from conversations where waits_since is not null";
    assert_eq!(house.count(acme.tenant, waits).await, 1);
    let audit =
        house.rows(acme.tenant, "select actor_kind, action from audit_events order by n desc limit 1").await;
    assert_eq!(
        (audit[0].get::<String, _>("actor_kind"), audit[0].get::<String, _>("action")),
        ("person".into(), "conversation.ask_human".into())
    );
    assert_eq!(house.jobs(&acme).await, ["tell_admins", "tell_person"]);
}

#[tokio::test]
async fn a_question_is_stored_before_the_answer_and_a_copy_asks_once() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = signed_form(house.secret(), COMMANDS, command(&acme, "What is the plan?"));
    for _ in 0..3 {
        assert_eq!(house.ask(&ask).await.status, 200);
    }
    assert_eq!(house.acts(&acme).await, ["command_question pending -"]);
    assert_eq!(house.jobs(&acme).await, ["ask_for_person"]);
    let long = told(&house, &acme, &"x".repeat(2_001)).await;
    assert!(long["text"].as_str().expect("a text").contains("2000 characters"));
    assert_eq!(house.jobs(&acme).await, ["ask_for_person"]);
}

#[tokio::test]
async fn slacks_look_at_the_certificate_is_answered() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let get = house.ask(&Ask::get(&format!("{COMMANDS}?ssl_check=1&token=x"))).await;
    assert_eq!((get.status, get.text().as_str()), (200, ""));
    let post = signed_form(house.secret(), COMMANDS, form(&[("ssl_check", "1"), ("token", "x")]));
    assert_eq!(house.ask(&post).await.status, 200);
    let forged = signed_form("some-other-secret-0123456789", COMMANDS, form(&[("ssl_check", "1")]));
    assert_eq!(house.ask(&forged).await.status, 401);
    assert!(house.acts(&acme).await.is_empty());
}

#[tokio::test]
async fn attack_39_and_61_a_command_counts_with_the_right_secret_only() {
    let house = House::open().await;
    let acme = house.firm_with_app("acme", APP, SECRET).await;
    let bolt = house.firm("bolt").await;
    let own = command(&acme, "help").replace("A0PLATFORM", APP);
    assert_eq!(house.ask(&signed_form(SECRET, COMMANDS, own.clone())).await.status, 200);
    for (what, form) in [
        ("the platform's app", command(&acme, "help")),
        ("another firm's workspace", own.replace(&acme.team, &bolt.team)),
        ("no workspace", own.replace("team_id=", "team_is=")),
    ] {
        assert_eq!(house.ask(&signed_form(SECRET, COMMANDS, form)).await.status, 401, "{what}");
    }
    let altered = signed_form(house.secret(), COMMANDS, command(&bolt, "help")).body(command(&bolt, "human"));
    assert_eq!(house.ask(&altered).await.status, 401);
    assert_eq!((house.acts(&acme).await.len(), house.acts(&bolt).await.len()), (1, 0));
}

#[tokio::test]
async fn attack_190_a_command_with_odd_fields_is_200_or_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let good = command(&acme, "status");
    for field in
        ["team_id", "channel_id", "user_id", "command", "text", "trigger_id", "response_url", "api_app_id"]
    {
        for value in ["", "%00", "%FF%FE", "a%0Ab", "%ED%A0%80", "..%2F", &"x".repeat(10_000)] {
            let parts = good.split('&').map(|part| match part.split_once('=') {
                Some((name, _)) if name == field => format!("{name}={value}"),
                _ => part.to_owned(),
            });
            let reply = house.command(parts.collect::<Vec<_>>().join("&")).await;
            assert!(matches!(reply.status, 200 | 400), "{field} {value}: {} {}", reply.status, reply.text());
        }
    }
}
