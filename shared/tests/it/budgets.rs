//! Budgets: money is held before a call and let go by its ledger row; counters are the ledger's sums at any time.

use shared::{
    clock::Clock,
    db::{
        budget_notices,
        budgets::{self, Limit, NewBudget, Planned, Scope, Spender, SummedUp, Verdict},
        deliveries::{self, Progress, Status},
        runs,
        usage::{CallStatus, KeyOwner, ModelCall},
        usage_report::{self, By},
    },
    ids::{OutboxId, UsageId},
};
use time::macros::date;

use crate::{
    runs::{Begun, begin},
    stage::{Firm, Stage},
};

pub const MODEL: &str = "measured-1";
pub const DOLLAR: i64 = 1_000_000;
/// 10,000 tokens in and 5,000 out.
pub const MOST: i64 = 20_000;

/// A model whose tokens cost a dollar and two dollars a million.
pub async fn priced(stage: &Stage) {
    let insert = "insert into model_prices (model, effective_from, input_micro_usd_per_million,
                                            output_micro_usd_per_million)
                  values ($1, '-infinity', 1000000, 2000000)";
    sqlx::query(insert).bind(MODEL).execute(&mut stage.system().await).await.expect("an operator sets a price");
}

async fn budget(firm: &Firm, scope: Scope, limit: Option<i64>) -> budgets::Budget {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let new = NewBudget { scope, period: "month", time_zone: "Europe/Berlin", limit: Limit::usd(limit) };
    let budget = budgets::create(&mut tx, &new).await.expect("a budget can be made");
    tx.commit().await.expect("it is stored");
    budget
}

pub fn spender(firm: &Firm, begun: &Begun) -> Spender {
    Spender { run: Some(begun.run), agent: firm.agent, conversation: Some(begun.lease.conversation), person: None }
}

pub async fn reserve(firm: &Firm, who: &Spender, id: UsageId, model: &str) -> Verdict {
    let call = Planned {
        id,
        model,
        owner: KeyOwner::Platform,
        input_tokens: 10_000,
        output_tokens: 5_000,
        purpose: "answer",
    };
    budgets::reserve_alone(&firm.db, who, &call).await.expect("the budgets answer")
}

/// Books the call as a turn does. Returns how many thresholds the admins were told of.
pub async fn book(firm: &Firm, begun: &Begun, id: UsageId, output_tokens: i64) -> usize {
    let call = ModelCall {
        usage_id: id.uuid(),
        input_tokens: 10_000,
        output_tokens,
        estimated: false,
        ..ModelCall::new(MODEL, CallStatus::Ok)
    };
    let answer = runs::Answer {
        run: begun.run,
        asker: None,
        placeholder: None,
        request_hash: &[0; 32],
        result: None,
        calls: &[call],
        basis: None,
        parts: &[],
        kind: "answer",
    };
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    assert!(runs::record_answer(&mut tx, &begun.lease, &answer).await.expect("it is booked"));
    let told = budget_notices::tell_thresholds(&mut tx).await.expect("the admins are told");
    tx.commit().await.expect("it is stored");
    told
}

pub async fn in_order(firm: &Firm) {
    assert_eq!(firm.count("select count(*) from budget_drift()").await, 0, "the counters are the ledger's sums");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_167_two_hundred_runs_at_once_spend_no_micro_dollar_more_than_there_is() {
    let stage = Stage::new().await;
    priced(&stage).await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("1", "C1", "hello")).await;
    let begun = begin(&stage, &acme).await;
    budget(&acme, Scope::Tenant, Some(DOLLAR)).await;
    budget(&acme, Scope::Agent(acme.agent), Some(2 * DOLLAR)).await;
    let who = spender(&acme, &begun);
    let calls = (0..200_i64).map(|n| {
        let (acme, begun, who) = (&acme, &begun, &who);
        async move {
            let id = UsageId::new();
            match reserve(acme, who, id, MODEL).await {
                Verdict::Held(amount) => {
                    assert_eq!(amount, MOST);
                    // Each takes something else, the most among it.
                    book(acme, begun, id, 5_000 - (n % 10) * 500).await;
                    true
                }
                Verdict::Short(short) => {
                    assert_eq!(short.len(), 1, "the agent's budget has room");
                    false
                }
                other => panic!("{other:?}"),
            }
        }
    });
    let made = futures::future::join_all(calls).await.into_iter().filter(|made| *made).count();
    assert!((1..200).contains(&made), "{made}");
    in_order(&acme).await;
    // One after the other, until there is no room: the last micro-dollar is not held back.
    loop {
        let id = UsageId::new();
        match reserve(&acme, &who, id, MODEL).await {
            Verdict::Held(_) => book(&acme, &begun, id, 5_000).await,
            _ => break,
        };
    }
    let spent = acme.count("select sum(cost_micro_usd)::bigint from usage").await;
    assert!((DOLLAR - MOST + 1..=DOLLAR).contains(&spent), "{spent}");
    let counted = "select spent_micro_usd from budgets where scope = 'tenant'";
    assert_eq!(acme.count(counted).await, spent, "exact to the micro-dollar");
    assert_eq!(acme.count("select sum(reserved_micro_usd)::bigint from budgets").await, 0);
    in_order(&acme).await;
}

