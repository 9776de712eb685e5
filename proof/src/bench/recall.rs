//! recall: the search of a small and of a large tenant's memory, the embedding of the question apart.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use shared::{
    db::{
        Audience, TenantDb,
        memories::{self, Question, Recalled},
    },
    testing::TestDb,
};
use sqlx::Executor;

use super::{
    bulk::{self, Firm},
    report::{Figure, Report},
    sample::{Dice, Sample, timed},
};

const SMALL: usize = 1_000;
const LARGE: usize = 50_000;
const SMALL_BAR_MS: f64 = 10.0;
const LARGE_BAR_MS: f64 = 50.0;
/// Questions to each tenant, or as many as fit into the time.
const QUESTIONS: usize = 200;
const TIME_MAX: Duration = Duration::from_secs(25);
const WARM_UP: usize = 5;
const TERMS: usize = 8;
/// As many memories as a prompt holds.
const LIMIT: i64 = 25;
/// Each looks closely at all memories of the large tenant.
const EXACT_QUESTIONS: usize = 30;
const FIRST: usize = 10;
const AGREEMENT_BAR: f64 = 0.95;

pub async fn run() -> anyhow::Result<Report> {
    let test = TestDb::new().await;
    let (small, large) = (bulk::firm(&test, "Small").await?, bulk::firm(&test, "Large").await?);
    bulk::remember(&small, SMALL).await?;
    bulk::remember(&large, LARGE).await?;
    // As autovacuum leaves it; the owner may do this without seeing a row.
    test.owner().await.execute("vacuum (analyze) memories").await?;
    let mut report = Report::new("recall");
    for (firm, count, bar) in [(&small, SMALL, SMALL_BAR_MS), (&large, LARGE, LARGE_BAR_MS)] {
        let (search, floor) = measure(firm).await?;
        let name = |percentile: &str| format!("search {percentile}, {count} memories");
        let p50 = Figure::new(name("p50"), search.median(), "ms");
        report.add(p50.floor(floor.median()));
        let p95 = Figure::new(name("p95"), search.percentile(95.0), "ms");
        report.add(p95.floor(floor.percentile(95.0)).at_most(bar));
        report.note(format!("{count} memories: {} questions.", search.len()));
    }
    report.add(agreement(&large).await?);
    report.note(
        "The product's search under the tenant's role and audience, in its own transaction; synthetic vectors near one \
         of 300 subjects. Floor: `select 1` in the same kind of transaction, after each question.",
    );
    Ok(report)
}

/// The search's times and the floor's.
async fn measure(firm: &Firm) -> anyhow::Result<(Sample, Sample)> {
    let (mut search, mut floor) = (Sample::default(), Sample::default());
    let (mut dice, began) = (Dice::new(11), Instant::now());
    for n in 0..WARM_UP + QUESTIONS {
        if began.elapsed() > TIME_MAX && search.len() > WARM_UP {
            break;
        }
        let vector = bulk::vector(&mut dice);
        let terms: Vec<String> = (0..TERMS).map(|_| bulk::sentence(&mut dice, 1, 1)).collect();
        let (found, time) = timed(ask(&firm.db, &vector, &terms.join(" or "))).await;
        found?;
        let (answered, bare) = timed(select_one(&firm.db)).await;
        answered?;
        if n >= WARM_UP {
            search.push(time);
            floor.push(bare);
        }
    }
    Ok((search, floor))
}

/// How many of the first ten of an exact search the product's search finds.
async fn agreement(firm: &Firm) -> anyhow::Result<Figure> {
    let (mut dice, mut same) = (Dice::new(13), 0);
    for _ in 0..EXACT_QUESTIONS {
        let vector = bulk::vector(&mut dice);
        let terms: Vec<String> = (0..TERMS).map(|_| bulk::sentence(&mut dice, 1, 1)).collect();
        let terms = terms.join(" or ");
        let question = question(&vector, &terms);
        let mut tx = firm.db.begin_for(&[Audience::Tenant]).await?;
        let quick = memories::search(&mut tx, &question).await?;
        let exact = memories::search_among(&mut tx, &question, i64::MAX).await?;
        tx.close().await?;
        let best = |found: &[Recalled]| found.iter().take(FIRST).map(|memory| memory.id).collect::<HashSet<_>>();
        same += best(&quick).intersection(&best(&exact)).count();
    }
    let found = Figure::new(
        format!("found of the exact first ten, {LARGE} memories"),
        same as f64 / EXACT_QUESTIONS as f64,
        "",
    );
    Ok(found.floor(FIRST as f64).ratio_at_least(AGREEMENT_BAR))
}

fn question<'a>(vector: &'a [f32], terms: &'a str) -> Question<'a> {
    Question { vector, terms, about: None, asks_when: false, asks_past: false, except: &[], limit: LIMIT }
}

pub async fn ask(db: &TenantDb, vector: &[f32], terms: &str) -> anyhow::Result<()> {
    let question = question(vector, terms);
    let mut tx = db.begin_for(&[Audience::Tenant]).await?;
    let found = memories::search(&mut tx, &question).await?;
    tx.close().await?;
    anyhow::ensure!(!found.is_empty(), "the search finds nothing");
    Ok(())
}

pub async fn select_one(db: &TenantDb) -> anyhow::Result<()> {
    let mut tx = db.begin_for(&[Audience::Tenant]).await?;
    let _: i32 = sqlx::query_scalar("select 1").fetch_one(tx.conn()).await?;
    tx.close().await?;
    Ok(())
}
