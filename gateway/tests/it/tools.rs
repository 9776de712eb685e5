//! Tools of a tenant and approvals by the API: what is taken, what is refused, what is never shown again.

use serde_json::{Value, json};
use shared::{
    db::{
        approvals,
        lanes::Lease,
        tool_calls::{self, NewCall, State},
        tools::{self, Shape},
    },
    ids::{ApprovalId, ConversationId, PersonId, RunId, TenantId, ToolCallId, ToolId},
    tools::Class,
};
use sqlx::Row;

use crate::{
    stage::House,
    wire::{Ask, Reply},
};

impl House {
    /// A tool that is defined, and granted to nobody.
    pub async fn tool(&self, tenant: TenantId) -> ToolId {
        let shape = Shape {
            name: "open_door",
            description: "Opens the door.",
            class: Class::Write,
            method: "post",
            url_template: "https://api.example.com/doors",
            arguments: &json!({}),
            timeout_ms: 1_000,
            answer_max: 1_000,
            enabled: true,
        };
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let made = tools::create(&mut tx, &self.test.config.master_keys, &shape, None, "a test").await;
        tx.commit().await.expect("the tool is stored");
        made.expect("there is room").id
    }

    /// A call in this conversation that waits for somebody's approval.
    pub async fn waiting(&self, tenant: TenantId, conversation: ConversationId) -> ApprovalId {
        let tool = self.tool(tenant).await;
        let person = "select person_id from people where external_id = 'UADA'";
        let person: PersonId = self.rows(tenant, person).await[0].get(0);
        let run = format!("select run_id from runs where conversation_id = '{}'", conversation.uuid());
        let run: RunId = self.rows(tenant, &run).await[0].get(0);
        let arguments = json!({ "door": "front" });
        let call = NewCall {
            id: ToolCallId::new(),
            run,
            person,
            step: 1,
            position: 0,
            name: "open_door",
            tool: Some(tool),
            class: Class::Write,
            arguments: &arguments,
            digest: [7; 32],
            state: State::Waiting,
            result: None,
        };
        let lease = Lease { tenant, conversation, fence: 0, claims: 1 };
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        assert!(tool_calls::begin(&mut tx, &lease, &call).await.expect("it is written down"));
        let approval = approvals::ask(&mut tx, call.id, conversation, ("open_door", false)).await;
        tx.commit().await.expect("it is stored");
        approval.expect("it is asked for")
    }

    async fn define(&self, key: &str, change: impl FnOnce(&mut Value)) -> Reply {
        let mut body = json!({
            "name": "open_ticket", "description": "Opens a ticket.", "class": "write", "method": "post",
            "url": "https://api.example.com/desks/{desk}/tickets",
            "arguments": { "properties": { "desk": { "type": "string" }, "title": { "type": "string" } },
                           "required": ["desk"] },
            "secret": { "header": "authorization", "value": "Bearer canary-0123456789" },
        });
        change(&mut body);
        self.ask(&Ask::post("/api/v1/tools").key(key).json(&body)).await
    }
}

#[tokio::test]
async fn a_tool_is_defined_changed_granted_and_deleted_and_its_secret_is_never_shown() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let made = house.define(&acme.key, |_| {}).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["header"], &made["secret_hint"]), (&json!("authorization"), &json!("6789")));
    assert_eq!(made["arguments"]["additionalProperties"], json!(false));
    assert_eq!(house.define(&acme.key, |_| {}).await.status, 409, "the name is taken");
    let id = made["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/tools/{id}");

    // Another host, and the stored secret would go there.
    let elsewhere = json!({ "url": "https://evil.example/{desk}" });
    let refused = house.ask(&Ask::new("PATCH", &path).key(&acme.key).json(&elsewhere)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (400, "secret_required"));
    let same = json!({ "url": "https://api.example.com/v2/{desk}", "enabled": false });
    assert_eq!(house.ask(&Ask::new("PATCH", &path).key(&acme.key).json(&same)).await.status, 200);
    let without = json!({ "url": "https://other.example/{desk}", "remove_secret": true });
    let changed = house.ask(&Ask::new("PATCH", &path).key(&acme.key).json(&without)).await.json();
    assert_eq!((&changed["header"], &changed["enabled"]), (&Value::Null, &json!(false)));

    let granted = json!({ "name": "Kona", "tools": ["recall", id] });
    let granted = house.ask(&Ask::new("PUT", "/api/v1/agents").key(&acme.key).json(&granted)).await;
    assert_eq!((granted.status, &granted.json()["tools"]), (200, &json!(["recall", id])));
    assert_eq!(house.ask(&Ask::new("DELETE", &path).key(&acme.key)).await.status, 204);
    let agents = house.ask(&Ask::get("/api/v1/agents").key(&acme.key)).await.json();
    assert_eq!(agents["items"][0]["tools"], json!(["recall"]), "it is taken from every agent");
    let said = house.ask(&Ask::get("/api/v1/tools").key(&acme.key)).await.text() + &agents.to_string();
    assert!(!said.contains("canary"), "{said}");
    let log = "select count(*) from audit_events where action like 'tool.%' and detail::text like '%canary%'";
    assert_eq!(house.count(acme.tenant, log).await, 0);
    let log = "select string_agg(action, ', ' order by n) from audit_events where action like 'tool.%'";
    let acts: String = house.rows(acme.tenant, log).await[0].get(0);
    assert_eq!(acts, "tool.create, tool.change, tool.change, tool.delete");
}

