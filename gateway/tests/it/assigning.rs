//! Whom a rule hands over to: members of the tenant, by turns.

use serde_json::{Value, json};
use shared::{
    db::{
        escalations::{self, Cause, New},
        takeovers,
    },
    ids::{ConversationId, EscalationId, PersonId, RuleId, UserId},
};
use sqlx::Row;

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

const RULES: &str = "/api/v1/escalation-rules";

async fn ask(house: &House, firm: &Firm, method: &'static str, path: &str, body: Value) -> Reply {
    house.ask(&Ask::new(method, path).key(&firm.key).json(&body)).await
}

async fn make(house: &House, firm: &Firm, assign_to: Value) -> Reply {
    let body = json!({ "name": "Refunds", "condition": "refund", "assign_to": assign_to });
    ask(house, firm, "POST", RULES, body).await
}

async fn someone(house: &House, firm: &Firm, role: &str) -> UserId {
    let user = house.user(role).await;
    house.member(firm.tenant, user, role).await;
    user
}

impl House {
    /// A conversation that this rule's first version hands over, as the orchestrator does it; and whom it is meant for.
    async fn handed_over(&self, firm: &Firm, rule: RuleId) -> (ConversationId, EscalationId, Option<UserId>) {
        let conversation = self.talked(firm).await.0;
        let person = "select person_id from people where external_id = 'UADA'";
        let person: PersonId = self.rows(firm.tenant, person).await[0].get(0);
        let new = New { conversation, person, message: None, cause: Cause::Rule(rule, 1), reason: "it was said" };
        let mut tx = self.test.db.tenant(firm.tenant).begin().await.expect("a transaction begins");
        let id = escalations::open(&mut tx, &new).await.expect("it is stored").expect("no human had it");
        tx.commit().await.expect("it is stored");
        let sql = format!("select meant_for from escalations where escalation_id = '{}'", id.uuid());
        (conversation, id, self.rows(firm.tenant, &sql).await[0].get(0))
    }
}

#[tokio::test]
async fn a_rule_names_members_who_may_write_each_once_and_every_version_keeps_its_own() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (grace, linus) =
        (someone(&house, &acme, "customer_operator").await, someone(&house, &acme, "customer_admin").await);
    let made = make(&house, &acme, json!([grace, linus])).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["assign_to"], json!([grace, linus]));
    let path = format!("{RULES}/{}", made["id"].as_str().expect("an id"));
    let off = ask(&house, &acme, "PATCH", &path, json!({ "enabled": false })).await.json();
    assert_eq!(
        (&off["version"], &off["assign_to"]),
        (&json!(2), &json!([grace, linus])),
        "what is left out stays"
    );

    // Who has left stays in a rule that is changed otherwise, and can't be named again.
    let left = ask(&house, &acme, "DELETE", &format!("/api/v1/members/{grace}"), json!({})).await;
    assert_eq!(left.status, 204, "{}", left.text());
    assert_eq!(ask(&house, &acme, "PATCH", &path, json!({ "enabled": true })).await.status, 200);
    let again = ask(&house, &acme, "PATCH", &path, json!({ "assign_to": [grace, linus] })).await;
    assert_eq!((again.status, again.problem().as_str()), (400, "invalid_request"));
    let everybody = ask(&house, &acme, "PATCH", &path, json!({ "assign_to": [] })).await.json();
    assert_eq!((&everybody["version"], &everybody["assign_to"]), (&json!(4), &json!([])));
    let versions = house.ask(&Ask::get(&format!("{path}/versions")).key(&acme.key)).await.json();
    let named: Vec<_> =
        versions["items"].as_array().expect("items").iter().map(|item| &item["assign_to"]).collect();
    assert_eq!(named, [&json!([]), &json!([grace, linus]), &json!([grace, linus]), &json!([grace, linus])]);
    let audited =
        "select detail -> 'assign_to' from audit_events where target_kind = 'escalation_rule' order by n";
    let audited: Vec<Value> = house.rows(acme.tenant, audited).await.iter().map(|row| row.get(0)).collect();
    assert_eq!((&audited[0], &audited[3]), (&json!([grace, linus]), &json!([])));
}

