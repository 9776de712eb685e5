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

const MEMORIES: usize = 8_000;
const QUESTIONS: usize = 40;
const TERMS: usize = 6;
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

async fn ask(firm: &Firm, vector: &[f32], terms: &str, hits: Option<i64>) -> Vec<Recalled> {
    let question = Question { vector, terms, about: None, asks_when: false, except: &[], limit: 10 };
    let mut tx = firm.db.begin_for(&[Audience::Tenant]).await.expect("a transaction begins");
    let found = match hits {
        Some(hits) => memories::search_among(&mut tx, &question, hits).await,
        None => memories::search(&mut tx, &question).await,
    };
    tx.close().await.expect("it ends");
    found.expect("the search is answered")
}