#[tokio::test]
async fn tools_that_could_do_harm_are_refused_with_a_sentence() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let bolt = house.firm("bolt").await;
    let set = |field: &'static str, value: Value| move |body: &mut Value| body[field] = value;
    for (field, value) in [
        ("name", json!("Open Ticket")),
        ("name", json!("calculator")),
        ("name", json!("оpen_ticket")),
        ("description", json!("")),
        ("description", json!("a\nb")),
        ("class", json!("admin")),
        ("method", json!("TRACE")),
        ("timeout_ms", json!(600_000)),
        ("answer_max", json!(100_000_000)),
        ("url", json!("https://{desk}.example.com/")),
        ("url", json!("https://api.example.com/{unknown}")),
        ("url", json!("https://api.example.com/{title}")),
        ("arguments", json!({ "properties": { "desk": { "type": "string", "pattern": "(a+)+$" } } })),
        ("secret", json!({ "header": "host", "value": "x" })),
        ("secret", json!({ "header": "a b", "value": "x" })),
        ("secret", json!({ "header": "authorization", "value": "x\r\nhost: evil" })),
        ("tenant_id", json!("ten_x")),
    ] {
        let reply = house.define(&acme.key, set(field, value.clone())).await;
        assert_eq!(reply.status, 400, "{field} {value}: {}", reply.text());
    }
    let theirs = house.tool(bolt.tenant).await.to_string();
    let missing = ToolId::new().to_string();
    let grant = |id: &str| {
        Ask::new("PUT", "/api/v1/agents").key(&acme.key).json(&json!({ "name": "Kona", "tools": [id] }))
    };
    let (foreign, nobodys) = (house.ask(&grant(&theirs)).await, house.ask(&grant(&missing)).await);
    assert_eq!((foreign.status, foreign.text()), (404, nobodys.text()), "another tenant's tool is none");
    assert_eq!(house.ask(&grant("no_such_tool")).await.status, 400);
}

/// Attack cases 141, 145, 146, 147 and 150, for the addresses of tools: none of them is even stored.
#[tokio::test]
async fn attack_141_a_tool_leads_to_global_addresses_only() {
    let house = House::open_with(|config| config.egress_allow = Vec::new()).await;
    let acme = house.firm("acme").await;
    let mut hosts: Vec<String> = [
        "169.254.169.254",
        "127.0.0.1:5432",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.1.2.3",
        "192.0.0.192",
        "198.18.0.1",
        "240.0.0.1",
        "224.0.0.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "[fc00::1]",
        "[fe80::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "0x7f000001",
        "017700000001",
        "127.0.0.1.",
    ]
    .map(str::to_owned)
    .to_vec();
    for n in 0..=255_u32 {
        // Every block of ten, and loopback in decimal.
        hosts.push(format!("10.{n}.0.{n}"));
        hosts.push((0x7f00_0000_u32 + n * 65_537 % 0x00ff_ffff).to_string());
    }
    let mut tried = 0;
    for host in &hosts {
        for url in [format!("https://{host}/{{desk}}"), format!("http://{host}/{{desk}}")] {
            let reply = house.define(&acme.key, |body| body["url"] = json!(url)).await;
            assert_eq!(reply.status, 400, "{url}: {}", reply.text());
            tried += 1;
        }
    }
    for url in [
        "http://api.example.com/{desk}",
        "ftp://api.example.com/{desk}",
        "file:///etc/passwd",
        "gopher://x/{desk}",
        "data:text/plain,x",
        "unix:///var/run/x",
        "https://user:word@api.example.com/{desk}",
        "javascript:alert(1)",
    ] {
        let reply = house.define(&acme.key, |body| body["url"] = json!(url)).await;
        assert_eq!(reply.status, 400, "{url}: {}", reply.text());
        tried += 1;
    }
    assert!(tried >= 300, "{tried}");
    assert_eq!(house.count(acme.tenant, "select count(*) from tools").await, 0);
}

#[tokio::test]
async fn an_approval_is_decided_once_by_whoever_may_and_is_shown_as_it_is_stored() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let connection = acme.connection.parse().expect("an id");
    let conversation = house.talked_over(acme.tenant, connection).await.0;
    let approval = house.waiting(acme.tenant, conversation).await;
    let listed = house.ask(&Ask::get("/api/v1/approvals?state=waiting").key(&acme.key)).await.json();
    let item = &listed["items"][0];
    assert_eq!((&item["id"], &item["arguments"]), (&json!(approval.to_string()), &json!({ "door": "front" })));
    assert_eq!(item["digest"], json!("07".repeat(32)));
    let path = format!("/api/v1/approvals/{approval}");
    let denied = house.ask(&Ask::post(&format!("{path}/deny")).key(&acme.key)).await;
    assert_eq!((denied.status, &denied.json()["state"]), (200, &json!("denied")));
    let late = house.ask(&Ask::post(&format!("{path}/approve")).key(&acme.key)).await;
    assert_eq!((late.status, late.problem().as_str()), (409, "approval_over"));
    let audited = "select count(*) from audit_events where action = 'approval.deny' and actor_kind = 'api_key'";
    assert_eq!(house.count(acme.tenant, audited).await, 1);
    assert_eq!(house.ask(&Ask::get("/api/v1/approvals?state=new").key(&acme.key)).await.status, 400);
}
