//! Follow-ups, routines, office hours, tool servers and the desk by the API: what is refused, and with which sentence.

use serde_json::{Value, json};

use crate::{
    stage::House,
    wire::{Ask, Reply},
};

async fn send(house: &House, key: &str, method: &'static str, path: &str, body: Value) -> Reply {
    house.ask(&Ask::new(method, path).key(key).json(&body)).await
}

#[tokio::test]
async fn hours_languages_and_schedules_that_are_none_are_refused_with_a_sentence() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for (body, said) in [
        (json!({ "time_zone": "Mars/Base" }), "tz database"),
        (json!({ "time_zone": "UTC", "week": { "monday": ["9-5"] } }), "09:00-17:00"),
        (json!({ "time_zone": "UTC", "week": { "someday": [] } }), "monday"),
        (json!({ "time_zone": "UTC", "closed_days": ["Christmas"] }), "2026-12-25"),
        (json!({ "time_zone": "UTC", "tenant_id": "ten_x" }), ""),
    ] {
        let refused = send(&house, &acme.key, "PUT", "/api/v1/office-hours", body.clone()).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.detail().contains(said), "{body}: {}", refused.detail());
    }
    let hours = json!({ "time_zone": "Europe/Berlin", "week": { "friday": ["09:00-12:00"] }, "closed_days": ["2026-12-25"] });
    let set = send(&house, &acme.key, "PUT", "/api/v1/office-hours", hours.clone()).await;
    assert_eq!((set.status, set.json()), (200, hours.clone()));
    assert_eq!(house.ask(&Ask::get("/api/v1/office-hours").key(&acme.key)).await.json(), hours);

    for (body, said) in [
        (json!({ "languages": ["tlh"] }), "en, de, fr, es, pt"),
        (json!({ "languages": ["de", "de"] }), "once"),
        (json!({ "languages": [] }), "main one first"),
        (json!({}), ""),
    ] {
        let refused = send(&house, &acme.key, "PUT", "/api/v1/languages", body.clone()).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.detail().contains(said), "{body}: {}", refused.detail());
    }
    assert_eq!(
        house.ask(&Ask::get("/api/v1/languages").key(&acme.key)).await.json(),
        json!({ "languages": null })
    );
    for spoken in [json!({ "languages": ["de", "en"] }), json!({ "languages": null })] {
        assert_eq!(send(&house, &acme.key, "PUT", "/api/v1/languages", spoken.clone()).await.json(), spoken);
        assert_eq!(house.ask(&Ask::get("/api/v1/languages").key(&acme.key)).await.json(), spoken);
    }

    let agent = "agt_01h455vb4pex5vsknk084sn02q";
    let whole = json!({ "name": "Morning", "agent": agent, "connection": "con_01h455vb4pex5vsknk084sn02q", "channel": "C1",
                        "instruction": "Say good morning.", "schedule": "0 9 * * *" });
    for (field, bad, said) in [
        ("schedule", json!("* * * * *"), "15 minutes apart"),
        ("schedule", json!("every day"), "five fields"),
        ("schedule", json!("0 0 31 2 *"), "ever comes"),
        ("name", json!(""), "`name`"),
        ("instruction", json!("x".repeat(2_001)), "`instruction`"),
        ("channel", json!("../C1"), "`channel`"),
        ("agent", json!("somebody"), "`agent`"),
        ("extra", json!(1), ""),
    ] {
        let mut body = whole.clone();
        body[field] = bad;
        let refused = send(&house, &acme.key, "POST", "/api/v1/routines", body.clone()).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.detail().contains(said), "{body}: {}", refused.detail());
    }
    let nobody = send(&house, &acme.key, "POST", "/api/v1/routines", whole).await;
    assert_eq!(nobody.status, 404, "there is no such agent");
}

#[tokio::test]
async fn servers_and_desks_that_can_not_be_are_refused() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for (body, code) in [
        (json!({ "name": "Met", "url": "https://mcp.example.com/mcp" }), "invalid_request"),
        (json!({ "name": "a_very_long_name", "url": "https://mcp.example.com/mcp" }), "invalid_request"),
        (json!({ "name": "met", "url": "https://{host}/mcp" }), "invalid_request"),
        (json!({ "name": "met", "url": "https://mcp.example.com/{x}" }), "invalid_request"),
        (json!({ "name": "met", "url": "https://mcp.example.com/mcp", "token": "two words" }), "invalid_request"),
        (json!({ "name": "met", "url": "https://10.0.0.1/mcp" }), "address_refused"),
        (json!({ "name": "met", "url": "http://8.8.8.8/mcp" }), "address_refused"),
        (json!({ "name": "met" }), "invalid_request"),
    ] {
        let refused = send(&house, &acme.key, "POST", "/api/v1/mcp-servers", body.clone()).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, code), "{body}");
    }
    let desk = json!({ "connection": "con_01h455vb4pex5vsknk084sn02q", "channel": "C 1" });
    assert_eq!(send(&house, &acme.key, "PUT", "/api/v1/escalation-desk", desk).await.status, 400);
    let nothing = house.ask(&Ask::get("/api/v1/escalation-desk").key(&acme.key)).await.json();
    assert_eq!(nothing, json!({ "desk": null }));
}
