//! Why an agent answered as it did, or did not.

use serde_json::{Value, json};
use shared::ids::ConversationId;
use sqlx::AssertSqlSafe;

use crate::{
    stage::{Firm, House},
    wire::Ask,
};

async fn trace(house: &House, firm: &Firm, conversation: ConversationId, query: &str) -> Value {
    let path = format!("/api/v1/conversations/{conversation}/trace{query}");
    let reply = house.ask(&Ask::get(&path).key(&firm.key)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// Statements of the tenant; `{run}` is the conversation's first run.
async fn happened(house: &House, firm: &Firm, conversation: ConversationId, statements: &[&str]) {
    let mut tx = house.test.db.tenant(firm.tenant).begin_for_all_audiences().await.expect("a transaction begins");
    for statement in statements {
        let statement = statement
            .replace("{tenant}", &format!("'{}'::uuid", firm.tenant.uuid()))
            .replace("{talk}", &format!("'{}'::uuid", conversation.uuid()))
            .replace(
                "{run}",
                "(select run_id from runs where conversation_id = {here} and state = 'done' order by run_id limit 1)",
            )
            .replace("{here}", &format!("'{}'::uuid", conversation.uuid()));
        let done = sqlx::query(AssertSqlSafe(statement.clone())).execute(tx.conn()).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    tx.commit().await.expect("it is stored");
}

#[tokio::test]
async fn an_answer_shows_what_it_was_made_from_what_it_cost_and_what_became_of_it() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (conversation, _) = house.talked(&acme).await;
    let best = house.remembered(acme.tenant, conversation, "Our launches are on Mondays.").await;
    let gone = house.remembered(acme.tenant, conversation, "I take that back.").await;
    let recalled = format!(
        "update runs set recalled = array['{}', '{}']::uuid[], recall_scores = array[9.5, 2],
                         basis = '{{\"instructions\": 40, \"memories\": 52, \"recall_ms\": 3, \"model_ms\": 250}}'
          where run_id = {{run}}",
        best.uuid(),
        gone.uuid()
    );
    happened(
        &house,
        &acme,
        conversation,
        &[
            &recalled,
            "insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, purpose, model, key_owner, status,
                                input_tokens, output_tokens, estimated, cost_micro_usd)
             select {tenant}, gen_random_uuid(), run_id, agent_id, {talk}, 'answer', 'model-1', 'platform', 'ok', 812, 45,
                    false, 1200 from runs where run_id = {run}",
            "insert into feedback (tenant_id, run_id, person_id, verdict, comment, source)
             select {tenant}, {run}, person_id, 'bad', 'Too long.', 'button' from people
              where external_id = 'UADA' limit 1",
        ],
    )
    .await;
    let forget = house.ask(&Ask::new("DELETE", &format!("/api/v1/memories/{gone}")).key(&acme.key)).await;
    assert_eq!(forget.status, 200);
    let seen = trace(&house, &acme, conversation, "").await;
    assert_eq!(seen["items"].as_array().map(Vec::len), Some(1));
    let step = &seen["items"][0];
    assert!(step["run_id"].as_str().is_some_and(|run| run.starts_with("run_")));
    assert_eq!((&step["state"], &step["messages"]), (&json!("done"), &json!(1)));
    assert_eq!(
        (&step["prompt"]["instructions"], &step["prompt"]["model_ms"], &step["prompt"]["files"]),
        (&json!(40), &json!(250), &json!(0))
    );
    assert_eq!(
        step["recalled"][0],
        json!({ "memory_id": best.to_string(), "score": 9.5, "text": "Our launches are on Mondays.", "author": "Ada",
                "said_at": step["recalled"][0]["said_at"] })
    );
    assert_eq!(
        step["recalled"][1],
        json!({ "memory_id": gone.to_string(), "score": 2.0, "text": null, "author": null, "said_at": null }),
        "what was forgotten has no words"
    );
    let call = &step["calls"][0];
    assert_eq!(
        [&call["model"], &call["status"], &call["input_tokens"], &call["output_tokens"], &call["cost_micro_usd"]],
        [&json!("model-1"), &json!("ok"), &json!(812), &json!(45), &json!(1200)]
    );
    assert_eq!(
        (&step["deliveries"][0]["kind"], &step["deliveries"][0]["state"]),
        (&json!("answer"), &json!("sent"))
    );
    let opinion = &step["opinions"][0];
    assert_eq!(
        [&opinion["person"], &opinion["verdict"], &opinion["comment"]],
        [&json!("Ada"), &json!("bad"), &json!("Too long.")]
    );
}

#[tokio::test]
async fn silences_and_interrupted_runs_stand_among_the_answers_page_by_page() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (conversation, _) = house.talked(&acme).await;
    let (elsewhere, _) = house.talked(&acme).await;
    // The second message was interrupted twice before it was answered, the third was not for the agent.
    happened(
        &house,
        &acme,
        conversation,
        &[
            "insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, state, failure)
             select {tenant}, g.id, {talk}, r.agent_id, 2, 3, 2, g.state, g.why
               from runs r, (values ('01930000-0000-7000-8000-000000000001'::uuid, 'dropped', 'edited'),
                                    ('01930000-0000-7000-8000-000000000002', 'dropped', 'stopped'),
                                    ('01930000-0000-7000-8000-000000000003', 'done', null)) g (id, state, why)
              where r.run_id = {run}",
        ],
    )
    .await;
    let mut system = house.test.system().await;
    for (seq, state, reason) in
        [(2, "replied", ""), (3, "replied", ""), (4, "ignored", "talk among people"), (5, "held", "")]
    {
        let arrival =
            "insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, state, reason)
                       values ($1, $2, $3, $4, false, '', $5::inbox_state, nullif($6, ''))";
        let connection: shared::ids::ConnectionId = acme.connection.parse().expect("an id");
        let arrival = sqlx::query(arrival).bind(acme.tenant).bind(conversation).bind(i64::from(seq));
        let arrival = arrival.bind(connection).bind(state).bind(reason);
        arrival.execute(&mut system).await.expect("it arrived");
    }
    let line = |step: &Value| {
        format!("{} {}", step["state"].as_str().expect("a state"), step["reason"].as_str().unwrap_or("-"))
    };
    let expected =
        ["held -", "ignored talk among people", "done -", "dropped stopped", "dropped edited", "done -"];
    for limit in 1..=6 {
        let (mut seen, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let page = trace(&house, &acme, conversation, &query).await;
            seen.extend(page["items"].as_array().expect("a list").iter().map(line));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("?limit={limit}&cursor={cursor}");
        }
        assert_eq!(seen, expected, "pages of {limit}");
    }
    let seen = trace(&house, &acme, conversation, "").await;
    assert!(seen["items"][0]["run_id"].is_null() && seen["items"][0]["arrived_at"].is_string());
    assert_eq!(trace(&house, &acme, elsewhere, "").await["items"].as_array().map(Vec::len), Some(1));
    for query in ["limit=0", "cursor=x", "cursor=1_x", "cursor=", "run=1"] {
        let path = format!("/api/v1/conversations/{conversation}/trace?{query}");
        let refused = house.ask(&Ask::get(&path).key(&acme.key)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid_request"), "{query}");
    }
}
