//! Guessing: passwords, tokens, and which addresses have an account.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde_json::json;
use shared::crypto::new_token;

use crate::{
    people::{Browser, PASSWORD},
    stage::House,
    wire::{Ask, Reply},
};

async fn attempt(house: &House, mail: &str, password: &str) -> Reply {
    let body = json!({ "mail": mail, "password": password });
    Browser::default().ask(house, Ask::post("/api/v1/auth/login").json(&body)).await
}

fn assert_slowed(reply: &Reply) {
    assert_eq!((reply.status, reply.problem().as_str()), (429, "too_many_requests"));
    let seconds: u64 = reply.header("retry-after").parse().expect("it says how long to wait");
    assert!((1..=60).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn attack_105_ten_passwords_for_one_account_and_then_slowly() {
    let house = House::open().await;
    house.signed_up("ada@example.com").await;
    for address in ["ada@example.com", "nobody@example.com"] {
        let mut texts = HashSet::new();
        for guess in 0..9 {
            let reply = attempt(&house, address, &format!("guess number {guess}")).await;
            assert_eq!((reply.status, reply.problem().as_str()), (401, "wrong_password"), "{address} {guess}");
            texts.insert(reply.body);
        }
        assert_eq!(texts.len(), 1, "the same text");
        let mut last = attempt(&house, address, "guess").await;
        // Verifying the new account counted as a try, too.
        if last.status == 401 {
            last = attempt(&house, address, PASSWORD).await;
        }
        assert_slowed(&last);
    }
}

#[tokio::test]
async fn attack_105_without_redis_a_gateway_counts_for_itself() {
    let house = House::open_with(|config| config.redis_url = "redis://127.0.0.1:1".to_owned().into()).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(attempt(&house, "nobody@example.com", "a guess").await.status);
    }
    assert_eq!(statuses, [vec![401; 10], vec![429; 2]].concat());
}

#[tokio::test]
async fn attack_105_one_password_for_many_accounts_is_slowed_by_the_line() {
    let house = House::open().await;
    let mut refused = 0;
    for batch in 0..6 {
        let tries = (0..25).map(|n| {
            let house = &house;
            async move { attempt(house, &format!("user{batch}-{n}@example.com"), "Summer of 2026").await.status }
        });
        refused += futures::future::join_all(tries).await.into_iter().filter(|status| *status == 429).count();
    }
    assert!(refused >= 10, "{refused} of 150");
}

#[tokio::test]
async fn attack_105_an_unknown_address_takes_as_long_as_a_known_one() {
    let house = House::open().await;
    house.signed_up("ada@example.com").await;
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..7 {
        let unknown = format!("nobody{round}@example.com");
        for (which, address) in ["ada@example.com", unknown.as_str()].into_iter().enumerate() {
            let begun = Instant::now();
            assert_eq!(attempt(&house, address, "not the password").await.status, 401);
            times[which].push(begun.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    let ratio = known.as_secs_f64() / unknown.as_secs_f64();
    assert!(known > Duration::from_millis(5), "a hash was made: {known:?}");
    assert!((0.5..2.0).contains(&ratio), "{known:?} against {unknown:?}");
}

#[tokio::test]
async fn attack_95_tokens_are_not_to_be_guessed_and_guessing_is_slowed() {
    let tokens: HashSet<String> = (0..1_000_000).map(|_| new_token("ksp_")).collect();
    assert_eq!(tokens.len(), 1_000_000);
    assert!(tokens.iter().take(1_000).all(|token| token.len() == 47), "32 bytes each");
    let house = House::open().await;
    let mut statuses = Vec::new();
    for token in tokens.iter().take(14) {
        let body = json!({ "token": token, "password": PASSWORD });
        let reply = Browser::default().ask(&house, Ask::post("/api/v1/auth/password/reset").json(&body)).await;
        statuses.push(reply.status);
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert!(statuses[10..].contains(&429), "{statuses:?}");
}
