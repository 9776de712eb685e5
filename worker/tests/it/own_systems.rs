//! A tenant's own systems are told what its log says: signed, once they hear, and again until then.

use secrecy::SecretString;
use serde_json::Value;
use shared::{
    db::{
        TenantTx,
        audit::Actor,
        notices,
        webhook_endpoints::{
            self, Change, Endpoint, New,
            deliveries::{self, Delivery},
        },
    },
    standard_webhooks,
};
use simulators::OwnSystemSimulator;

use crate::stage::{Firm, Stage};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A firm with an own system that listens to these acts.
async fn listening(actions: &[&str]) -> (Stage, Firm, OwnSystemSimulator, Endpoint) {
    let mut stage = Stage::new().await;
    stage.config.egress_allow = vec!["127.0.0.0/8".parse().expect("a network")];
    let firm = stage.firm("TACME").await;
    let system = OwnSystemSimulator::start().await.expect("a port is free");
    let actions: Vec<String> = actions.iter().map(|action| (*action).to_owned()).collect();
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let (url, secret) = (system.url(), SecretString::from(SECRET));
    let keys = &stage.config.master_keys;
    let new = New { url: &url, actions: &actions, with_text: false };
    let made = webhook_endpoints::create(&mut tx, keys, &Actor::System, &new, &secret).await;
    tx.commit().await.expect("it is stored");
    let endpoint = made.expect("there is room");
    (stage, firm, system, endpoint)
}

/// Whatever waits is told as far as it can be.
async fn tell(stage: &Stage, firm: &Firm) {
    worker::schedule::tell_due(&stage.test.db).await.expect("it looks");
    for end in firm.work(stage, "tell_own_system").await {
        end.expect("a job that is done, whatever was answered");
    }
}

async fn told_of(firm: &Firm, endpoint: &Endpoint) -> Vec<Delivery> {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let found = deliveries::list(&mut tx, endpoint.id, None, 100).await.expect("they are read");
    tx.close().await.expect("it closes");
    found
}

async fn within<T>(firm: &Firm, act: impl AsyncFnOnce(&mut TenantTx) -> T) -> T {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let done = act(&mut tx).await;
    tx.commit().await.expect("it is stored");
    done
}

#[tokio::test]
async fn a_system_is_told_once_of_each_act_that_it_asked_for_and_can_tell_that_we_said_it() {
    let (stage, firm, system, endpoint) = listening(&["webhook_endpoint"]).await;
    within(&firm, async |tx| {
        webhook_endpoints::ping(tx, &Actor::System, endpoint.id).await.expect("it is logged")
    })
    .await;
    tell(&stage, &firm).await;
    tell(&stage, &firm).await;
    let told = system.told();
    let types: Vec<Value> = told.iter().map(|told| serde_json::from_str(&told.body).expect("JSON")).collect();
    let mut types: Vec<&str> = types.iter().map(|body| body["type"].as_str().expect("a type")).collect();
    types.sort_unstable();
    assert_eq!(types, ["webhook_endpoint.create", "webhook_endpoint.ping"]);
    for told in told {
        let (at, secret) = (told.timestamp.parse().expect("seconds"), SecretString::from(SECRET));
        let signature = standard_webhooks::signature(&secret, &told.id, at, told.body.as_bytes());
        assert_eq!(Some(told.signature), signature);
    }
    let ends = told_of(&firm, &endpoint).await;
    assert!(ends.iter().all(|end| end.state == "delivered" && end.status == Some(204)), "{ends:?}");
}

