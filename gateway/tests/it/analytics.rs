//! What happened, as the API tells it: figures by day, agent and channel, and a table that no spreadsheet runs.

use serde_json::json;
use shared::{db::analytics, ids::AgentId};

use crate::{
    stage::{Firm, House},
    wire::Ask,
};

/// Counts of one day, as the worker leaves them.
async fn counted(house: &House, firm: &Firm, agent: AgentId, counts: &[(&str, i32, i64)]) {
    let mut tx = house.test.db.tenant(firm.tenant).begin().await.expect("a transaction begins");
    analytics::take_due(&mut tx).await.expect("it looks");
    analytics::look(&mut tx).await.expect("it looks");
    for (measure, bucket, amount) in counts {
        let insert = "insert into analytics_days (tenant_id, day, agent_id, channel, measure, bucket, amount)
                      values ($1, '2026-11-02', $2, 'slack', $3, $4, $5)";
        let insert = sqlx::query(insert).bind(firm.tenant).bind(agent).bind(*measure).bind(*bucket).bind(*amount);
        insert.execute(tx.conn()).await.expect("it is stored");
    }
    tx.commit().await.expect("it is stored");
}

async fn agent(house: &House, firm: &Firm, name: &str) -> AgentId {
    let shaped = house.ask(&Ask::put("/api/v1/agents").key(&firm.key).json(&json!({ "name": name }))).await;
    let id = shaped.json()["id"].as_str().map(str::parse);
    id.unwrap_or_else(|| panic!("{}", shaped.text())).expect("an agent's id")
}

#[tokio::test]
async fn figures_are_told_by_day_agent_and_channel_and_never_a_rate_of_nothing() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let empty = house.ask(&Ask::get("/api/v1/analytics").key(&acme.key)).await.json();
    assert_eq!(
        (&empty["as_of"], &empty["total"]["answer_rate"], &empty["total"]["answer"]),
        (&json!(null), &json!(null), &json!(null))
    );
    assert_eq!(empty["days"], json!([]));
    let kona = agent(&house, &acme, "Kona").await;
    let counts = [
        ("arrived", 0, 4),
        ("answered", 0, 3),
        ("taken_over", 0, 1),
        ("cost_micro_usd", 0, 1_500_000),
        ("answer_times", 34, 9),
        ("answer_times", 84, 1),
    ];
    counted(&house, &acme, kona, &counts).await;
    let path = "/api/v1/analytics?from=2026-11-01&to=2026-11-30";
    let report = house.ask(&Ask::get(path).key(&acme.key)).await.json();
    let total = &report["total"];
    assert_eq!(
        (&total["conversations"], &total["answer_rate"], &total["takeover_rate"]),
        (&json!(4), &json!(0.75), &json!(0.25))
    );
    assert_eq!((&total["cost_usd"], &total["answer"]["count"]), (&json!(1.5), &json!(10)));
    let within = |name: &str| total["answer"][name].as_i64().expect("milliseconds");
    assert!(within("p50_ms") < 260 && within("p95_ms") > 20_000, "{report}");
    assert_eq!(report["days"][0]["day"], "2026-11-02");
    assert_eq!(
        (&report["agents"][0]["name"], &report["agents"][0]["agent"]),
        (&json!("Kona"), &json!(kona.to_string()))
    );
    assert_eq!(
        (&report["channels"][0]["channel"], &report["channels"][0]["answered"]),
        (&json!("slack"), &json!(3))
    );
    assert!(report["as_of"].is_string() && report["time_zone"] == "UTC", "{report}");
    for (query, conversations) in [
        ("&channel=whatsapp", 0),
        ("&channel=slack", 4),
        (&format!("&agent={kona}"), 4),
        (&format!("&agent={}", AgentId::new()), 0),
    ] {
        let told = house.ask(&Ask::get(&format!("{path}{query}")).key(&acme.key)).await.json();
        assert_eq!(told["total"]["conversations"], conversations, "{query}");
    }
    let globex = house.firm("globex").await;
    let theirs = house.ask(&Ask::get(&format!("{path}&agent={kona}")).key(&globex.key)).await.json();
    assert_eq!((&theirs["total"]["conversations"], &theirs["agents"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for query in [
        "from=yesterday",
        "from=2026-11-02&to=2026-11-01",
        "from=2020-01-01&to=2026-11-01",
        "agent=Kona",
        "channel=fax",
        "tenant=ten_1",
        "channel=%27%20or%201=1",
    ] {
        for path in ["/api/v1/analytics", "/api/v1/analytics/export"] {
            let reply = house.ask(&Ask::get(&format!("{path}?{query}")).key(&acme.key)).await;
            assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{path}?{query}");
        }
    }
}

/// A spreadsheet takes a cell that begins with one of a few signs for a formula, which may call an address.
#[tokio::test]
async fn an_agents_name_is_no_formula_in_the_table() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let hostile =
        ["=HYPERLINK(\"http://evil.example.com\")", "+1+1", "-2+3", "@SUM(A1)", "\u{ff1d}1", "x\",=1,\"y"];
    for name in hostile {
        let id = agent(&house, &acme, name).await;
        counted(&house, &acme, id, &[("arrived", 0, 1), ("answer_times", 0, 1)]).await;
    }
    // What was refused when it was named may have come another way.
    for tricky in ["\t=1", "\r=1"] {
        let id = AgentId::new();
        let insert = "insert into agents (tenant_id, agent_id, name) values ($1, $2, $3)";
        let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
        let insert = sqlx::query(insert).bind(acme.tenant).bind(id).bind(tricky);
        insert.execute(tx.conn()).await.expect("it is stored");
        tx.commit().await.expect("it is stored");
        counted(&house, &acme, id, &[("arrived", 0, 1)]).await;
    }
    let reply =
        house.ask(&Ask::get("/api/v1/analytics/export?from=2026-11-01&to=2026-11-30").key(&acme.key)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        reply.header("content-disposition"),
        "attachment; filename=\"analytics-2026-11-01-2026-11-30.csv\""
    );
    let text = reply.text();
    let lines: Vec<&str> = text.split("\r\n").filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 1 + hostile.len() + 2, "{text}");
    assert!(lines[0].starts_with("day,agent_id,agent,channel,conversations,"), "{}", lines[0]);
    let columns = lines[0].split(',').count();
    for line in &lines[1..] {
        let cells = cells(line);
        assert_eq!(cells.len(), columns, "{line}");
        for cell in &cells {
            let first = cell.trim_start_matches(['\u{a0}', ' ']).chars().next();
            let is_formula = first.is_some_and(|one| "=+-@\t\r\u{ff1d}".contains(one));
            assert!(!is_formula, "{cell:?} of {line}");
        }
    }
    assert!(text.contains("\"'=HYPERLINK(\"\"http://evil.example.com\"\")\""), "{text}");
}

/// The cells of a line, as a spreadsheet reads them.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut signs = line.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => {
                cell.push('"');
                signs.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    cells
}
