//! Money that is gone in the middle of an answer.

use shared::db::budgets::{self, Limit, NewBudget, Scope};
use simulators::{FaultKind, FaultRule, ModelOptions};

use crate::stage::Stage;

/// What one call may cost: 1,500 tokens out, at a micro-dollar each.
const CALL: i64 = 1_500;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_for_want_of_money_is_a_humans() {
    let mut stage = Stage::new().await;
    stage.test.config.llm.fallback_model = None;
    let price = "insert into model_prices (model, effective_from, input_micro_usd_per_million, output_micro_usd_per_million)
                 values ($1, now(), 0, 1000000)";
    let model = &stage.test.config.llm.model;
    let insert = sqlx::query(price).bind(model).execute(&mut stage.test.system().await).await;
    insert.expect("an operator sets a price");
    // Room for one call, and not for the short one that would follow.
    let mut tx = stage.db.begin().await.expect("a transaction begins");
    let limit = Some(CALL + 100);
    let budget = NewBudget { scope: Scope::Tenant, period: "day", time_zone: "UTC", limit: Limit::usd(limit) };
    budgets::create(&mut tx, &budget).await.expect("a budget");
    tx.commit().await.expect("it is stored");
    let answer = "One sentence after the other tells a little more of what I know. ".repeat(20);
    stage.model.set_options(ModelOptions { answer: Some(answer), token_delay_ms: 10, ..ModelOptions::default() });
    stage.model.faults().add(FaultRule::always("completions", FaultKind::CloseMidStream(60)));

    let asked = stage.asks("What do you know?").await;
    let _orchestrator = stage.orchestrator();
    stage.ended().await;
    let replies = stage.replies(&asked);
    assert_eq!(replies.len(), 1, "in the message that was begun");
    assert!(replies[0].text.starts_with("One sentence after the other"), "{}", replies[0].text);
    assert!(replies[0].text.contains("the budget for my answers is used up"), "{}", replies[0].text);
    assert_eq!(stage.texts("select state || ': ' || reason from inbox").await, ["held: the budget is used up"]);
    assert_eq!(stage.model.requests().len(), 1, "nobody is asked without money");
    let notices = stage.texts("select kind from notices order by kind").await;
    assert_eq!(notices, ["budget_exhausted", "escalation"]);
    let waits = "select count(*)::text from conversations where waits_since is not null";
    assert_eq!(stage.texts(waits).await, ["1"], "somebody has to answer");
    assert_eq!(stage.texts("select count(*)::text from budget_drift()").await, ["0"]);
    let spent = stage.texts("select (spent_micro_usd <= limit_micro)::text from budgets").await;
    assert_eq!(spent, ["true"]);
}
