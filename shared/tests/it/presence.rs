//! Processes say that they are alive, and take their word back when they end in order.

use shared::{db::installation, presence, testing::TestDb};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn who_ends_in_order_is_no_process_that_died() {
    let test = TestDb::new().await;
    let (system, stopping) = (test.db.system(), CancellationToken::new());
    let run = presence::run(test.db.clone(), "worker-1".into(), "worker", stopping.clone());
    let running = tokio::spawn(run);
    while installation::processes(&system).await.expect("they are read").is_empty() {
        tokio::task::yield_now().await;
    }
    let seen = installation::processes(&system).await.expect("they are read");
    assert!(seen[0].alive && seen[0].name == "worker-1" && seen[0].role == "worker", "{seen:?}");
    stopping.cancel();
    running.await.expect("it ends by itself");
    assert!(installation::processes(&system).await.expect("they are read").is_empty());
}
