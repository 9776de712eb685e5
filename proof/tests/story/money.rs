//! Whose key pays, and what happens when the money runs out in the middle of a conversation.

use serde_json::{Value, json};
use simulators::{FaultKind, FaultRule};

use crate::house::{House, Tenant};

async fn call(tenant: &Tenant<'_>, method: reqwest::Method, resource: &str, body: &Value) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = http.request(method, tenant.house.api(resource)).bearer_auth(&tenant.key).json(body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn texts(tenant: &Tenant<'_>, sql: &'static str) -> Vec<String> {
    let mut tx = tenant.db.begin().await.expect("a transaction");
    let rows = sqlx::query_scalar(sql).bind(tenant.id).fetch_all(tx.conn()).await.expect("rows");
    tx.close().await.expect("closed");
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_115_a_tenant_brings_its_key_and_neither_it_nor_the_platforms_goes_astray() {
    let house = House::open_with(|config| {
        config.egress_allow = vec!["127.0.0.1".parse().expect("a network")];
        config.llm.fallback_model = Some("simulated-2".into());
    })
    .await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let own = |key: &str| {
        json!({ "name": "ours", "base_url": house.model.base_url(), "key": key, "default_model": "simulated-1",
                "is_default": true })
    };
    let (status, problem) = call(&acme, reqwest::Method::POST, "llm-keys", &own("sk-invalid-123456")).await;
    assert_eq!((status, &problem["code"]), (400, &json!("key_refused")));
    let (status, created) = call(&acme, reqwest::Method::POST, "llm-keys", &own("sk-own-acme-01234567")).await;
    assert_eq!((status, &created["key_hint"], &created["host"]), (201, &json!("4567"), &json!("127.0.0.1")));
    assert!(!created.to_string().contains("sk-own"), "{created}");
    let resource = format!("llm-keys/{}", created["id"].as_str().expect("an id"));
    // Attack case 115.
    let elsewhere = json!({ "base_url": "https://attacker.example.com/v1" });
    let (status, problem) = call(&acme, reqwest::Method::PATCH, &resource, &elsewhere).await;
    assert_eq!((status, &problem["code"]), (400, &json!("key_required")));

    house.model.clear_requests();
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].contains("Noted"));
    acme.inbox().await;
    assert!(house.model.requests().iter().all(|request| request.key_hint == "4567"), "only their key was shown");
    let owners = "select distinct purpose || ' ' || key_owner || ' ' || (llm_key_id is not null) from usage
                   where tenant_id = $1 order by 1";
    assert_eq!(texts(&acme, owners).await, ["answer tenant true", "check tenant true"]);

    // Their provider fails: nobody else's money is spent on it.
    let broken = FaultRule::always("completions", FaultKind::Status { code: 503, retry_after: None });
    house.model.faults().add(broken);
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 15 March.");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].starts_with("Sorry"));
    house.model.faults().clear();
    assert!(house.model.requests().iter().all(|request| request.key_hint == "4567"));
    // Unless the tenant says so.
    let (status, _) = call(&acme, reqwest::Method::PATCH, &resource, &json!({ "platform_fallback": true })).await;
    assert_eq!(status, 200);
    let theirs = FaultRule::always("completions", FaultKind::Status { code: 400, retry_after: None });
    house.model.faults().add(theirs.times(1));
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 16 March.");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].contains("Noted"));
    let last = house.model.requests().pop().expect("a request");
    assert_ne!(last.key_hint, "4567", "the platform's key answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_runs_out_is_said_honestly_and_ends_with_a_human() {
    let house = House::open_with(|config| config.llm.fallback_model = None).await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    // From now on a token of this model costs a hundredth of a cent.
    let price = "insert into model_prices (model, effective_from, input_micro_usd_per_million,
                                           output_micro_usd_per_million)
                 values ('simulated-1', now(), 100000000, 100000000)";
    sqlx::query(price).execute(&mut house.test.system().await).await.expect("an operator sets a price");
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].contains("Noted"));
    acme.inbox().await;
    let spent = acme.count("select sum(cost_micro_usd)::bigint from usage where tenant_id = $1").await;
    assert!(spent > 0);

    // Room for nearly nothing: the cheaper model of the agent's order answers.
    let models = json!([{ "llm_key": null, "model": "simulated-1" }, { "llm_key": null, "model": "simulated-2" }]);
    let (status, _) =
        call(&acme, reqwest::Method::PUT, "agents", &json!({ "name": "Kona", "models": models })).await;
    assert_eq!(status, 200);
    let limit = f64::from(u32::try_from(spent + 10).expect("a few cents")) / 1_000_000.0;
    let budget = json!({ "scope": "tenant", "period": "month", "budget_limit_usd": limit });
    let (status, budget) = call(&acme, reqwest::Method::POST, "budgets", &budget).await;
    assert_eq!((status, &budget["spent_micro_usd"]), (201, &json!(spent)));
    let next = acme.says_in_thread("CGENERAL", "UADA", "When is the launch?", &asked.thread_ts);
    assert!(acme.finished("CGENERAL", &next.thread_ts, 2).await[1].contains("14 March"));
    acme.inbox().await;
    assert_eq!(acme.count("select count(*) from usage where tenant_id = $1 and model = 'simulated-2'").await, 1);
    assert_eq!(texts(&acme, "select kind from notices where tenant_id = $1").await, ["budget_alert"]);

    // Without it there is nobody who could answer.
    call(&acme, reqwest::Method::PUT, "agents", &json!({ "name": "Kona", "models": [] })).await;
    house.model.clear_requests();
    let next = acme.says_in_thread("CGENERAL", "UADA", "And where is it?", &asked.thread_ts);
    let replies = acme.finished("CGENERAL", &next.thread_ts, 3).await;
    assert!(replies[2].contains("budget for my answers is used up"), "{replies:?}");
    let states = acme.inbox().await;
    assert_eq!(states[2], ("held".to_owned(), Some("the budget is used up".to_owned())));
    assert!(house.model.requests().is_empty(), "nobody was asked");
    assert_eq!(
        texts(&acme, "select kind from notices where tenant_id = $1 order by notice_id").await,
        ["budget_alert", "budget_exhausted", "escalation"]
    );
    let told = "select count(*) from jobs where tenant_id = $1 and kind = 'tell_person'";
    assert_eq!(acme.count(told).await, 0, "the person knows it from the answer");
    let waits = "select count(*) from conversations where tenant_id = $1 and waits_since is not null";
    assert_eq!(acme.count(waits).await, 1, "somebody has to answer");
    // What follows is a human's.
    acme.says_in_thread("CGENERAL", "UADA", "Hello?", &asked.thread_ts);
    while acme.count("select count(*) from inbox where tenant_id = $1 and state = 'held'").await < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(acme.replies("CGENERAL", &asked.thread_ts).len(), 3);
    assert_eq!(acme.count("select count(*) from budget_drift() where tenant_id = $1").await, 0);
    let (status, report) = call(&acme, reqwest::Method::GET, "usage?by=model", &Value::Null).await;
    assert_eq!(
        (status, &report["items"][0]["key"], &report["items"][0]["cost_micro_usd"]),
        (200, &json!("simulated-1"), &json!(spent))
    );
}