#[tokio::test]
async fn what_it_did_not_ask_for_it_is_not_told_but_for_a_ping_of_its_own() {
    let (stage, firm, system, endpoint) = listening(&["conversation.take", "conversation.takeover.x"]).await;
    let other = within(&firm, async |tx| {
        let keys = &stage.config.master_keys;
        let secret = SecretString::from(SECRET);
        let new = New { url: "http://127.0.0.1:9/", actions: &[], with_text: false };
        let made = webhook_endpoints::create(tx, keys, &Actor::System, &new, &secret).await;
        let other = made.expect("there is room");
        webhook_endpoints::ping(tx, &Actor::System, other.id).await.expect("it is logged");
        shared::db::audit::append(tx, &Actor::System, "conversation.takeover", ("x", "x"), Value::Null)
            .await
            .expect("it is logged");
        webhook_endpoints::ping(tx, &Actor::System, endpoint.id).await.expect("it is logged");
        other
    })
    .await;
    tell(&stage, &firm).await;
    let bodies: Vec<String> = system.told().into_iter().map(|told| told.body).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert!(bodies[0].contains("webhook_endpoint.ping") && bodies[0].contains(&endpoint.id.to_string()));
    let ends = told_of(&firm, &other).await;
    assert!(ends.len() == 3 && ends.iter().all(|end| end.state == "waiting" && end.attempts == 1), "{ends:?}");
    assert_eq!(ends[0].error.as_deref(), Some("It can't be reached."));
}

#[tokio::test]
async fn what_does_not_arrive_is_sent_again_by_the_same_id_and_given_up_in_the_end() {
    let (stage, firm, system, endpoint) = listening(&["webhook_endpoint.create"]).await;
    system.answer(503);
    for _ in 0..12 {
        tell(&stage, &firm).await;
    }
    let told = system.told();
    assert_eq!(told.len(), 10, "an attempt at once, and one after each pause");
    assert!(told.iter().all(|one| one.id == told[0].id && one.body == told[0].body));
    let ends = told_of(&firm, &endpoint).await;
    assert_eq!((ends[0].state.as_str(), ends[0].status), ("failed", Some(503)));
    assert_eq!(ends[0].error.as_deref(), Some("It answers 503."));
    let notices = firm.rows("select 1 from notices where kind = 'webhook_failing'").await;
    assert_eq!(notices.len(), 1, "the admins know");

    system.answer(200);
    within(&firm, async |tx| {
        deliveries::again(tx, &Actor::System, ends[0].id).await.expect("it is over, and sent again");
    })
    .await;
    tell(&stage, &firm).await;
    assert_eq!(told_of(&firm, &endpoint).await[0].state, "delivered");
    assert_eq!(system.told().last().map(|told| told.id.clone()), Some(told[0].id.clone()));
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let now = webhook_endpoints::list(&mut tx).await.expect("it is read");
    assert!(now[0].failing_since.is_none() && now[0].enabled, "it hears again: {now:?}");
}

#[tokio::test]
async fn who_answers_that_it_is_gone_is_switched_off_and_hears_nothing_of_what_was_done_meanwhile() {
    let (stage, firm, system, endpoint) = listening(&["webhook_endpoint"]).await;
    system.answer(410);
    tell(&stage, &firm).await;
    assert_eq!(system.told().len(), 1);
    assert_eq!(told_of(&firm, &endpoint).await[0].state, "failed");
    let acts = firm.rows("select 1 from audit_events where action = 'webhook_endpoint.disable'").await;
    assert_eq!(acts.len(), 1);

    tell(&stage, &firm).await;
    system.answer(204);
    let change = Change { enabled: Some(true), ..Change::default() };
    within(&firm, async |tx| {
        webhook_endpoints::change(tx, &Actor::System, endpoint.id, &change).await.expect("it is switched on");
    })
    .await;
    tell(&stage, &firm).await;
    let bodies: Vec<String> = system.told().into_iter().skip(1).map(|told| told.body).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert!(bodies[0].contains("webhook_endpoint.change"), "what was done from then on: {bodies:?}");
}

#[tokio::test]
async fn a_system_that_was_deleted_is_told_nothing_and_an_address_inside_is_not_called() {
    let (mut stage, firm, system, endpoint) = listening(&[]).await;
    worker::schedule::tell_due(&stage.test.db).await.expect("it looks");
    stage.config.egress_allow = Vec::new();
    tell(&stage, &firm).await;
    let ends = told_of(&firm, &endpoint).await;
    assert!(ends[0].error.as_deref().is_some_and(|error| error.contains("private or reserved")), "{ends:?}");
    within(&firm, async |tx| {
        webhook_endpoints::remove(tx, &Actor::System, endpoint.id).await.expect("it is deleted");
    })
    .await;
    stage.config.egress_allow = vec!["127.0.0.0/8".parse().expect("a network")];
    tell(&stage, &firm).await;
    assert_eq!(system.told(), []);
    let ends = told_of(&firm, &endpoint).await;
    assert!(ends.iter().all(|end| end.state == "failed"), "{ends:?}");
}

