//! Limits in the tenant's currency, and prices that only a tenant knows.

use shared::{
    db::{
        audit::Actor,
        budget_notices,
        budgets::{self, Budget, Limit, NewBudget, Planned, Scope, Spender, Verdict, currencies},
        llm_keys::prices::{self, NewPrice},
        usage::{self, CallStatus, KeyOwner, ModelCall},
    },
    ids::{LlmKeyId, UsageId},
};

use crate::{
    budgets::{DOLLAR, MODEL, MOST, book, in_order, priced, reserve, spender},
    runs::begin,
    stage::{Firm, Stage},
};

const EURO: i64 = 1_000_000;
/// What a euro is in micro-dollars, rounded down: 1.08250017 dollars.
const EURO_MICRO_USD: i64 = 1_082_500;

async fn rated(stage: &Stage, usd: &str) {
    shared::db::system::set_rate(&stage.test.db.system(), "EUR", usd, None)
        .await
        .expect("an operator sets a rate");
}

async fn choose(firm: &Firm, currency: &str) -> bool {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let set = currencies::set(&mut tx, &Actor::System, currency).await.expect("it is looked up");
    tx.commit().await.expect("it is stored");
    set
}

async fn budget(firm: &Firm, limit: Limit<'_>) -> Budget {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let new = NewBudget { scope: Scope::Tenant, period: "month", time_zone: "Europe/Berlin", limit };
    let budget = budgets::create(&mut tx, &new).await.expect("a budget can be made");
    tx.commit().await.expect("it is stored");
    budget
}

