//! At the limits of a plan nothing is lost: who writes beyond the answers is told once, and the oldest memories rest.

use crate::house::{House, Tenant};

const TOLD: &str = "select count(*) from notices where tenant_id = $1 and kind = 'answers_used_up'";
const RESTING: &str =
    "select count(*) from memories where tenant_id = $1 and valid_until = '1970-01-01 00:00:00+00'";

impl Tenant<'_> {
    async fn is_on(&self, plan: &str) {
        sqlx::query("update tenants set plan = $2 where tenant_id = $1")
            .bind(self.id)
            .bind(plan)
            .execute(&mut self.house.test.system().await)
            .await
            .expect("the plan is set");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_a_plans_answers_people_are_told_once_and_what_they_write_is_kept() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    acme.is_on("free").await;
    let first = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    acme.finished("CGENERAL", &first.thread_ts, 1).await;
    acme.inbox().await;
    // One less than the plan includes: the next one is the last.
    acme.change(
        "insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, state)
         select r.tenant_id, gen_random_uuid(), r.conversation_id, r.agent_id, 1000 + n, 1000 + n, 1, 'done'
           from runs r, generate_series(1, 498) n where r.tenant_id = $1",
    )
    .await;
    let last = acme.asks("CGENERAL", "UADA", "When is the launch?");
    let replies = acme.finished("CGENERAL", &last.thread_ts, 1).await;
    assert!(replies[0].contains("14 March"), "{replies:?}");
    acme.inbox().await;
    let paid_for = house.model.requests().len();

    let beyond = acme.asks("CGENERAL", "UADA", "And where is it?");
    let replies = acme.finished("CGENERAL", &beyond.thread_ts, 1).await;
    assert!(
        !replies[0].contains("14 March") && replies[0].contains("can't answer more messages this month"),
        "{replies:?}"
    );
    acme.says_in_thread("CGENERAL", "UADA", "Hello? Anybody?", &beyond.thread_ts);
    acme.until(
        "both are stored",
        "select count(*) from messages where tenant_id = $1 and author_kind = 'person'",
        4,
    )
    .await;
    acme.inbox().await;
    assert_eq!(acme.replies("CGENERAL", &beyond.thread_ts).len(), 1, "it was said");
    assert_eq!(house.model.requests().len(), paid_for, "no model was asked");
    assert_eq!(acme.count(TOLD).await, 1, "the admins know, once");
    let kept = "select count(*) from memories where tenant_id = $1 and body like '%Anybody%'";
    assert_eq!(acme.count(kept).await, 1, "nothing is lost");

    // A larger plan answers again, and so does the next month.
    acme.is_on("starter").await;
    let larger = acme.asks("CGENERAL", "UGRACE", "When is the launch?");
    assert!(acme.finished("CGENERAL", &larger.thread_ts, 1).await[0].contains("14 March"));
    acme.inbox().await;
    acme.is_on("free").await;
    acme.change("update runs set started_at = started_at - interval '32 days' where tenant_id = $1").await;
    let later = acme.asks("CGENERAL", "UGRACE", "When is the launch?");
    assert!(acme.finished("CGENERAL", &later.thread_ts, 1).await[0].contains("14 March"));
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_a_plans_memories_the_oldest_rest_until_there_is_room() {
    let house = House::open().await;
    house.start_orchestrator();
    let (acme, globex) = (house.tenant("acme").await, house.tenant("globex").await);
    acme.is_on("free").await;
    let old = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    acme.finished("CGENERAL", &old.thread_ts, 1).await;
    acme.everything_remembered().await;
    acme.change(
        "insert into messages (tenant_id, message_id, conversation_id, author_kind, person_id, body, sent_at)
         select m.tenant_id, gen_random_uuid(), m.conversation_id, 'person', m.person_id, 'Lunch number ' || n,
                m.sent_at + n * interval '1 second'
           from messages m, generate_series(1, 5001) n where m.tenant_id = $1 and m.body like 'The launch%'",
    )
    .await;
    acme.change(
        "insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at, audience,
                               body)
         select s.tenant_id, gen_random_uuid(), s.message_id, s.conversation_id, 1000,
                row_number() over (order by s.sent_at), s.person_id, s.sent_at, m.audience, s.body
           from memories m join messages s on s.tenant_id = m.tenant_id and s.body like 'Lunch number%'
          where m.tenant_id = $1 and m.body like 'The launch%'",
    )
    .await;
    let rest = async || worker::schedule::let_memories_rest(&house.test.db).await.expect("they are counted");
    assert_eq!(rest().await, 2, "two more than the plan includes");
    assert_eq!((acme.count(RESTING).await, rest().await), (2, 0), "once");
    let of_the_launch = "select count(*) from memories where tenant_id = $1 and body like 'The launch%' and valid_until is not null";
    assert_eq!(acme.count(of_the_launch).await, 1, "the oldest");
    let told = "select count(*) from notices where tenant_id = $1 and kind = 'memories_rest'";
    assert_eq!((acme.count(told).await, globex.count(told).await), (1, 0));
    assert_eq!(globex.count(RESTING).await, 0);
    acme.is_on("starter").await;
    assert_eq!((rest().await, acme.count(RESTING).await), (2, 0), "they are back");
    assert_eq!(acme.count("select count(*) from memories where tenant_id = $1 and kind = 'message'").await, 5_002);
}