#[tokio::test]
async fn whom_a_rule_can_not_hand_over_to_is_refused_with_a_sentence() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (grace, reader) =
        (someone(&house, &acme, "customer_operator").await, someone(&house, &acme, "reader").await);
    let theirs = someone(&house, &bolt, "customer_operator").await;
    let path = make(&house, &acme, json!([])).await.json();
    let path = format!("{RULES}/{}", path["id"].as_str().expect("an id"));
    let many: Vec<UserId> = (0..21).map(|_| UserId::new()).collect();
    for (assign_to, said) in [
        (json!([grace, reader]), "may only look"),
        (json!([theirs]), "must name members of the tenant"),
        (json!([UserId::new()]), "must name members of the tenant"),
        (json!([grace, grace]), "each member once"),
        (json!(many), "20 members at most"),
        (json!(["grace"]), "`grace` is not an id"),
        (json!([acme.tenant]), "is not an id of the form `usr_…`"),
        (json!("everybody"), "assign_to"),
    ] {
        for refused in [
            make(&house, &acme, assign_to.clone()).await,
            ask(&house, &acme, "PATCH", &path, json!({ "assign_to": assign_to })).await,
        ] {
            assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid_request"), "{assign_to}");
            assert!(refused.detail().contains(said), "{assign_to}: {}", refused.detail());
        }
    }
    assert_eq!(house.count(acme.tenant, "select count(*) from escalation_rules").await, 1, "nothing was stored");
}

#[tokio::test]
async fn who_has_the_fewest_open_escalations_gets_the_next_and_sees_it() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (grace, mut graces) = house.person(acme.tenant, "customer_operator").await;
    let (linus, _) = house.person(acme.tenant, "customer_operator").await;
    let rule = make(&house, &acme, json!([linus, grace])).await.json();
    let rule: RuleId = rule["id"].as_str().expect("an id").parse().expect("an id");
    // Neither has one: by their ids. Then each in turn.
    let (first, of_grace, meant) = house.handed_over(&acme, rule).await;
    assert_eq!(meant, Some(grace));
    assert_eq!(house.handed_over(&acme, rule).await.2, Some(linus));
    // What Linus has taken of hers is his.
    let taken = json!({ "user_id": linus });
    let taken = ask(&house, &acme, "POST", &format!("/api/v1/escalations/{of_grace}/assign"), taken).await;
    assert_eq!((taken.status, &taken.json()["meant_for"]), (200, &json!(grace)), "{}", taken.text());
    assert_eq!(house.handed_over(&acme, rule).await.2, Some(grace));
    assert_eq!(house.handed_over(&acme, rule).await.2, Some(grace), "he has two, she had one");
    // What is over is nobody's any more: each has two, then he has one.
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    takeovers::release(&mut tx, first, &shared::db::audit::Actor::System).await.expect("it is given back");
    tx.commit().await.expect("it is stored");
    assert_eq!(house.handed_over(&acme, rule).await.2, Some(linus));

    let list = |filter: &str| format!("/api/v1/escalations?limit=3{filter}");
    let mine = graces.ask(&house, Ask::get(&list("&meant_for=me"))).await.json();
    let meant: Vec<_> = mine["items"].as_array().expect("items").iter().map(|item| &item["meant_for"]).collect();
    assert_eq!((meant, &mine["next_cursor"]), (vec![&json!(grace); 3], &Value::Null));
    let waiting = graces.ask(&house, Ask::get(&list("&meant_for=me&state=waiting"))).await.json();
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(2));
    let his = house.ask(&Ask::get(&list(&format!("&meant_for={linus}"))).key(&acme.key)).await.json();
    assert_eq!(his["items"].as_array().map(Vec::len), Some(2));
    for (asked, said) in [("me", "for members"), ("linus", "`linus` is not an id")] {
        let refused = house.ask(&Ask::get(&list(&format!("&meant_for={asked}"))).key(&acme.key)).await;
        assert!(refused.status == 400 && refused.detail().contains(said), "{}", refused.text());
    }
}

#[tokio::test]
async fn who_may_not_write_any_more_gets_none_and_without_any_it_is_for_anybody() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    house.person(acme.tenant, "owner").await;
    let (grace, linus) =
        (someone(&house, &acme, "customer_operator").await, someone(&house, &acme, "customer_operator").await);
    let rule = make(&house, &acme, json!([grace, linus])).await.json();
    let rule: RuleId = rule["id"].as_str().expect("an id").parse().expect("an id");
    let member = |user: UserId| format!("/api/v1/members/{user}");
    assert_eq!(ask(&house, &acme, "PATCH", &member(grace), json!({ "read_only": true })).await.status, 200);
    for _ in 0..2 {
        assert_eq!(house.handed_over(&acme, rule).await.2, Some(linus), "however many he has");
    }
    assert_eq!(ask(&house, &acme, "DELETE", &member(linus), json!({})).await.status, 204);
    let (_, id, meant) = house.handed_over(&acme, rule).await;
    assert_eq!(meant, None);
    let shown = house.ask(&Ask::get(&format!("/api/v1/escalations/{id}")).key(&acme.key)).await.json();
    assert_eq!((&shown["meant_for"], &shown["state"]), (&Value::Null, &json!("waiting")));
    let jobs = "select payload ->> 'member' from jobs where kind = 'tell_admins' order by created_at, job_id";
    let told: Vec<Option<String>> = house.rows(acme.tenant, jobs).await.iter().map(|row| row.get(0)).collect();
    assert_eq!(told, [Some(linus.to_string()), Some(linus.to_string()), None]);
}
