//! Waits that several processes share.

use std::time::Duration;

use shared::{pacer::Pacer, testing::TestDb};

#[tokio::test]
async fn a_wait_outlives_the_process_that_was_told_of_it() {
    let config = TestDb::new().await.config;
    let (told, other) = (Pacer::new(&config.redis_url).unwrap(), Pacer::new(&config.redis_url).unwrap());
    let place = shared::process_name("place");
    assert_eq!(other.turn(&place).await, Duration::ZERO);
    told.hold(&place, Duration::from_secs(30)).await;
    drop(told);
    let waits = [other.turn(&place).await, other.turn(&place).await];
    assert!(waits[0] > Duration::from_secs(28) && waits[0] <= Duration::from_secs(30), "{waits:?}");
    assert!(waits[1] >= waits[0] + Duration::from_millis(900), "one a second: {waits:?}");
}

#[tokio::test]
async fn without_redis_a_process_remembers_by_itself() {
    let pacer = Pacer::new(&"redis://127.0.0.1:1".to_owned().into()).unwrap();
    pacer.hold("place", Duration::from_secs(30)).await;
    assert!(pacer.turn("place").await > Duration::from_secs(28));
}