async fn shown(firm: &Firm) -> Budget {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let budgets = budgets::list(&mut tx).await.expect("they are listed");
    tx.close().await.expect("it ends");
    budgets.into_iter().next().expect("there is one")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_runs_at_once_spend_no_micro_unit_more_than_one_euro() {
    let stage = Stage::new().await;
    priced(&stage).await;
    rated(&stage, "1.08250017").await;
    let acme = stage.firm("acme").await;
    assert!(choose(&acme, "EUR").await);
    stage.hear(acme.says("1", "C1", "hello")).await;
    let begun = begin(&stage, &acme).await;
    let limited = budget(&acme, Limit::own(Some(EURO))).await;
    assert_eq!((limited.unit.currency.as_str(), limited.limit_micro_usd), ("EUR", Some(EURO_MICRO_USD)));
    assert_eq!(limited.unit.usd_per_unit(), "1.08250017");
    let who = spender(&acme, &begun);
    let calls = (0..200_i64).map(|n| {
        let (acme, begun, who) = (&acme, &begun, &who);
        async move {
            let id = UsageId::new();
            match reserve(acme, who, id, MODEL).await {
                Verdict::Held(_) => book(acme, begun, id, 5_000 - (n % 10) * 500).await,
                Verdict::Short(_) => 0,
                other => panic!("{other:?}"),
            }
        }
    });
    let told: usize = futures::future::join_all(calls).await.into_iter().sum();
    assert!((1..=3).contains(&told), "each threshold once: {told}");
    // One after the other, with the most that fits, until nothing does.
    loop {
        let id = UsageId::new();
        match reserve(&acme, &who, id, MODEL).await {
            Verdict::Held(_) => book(&acme, &begun, id, 5_000).await,
            _ => break,
        };
    }
    let spent = acme.count("select sum(cost_micro_usd)::bigint from usage").await;
    assert!((EURO_MICRO_USD - MOST + 1..=EURO_MICRO_USD).contains(&spent), "{spent}");
    let now = shown(&acme).await;
    assert_eq!((now.spent_micro_usd, now.reserved_micro_usd), (spent, 0), "exact to the micro-dollar");
    assert!(now.unit.from_micro_usd(spent) <= EURO, "no micro-unit more than there is");
    assert_eq!(now.unit.from_micro_usd(EURO_MICRO_USD), EURO, "and none less than the limit");
    let notices = acme.texts("select body from notices where kind = 'budget_alert'").await;
    assert!(notices.iter().all(|body| body.contains("monthly budget of 1.00 EUR")), "{notices:?}");
    in_order(&acme).await;
    // The last micro-dollar can be spent, and none beyond it.
    let rest = EURO_MICRO_USD - spent;
    let exactly = |input_tokens| Planned {
        id: UsageId::new(),
        model: MODEL,
        owner: KeyOwner::Platform,
        input_tokens,
        output_tokens: 0,
        purpose: "answer",
    };
    let one_more = budgets::reserve_alone(&acme.db, &who, &exactly(rest + 1)).await.expect("the budgets answer");
    assert_eq!(one_more, Verdict::Short(vec![limited.id]));
    let last = budgets::reserve_alone(&acme.db, &who, &exactly(rest)).await.expect("the budgets answer");
    assert_eq!(last, Verdict::Held(rest));
}

#[tokio::test]
async fn a_period_keeps_the_rate_it_began_with() {
    let stage = Stage::new().await;
    rated(&stage, "1.10").await;
    let acme = stage.firm("acme").await;
    assert!(choose(&acme, "EUR").await);
    let before = budget(&acme, Limit::own(Some(EURO))).await;
    rated(&stage, "2.5").await;
    assert_eq!(shown(&acme).await, before, "a month that has begun is worth what it was");
    let worth = |at: &str| format!("select usd_per_unit('EUR', {at})::text");
    assert_eq!(acme.texts(&worth("now() + interval '1 day'")).await, ["2.5000000000"]);
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let next = "update budgets set period_start = now() + interval '1 day'";
    sqlx::query(next).execute(tx.conn()).await.expect("a period begins");
    tx.commit().await.expect("it is stored");
    assert_eq!(shown(&acme).await.limit_micro_usd, Some(2_500_000));
    let past = "insert into exchange_rates values ('EUR', now() - interval '1 minute', 9)";
    let refused = sqlx::query(past).execute(&mut stage.system().await).await;
    assert!(refused.is_err(), "nobody changes what a period was worth");
}

#[tokio::test]
async fn another_currency_changes_no_limit_that_was_said() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    assert!(!choose(&acme, "EUR").await, "nobody knows what it is worth");
    let dollars = budget(&acme, Limit::own(Some(DOLLAR))).await;
    rated(&stage, "1.10").await;
    assert!(choose(&acme, "EUR").await);
    assert_eq!(shown(&acme).await, dollars);
    assert_eq!((dollars.unit.currency.as_str(), dollars.limit_micro_usd), ("USD", Some(DOLLAR)));
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let anew = budgets::set_limit(&mut tx, dollars.id, Limit::own(Some(EURO))).await.expect("it is said anew");
    tx.commit().await.expect("it is stored");
    assert_eq!((anew.unit.currency.as_str(), anew.limit_micro_usd), ("EUR", Some(1_100_000)));
    assert!(choose(&acme, "EUR").await && choose(&acme, "USD").await);
    let acts = "select detail ->> 'before' || ' ' || (detail ->> 'currency') from audit_events
                 where action = 'currency.set' order by n";
    assert_eq!(acme.texts(acts).await, ["USD EUR", "EUR USD"], "what changes nothing is no act");
}

/// A key of the tenant's own, as it lies in the database.
async fn key(firm: &Firm) -> LlmKeyId {
    let id = LlmKeyId::new();
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let insert =
        "insert into llm_keys (tenant_id, llm_key_id, name, base_url, sealed, key_hint, default_model, created_by)
                  values ($1, $2, 'ours', 'https://models.example.com/v1', '', '', 'm', 'a test')";
    sqlx::query(insert).bind(firm.tenant).bind(id).execute(tx.conn()).await.expect("a key is stored");
    tx.commit().await.expect("it is stored");
    id
}

async fn say_price(firm: &Firm, key: LlmKeyId, model: &str, (input, cached, output): (i64, Option<i64>, i64)) {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let new = NewPrice { model, effective_from: None, input, cached, output, created_by: "a test" };
    prices::add(&mut tx, key, &new).await.expect("a price is said");
    tx.commit().await.expect("it is stored");
}

