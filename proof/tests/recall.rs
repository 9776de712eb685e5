//! Search in memory looks closely at few rows only: what that misses, against looking at all of them.

use std::collections::HashSet;

use proof::bench::{
    Dice,
    bulk::{self, Firm},
};
use shared::{
    db::{
        Audience,
        memories::{self, Question, Recalled},
    },
    testing::TestDb,
};
use sqlx::Executor;

const MEMORIES: usize = 8_000;
const QUESTIONS: usize = 40;
const TERMS: usize = 6;
const LARGE: usize = 3_000;
/// Scored one by one; twice as many are not.
const SMALL: usize = 1_500;
/// More than anybody has.
const ALL: i64 = 1_000_000;

#[tokio::test]
async fn the_first_look_finds_what_an_exact_search_would() {
    let test = TestDb::new().await;
    let firm = bulk::firm(&test, "Large").await.unwrap();
    bulk::remember(&firm, MEMORIES).await.unwrap();
    let mut dice = Dice::new(23);
    let (mut same_ten, mut same_first) = (0, 0);
    for _ in 0..QUESTIONS {
        let vector = bulk::vector(&mut dice);
        let terms: Vec<String> = (0..TERMS).map(|_| bulk::sentence(&mut dice, 1, 1)).collect();
        let terms = terms.join(" or ");
        let (exact, quick) =
            (ask(&firm, &vector, &terms, Some(ALL)).await, ask(&firm, &vector, &terms, None).await);
        let ids = |found: &[Recalled]| found.iter().map(|memory| memory.id).collect::<HashSet<_>>();
        assert_eq!((exact.len(), quick.len()), (10, 10));
        same_ten += ids(&exact).intersection(&ids(&quick)).count();
        same_first += usize::from(exact[0].id == quick[0].id);
    }
    let asked = QUESTIONS * 10;
    assert!(same_first * 100 >= QUESTIONS * 95, "the first one is the same in {same_first} of {QUESTIONS}");
    assert!(same_ten * 100 >= asked * 95, "{same_ten} of the {asked} best are found");
}

#[tokio::test]
async fn words_alone_rank_when_a_question_has_no_vector() {
    let test = TestDb::new().await;
    let firm = bulk::firm(&test, "Small").await.unwrap();
    bulk::remember(&firm, 500).await.unwrap();
    let zeros = vec![0.0; shared::embedding::DIMENSIONS];
    let found = ask(&firm, &zeros, "budget or launch", None).await;
    assert!(found.iter().all(|memory| memory.score.is_finite()), "a score is a number");
    assert!(found[0].body.contains("budget") || found[0].body.contains("launch"), "{}", found[0].body);
}

/// Each of a small tenant's memories is scored; the search that first meets more of them changes over.
#[tokio::test]
async fn a_tenant_that_grows_large_is_searched_the_other_way() {
    let test = TestDb::new().await;
    let firm = bulk::firm(&test, "Growing").await.unwrap();
    let (mut dice, mut stored) = (Dice::new(31), 0);
    for (memories, changes_over) in [(SMALL, false), (SMALL, true)] {
        bulk::remember_more(&firm, memories, stored).await.unwrap();
        stored += memories;
        // The first of them finds out how many there are.
        for _ in 0..2 {
            let (vector, terms) = (bulk::vector(&mut dice), bulk::sentence(&mut dice, 1, 1));
            let (found, exact) =
                (ask(&firm, &vector, &terms, None).await, ask(&firm, &vector, &terms, Some(ALL)).await);
            let ids = |found: &[Recalled]| found.iter().map(|memory| memory.id).collect::<Vec<_>>();
            let same = ids(&found).iter().filter(|id| ids(&exact).contains(id)).count();
            let least = if changes_over { 8 } else { 10 };
            assert!(same >= least && found[0].id == exact[0].id, "{same} of ten among {stored} memories");
        }
    }
}

/// A kept plan that was made for a handful of memories serves two thousand: it reads each once.
#[tokio::test]
async fn a_plan_made_for_a_handful_reads_each_of_a_thousand_once() {
    let test = TestDb::new().await;
    let (first, next) = (bulk::firm(&test, "First").await.unwrap(), bulk::firm(&test, "Next").await.unwrap());
    test.owner().await.execute("alter table memories set (autovacuum_enabled = off)").await.unwrap();
    let vector = bulk::vector(&mut Dice::new(37));
    bulk::remember(&first, 10).await.unwrap();
    for _ in 0..8 {
        rows_read(&first, &vector).await;
    }
    bulk::remember(&next, SMALL).await.unwrap();
    let read = rows_read(&next, &vector).await;
    assert!(read <= i64::try_from(SMALL).unwrap() + 50, "{read} rows were read to search {SMALL}");
}

/// A plan that a session made for a handful of memories and kept would read all rows of a large tenant for every hit.
#[tokio::test]
async fn a_large_tenant_is_not_searched_as_a_small_one_was() {
    let test = TestDb::new().await;
    let (small, large) = (bulk::firm(&test, "Small").await.unwrap(), bulk::firm(&test, "Large").await.unwrap());
    // Statistics lag behind: that is the case at hand, so nobody may bring them up to date meanwhile.
    test.owner().await.execute("alter table memories set (autovacuum_enabled = off)").await.unwrap();
    let vector = bulk::vector(&mut Dice::new(29));
    bulk::remember(&small, 40).await.unwrap();
    // Until a session would keep its plan.
    for _ in 0..8 {
        rows_read(&small, &vector).await;
    }
    bulk::remember(&large, LARGE).await.unwrap();
    let read = rows_read(&large, &vector).await;
    // The first look reads each once, then come some stretches of talk.
    assert!(read <= 4 * i64::try_from(LARGE).unwrap(), "{read} rows were read to search {LARGE}");
}

/// Rows of `memories` that one search reads.
async fn rows_read(firm: &Firm, vector: &[f32]) -> i64 {
    let question = Question { vector, terms: "launch or budget", limit: 25, ..Question::default() };
    let mut tx = firm.db.begin_for(&[Audience::Tenant]).await.expect("a transaction begins");
    memories::search(&mut tx, &question).await.expect("the search is answered");
    let read = sqlx::query_scalar(
        "select coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0) from pg_stat_xact_user_tables
          where relname = 'memories'",
    )
    .fetch_one(tx.conn())
    .await
    .expect("the server counts what it reads");
    tx.close().await.expect("it ends");
    read
}

async fn ask(firm: &Firm, vector: &[f32], terms: &str, hits: Option<i64>) -> Vec<Recalled> {
    let question = Question { vector, terms, limit: 10, ..Question::default() };
    let mut tx = firm.db.begin_for(&[Audience::Tenant]).await.expect("a transaction begins");
    let found = match hits {
        Some(hits) => memories::search_among(&mut tx, &question, hits).await,
        None => memories::search(&mut tx, &question).await,
    };
    tx.close().await.expect("it ends");
    found.expect("the search is answered")
}
