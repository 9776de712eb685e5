//! Jobs that were given up: seen, begun anew and put aside by who looks after the platform, recorded in their tenant's log.

use serde_json::json;
use shared::{
    ids::{JobId, PersonId, TenantId},
    jobs::Job,
    queue,
};

use crate::{stage::House, wire::Ask};

impl House {
    /// A job that failed until it was given up.
    pub async fn dead_job(&self, tenant: TenantId) -> JobId {
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let job = queue::enqueue(&mut tx, &Job::FetchPersonProfile { person: PersonId::new() }).await;
        let job = job.expect("it is enqueued");
        tx.write_last().await.expect("it is written");
        sqlx::query(
            "update jobs set state = 'dead', attempts = 6, error = 'Slack is away', finished_at = now()
              where tenant_id = $1 and job_id = $2",
        )
        .bind(tenant)
        .bind(job)
        .execute(tx.conn())
        .await
        .expect("it is given up");
        tx.commit().await.expect("it is stored");
        job
    }
}

#[tokio::test]
async fn a_dead_letter_is_looked_at_and_begun_anew_once() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (_, mut platform) = house.platform_admin().await;
    let (job, later) = (house.dead_job(acme.tenant).await, house.dead_job(bolt.tenant).await);

    let list = platform.ask(&house, Ask::get("/api/v1/dead-letters?limit=1")).await.json();
    assert_eq!(list["items"][0]["id"], json!(later), "the newest first, whoever's it is");
    let cursor = list["next_cursor"].as_str().expect("there is more").to_owned();
    let rest =
        platform.ask(&house, Ask::get(&format!("/api/v1/dead-letters?limit=1&cursor={cursor}"))).await.json();
    let told = &rest["items"][0];
    assert_eq!(
        [&told["tenant"], &told["kind"], &told["attempts"], &told["error"]],
        [&json!("acme"), &json!("fetch_person_profile"), &json!(6), &json!("Slack is away")]
    );
    assert!(!rest.to_string().contains("per_"), "never what it is about: {rest}");

    let path = format!("/api/v1/dead-letters/{job}/retry");
    assert_eq!(platform.ask(&house, Ask::post(&path)).await.status, 204);
    assert_eq!(platform.ask(&house, Ask::post(&path)).await.status, 404, "it is no longer given up");
    let queued = "select count(*) from jobs where state = 'queued' and attempts = 0 and error is null
                     and kind = 'fetch_person_profile'";
    assert_eq!(house.count(acme.tenant, queued).await, 1);
    let record = "select count(*) from audit_events where action = 'job.retry' and actor_kind = 'user'";
    assert_eq!((house.count(acme.tenant, record).await, house.count(bolt.tenant, record).await), (1, 0));
}

#[tokio::test]
async fn a_dead_letter_is_put_aside_and_stays_on_record() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, mut platform) = house.platform_admin().await;
    let job = house.dead_job(acme.tenant).await;
    let path = format!("/api/v1/dead-letters/{job}/discard");
    assert_eq!(platform.ask(&house, Ask::post(&path)).await.status, 204);
    assert_eq!(platform.ask(&house, Ask::post(&path)).await.status, 404);
    let list = platform.ask(&house, Ask::get("/api/v1/dead-letters")).await.json();
    assert_eq!(list["items"], json!([]));
    assert_eq!(house.count(acme.tenant, "select count(*) from jobs where state = 'discarded'").await, 1);
    assert_eq!(
        house.count(acme.tenant, "select count(*) from audit_events where action = 'job.discard'").await,
        1
    );
    assert_eq!(platform.ask(&house, Ask::get("/api/v1/dead-letters?tenant=a")).await.status, 400);
    let (_, mut owner) = house.person(acme.tenant, "owner").await;
    assert_eq!(owner.ask(&house, Ask::get("/api/v1/dead-letters")).await.status, 403);
}