#[tokio::test]
async fn what_nobody_works_at_any_more_can_be_sent_again_and_what_can_not_be_signed_is_given_up() {
    let (stage, firm, system, endpoint) = listening(&[]).await;
    worker::schedule::tell_due(&stage.test.db).await.expect("it looks");
    let id = told_of(&firm, &endpoint).await[0].id;
    let again = async |firm: &Firm| {
        within(firm, async |tx| deliveries::again(tx, &Actor::System, id).await.map_err(|error| error.to_string()))
            .await
    };
    assert_eq!(again(&firm).await, Err("It is on its way already.".into()));
    firm.run("update jobs set state = 'dead', finished_at = now() where kind = 'tell_own_system'").await;
    assert_eq!(again(&firm).await, Ok(()));
    firm.run("update webhook_endpoints set secret = 'damaged'").await;
    for _ in 0..10 {
        tell(&stage, &firm).await;
    }
    assert_eq!(system.told(), []);
    let ends = told_of(&firm, &endpoint).await;
    let of_it = ends.iter().find(|end| end.id == id).expect("it is listed");
    assert_eq!(
        (of_it.state.as_str(), of_it.error.as_deref()),
        ("failed", Some("Its secret can't be read: delete it and add it anew."))
    );
}

#[tokio::test]
async fn a_notice_is_told_with_its_sentence_and_one_that_comes_before_the_look_is_not_sent_twice() {
    let (stage, firm, system, endpoint) = listening(&["notice.budget_alert"]).await;
    within(&firm, async |tx| {
        for kind in [notices::Kind::BudgetAlert, notices::Kind::BudgetExhausted] {
            notices::tell(tx, kind, None, "Four fifths are spent.").await.expect("it is told");
        }
    })
    .await;
    let waiting = told_of(&firm, &endpoint).await;
    assert_eq!((waiting.len(), waiting[0].state.as_str()), (1, "waiting"), "{waiting:?}");
    let again = within(&firm, async |tx| {
        deliveries::again(tx, &Actor::System, waiting[0].id).await.map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(again, Err("It is on its way already.".into()));
    tell(&stage, &firm).await;
    tell(&stage, &firm).await;
    let told = system.told();
    assert_eq!(told.len(), 1, "{told:?}");
    let body: Value = serde_json::from_str(&told[0].body).expect("JSON");
    assert_eq!(
        (&body["type"], &body["data"]["sentence"]),
        (&"notice.budget_alert".into(), &"Four fifths are spent.".into())
    );
    assert!(body["data"]["notice"].as_str().is_some_and(|id| id.starts_with("not_")), "{body}");
}

#[tokio::test]
async fn what_is_new_when_an_endpoint_is_switched_off_is_not_told_later() {
    let (stage, firm, system, endpoint) = listening(&["notice"]).await;
    let tells = async || {
        within(&firm, async |tx| {
            notices::tell(tx, notices::Kind::PaymentDue, None, "An invoice is open.").await.expect("it is told");
        })
        .await;
    };
    let switched = async |enabled: bool| {
        let change = Change { enabled: Some(enabled), ..Change::default() };
        within(&firm, async |tx| {
            webhook_endpoints::change(tx, &Actor::System, endpoint.id, &change).await.expect("it is switched");
        })
        .await;
    };
    tells().await;
    switched(false).await;
    tells().await;
    tell(&stage, &firm).await;
    switched(true).await;
    tell(&stage, &firm).await;
    assert_eq!(system.told(), []);
    let ends = told_of(&firm, &endpoint).await;
    let states: Vec<&str> = ends.iter().map(|end| end.state.as_str()).collect();
    assert_eq!(states, ["failed"], "what came while it was off was nothing to it");
}
