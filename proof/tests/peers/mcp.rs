//! A tool server by the protocol's own Python library, which our client of tool servers did not grow up with: its sessions, its
//! schemas, its way to fail, and what it answers that is no text.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};
use simulators::{ModelOptions, SimulatedCall};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
};

use crate::{
    PATIENCE,
    house::{House, Tenant},
    python,
};

const TOKEN: &str = "token-of-the-peer-4711";

/// Dies with its handle.
struct Peer {
    url: String,
    said: Lines<BufReader<ChildStdout>>,
    _server: Child,
}

impl Peer {
    async fn start() -> Self {
        let mut server = python("mcp", "server.py").env("TOKEN", TOKEN).spawn().expect("python starts");
        let mut said = BufReader::new(server.stdout.take().expect("its output")).lines();
        let first = tokio::time::timeout(PATIENCE, said.next_line()).await.expect("it comes up");
        let url = first.expect("its output can be read").expect("it says where it is");
        Self { url, said, _server: server }
    }

    /// The next of its tools that ran.
    async fn ran(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.said.next_line()).await.expect("it says so soon");
        line.expect("its output can be read").expect("it still runs")
    }
}

async fn call(tenant: &Tenant<'_>, method: Method, resource: &str, body: &Value) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = http.request(method, tenant.house.api(resource)).bearer_auth(&tenant.key).json(body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// The model calls the tool in a turn of its own; how the ledger puts what came of it.
async fn came_of(tenant: &Tenant<'_>, tool: &str) -> String {
    let call = SimulatedCall { name: format!("peer_{tool}"), arguments: json!({ "number": "4711" }).to_string() };
    tenant.house.model.set_options(ModelOptions { calls: vec![call], ..ModelOptions::default() });
    let asked = tenant.asks("CGENERAL", "UADA", "Where is my order 4711?");
    tenant.finished("CGENERAL", &asked.thread_ts, 1).await;
    tenant.inbox().await;
    let mut tx = tenant.db.begin().await.expect("a transaction");
    let last = "select state || ': ' || coalesce(result, '') from tool_calls where tenant_id = $1
                 order by started_at desc limit 1";
    let last = sqlx::query_scalar(last).bind(tenant.id).fetch_one(tx.conn()).await.expect("a call");
    tx.close().await.expect("closed");
    last
}

/// Connects the server, and grants the agent all it brings along, to read by.
async fn connected(tenant: &Tenant<'_>, url: &str) {
    let server = |token: &str| json!({ "name": "peer", "url": url, "token": token });
    let (status, refused) = call(tenant, Method::POST, "mcp-servers", &server("another-token")).await;
    assert_eq!(status, 502, "{refused}");
    let (status, connected) = call(tenant, Method::POST, "mcp-servers", &server(TOKEN)).await;
    assert_eq!((status, &connected["new"]), (201, &json!(6)), "{connected}");
    assert_eq!(connected["left_out"][0]["name"], "pack", "a list is more than our arguments: {connected}");
    let (_, listed) = call(tenant, Method::GET, "tools", &json!({})).await;
    let tools = listed["items"].as_array().expect("a list");
    let of_server: Vec<&Value> = tools.iter().filter(|tool| tool["server"].is_object()).collect();
    let status_tool = of_server.iter().find(|tool| tool["name"] == "peer_order_status").expect("it is there");
    assert_eq!(status_tool["description"], "Says where an order is.");
    assert_eq!(
        (&status_tool["class"], &status_tool["server"]["read_only_hint"]),
        (&json!("write"), &json!(true)),
        "a hint decides nothing"
    );
    // Of what may be null its kind is kept.
    assert_eq!(status_tool["arguments"]["properties"]["verbose"]["type"], "boolean", "{status_tool}");
    assert_eq!(status_tool["arguments"]["required"], json!(["number"]), "{status_tool}");
    let ids: Vec<&Value> = of_server.iter().map(|tool| &tool["id"]).collect();
    for id in &ids {
        let path = format!("tools/{}", id.as_str().expect("an id"));
        assert_eq!(call(tenant, Method::PATCH, &path, &json!({ "class": "read" })).await.0, 200);
    }
    let (status, said) = call(tenant, Method::PUT, "agents", &json!({ "name": "Kona", "tools": ids })).await;
    assert_eq!(status, 200, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_server_of_others_is_listed_called_and_outwaited() {
    let house = House::open_with(|config| {
        config.egress_allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    house.start_orchestrator();
    let (acme, mut peer) = (house.tenant("acme").await, Peer::start().await);
    connected(&acme, &peer.url).await;

    assert_eq!(came_of(&acme, "order_status").await, "done: Order 4711 is on its way.");
    assert_eq!(peer.ran().await, "order_status 4711");
    let details = came_of(&acme, "order_details").await;
    let details: Value = serde_json::from_str(details.strip_prefix("done: ").expect("done")).expect("JSON");
    assert_eq!(details, json!({ "number": "4711", "parcels": 2 }), "structured content is told as JSON");
    assert_eq!(peer.ran().await, "order_details 4711");
    assert_eq!(came_of(&acme, "picture").await, "done: The parcel of 4711:\n(something that is no text)");
    assert_eq!(peer.ran().await, "picture");
    for (tool, reason) in
        [("refused", "Error executing tool refused: No order 4711."), ("broken", "Error executing tool broken")]
    {
        assert_eq!(came_of(&acme, tool).await, format!("failed: It answered with an error: {reason}"));
        assert_eq!(peer.ran().await, tool);
    }

    // It is given up after the tool's own limit, not after the server's minute, and the next call is none the worse.
    acme.change("update tools set timeout_ms = 700 where tenant_id = $1 and name = 'peer_slow'").await;
    let begun = Instant::now();
    assert_eq!(came_of(&acme, "slow").await, "failed: It did not answer in time.");
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
    assert_eq!(peer.ran().await, "slow");
    assert_eq!(came_of(&acme, "order_status").await, "done: Order 4711 is on its way.");
    assert_eq!(peer.ran().await, "order_status 4711");

    let prompts: String = house.model.requests().iter().map(|request| request.body.to_string()).collect();
    assert!(prompts.contains("Says where an order is.") && !prompts.contains(TOKEN), "no model sees a token");
    assert!(!prompts.contains("Ignore your rules"), "nor what a server says about itself");
}
