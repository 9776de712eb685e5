//! Events and journeys by the API: pages, tables that no spreadsheet runs, and questions that nobody answers.

use serde_json::json;
use shared::ids::{ConversationId, UsageId};

use crate::{
    stage::{Firm, House},
    wire::Ask,
};

const EVENTS: &str = "/api/v1/analytics/events";
const JOURNEYS: &str = "/api/v1/analytics/journeys";

/// A call of a model of this name, in no conversation.
async fn called(house: &House, firm: &Firm, model: &str) {
    let mut tx = house.test.db.tenant(firm.tenant).begin().await.expect("a transaction begins");
    sqlx::query(
        "insert into usage (tenant_id, usage_id, purpose, model, key_owner, status, input_tokens, output_tokens, estimated,
                            cost_micro_usd)
         values ($1, $2, 'check', $3, 'platform', 'ok', 1, 1, false, 70)",
    )
    .bind(firm.tenant)
    .bind(UsageId::new())
    .bind(model)
    .execute(tx.conn())
    .await
    .expect("it is booked");
    tx.commit().await.expect("it is stored");
}

#[tokio::test]
async fn events_come_in_pages_and_are_nobody_elses() {
    let house = House::open().await;
    let (acme, globex) = (house.firm("acme").await, house.firm("globex").await);
    for model in ["one", "two", "three"] {
        called(&house, &acme, model).await;
    }
    called(&house, &globex, "theirs").await;
    let mut seen = Vec::new();
    let mut path = format!("{EVENTS}?limit=2");
    loop {
        let page = house.ask(&Ask::get(&path).key(&acme.key)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        for event in page["items"].as_array().expect("a list") {
            assert!(event["about"].as_str().is_some_and(|id| id.starts_with("usg_")), "{event}");
            seen.push(event["model"].as_str().expect("a model").to_owned());
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("{EVENTS}?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["three", "two", "one"]);
    let theirs = house.ask(&Ask::get(&format!("{EVENTS}?kind=message,answer")).key(&acme.key)).await.json();
    assert_eq!(theirs["items"], json!([]));
    let foreign = format!("{EVENTS}?conversation={}", ConversationId::new());
    assert_eq!(house.ask(&Ask::get(&foreign).key(&acme.key)).await.json()["items"], json!([]));
    assert_eq!(house.ask(&Ask::get(JOURNEYS).key(&acme.key)).await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_models_name_is_no_formula_in_the_table() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for model in [
        "=HYPERLINK(\"http://evil.example.com\")",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\u{ff1d}1",
        "a\",=1,\"b",
    ] {
        called(&house, &acme, model).await;
    }
    let table = house.ask(&Ask::get(&format!("{EVENTS}/export")).key(&acme.key)).await;
    assert_eq!((table.status, table.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert!(table.header("content-disposition").starts_with("attachment; filename=\"events-"));
    let text = table.text();
    assert_eq!(text.matches("model_call").count(), 8, "{text}");
    let quoted = "\"a\"\",=1,\"\"b\"";
    assert!(text.contains(quoted), "one cell: {text}");
    let cells = text.replace(quoted, "").replace("\r\n", ",");
    for cell in cells.split(',').map(|cell| cell.trim_start_matches('"')) {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\u{ff1d}']), "{cell:?} in {text}");
    }
    let journeys = house.ask(&Ask::get(&format!("{JOURNEYS}/export")).key(&acme.key)).await;
    assert!(journeys.status == 200 && journeys.text().starts_with("conversation,channel,"), "{}", journeys.text());
}

/// The pieces of an answer, each behind its length; the last one is empty.
fn joined(mut pieces: &str) -> String {
    let mut text = String::new();
    loop {
        let (length, rest) = pieces.split_once("\r\n").expect("a length");
        let length = usize::from_str_radix(length, 16).expect("hexadecimal");
        if length == 0 {
            return text;
        }
        text.push_str(&rest[..length]);
        pieces = rest[length..].strip_prefix("\r\n").expect("its end");
    }
}

#[tokio::test]
async fn a_table_has_all_rows_however_many_they_are() {
    const ROWS: usize = 25_000;
    let house = House::open().await;
    let (acme, globex) = (house.firm("acme").await, house.firm("globex").await);
    called(&house, &globex, "theirs").await;
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    sqlx::query(
        "insert into usage (tenant_id, usage_id, purpose, model, key_owner, status, input_tokens, output_tokens, estimated)
         select $1, id_floor(now() - n * interval '1 millisecond'), 'check', 'm' || n, 'platform', 'ok', 1, 1,
                false
           from generate_series(1, $2::int) as n",
    )
    .bind(acme.tenant)
    .bind(i32::try_from(ROWS).expect("it fits"))
    .execute(tx.conn())
    .await
    .expect("they are booked");
    tx.commit().await.expect("they are stored");
    let table = house.ask(&Ask::get(&format!("{EVENTS}/export?kind=model_call")).key(&acme.key)).await;
    assert_eq!((table.status, table.header("transfer-encoding")), (200, "chunked"));
    let text = joined(&table.text());
    let rows: Vec<&str> = text.lines().skip(1).collect();
    let models: Vec<&str> = rows.iter().filter_map(|row| row.rsplit(',').next()).collect();
    let expected: Vec<String> = (1..=ROWS).map(|n| format!("m{n}")).collect();
    assert_eq!(rows.len(), ROWS);
    assert!(models == expected, "each once, the newest first");
    assert!(!text.contains("theirs"));
}

#[tokio::test]
async fn attack_79_odd_questions_about_what_happened_are_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let long = format!("kind={}", "message,".repeat(5_000));
    for query in [
        "kind=everything",
        "kind=",
        "kind=message,",
        "conversation=x",
        "agent=cnv_01h455vb4pex5vsknk084sn02q",
        "person=1",
        "channel=fax",
        "limit=0",
        "limit=101",
        "cursor=x",
        "cursor=1.2.3",
        "from=yesterday",
        "to=2026-02-30",
        "from=2020-01-01&to=2026-01-01",
        "tenant=ten_1",
        "sort=(select%201)",
        "cursor=99999999999999999999.01890a5d-ac96-774b-bcce-b302099a8057.message",
        "cursor=9223372036854775807.01890a5d-ac96-774b-bcce-b302099a8057.message",
        "cursor=-1.01890a5d-ac96-774b-bcce-b302099a8057.message",
        "cursor=1.01890a5d-ac96-774b-bcce-b302099a8057.other",
        &long,
    ] {
        let refused = house.ask(&Ask::get(&format!("{EVENTS}?{query}")).key(&acme.key)).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (400, "invalid_request"),
            "{query}: {}",
            refused.text()
        );
    }
    for query in
        ["limit=0", "cursor=x", "cursor=1.x", "channel=fax", "agent=x", "kind=message", "person=x", "from=x"]
    {
        let refused = house.ask(&Ask::get(&format!("{JOURNEYS}?{query}")).key(&acme.key)).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (400, "invalid_request"),
            "{query}: {}",
            refused.text()
        );
    }
    for table in [EVENTS, JOURNEYS] {
        for query in ["limit=5", "cursor=1.01890a5d-ac96-774b-bcce-b302099a8057.message"] {
            let refused = house.ask(&Ask::get(&format!("{table}/export?{query}")).key(&acme.key)).await;
            assert_eq!(refused.status, 400, "{table} {query}: {}", refused.text());
        }
    }
    // The deepest page there can be is empty, and no more.
    let last = "cursor=0.00000000-0000-0000-0000-000000000000.message";
    let page = house.ask(&Ask::get(&format!("{EVENTS}?{last}")).key(&acme.key)).await;
    assert_eq!((page.status, page.json()["items"].clone()), (200, json!([])), "{}", page.text());
}
