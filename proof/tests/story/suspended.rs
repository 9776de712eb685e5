//! A suspended tenant hears everything and says nothing; what waited is answered or dropped when it may go on.

use std::time::Duration;

use shared::db::{
    audit::Actor,
    suspensions::{self, Waiting},
};

use crate::{
    house::Tenant,
    phones::{ADA, GRACE, Phones},
};

/// Longer than stopping may take.
const WITHIN: Duration = Duration::from_secs(5);

async fn suspend(tenant: &Tenant<'_>) {
    let system = tenant.house.test.db.system();
    suspensions::suspend(&system, &Actor::System, tenant.id, "An invoice is open").await.expect("it is suspended");
}

async fn resume(tenant: &Tenant<'_>, waiting: Waiting) {
    let system = tenant.house.test.db.system();
    suspensions::lift(&system, &Actor::System, tenant.id, waiting).await.expect("it may go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_waits_and_is_answered_afterwards() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let (acme, bolt) = (phones.house.tenant("acme").await, phones.house.tenant("bolt").await);
    suspend(&acme).await;
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    // Another tenant is served meanwhile, as ever.
    let other = bolt.asks("CGENERAL", "UGRACE", "Hello");
    bolt.finished("CGENERAL", &other.thread_ts, 1).await;
    tokio::time::sleep(WITHIN).await;
    let kept = acme.count("select count(*) from inbox where tenant_id = $1 and state = 'pending'").await;
    assert_eq!((kept, acme.replies("CGENERAL", &asked.thread_ts).len()), (1, 0), "kept, and nobody has answered");
    let claims = acme.count("select max(claims)::int8 from lanes where tenant_id = $1").await;
    assert_eq!(claims, 0, "waiting uses up no attempt");
    resume(&acme, Waiting::Answer).await;
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    assert_eq!(acme.inbox().await, [("replied".into(), None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_is_never_answered_and_what_comes_afterwards_is() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let shop = phones.shop("acme").await;
    let system = phones.house.test.db.system();
    suspensions::suspend(&system, &Actor::System, shop.id, "An invoice is open").await.expect("suspended");
    shop.hears(ADA, "Is anybody there?");
    shop.eventually("select count(*)::text from inbox where tenant_id = $1", "1").await;
    suspensions::lift(&system, &Actor::System, shop.id, Waiting::Drop).await.expect("it may go on");
    shop.eventually(
        "select reason from inbox where tenant_id = $1 and state = 'ignored'",
        "it came while the account was suspended",
    )
    .await;
    shop.hears(GRACE, "Hello");
    shop.answered(GRACE, 1).await;
    assert_eq!(phones.house.model.requests().len(), 1, "nothing was asked for the other");
}
