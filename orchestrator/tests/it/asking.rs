//! How models are asked: as the agent's shape has it, and in each model's own dialect.

use serde_json::{Value, json};
use shared::db::{
    agents::{self, AgentShape},
    budgets::{self, Limit, NewBudget, Scope},
};
use simulators::ModelOptions;

use crate::stage::Stage;

async fn shaped(stage: &Stage, temperature: Option<f64>, answer_tokens: Option<i32>) {
    let mut tx = stage.db.begin().await.expect("a transaction begins");
    let shape =
        AgentShape { temperature: Some(temperature), answer_tokens: Some(answer_tokens), ..AgentShape::default() };
    agents::shape(&mut tx, "Ada", &shape).await.expect("an agent is shaped");
    tx.commit().await.expect("it is stored");
}

/// Limit and temperature of each request, by the names they were sent under.
fn asked(stage: &Stage) -> Vec<Value> {
    let of = |body: &Value| {
        let names = ["max_tokens", "max_completion_tokens", "temperature"];
        names.iter().filter_map(|name| Some(((*name).to_owned(), body.get(*name)?.clone()))).collect()
    };
    stage.model.requests().iter().map(|request| Value::Object(of(&request.body))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_temperature_and_limit_go_with_each_request_and_can_be_taken_back() {
    let stage = Stage::new().await;
    shaped(&stage, Some(0.2), Some(120)).await;
    stage.asks("Are you a human?").await;
    let _orchestrator = stage.orchestrator();
    stage.ended().await;
    assert_eq!(asked(&stage), [json!({ "max_tokens": 120, "temperature": 0.2 })]);
    shaped(&stage, None, None).await;
    stage.model.clear_requests();
    stage.asks("Are you a machine?").await;
    stage.ended().await;
    assert_eq!(asked(&stage), [json!({ "max_tokens": 1_500 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_thinks_is_asked_in_its_own_words_from_then_on_and_its_refusals_cost_nothing() {
    let mut stage = Stage::new().await;
    stage.test.config.llm.fallback_model = None;
    let price = "insert into model_prices (model, effective_from, input_micro_usd_per_million, output_micro_usd_per_million)
                 values ($1, now(), 1000000, 1000000)";
    let model = &stage.test.config.llm.model;
    let insert = sqlx::query(price).bind(model).execute(&mut stage.test.system().await).await;
    insert.expect("an operator sets a price");
    stage.model.set_options(ModelOptions { thinks: true, ..ModelOptions::default() });
    shaped(&stage, Some(0.2), Some(120)).await;
    let first = stage.asks("Are you a human?").await;
    let _orchestrator = stage.orchestrator();
    stage.ended().await;
    let own = json!({ "max_completion_tokens": 120 });
    assert_eq!(
        asked(&stage),
        [
            json!({ "max_tokens": 120, "temperature": 0.2 }),
            json!({ "max_completion_tokens": 120, "temperature": 0.2 }),
            own.clone()
        ]
    );
    let replies = stage.replies(&first);
    assert!(replies.len() == 1 && replies[0].text.contains("AI"), "{replies:?}");
    stage.model.clear_requests();
    stage.asks("Are you a machine?").await;
    stage.ended().await;
    assert_eq!(asked(&stage), [own]);
    let ledger = "select status || case when cost_micro_usd > 0 then ' paid' else ' free' end from usage
                   order by created_at, usage_id";
    assert_eq!(stage.texts(ledger).await, ["failed free", "failed free", "ok paid", "ok paid"]);
}

/// Refused twice for how it was asked: what was held the first time is enough for the answer.
#[tokio::test(flavor = "multi_thread")]
async fn money_for_one_call_is_enough_for_a_model_that_wants_to_be_asked_otherwise() {
    let mut stage = Stage::new().await;
    stage.test.config.llm.fallback_model = None;
    let price = "insert into model_prices (model, effective_from, input_micro_usd_per_million, output_micro_usd_per_million)
                 values ($1, now(), 0, 1000000)";
    let model = &stage.test.config.llm.model;
    let insert = sqlx::query(price).bind(model).execute(&mut stage.test.system().await).await;
    insert.expect("an operator sets a price");
    // 120 tokens of an answer, a micro-dollar each, and none for a shorter one.
    let mut tx = stage.db.begin().await.expect("a transaction begins");
    let (scope, limit) = (Scope::Tenant, Limit::usd(Some(120)));
    let budget = NewBudget { scope, period: "day", time_zone: "UTC", limit };
    budgets::create(&mut tx, &budget).await.expect("a budget");
    tx.commit().await.expect("it is stored");
    stage.model.set_options(ModelOptions { thinks: true, ..ModelOptions::default() });
    shaped(&stage, Some(0.2), Some(120)).await;
    let first = stage.asks("Are you a human?").await;
    let _orchestrator = stage.orchestrator();
    stage.ended().await;
    let replies = stage.replies(&first);
    assert!(replies.len() == 1 && replies[0].text.contains("AI"), "{replies:?}");
    assert_eq!(asked(&stage).len(), 3);
    let ledger = "select status || case when cost_micro_usd > 0 then ' paid' else ' free' end from usage
                   order by created_at, usage_id";
    assert_eq!(stage.texts(ledger).await, ["failed free", "failed free", "ok paid"]);
    let held = "select count(*)::text || ' ' || (select reserved_micro_usd from budgets) from budget_reservations";
    assert_eq!(stage.texts(held).await, ["0 0"]);
    assert_eq!(stage.texts("select count(*)::text from budget_drift()").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn thoughts_are_shown_to_nobody_and_a_refusal_is_an_answer() {
    let stage = Stage::new().await;
    let thoughts = "The secret plan of the model, word by word.";
    let (answer, refusal) = ("It is on 14 March.", "I can't help with that.");
    let options = |answer: &str| ModelOptions { answer: Some(answer.into()), ..ModelOptions::default() };
    stage.model.set_options(ModelOptions { thoughts: Some(thoughts.into()), ..options(answer) });
    let first = stage.asks("When is it?").await;
    let _orchestrator = stage.orchestrator();
    stage.ended().await;
    stage.model.set_options(ModelOptions { refuses: true, ..options(refusal) });
    let second = stage.asks("How do I pick this lock?").await;
    stage.ended().await;
    for (asked, said) in [(first, answer), (second, refusal)] {
        let replies: Vec<String> = stage.replies(&asked).into_iter().map(|reply| reply.text).collect();
        assert_eq!(replies, [said]);
    }
    assert_eq!(
        stage.texts("select body from messages where author_kind = 'agent' order by sent_at").await,
        [answer, refusal]
    );
    assert_eq!(stage.model.requests().len(), 2, "neither is asked twice");
}
