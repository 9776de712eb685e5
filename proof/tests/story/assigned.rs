//! What rules hand over goes to the members they name: evenly, and by the hours.

use serde_json::{Value, json};
use shared::{clock::Clock, ids::UserId};
use simulators::SlackSimulator;
use time::{Duration, format_description::well_known::Iso8601};

use crate::house::{House, PATIENCE, Tenant};

const ADA: &str = "UADA";
const DESK: &str = "CDESK";
const WRITTEN_TO_GRACE: &str =
    "select count(*) from mails where tenant_id = $1 and kind = 'notice' and recipient = 'grace@example.com'";
const WRITTEN_TO_LINUS: &str =
    "select count(*) from mails where tenant_id = $1 and kind = 'notice' and recipient = 'linus@example.com'";
const WRITTEN_TO_OLGA: &str =
    "select count(*) from mails where tenant_id = $1 and kind = 'notice' and recipient = 'olga@example.com'";

impl Tenant<'_> {
    /// Somebody who may write here; Olga owns it.
    async fn member(&self, name: &str) -> UserId {
        let (user, owns) = (UserId::new(), name == "Olga");
        sqlx::query(
            "insert into memberships (tenant_id, user_id, mail, name, role, is_owner)
             values ($1, $2, lower($3) || '@example.com', $3, $4, $5)",
        )
        .bind(self.id)
        .bind(user)
        .bind(name)
        .bind(if owns { "customer_admin" } else { "customer_operator" })
        .bind(owns)
        .execute(&mut self.house.test.system().await)
        .await
        .expect("a member can be added");
        user
    }

    async fn rule_for(&self, condition: &str, assign_to: &[UserId]) {
        let rule = json!({ "name": "Money", "condition": condition, "assign_to": assign_to });
        self.call("POST", "escalation-rules", rule).await;
    }

    /// Ada begins a thread about it, and this many are handed over; whom the latest is meant for.
    async fn asks_for_money(&self, nth: usize) -> Value {
        self.asks("CGENERAL", ADA, "I want a refund");
        for _ in 0..600 {
            let listed = self.call("GET", "escalations", json!({})).await;
            let items = listed["items"].as_array().expect("items");
            if items.len() == nth {
                return items[0]["meant_for"].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("nothing was handed over; the inbox: {:?}", self.inbox().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_hands_over_to_its_members_evenly_and_tells_the_one_it_is_for() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let connections = acme.call("GET", "connections", json!({})).await;
    let desk = json!({ "connection": connections["items"][0]["id"], "channel": DESK });
    acme.call("PUT", "escalation-desk", desk).await;
    acme.member("Olga").await;
    let (grace, linus) = (acme.member("Grace").await, acme.member("Linus").await);
    acme.rule_for("refund", &[linus, grace]).await;
    let mut meant = Vec::new();
    for nth in 1..=4 {
        meant.push(acme.asks_for_money(nth).await);
    }
    assert_eq!(meant, [json!(grace), json!(linus), json!(grace), json!(linus)]);
    acme.until("Grace is written to", WRITTEN_TO_GRACE, 2).await;
    acme.until("Linus is written to", WRITTEN_TO_LINUS, 2).await;
    for words in ["waits for a human (slack), for *Grace*.", "waits for a human (slack), for *Linus*."] {
        let shown = |slack: &SlackSimulator| {
            let entries = slack.transcript(&acme.team, DESK, None);
            let mut blocks = entries.iter().filter_map(|entry| entry.blocks.as_ref());
            blocks.any(|blocks| blocks.to_string().contains(words)).then_some(())
        };
        house.slack.wait_until(PATIENCE, shown).await.unwrap_or_else(|| panic!("`{words}` is not at the desk"));
    }

    // Who has left gets none, however many the other one has; without any of them it is everybody's, and the admins'.
    acme.call("DELETE", &format!("members/{grace}"), json!({})).await;
    assert_eq!(acme.asks_for_money(5).await, json!(linus));
    assert_eq!(acme.asks_for_money(6).await, json!(linus));
    // Who has left before their mail is written has none: the admins would.
    acme.until("Linus is written to", WRITTEN_TO_LINUS, 4).await;
    assert_eq!(acme.count(WRITTEN_TO_OLGA).await, 0, "the admins are told nothing of those");
    acme.call("DELETE", &format!("members/{linus}"), json!({})).await;
    assert_eq!(acme.asks_for_money(7).await, Value::Null);
    acme.until("Olga is written to", WRITTEN_TO_OLGA, 1).await;
    assert_eq!(acme.count(WRITTEN_TO_GRACE).await, 2, "who has left is told nothing");
    let his = acme.call("GET", &format!("escalations?meant_for={linus}"), json!({})).await;
    assert_eq!(his["items"].as_array().map(Vec::len), Some(4), "{his}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_go_to_one_within_business_hours_and_to_another_on_a_holiday() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let (grace, linus) = (acme.member("Grace").await, acme.member("Linus").await);
    acme.rule_for("refund and hours = open", &[grace]).await;
    acme.rule_for("refund and hours = closed", &[linus]).await;
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let week: serde_json::Map<String, Value> =
        days.into_iter().map(|day| (day.to_owned(), json!(["00:00-24:00"]))).collect();
    let mut hours = json!({ "time_zone": "UTC", "week": week, "closed_days": [] });
    acme.call("PUT", "office-hours", hours.clone()).await;
    assert_eq!(acme.asks_for_money(1).await, json!(grace));

    // Midnight may come while this runs.
    let today = Clock::system().now().date();
    let date = |day: time::Date| day.format(&Iso8601::DATE).expect("a date");
    hours["closed_days"] = json!([date(today), date(today + Duration::days(1))]);
    acme.call("PUT", "office-hours", hours).await;
    assert_eq!(acme.asks_for_money(2).await, json!(linus));
}
