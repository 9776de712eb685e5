//! Erasing a person, and handing out what is there of them.
//!
//! What they wrote and what was made of it goes: their words and files, what is remembered of them by whoever said it, what the
//! agent answered after reading it, what models were shown. Rows stay where others hang on them, without a word or an id of a
//! provider's: the thread keeps its shape and the ledger its sums. What colleagues wrote stays theirs. Who writes again is
//! somebody new.
//!
//! The work is done in small transactions, each of which leaves things true, so that it may stop anywhere and be begun again.
//! First what is remembered is hidden: no turn that begins later can repeat it, and turns that began earlier are waited for.

pub mod endings;
mod forecast;
mod kept;
mod older;
mod parts;
mod requests;
pub mod retention;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
};
use crate::ids::{ErasureId, MediaId, PersonId, RunId};
pub use forecast::{Forecast, forecast};
pub use kept::KEPT;
pub use parts::{PARTS, Part};
pub(crate) use requests::human;
pub use requests::{
    Counts, ERASURES_PAGE, Erasure, PEOPLE_MAX, addresses, certify, finish, list, note_hidden, note_subjects,
    request, still_known, take,
};

/// Rows of one part that are handed out at once.
const EXPORTED_MAX: i64 = 20_000;

/// What is theirs, by ids: what [`PARTS`] name their rows by.
#[derive(Clone, Debug)]
pub struct Subject {
    pub people: Vec<PersonId>,
    /// Conversations they wrote in.
    pub talks: Vec<Uuid>,
    /// Those of them that only they and the agent have.
    pub own_talks: Vec<Uuid>,
    /// Turns that read what they said, in the conversation or from memory.
    pub runs: Vec<RunId>,
}

/// Whose parts are to be erased or exported, for an all-audiences transaction.
pub async fn subject(tx: &mut TenantTx, people: &[PersonId]) -> Result<Subject, DbError> {
    let tenant = tx.tenant();
    let talks: Vec<(Uuid, bool)> = sqlx::query_as(
        "select c.conversation_id, c.kind = 'direct' from conversations c
          where c.tenant_id = $1 and c.conversation_id in (
                    select m.conversation_id from messages m where m.tenant_id = $1 and m.person_id = any ($2))",
    )
    .bind(tenant)
    .bind(people)
    .fetch_all(tx.conn())
    .await?;
    let own_talks: Vec<Uuid> = talks.iter().filter(|(_, own)| *own).map(|(talk, _)| *talk).collect();
    let talks: Vec<Uuid> = talks.into_iter().map(|(talk, _)| talk).collect();
    let runs = sqlx::query_scalar(
        "select all_runs.run_id from runs all_runs
          where all_runs.tenant_id = $1 and all_runs.run_id in (
         select r.run_id from runs r
          where r.tenant_id = $1 and r.conversation_id = any ($4)
         union all
         select r.run_id
           from runs r
           join (select m.conversation_id, min(m.sent_at) as first from messages m
                  where m.tenant_id = $1 and m.person_id = any ($2) group by m.conversation_id) as said
             on said.conversation_id = r.conversation_id
          where r.tenant_id = $1 and r.conversation_id = any ($3)
            -- A platform's clock and ours differ a little.
            and coalesce(r.finished_at, clock_timestamp()) >= said.first - interval '1 minute'
         union all
         select r.run_id
           from runs r cross join unnest(r.recalled) as found (memory_id)
           join memories k on k.tenant_id = $1 and k.memory_id = found.memory_id
          where r.tenant_id = $1 and (k.person_id = any ($2) or k.audience = 'erased:' || ($2::uuid[])[1]))",
    )
    .bind(tenant)
    .bind(people)
    .bind(&talks)
    .bind(&own_talks)
    .fetch_all(tx.conn())
    .await?;
    Ok(Subject { people: people.to_vec(), talks, own_talks, runs })
}

