//! Model keys, budgets and reports through the API: what is refused, what is never shown, and what is written with it.

use serde_json::{Value, json};

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

async fn post(house: &House, firm: &Firm, path: &'static str, body: &Value) -> Reply {
    house.ask(&Ask::new("POST", path).key(&firm.key).json(body)).await
}

/// Attack case 158: nothing is called, and nothing stored.
#[tokio::test]
async fn attack_158_a_key_for_an_address_inside_is_refused() {
    let house = House::open_with(|config| config.egress_allow = Vec::new()).await;
    let acme = house.firm("acme").await;
    for (base_url, code) in [
        ("http://127.0.0.1:11434/v1", "address_refused"),
        ("https://127.0.0.1/v1", "address_refused"),
        ("https://2130706433/v1", "address_refused"),
        ("https://localhost/v1", "address_refused"),
        ("https://[::ffff:10.0.0.1]/v1", "address_refused"),
        ("http://169.254.169.254/latest/meta-data", "address_refused"),
        ("http://models.example.com/v1", "address_refused"),
        ("https://user:word@models.example.com/v1", "address_refused"),
        ("file:///etc/passwd", "invalid_request"),
        ("https://models.example.com/v1?to=elsewhere", "invalid_request"),
        ("not an address", "invalid_request"),
    ] {
        let body =
            json!({ "name": "ours", "base_url": base_url, "key": "sk-0123456789abcdef", "default_model": "m" });
        let reply = post(&house, &acme, "/api/v1/llm-keys", &body).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, code), "{base_url}");
    }
    let listed = house.ask(&Ask::get("/api/v1/llm-keys").key(&acme.key)).await.json();
    assert_eq!(listed["items"], json!([]));
    for (field, value) in [("key", json!("with space")), ("name", json!("")), ("more", json!(1))] {
        let mut body = json!({ "name": "ours", "base_url": "https://models.example.com/v1", "key": "sk-0123456789",
                               "default_model": "m" });
        body[field] = value;
        let reply = post(&house, &acme, "/api/v1/llm-keys", &body).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{field}");
        assert!(!reply.text().contains("with space"), "a key is not repeated");
    }
}

#[tokio::test]
async fn a_budget_is_set_changed_and_taken_away_with_a_line_in_the_audit_log() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let budget = |limit: Value| {
        json!({ "scope": "tenant", "period": "day", "time_zone": "Europe/Berlin",
                                        "budget_limit_usd": limit })
    };
    let created = post(&house, &acme, "/api/v1/budgets", &budget(Value::Null)).await.json();
    assert_eq!((&created["limit"], &created["budget_limit_usd"]), (&json!("No limit set"), &Value::Null));
    let again = post(&house, &acme, "/api/v1/budgets", &budget(json!(5))).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "conflict"));
    let path = format!("/api/v1/budgets/{}", created["id"].as_str().expect("an id"));
    let change = Ask::new("PATCH", &path).key(&acme.key).json(&json!({ "budget_limit_usd": 12.34 }));
    let changed = house.ask(&change).await.json();
    assert_eq!((&changed["limit"], &changed["budget_limit_usd"]), (&json!("$12.34 a day"), &json!(12.34)));
    for wrong in [
        json!({ "scope": "tenant", "period": "month" }),
        budget(json!(-1)),
        budget(json!("5")),
        json!({ "scope": "agent", "period": "month", "budget_limit_usd": 1 }),
        json!({ "scope": "tenant", "target": "agt_01k9z3w6h8f2m5x7q4r1t0v9sb", "period": "month", "budget_limit_usd": 1 }),
        json!({ "scope": "tenant", "period": "month", "time_zone": "Mars/Olympus", "budget_limit_usd": 1 }),
        json!({ "scope": "tenant", "period": "week", "budget_limit_usd": 1 }),
    ] {
        let reply = post(&house, &acme, "/api/v1/budgets", &wrong).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{wrong}");
    }
    let nobodys = json!({ "scope": "agent", "target": "agt_01k9z3w6h8f2m5x7q4r1t0v9sb", "period": "month",
                          "budget_limit_usd": 1 });
    assert_eq!(post(&house, &acme, "/api/v1/budgets", &nobodys).await.status, 404);
    assert_eq!(house.ask(&Ask::new("DELETE", &path).key(&acme.key)).await.status, 204);
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    let acts: Vec<String> = sqlx::query_scalar(
        "select action from audit_events where tenant_id = $1 and action like 'budget.%' order by n",
    )
    .bind(acme.tenant)
    .fetch_all(tx.conn())
    .await
    .expect("the log can be read");
    assert_eq!(acts, ["budget.create", "budget.change", "budget.delete"]);
}

#[tokio::test]
async fn an_agent_names_models_by_keys_of_its_own_tenant_only() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let shape = async |models: Value| {
        house
            .ask(&Ask::put("/api/v1/agents").key(&acme.key).json(&json!({ "name": "Kona", "models": models })))
            .await
    };
    let reply =
        shape(json!([{ "llm_key": null, "model": "simulated-1" }, { "model": "simulated-2" }])).await.json();
    assert_eq!(reply["models"][1], json!({ "llm_key": null, "model": "simulated-2" }));
    let foreign = shape(json!([{ "llm_key": "lky_01k9z3w6h8f2m5x7q4r1t0v9sb", "model": "m" }])).await;
    assert_eq!((foreign.status, foreign.problem().as_str()), (404, "not_found"));
    assert_eq!(shape(json!([{ "llm_key": "key", "model": "m" }])).await.status, 400);
    assert_eq!(shape(json!([{ "model": "" }])).await.status, 400);
    let listed = house.ask(&Ask::get("/api/v1/agents").key(&acme.key)).await.json();
    assert_eq!(listed["items"][0]["models"].as_array().map(Vec::len), Some(2), "what was refused changed nothing");
}