#[tokio::test]
async fn attacks_166_and_169_a_call_that_nobody_booked_is_booked_once_at_what_was_held() {
    let stage = Stage::new().await;
    priced(&stage).await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("1", "C1", "hello")).await;
    let begun = begin(&stage, &acme).await;
    budget(&acme, Scope::Tenant, Some(DOLLAR)).await;
    budget(&acme, Scope::Conversation(begun.lease.conversation), Some(DOLLAR)).await;
    let (who, id) = (spender(&acme, &begun), UsageId::new());
    assert_eq!(reserve(&acme, &who, id, MODEL).await, Verdict::Held(MOST));
    let settle = async || {
        let mut tx = acme.db.begin().await.expect("a transaction begins");
        let settled = budgets::settle_stale(&mut tx).await.expect("it is looked through");
        tx.commit().await.expect("it is stored");
        settled
    };
    assert_eq!(settle().await, 0, "its turn may still be going");
    // The process was killed, and a quarter of an hour passes.
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let older = "insert into budget_reservations
                 select tenant_id, usage_id, budget_id, run_id, agent_id, conversation_id, person_id, model, key_owner,
                        llm_key_id, input_tokens, output_tokens, amount_micro_usd, created_at - interval '16 minutes'
                   from removed";
    let older = format!("with removed as (delete from budget_reservations returning *) {older}");
    sqlx::query(sqlx::AssertSqlSafe(older)).execute(tx.conn()).await.expect("time passes");
    tx.commit().await.expect("it is stored");
    assert_eq!(settle().await, 1);
    assert_eq!(settle().await, 0);
    // The turn was only slow: its own row comes too late, and nothing is counted twice.
    book(&acme, &begun, id, 5).await;
    let rows = "select status || ' ' || estimated || ' ' || cost_micro_usd from usage";
    assert_eq!(acme.texts(rows).await, [format!("unknown true {MOST}")]);
    let counters = "select spent_micro_usd || ' ' || reserved_micro_usd from budgets";
    assert_eq!(acme.texts(counters).await, [format!("{MOST} 0"), format!("{MOST} 0")]);
    assert_eq!(acme.count("select count(*) from budget_reservations").await, 0);
    in_order(&acme).await;
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_under_a_limit_and_free_without_one() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("1", "C1", "hello")).await;
    let begun = begin(&stage, &acme).await;
    let who = spender(&acme, &begun);
    let none = budget(&acme, Scope::Tenant, None).await;
    assert_eq!(reserve(&acme, &who, UsageId::new(), "nameless").await, Verdict::Free);
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    budgets::set_limit(&mut tx, none.id, Limit::usd(Some(DOLLAR))).await.expect("the limit is set");
    tx.commit().await.expect("it is stored");
    assert_eq!(reserve(&acme, &who, UsageId::new(), "nameless").await, Verdict::Unpriced(vec![none.id]));
    assert_eq!(acme.count("select reserved_micro_usd from budgets").await, 0);
}

#[tokio::test]
async fn admins_hear_of_each_threshold_once_and_a_new_period_begins_at_nothing() {
    let stage = Stage::new().await;
    priced(&stage).await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("1", "C1", "hello")).await;
    let begun = begin(&stage, &acme).await;
    let limited = budget(&acme, Scope::Tenant, Some(100_000)).await;
    let who = spender(&acme, &begun);
    let mut told = Vec::new();
    for _ in 0..5 {
        let id = UsageId::new();
        assert_eq!(reserve(&acme, &who, id, MODEL).await, Verdict::Held(MOST));
        told.push(book(&acme, &begun, id, 5_000).await);
    }
    assert_eq!(told, [0, 0, 1, 1, 1], "50, 80 and 100 %");
    assert_eq!(reserve(&acme, &who, UsageId::new(), MODEL).await, Verdict::Short(vec![limited.id]));
    for _ in 0..2 {
        let mut tx = acme.db.begin().await.expect("a transaction begins");
        budget_notices::tell_exhausted(&mut tx, &[limited.id], None).await.expect("the admins are told");
        tx.commit().await.expect("it is stored");
    }
    let kinds = "select kind from notices order by notice_id";
    assert_eq!(acme.texts(kinds).await, ["budget_alert", "budget_alert", "budget_alert", "budget_exhausted"]);
    let bodies = acme.texts("select body from notices order by notice_id").await;
    assert!(
        bodies[0].starts_with("50 % of the monthly budget of $0.10 for whole organization")
            || bodies[0].contains("monthly budget of $0.10"),
        "{bodies:?}"
    );

    // Two months later: what was spent belongs to a period that is over.
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let earlier = "update budgets set period_start = period_start - interval '2 months'";
    sqlx::query(earlier).execute(tx.conn()).await.expect("time passes");
    let shown = budgets::list(&mut tx).await.expect("the budgets are listed");
    tx.commit().await.expect("it is stored");
    assert_eq!(shown[0].spent_micro_usd, 0);
    let id = UsageId::new();
    assert_eq!(reserve(&acme, &who, id, MODEL).await, Verdict::Held(MOST));
    assert_eq!(book(&acme, &begun, id, 5_000).await, 0);
    let counted = "select spent_micro_usd || ' ' || alerted_percent from budgets";
    assert_eq!(acme.texts(counted).await, [format!("{MOST} 0")], "the new period has this call alone");
}

