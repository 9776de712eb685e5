//! Streamed answers: every piece is on disk, under the fence, before it is appended to a visible message.

use super::{DbError, TenantTx, lanes::Lease};
use crate::ids::{OutboxId, RunId};

/// A message of a streamed answer that begins with this commit.
#[derive(Clone, Debug)]
pub struct Begun {
    pub id: OutboxId,
    /// Its number among the answer's messages.
    pub part: i32,
    /// What stands before the answer's own words: a code fence that goes on.
    pub head: String,
}

/// What one commit adds to a streamed answer.
#[derive(Clone, Debug, Default)]
pub struct Addition {
    pub begun: Vec<Begun>,
    /// Pieces of text: whose, the number in it, the text.
    pub pieces: Vec<(OutboxId, i32, String)>,
    /// Messages that end, and what stands behind the answer's own words there.
    pub ended: Vec<(OutboxId, String)>,
    /// Messages whose id on the platform has become known.
    pub known: Vec<(OutboxId, String)>,
}

const ADD: &str = "
with lane as (
    select tenant_id from lanes
     where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
       for no key update
), begun as (
    insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, part, operation, body, head, fence)
    select $1, g.outbox_id, $2, $4, 'answer', g.part, 'stream', '', g.head, $3
      from lane, unnest($5::uuid[], $6::int[], $7::text[]) as g (outbox_id, part, head)
), pieces as (
    insert into outbox_parts (tenant_id, outbox_id, n, text, fence)
    select $1, g.outbox_id, g.n, g.text, $3
      from lane, unnest($8::uuid[], $9::int[], $10::text[]) as g (outbox_id, n, text)
)
select count(*) from lane";

/// Apart from the rows above: a statement does not change what it inserts.
const NOTE: &str = "
update outbox o
   set tail = coalesce(g.tail, o.tail), external_id = coalesce(o.external_id, g.external_id)
  from unnest($2::uuid[], $3::text[], $4::text[]) as g (outbox_id, tail, external_id)
 where o.tenant_id = $1 and o.outbox_id = g.outbox_id";

/// Adds to a run's streamed answer. [`DbError::Fenced`]: the lease is lost, or a human took over; nothing may be shown.
pub async fn add(tx: &mut TenantTx, lease: &Lease, run: RunId, addition: &Addition) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let (begun, pieces) = (&addition.begun, &addition.pieces);
    let held: i64 = sqlx::query_scalar(ADD)
        .bind(tenant)
        .bind(lease.conversation)
        .bind(lease.fence)
        .bind(run)
        .bind(begun.iter().map(|begun| begun.id).collect::<Vec<_>>())
        .bind(begun.iter().map(|begun| begun.part).collect::<Vec<_>>())
        .bind(begun.iter().map(|begun| begun.head.as_str()).collect::<Vec<_>>())
        .bind(pieces.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
        .bind(pieces.iter().map(|(_, n, _)| *n).collect::<Vec<_>>())
        .bind(pieces.iter().map(|(.., text)| text.as_str()).collect::<Vec<_>>())
        .fetch_one(tx.conn())
        .await?;
    if held != 1 {
        return Err(DbError::Fenced);
    }
    let ended = addition.ended.iter().map(|(id, tail)| (*id, Some(tail.as_str()), None));
    let known = addition.known.iter().map(|(id, external)| (*id, None, Some(external.as_str())));
    let notes: Vec<(OutboxId, Option<&str>, Option<&str>)> = ended.chain(known).collect();
    if notes.is_empty() {
        return Ok(());
    }
    sqlx::query(NOTE)
        .bind(tenant)
        .bind(notes.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
        .bind(notes.iter().map(|(_, tail, _)| *tail).collect::<Vec<_>>())
        .bind(notes.iter().map(|(.., external)| *external).collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Puts the pieces of a run's streamed answer together: what is said from now on is the rows' own text.
pub async fn seal(tx: &mut TenantTx, run: RunId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update outbox o
            set body = coalesce((select string_agg(p.text, '' order by p.n) from outbox_parts p
                                  where p.tenant_id = $1 and p.outbox_id = o.outbox_id), '')
          where o.tenant_id = $1 and o.run_id = $2 and o.operation = 'stream'",
    )
    .bind(tenant)
    .bind(run)
    .execute(tx.conn())
    .await?;
    Ok(())
}
