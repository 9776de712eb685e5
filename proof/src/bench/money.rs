//! money: what a secret costs to seal and to open, and what a budget adds before a call.

use std::{hint::black_box, time::Instant};

use shared::{
    crypto::{DataKey, Place},
    db::{
        budgets::{self, Limit, NewBudget, Planned, Scope, Spender, Verdict},
        statistics,
        usage::KeyOwner,
    },
    ids::{AgentId, TenantId, UsageId},
    testing::TestDb,
};
use uuid::Uuid;

use super::{
    bulk,
    report::{Figure, Report},
};

const SECRETS: u32 = 50_000;
const SECRET: &[u8] = b"sk-proj-0123456789abcdef0123456789abcdef0123456789";
const SECRET_BAR_US: f64 = 10.0;
const CHECKS: u32 = 500;

pub async fn run() -> anyhow::Result<Report> {
    let mut report = Report::new("money");
    secrets(&mut report);
    checks(&mut report).await?;
    report.note(format!(
        "{SECRETS} secrets of {} bytes, one after the other, with their place bound in. {CHECKS} checks of a budget with a limit, \
         each of which holds money: statements sent, as the product counts them.",
        SECRET.len()
    ));
    Ok(report)
}

fn secrets(report: &mut Report) {
    let key = DataKey::random();
    let place = Place { tenant: Some(TenantId::new()), table: "llm_keys", column: "sealed", row: Uuid::now_v7() };
    let each = |began: Instant| began.elapsed().as_secs_f64() * 1e6 / f64::from(SECRETS);
    let began = Instant::now();
    for _ in 0..SECRETS {
        black_box(key.seal(&place, black_box(SECRET)));
    }
    report.add(Figure::new("a secret, sealed", each(began), "µs").at_most(SECRET_BAR_US));
    let sealed = key.seal(&place, SECRET);
    let began = Instant::now();
    for _ in 0..SECRETS {
        black_box(key.open(&place, black_box(&sealed)).is_ok());
    }
    report.add(Figure::new("a secret, opened", each(began), "µs").at_most(SECRET_BAR_US));
}

async fn checks(report: &mut Report) -> anyhow::Result<()> {
    let test = TestDb::new().await;
    let db = bulk::firm(&test, "Money").await?.db;
    let mut tx = db.begin().await?;
    let budget = NewBudget { scope: Scope::Tenant, period: "day", time_zone: "UTC", limit: Limit::usd(Some(1)) };
    budgets::create(&mut tx, &budget).await?;
    tx.commit().await?;
    let who = Spender { run: None, agent: AgentId::new(), conversation: None, person: None };
    let (before, began) = (statistics().0, Instant::now());
    for _ in 0..CHECKS {
        // It has a price, which is nothing.
        let call = Planned {
            id: UsageId::new(),
            model: "simulated-1",
            owner: KeyOwner::Platform,
            input_tokens: 1_000,
            output_tokens: 1_000,
            purpose: "case",
        };
        let verdict = budgets::reserve_alone(&db, &who, &call).await?;
        anyhow::ensure!(verdict == Verdict::Held(0), "{verdict:?}");
    }
    let (trips, seconds) = (statistics().0 - before, began.elapsed().as_secs_f64());
    let checks = f64::from(CHECKS);
    report.add(Figure::new("a budget's check, round trips", trips as f64 / checks, "").at_most(1.0));
    report.add(Figure::new("a budget's check", seconds * 1e3 / checks, "ms"));
    Ok(())
}