/// As WhatsApp reports a message that went out, twice.
async fn told_of(firm: &Firm, outbox: OutboxId, external: &str, category: &str) {
    let report = |progress| Status {
        external_id: external.into(),
        progress,
        at: Clock::system().now(),
        outbox: Some(outbox),
        recipient: "447700900123".into(),
        error_code: None,
        error: None,
        category: Some(category.into()),
        pricing: Some("regular".into()),
    };
    for progress in [Progress::Sent, Progress::Delivered] {
        let mut tx = firm.db.begin().await.expect("a transaction begins");
        deliveries::record(&mut tx, &[(firm.connection, report(progress))], |_| None).await.expect("it is heard");
        tx.commit().await.expect("it is stored");
    }
}

#[tokio::test]
async fn what_a_channel_takes_for_a_message_counts_in_the_budgets_once() {
    let stage = Stage::new().await;
    priced(&stage).await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("1", "C1", "hello")).await;
    let begun = begin(&stage, &acme).await;
    let outbox = OutboxId::new();
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let sent =
        "insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, operation, body, state, fence)
                values ($1, $2, $3, $4, 'notice', 'post', 'hello', 'sent', 0)";
    let sent = sqlx::query(sent).bind(acme.tenant).bind(outbox).bind(begun.lease.conversation).bind(begun.run);
    sent.execute(tx.conn()).await.expect("a message went out");
    tx.commit().await.expect("it is stored");
    let whole = budget(&acme, Scope::Tenant, Some(80_000)).await;
    let agents = budget(&acme, Scope::Agent(acme.agent), Some(DOLLAR)).await;
    let talks = budget(&acme, Scope::Conversation(begun.lease.conversation), Some(DOLLAR)).await;

    told_of(&acme, outbox, "wamid.1", "marketing").await;
    // Nothing is known of its price, or of the message.
    told_of(&acme, outbox, "wamid.2", "without_a_price").await;
    told_of(&acme, OutboxId::new(), "wamid.3", "marketing").await;
    let ledger = "select model || ' ' || purpose || ' ' || cost_micro_usd from usage";
    assert_eq!(acme.texts(ledger).await, ["whatsapp/marketing channel 63500"]);
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let shown = budgets::list(&mut tx).await.expect("the budgets");
    tx.close().await.expect("it ends");
    let spent = |id| shown.iter().find(|budget| budget.id == id).map(|budget| budget.spent_micro_usd);
    for id in [whole.id, agents.id, talks.id] {
        assert_eq!(spent(id), Some(63_500));
    }
    in_order(&acme).await;
    // What is left is too little for a call.
    let who = spender(&acme, &begun);
    assert_eq!(reserve(&acme, &who, UsageId::new(), MODEL).await, Verdict::Short(vec![whole.id]));
}

#[tokio::test]
async fn a_counter_that_is_wrong_is_found_and_corrected() {
    let stage = Stage::new().await;
    priced(&stage).await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("1", "C1", "hello")).await;
    let begun = begin(&stage, &acme).await;
    book(&acme, &begun, UsageId::new(), 5_000).await;
    let late = budget(&acme, Scope::Tenant, Some(DOLLAR)).await;
    assert_eq!(late.spent_micro_usd, MOST, "a budget begins with what its period has cost already");
    in_order(&acme).await;
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let wrong = "update budgets set spent_micro_usd = 1, reserved_micro_usd = 7";
    sqlx::query(wrong).execute(tx.conn()).await.expect("somebody meddles");
    assert_eq!(budgets::sum_up(&mut tx).await.expect("summed"), SummedUp { budgets: 1, corrected: 1 });
    assert_eq!(budgets::sum_up(&mut tx).await.expect("summed"), SummedUp { budgets: 1, corrected: 0 });
    tx.commit().await.expect("it is stored");
    in_order(&acme).await;

    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let report =
        usage_report::report(&mut tx, By::Agent, (date!(2020 - 01 - 01), date!(2099 - 12 - 31)), "Europe/Berlin");
    let report = report.await.expect("a report");
    assert_eq!((report.len(), report[0].name.as_deref(), report[0].cost_micro_usd), (1, Some("Ada"), MOST));
    tx.close().await.expect("it ends");
}