async fn change(tx: &mut TenantTx, subject: &Subject, part: &Part, at_most: i64) -> Result<i64, DbError> {
    let tenant = tx.tenant();
    let done = sqlx::query(part.erase)
        .bind(tenant)
        .bind(&subject.people)
        .bind(&subject.talks)
        .bind(&subject.own_talks)
        .bind(&subject.runs)
        .bind(at_most)
        .execute(tx.conn())
        .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

/// Hides some of what is remembered of them; returns how much. For an all-audiences transaction.
pub async fn hide(tx: &mut TenantTx, subject: &Subject, at_most: i64) -> Result<i64, DbError> {
    change(tx, subject, &parts::HIDDEN, at_most).await
}

/// Erases some rows of a part and adds them to the counts; returns how many. For an all-audiences transaction.
pub async fn erase(
    tx: &mut TenantTx,
    id: ErasureId,
    subject: &Subject,
    part: &Part,
    at_most: i64,
) -> Result<i64, DbError> {
    let gone = change(tx, subject, part, at_most).await?;
    if gone > 0 {
        let tenant = tx.tenant();
        sqlx::query(
            "update erasures
                set counts = counts || jsonb_build_object($3::text, coalesce((counts ->> $3)::bigint, 0) + $4)
              where tenant_id = $1 and erasure_id = $2",
        )
        .bind(tenant)
        .bind(id)
        .bind(part.table)
        .bind(gone)
        .execute(tx.conn())
        .await?;
    }
    Ok(gone)
}

/// Ends what waits of them, and says how much is under way that has to end first: messages that are being answered, answers
/// that are being sent, files that are being fetched, turns that may have found what was hidden since.
pub async fn settle(tx: &mut TenantTx, subject: &Subject, hidden_at: OffsetDateTime) -> Result<i64, DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with quiet as (
             select l.conversation_id from lanes l
              where l.tenant_id = $1 and l.owner is null
                and l.conversation_id in (
                        select i.conversation_id from inbox i join people p on p.tenant_id = $1
                           and p.connection_id = i.connection_id and p.external_id = i.normalized ->> 'author'
                         where i.tenant_id = $1 and i.state = 'pending' and p.person_id = any ($2))
                and not exists (select from runs r where r.tenant_id = $1 and r.conversation_id = l.conversation_id
                                                     and r.state = 'running')
                for update skip locked
         )
         update inbox i
            set state = 'ignored', reason = 'erased', raw = '', normalized = null, ended_at = clock_timestamp()
           from people p
          where i.tenant_id = $1 and i.state = 'pending' and i.conversation_id in (select conversation_id from quiet)
            and p.tenant_id = $1 and p.person_id = any ($2) and p.connection_id = i.connection_id
            and p.external_id = i.normalized ->> 'author'",
    )
    .bind(tenant)
    .bind(&subject.people)
    .execute(tx.conn())
    .await?;
    Ok(sqlx::query_scalar(
        "select (select count(*) from inbox i join people p on p.tenant_id = $1 and p.connection_id = i.connection_id
                    and p.external_id = i.normalized ->> 'author'
                  where i.tenant_id = $1 and i.state = 'pending' and p.person_id = any ($2))
              + (select count(*) from outbox o
                  where o.tenant_id = $1 and o.state = 'sending' and o.conversation_id = any ($3)
                    and o.created_at > clock_timestamp() - interval '10 minutes')
              + (select count(*) from media d join messages m on m.tenant_id = $1 and m.message_id = d.message_id
                  where d.tenant_id = $1 and d.state = 'pending' and m.person_id = any ($2)
                    and d.created_at > clock_timestamp() - interval '10 minutes')
              + (select count(*) from runs r
                  where r.tenant_id = $1 and r.state = 'running' and r.started_at <= $4)",
    )
    .bind(tenant)
    .bind(&subject.people)
    .bind(&subject.talks)
    .bind(hidden_at)
    .fetch_one(tx.conn())
    .await?)
}

/// Bytes of theirs outside of the database.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub media: Vec<MediaId>,
    /// Of files that the agent made, by run and part.
    pub made: Vec<(RunId, i32)>,
}

impl Files {
    pub fn is_empty(&self) -> bool {
        self.media.is_empty() && self.made.is_empty()
    }
}

