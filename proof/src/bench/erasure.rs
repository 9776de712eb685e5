//! erasure: a person among a hundred, and then their whole tenant, among a million rows.

use anyhow::{anyhow, ensure};
use shared::{
    db::{audit::Actor, privacy, system},
    erasing::{Eraser, Signed},
    ids::PersonId,
    storage::Storage,
    testing::TestDb,
};
use tokio::time::Instant;

use super::{
    bulk::{self, Firm},
    crowd::{force, lift},
    report::{Figure, Report},
};

const TURNS: i64 = 125_000;
/// Turns of one statement that makes them.
const CHUNK: i64 = 2_500;
/// Of one conversation.
const TALK: i64 = 10;
const PEOPLE: i64 = 100;
/// Rows that a turn leaves behind.
const ROWS: i64 = 8;
const BAR_S: f64 = 60.0;

pub async fn run() -> anyhow::Result<Report> {
    let test = TestDb::new().await;
    let firm = bulk::firm(&test, "acme").await?;
    let person = fill(&test, &firm).await?;
    let eraser = Eraser {
        storage: Storage::open(&test.config.storage).map_err(|error| anyhow!(error))?,
        fingerprints: system::fingerprint_key(&test.db.system(), &test.config.master_keys).await?,
        outside: None,
    };
    let mut report = Report::new("erasure");

    let begun = Instant::now();
    let signed = person_gone(&eraser, &firm, person).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let rows: i64 = signed.certificate.counts.values().sum();
    ensure!(rows > TURNS * ROWS / PEOPLE, "{rows} rows of a person among a hundred");
    report.add(Figure::new("a person", seconds, "s").at_most(BAR_S));
    report.note(format!("The person: {rows} rows of {}, {:?}.", TURNS * ROWS, signed.certificate.counts));

    let begun = Instant::now();
    let signed = eraser.tenant(&test.db.system(), &firm.db, &Actor::System, |_, _| {}).await?;
    report.add(Figure::new("the whole tenant", begun.elapsed().as_secs_f64(), "s"));
    report.note(format!("The tenant: {} rows.", signed.certificate.counts.values().sum::<i64>()));
    Ok(report)
}

async fn person_gone(eraser: &Eraser, firm: &Firm, person: PersonId) -> anyhow::Result<Signed> {
    let mut tx = firm.db.begin().await?;
    let id = privacy::request(&mut tx, &Actor::System, &[person]).await?;
    tx.commit().await?;
    eraser.empty(&firm.db, id).await?;
    Ok(eraser.finish(&firm.db, id).await?)
}

/// Turns of a hundred people in shared threads, as they lie there after months; returns one of the people. Written by the owner:
/// no role of the product may set what a turn ends as.
async fn fill(test: &TestDb, firm: &Firm) -> anyhow::Result<PersonId> {
    let mut owner = test.owner().await;
    let lifted = lift(&mut owner).await?;
    sqlx::query(
        "insert into people (tenant_id, person_id, connection_id, external_id, display_name, profile_fetched_at)
         select $1, gen_random_uuid(), $2, 'U' || n, 'Person ' || n, now() from generate_series(0, $3 - 1) n",
    )
    .bind(firm.tenant)
    .bind(firm.connection)
    .bind(PEOPLE)
    .execute(&mut owner)
    .await?;
    for first in (0..TURNS).step_by(CHUNK as usize) {
        sqlx::query(TURNS_SQL)
            .bind(firm.tenant)
            .bind(firm.connection)
            .bind(first)
            .bind(CHUNK)
            .bind(TALK)
            .bind(PEOPLE)
            .execute(&mut owner)
            .await?;
    }
    let person = sqlx::query_scalar("select person_id from people where tenant_id = $1 and external_id = 'U7'")
        .bind(firm.tenant)
        .fetch_one(&mut owner)
        .await?;
    force(&mut owner, &lifted).await?;
    sqlx::query("vacuum (analyze)").execute(&mut owner).await?;
    Ok(person)
}

/// $3: the first turn, $4: how many, $5: turns of a conversation, $6: how many people.
const TURNS_SQL: &str = "
with who as (
    select array_agg(person_id order by external_id) as ids, array_agg(external_id order by external_id) as names
      from people where tenant_id = $1
), turn as materialized (
    select n, n / $5 as talk, n % $5 as place, md5('talk' || $1 || n / $5)::uuid as conversation_id, who.ids[x.k] as person_id,
           who.names[x.k] as author, gen_random_uuid() as message_id, gen_random_uuid() as answer_id,
           gen_random_uuid() as run_id, repeat('The order of ' || n || ' goes to room ' || n % 97 || '. ', 3) as body,
           now() - make_interval(mins => (500000 - n)::int) as said_at
      from generate_series($3::bigint, $3 + $4 - 1) as n, who,
           lateral (select 1 + (n * 7919 + n / $5 * 31) % $6 as k) x
), place as (
    insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id, kind)
    select distinct $1::uuid, conversation_id, $2::uuid, 'C1', talk::text, 'public' from turn
), accepted as (
    insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized, state, run_id, ended_at)
    select $1, conversation_id, place + 1, $2, true, convert_to(body || author, 'UTF8'),
           jsonb_build_object('author', author, 'text', body), 'replied', run_id, said_at from turn
), run as (
    insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, state, finished_at)
    select $1, run_id, conversation_id, (select agent_id from agents where tenant_id = $1), place + 1, place + 1, 1, 'done',
           said_at from turn
), step as (
    insert into run_steps (tenant_id, run_id, step, request_hash, result)
    select $1, run_id, 'answer', '\\x00', jsonb_build_object('text', body) from turn
), said as (
    insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, run_id, body, sent_at)
    select $1, message_id, conversation_id, message_id::text, 'person', person_id, null, body, said_at from turn
    union all
    select $1, answer_id, conversation_id, answer_id::text, 'agent', null, run_id, body, said_at + interval '3 s' from turn
), sent as (
    insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, operation, body, state, external_id, fence, sent_at)
    select $1, gen_random_uuid(), conversation_id, run_id, 'answer', 'post', body, 'sent', answer_id::text, 1, said_at
      from turn
)
insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at, audience, body)
select $1, gen_random_uuid(), message_id, conversation_id, 0, place, person_id, said_at, 'tenant', body from turn";
