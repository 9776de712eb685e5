//! LiteLLM's proxy, somebody else's reading of an OpenAI-compatible provider, in the place of our simulated model: its streams,
//! its usage, its 429 and its errors. `scripts/peers.sh litellm` installs it; `make test` does that first.

use std::{net::TcpListener, path::Path, process::Stdio, time::Duration};

use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::house::{House, Tenant};

const KEY: &str = "sk-peer-0123456789abcdef";
const SAID: &str = "The launch is on 14 March, and Grace presents it.";
/// It compiles and loads some thousand modules, beside whatever else is tested.
const PATIENCE: Duration = Duration::from_secs(400);

/// Dies with its handle.
struct Proxy {
    base_url: String,
    _process: Child,
}

async fn proxy() -> Proxy {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = here.join("../.local/peers/litellm");
    assert!(installed.join("installed").is_file(), "the peer is missing: run scripts/peers.sh litellm");
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let process = Command::new("python3")
        .args(["-c", "from litellm import run_server; run_server()", "--host", "127.0.0.1", "--config"])
        .arg(here.join("peers/litellm/config.yaml"))
        .args(["--port", &port.to_string(), "--telemetry", "False"])
        .env("PYTHONPATH", installed)
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("python3 starts");
    let base_url = format!("http://127.0.0.1:{port}/v1");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let begun = std::time::Instant::now();
    let lives = || http.get(format!("http://127.0.0.1:{port}/health/liveliness")).send();
    while !lives().await.is_ok_and(|answer| answer.status().is_success()) {
        assert!(begun.elapsed() < PATIENCE, "the proxy does not start");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Proxy { base_url, _process: process }
}

async fn call(tenant: &Tenant<'_>, method: reqwest::Method, resource: &str, body: &Value) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = http.request(method, tenant.house.api(resource)).bearer_auth(&tenant.key).json(body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Somebody asks while the agent's models are these, and the answer is LiteLLM's. The ledger of that turn, oldest first.
async fn answered_by(acme: &Tenant<'_>, models: &[&str]) -> Vec<String> {
    let models: Vec<Value> = models.iter().map(|model| json!({ "llm_key": null, "model": model })).collect();
    let (status, _) =
        call(acme, reqwest::Method::PUT, "agents", &json!({ "name": "Kona", "models": models })).await;
    assert_eq!(status, 200);
    let asked = acme.asks("CGENERAL", "UADA", "When is the launch?");
    assert_eq!(acme.finished("CGENERAL", &asked.thread_ts, 1).await, [SAID]);
    assert!(acme.inbox().await.iter().all(|(state, _)| state == "replied"));
    let ledger = "select model || ' ' || status || case when estimated then ' estimated' else '' end
                    from usage u where tenant_id = $1
                     and run_id = (select run_id from runs where tenant_id = $1 order by started_at desc limit 1)
                   order by created_at, status";
    let mut tx = acme.db.begin().await.expect("a transaction");
    let rows = sqlx::query_scalar(ledger).bind(acme.id).fetch_all(tx.conn()).await.expect("rows");
    tx.close().await.expect("closed");
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_proxy_streams_counts_refuses_and_fails_as_we_expect() {
    let proxy = proxy().await;
    let house = House::open_with(|config| {
        config.llm.base_url = proxy.base_url.parse().expect("a URL");
        config.llm.api_key = SecretString::from(KEY);
        config.egress_allow = vec!["127.0.0.1".parse().expect("a network")];
    })
    .await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;

    // Its stream, and the usage at its end.
    assert_eq!(answered_by(&acme, &["answers"]).await, ["answers ok"]);
    let counted = "select min(least(input_tokens, output_tokens)) from usage where tenant_id = $1";
    assert!(acme.count(counted).await > 0, "both kinds of tokens are counted by the peer");
    // Its 429 and its 500: once more, then the next model.
    let ledger = answered_by(&acme, &["busy", "answers"]).await;
    assert!(ledger.len() >= 2 && ledger.contains(&"answers ok".into()), "{ledger:?}");
    assert!(ledger.iter().any(|row| row.starts_with("busy failed")), "{ledger:?}");
    let ledger = answered_by(&acme, &["broken", "answers"]).await;
    assert!(ledger.iter().any(|row| row.starts_with("broken failed")), "{ledger:?}");
    // A model it does not know is not asked twice.
    let ledger = answered_by(&acme, &["nobodys", "answers"]).await;
    assert_eq!(ledger.iter().filter(|row| row.starts_with("nobodys")).count(), 1, "{ledger:?}");

    // A tenant's own key is tried before it is stored.
    let own =
        |key: &str| json!({ "name": "ours", "base_url": proxy.base_url, "key": key, "default_model": "answers" });
    let (status, problem) = call(&acme, reqwest::Method::POST, "llm-keys", &own("sk-nobodys-0123456789")).await;
    assert_eq!(status, 400, "{problem}");
    let (status, created) = call(&acme, reqwest::Method::POST, "llm-keys", &own(KEY)).await;
    assert_eq!((status, &created["key_hint"]), (201, &json!("cdef")), "{created}");
}
