//! Sizes that a careless query would feel: a hundred thousand conversations of one tenant, fifty thousand messages of one.

use shared::db::{
    lanes::{self, Lease, Round},
    runs,
};
use sqlx::AssertSqlSafe;

use crate::{
    runs::claimed,
    stage::{Firm, Stage, run},
};

/// Rows a turn may touch in a thread of any length; it shows forty messages and answers twenty.
const ROWS_MAX: i64 = 400;

async fn change(firm: &Firm, sql: &str) {
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(tx.conn()).await.expect("the statement is valid");
    tx.commit().await.expect("it is stored");
}

async fn claimed_in(stage: &Stage, round: Round<'_>) -> Lease {
    lanes::claim(&stage.db().system(), "worker", round).await.expect("it is answered").expect("a lane is ready")
}

#[tokio::test]
async fn attack_175_one_message_does_not_wait_behind_a_hundred_thousand() {
    let stage = Stage::new().await;
    let (busy, quiet) = (stage.firm("busy").await, stage.firm("quiet").await);
    let mut system = stage.system().await;
    let flood = format!(
        "insert into lanes (tenant_id, conversation_id, connection_id, last_seq, ready_at)
         select '{}', gen_random_uuid(), '{}', 1, clock_timestamp() - interval '1 hour' from generate_series(1, 100000)",
        busy.tenant.uuid(),
        busy.connection.uuid()
    );
    run(&mut system, &flood).await;
    for round in 0..5 {
        let name = format!("hello {round}");
        stage.hear(quiet.says(&name, &name, "hello?")).await;
        let next = claimed_in(&stage, Round { after: Some(busy.tenant), full: &[] }).await.tenant;
        assert_eq!(next, quiet.tenant, "round {round}");
    }
    let next = claimed_in(&stage, Round { after: Some(quiet.tenant), full: &[] }).await.tenant;
    assert_eq!(next, busy.tenant, "and the flood goes on being worked off");
}

/// The agent spoke once, long ago: what looks for that, too, must not read the thread.
#[tokio::test]
async fn attack_181_a_turn_in_a_thread_of_fifty_thousand_messages_reads_a_few_hundred_rows() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let conversation = stage.hear(acme.says("100.1", "C1", "Hello")).await.uuid();
    let begun = crate::runs::begin(&stage, &acme).await;
    let finish =
        runs::Finish { run: Some(begun.run), to_seq: 1, end: runs::End::Replied, reason: None, sent: &[] };
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    runs::finish(&mut tx, &begun.lease, &finish).await.expect("the lease holds");
    tx.commit().await.expect("it is stored");
    let (tenant, connection) = (acme.tenant.uuid(), acme.connection.uuid());
    let spoke = format!(
        "insert into messages (tenant_id, message_id, conversation_id, author_kind, agent_id, body, sent_at)
         values ('{tenant}', gen_random_uuid(), '{conversation}', 'agent', '{}', 'Hello!', now() - interval '9 days')",
        acme.agent.uuid()
    );
    let talk = format!(
        "insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
         select '{tenant}', gen_random_uuid(), '{conversation}', n::text, 'person', p.person_id, 'and another thing',
                now() - interval '8 days' + n * interval '10 seconds'
           from generate_series(1, 50000) n, people p"
    );
    change(&acme, &talk).await;
    // Last on disk and first in time: wherever one begins to look, it is at the end.
    change(&acme, &spoke).await;
    let mut system = stage.system().await;
    let stored = format!(
        "insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized, state, ended_at)
         select '{tenant}', '{conversation}', n, '{connection}', true, '', '{{}}', 'replied', now()
           from generate_series(2, 50001) n"
    );
    run(&mut system, &stored).await;
    run(&mut system, "update lanes set last_seq = 50001, done_seq = 50001").await;
    run(&mut stage.test.owner().await, "analyze").await;

    stage.hear(acme.says("100.2", "C1", "Where is my order?")).await;
    let lease = claimed(&stage).await;
    let mut tx = acme.db.begin_for_all_audiences().await.expect("a transaction begins");
    let opening = runs::open(&mut tx, &lease).await.expect("the lease holds");
    assert_eq!((opening.pending.len(), opening.window.len(), opening.takes_part), (1, 40, true));
    let touched: i64 = sqlx::query_scalar(
        "select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
           from pg_stat_xact_user_tables where relname in ('messages', 'inbox', 'lanes', 'runs', 'people')",
    )
    .fetch_one(tx.conn())
    .await
    .expect("the counters can be read");
    tx.close().await.expect("the transaction ends");
    assert!((41..ROWS_MAX).contains(&touched), "{touched} rows");
}

#[tokio::test]
async fn attack_183_no_session_of_a_service_waits_or_holds_for_ever() {
    let stage = Stage::new().await;
    for mut session in [stage.app().await, stage.system().await] {
        for (name, limit) in
            [("statement_timeout", "30s"), ("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "10s")]
        {
            let set: String = sqlx::query_scalar("select current_setting($1)")
                .bind(name)
                .fetch_one(&mut session)
                .await
                .expect("a setting can be read");
            assert_eq!(set, limit, "{name}");
        }
    }
}