pub async fn files(tx: &mut TenantTx, subject: &Subject) -> Result<Files, DbError> {
    let tenant = tx.tenant();
    let media = sqlx::query_scalar(
        "select d.media_id from media d join messages m on m.tenant_id = $1 and m.message_id = d.message_id
          where d.tenant_id = $1 and d.reason is distinct from 'erased'
            and (m.person_id = any ($2) or m.conversation_id = any ($3))",
    )
    .bind(tenant)
    .bind(&subject.people)
    .bind(&subject.own_talks)
    .fetch_all(tx.conn())
    .await?;
    let made = sqlx::query_as(
        "select o.run_id, o.part from sent_files f join outbox o on o.tenant_id = $1 and o.outbox_id = f.outbox_id
          where f.tenant_id = $1 and f.name <> 'erased' and o.run_id = any ($2)",
    )
    .bind(tenant)
    .bind(&subject.runs)
    .fetch_all(tx.conn())
    .await?;
    Ok(Files { media, made })
}

/// The rows of all parts that are handed out, each with its place in the list: one statement for a person's whole export.
static ROWS: LazyLock<String> = LazyLock::new(|| {
    let parts = PARTS.iter().enumerate().filter_map(|(n, part)| Some((n, part.export.ok()?)));
    let each =
        parts.map(|(n, rows)| format!("(select {n}::int8 as part, r.content from ({rows}) as r (content))"));
    each.collect::<Vec<_>>().join(" union all ")
});

async fn rows(tx: &mut TenantTx, subject: &Subject) -> Result<Vec<(i64, Json<Value>)>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as(AssertSqlSafe(ROWS.as_str()))
        .bind(tenant)
        .bind(&subject.people)
        .bind(&subject.talks)
        .bind(&subject.own_talks)
        .bind(&subject.runs)
        .bind(EXPORTED_MAX + 1)
        .fetch_all(tx.conn())
        .await?)
}

/// Every row that an erasure would take now, its place in the database beside its table: one that several parts of a table
/// name is one row.
static DUE: LazyLock<String> = LazyLock::new(|| {
    let each =
        PARTS.iter().map(|part| format!("select '{}', d.place from ({}) as d (place)", part.table, part.due));
    format!(
        "select due.of_table, count(*) from ({}) as due (of_table, place) group by due.of_table",
        each.collect::<Vec<_>>().join(" union ")
    )
});

/// How many rows of each table an erasure would take now.
async fn due(tx: &mut TenantTx, subject: &Subject) -> Result<Counts, DbError> {
    let tenant = tx.tenant();
    let counts: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(DUE.as_str()))
        .bind(tenant)
        .bind(&subject.people)
        .bind(&subject.talks)
        .bind(&subject.own_talks)
        .bind(&subject.runs)
        .fetch_all(tx.conn())
        .await?;
    Ok(counts.into_iter().collect())
}

/// All that is there of somebody.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Export {
    pub people: Vec<PersonId>,
    /// Rows by table.
    pub rows: BTreeMap<&'static str, Vec<Value>>,
    /// Tables of which more is there than is handed out at once.
    pub cut: Vec<&'static str>,
    /// What is theirs, and not handed out, with the reasons.
    pub left_out: BTreeMap<&'static str, Vec<&'static str>>,
}

/// Hands out what is there of somebody; recorded. For an all-audiences transaction. `NotFound`: one of them is nobody here.
pub async fn export(tx: &mut TenantTx, actor: &Actor, people: &[PersonId]) -> Result<Export, DbError> {
    let people = requests::same_humans(tx, people).await?;
    let subject = subject(tx, &people).await?;
    let mut all = Export { people, ..Export::default() };
    let mut found = rows(tx, &subject).await?.into_iter().peekable();
    for (n, part) in (0..).zip(&PARTS) {
        if let Err(why) = part.export {
            all.left_out.entry(part.table).or_default().push(why);
            continue;
        }
        let rows = all.rows.entry(part.table).or_default();
        let before = rows.len();
        rows.extend(std::iter::from_fn(|| found.next_if(|(of, _)| *of == n)).map(|(_, Json(row))| row));
        if rows.len() - before > usize::try_from(EXPORTED_MAX).unwrap_or(usize::MAX) {
            all.cut.push(part.table);
        }
    }
    let detail = json!({ "people": all.people });
    audit::append(tx, actor, "person.export", ("person", &all.people[0].to_string()), detail).await?;
    Ok(all)
}