#[tokio::test]
async fn a_price_that_a_tenant_says_holds_for_its_own_key_alone_and_from_then_on() {
    let stage = Stage::new().await;
    priced(&stage).await;
    let (acme, other) = (stage.firm("acme").await, stage.firm("other").await);
    stage.hear(acme.says("1", "C1", "hello")).await;
    let begun = begin(&stage, &acme).await;
    let (ours, second, theirs) = (key(&acme).await, key(&acme).await, key(&other).await);
    budget(&acme, Limit::usd(Some(100 * DOLLAR))).await;
    let who: Spender = spender(&acme, &begun);
    let ask = async |owner, model| {
        let (id, input_tokens) = (UsageId::new(), 1_000_000);
        let call = Planned { id, model, owner, input_tokens, output_tokens: 1_000_000, purpose: "answer" };
        (id, budgets::reserve_alone(&acme.db, &who, &call).await.expect("the budgets answer"))
    };
    let (owned, platform) = (KeyOwner::Tenant(ours), KeyOwner::Platform);
    assert!(matches!(ask(owned, "deployment-7").await.1, Verdict::Unpriced(_)));
    say_price(&other, theirs, "deployment-7", (9, None, 9)).await;
    assert!(matches!(ask(owned, "deployment-7").await.1, Verdict::Unpriced(_)), "another tenant's is none");
    say_price(&acme, ours, "deployment-7", (2 * DOLLAR, Some(DOLLAR / 2), 4 * DOLLAR)).await;
    let (id, verdict) = ask(owned, "deployment-7").await;
    assert_eq!(verdict, Verdict::Held(6 * DOLLAR), "nothing of it is taken to be cached");
    for elsewhere in [platform, KeyOwner::Tenant(second)] {
        assert!(matches!(ask(elsewhere, "deployment-7").await.1, Verdict::Unpriced(_)));
    }
    // Of a model that has a list price: for the own key what the tenant says, for the platform's what the operator says.
    say_price(&acme, ours, MODEL, (0, None, DOLLAR / 2)).await;
    assert_eq!(ask(owned, MODEL).await.1, Verdict::Held(DOLLAR / 2));
    assert_eq!(ask(platform, MODEL).await.1, Verdict::Held(3 * DOLLAR));

    let call = ModelCall {
        usage_id: id.uuid(),
        input_tokens: 1_000_000,
        cached_tokens: 400_000,
        output_tokens: 500_000,
        estimated: false,
        ..ModelCall::by(owned, "deployment-7", CallStatus::Ok)
    };
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    usage::book_afterwards(&mut tx, begun.run, "summary", &[call]).await.expect("it is booked");
    budget_notices::tell_thresholds(&mut tx).await.expect("nothing to tell");
    tx.commit().await.expect("it is stored");
    let cost = 1_200_000 + 200_000 + 2_000_000;
    say_price(&acme, ours, "deployment-7", (1, None, 1)).await;
    let booked = "select cost_micro_usd from usage where purpose = 'summary'";
    assert_eq!(acme.count(booked).await, cost, "what was booked keeps its cost");
    assert_eq!(ask(owned, "deployment-7").await.1, Verdict::Held(2));
    in_order(&acme).await;

    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let listed = prices::list(&mut tx, ours).await.expect("they are listed");
    let newest: Vec<(&str, i64)> = listed.iter().map(|price| (price.model.as_str(), price.input)).collect();
    assert_eq!(newest, [("deployment-7", 1), ("deployment-7", 2 * DOLLAR), (MODEL, 0)]);
    assert!(prices::list(&mut tx, second).await.expect("there is the key").is_empty());
    assert!(prices::list(&mut tx, theirs).await.is_err(), "a foreign key is none");
    let change = sqlx::query("update llm_key_prices set input_micro_usd_per_million = 0").execute(tx.conn()).await;
    assert!(change.is_err(), "no price is changed");
}
