//! LiteLLM, the gateway that companies put in front of their models, as a tenant's own provider: its refusals, its streams and
//! its way of passing on what a model behind it says are nobody's reading of ours.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use simulators::ModelOptions;
use tokio::process::{Child, Command};

use crate::{
    PATIENCE,
    house::{House, Tenant},
};

const KEY: &str = "sk-litellm-of-acme-0123";

/// Dies with its handle.
struct LiteLlm {
    base_url: String,
    _server: Child,
}

impl LiteLlm {
    async fn before(model: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed = root.join("../.local/peers/litellm");
        assert!(installed.join("installed").is_file(), "the peer is missing: run scripts/peers.sh litellm");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it").port();
        let server = Command::new("python3")
            .args(["-c", "from litellm import run_server; run_server()", "--host", "127.0.0.1"])
            .args(["--port", &port.to_string(), "--config"])
            .arg(root.join("peers/litellm/config.yaml"))
            .env("PYTHONPATH", installed)
            .env("SIMULATED_MODEL", model)
            // Otherwise it looks for a list of prices in the internet first.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env_remove("DATABASE_URL")
            .env_remove("REDIS_URL")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let (begun, http) = (Instant::now(), reqwest::Client::builder().no_proxy().build().expect("a client"));
        let alive = format!("http://127.0.0.1:{port}/health/liveliness");
        while !http.get(&alive).send().await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(begun.elapsed() < PATIENCE * 2, "LiteLLM does not come up");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Self { base_url: format!("http://127.0.0.1:{port}/v1"), _server: server }
    }
}

async fn call(tenant: &Tenant<'_>, method: Method, resource: &str, body: &Value) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = http.request(method, tenant.house.api(resource)).bearer_auth(&tenant.key).json(body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Each answer's calls, oldest first: model, outcome, whether the count of tokens is a guess.
async fn ledger(tenant: &Tenant<'_>) -> Vec<String> {
    let mut tx = tenant.db.begin().await.expect("a transaction");
    let rows = sqlx::query_scalar(
        "select model || ' ' || status || case when estimated then ' guessed' else '' end from usage
          where tenant_id = $1 and purpose = 'answer' order by created_at, usage_id",
    );
    let rows = rows.bind(tenant.id).fetch_all(tx.conn()).await.expect("rows");
    tx.close().await.expect("closed");
    rows
}

async fn shaped(tenant: &Tenant<'_>, shape: Value) {
    let (status, said) = call(tenant, Method::PUT, "agents", &shape).await;
    assert_eq!(status, 200, "{said}");
}

/// Asks in a thread of its own; what is answered there.
async fn answered(tenant: &Tenant<'_>, text: &str) -> String {
    let asked = tenant.asks("CGENERAL", "UADA", text);
    tenant.finished("CGENERAL", &asked.thread_ts, 1).await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_gateway_of_others_answers_refuses_streams_and_passes_on() {
    let house =
        House::open_with(|config| config.egress_allow = vec!["127.0.0.1".parse().expect("a network")]).await;
    let gateway = LiteLlm::before(&house.model.base_url()).await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;

    // Tried before it is stored: a wrong key, and a model it does not have.
    let key = |key: &str, model: &str| {
        json!({ "name": "LiteLLM", "base_url": gateway.base_url, "key": key, "default_model": model,
                "is_default": true })
    };
    for (wrong, model) in [("sk-of-nobody-012345", "through"), (KEY, "no-such-model")] {
        let (status, problem) = call(&acme, Method::POST, "llm-keys", &key(wrong, model)).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("model_refused")), "{problem}");
    }
    let (status, stored) = call(&acme, Method::POST, "llm-keys", &key(KEY, "through")).await;
    assert_eq!((status, &stored["key_hint"]), (201, &json!("0123")), "{stored}");
    let named = |models: &[&str]| -> Value {
        models.iter().map(|model| json!({ "llm_key": stored["id"], "model": model })).collect()
    };

    // Its stream, and the tokens it counts at the end.
    shaped(&acme, json!({ "name": "Kona", "models": named(&["says"]) })).await;
    assert_eq!(answered(&acme, "When is the kick-off?").await, "The kick-off is on 14 March.");
    // Its 429 and its 500: the next one answers, and all are in the ledger.
    shaped(&acme, json!({ "name": "Kona", "models": named(&["busy", "broken", "through"]) })).await;
    assert!(answered(&acme, "Are you a human?").await.contains("AI"));
    let calls = ledger(&acme).await;
    assert_eq!(calls.first().map(String::as_str), Some("says ok"), "{calls:?}");
    assert_eq!(calls.last().map(String::as_str), Some("through ok"), "{calls:?}");
    for failed in ["busy failed", "broken failed"] {
        assert!(calls.iter().any(|call| call.starts_with(failed)), "{failed}: {calls:?}");
    }

    // Calls of tools, in pieces, through it and back.
    shaped(&acme, json!({ "name": "Kona", "models": named(&["through"]), "tools": ["calculator"] })).await;
    let sum = answered(&acme, "What is 17 * 23?").await;
    assert!(sum.contains("391"), "{sum}");

    // A model behind it that wants to be asked in another way: its words come through, and are understood.
    house.model.set_options(ModelOptions { thinks: true, ..ModelOptions::default() });
    house.model.clear_requests();
    shaped(&acme, json!({ "name": "Kona", "temperature": 0.2, "answer_tokens": 700, "tools": [] })).await;
    assert!(answered(&acme, "Are you a machine?").await.contains("AI"));
    let requests = house.model.requests();
    let last = requests.iter().rfind(|request| request.reply.is_some()).expect("an answer");
    assert_eq!(last.body["max_completion_tokens"], 700, "{}", last.body);
    assert!(last.body.get("max_tokens").is_none() && last.body.get("temperature").is_none(), "{}", last.body);
}
