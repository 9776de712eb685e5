//! Conversation lanes: one owner at a time, first come first served, tenants in turn.
//!
//! A lane is leased by PostgreSQL's clock and carries a fence that grows with each claim; every write of a turn checks
//! it. A lease that is not renewed runs out by itself, and the next claim takes over. Claims are counted before the
//! work, so a message that kills its worker is given up after [`CLAIMS_MAX`].

use sqlx::Row;
use uuid::Uuid;

use super::{DbError, SystemDb, TenantTx};
use crate::ids::{ConversationId, TenantId};

/// How long a claim holds without renewal.
pub const LEASE_SECONDS: f64 = 8.0;
/// Claims without progress after which the lane's messages are dead-lettered.
pub const CLAIMS_MAX: i32 = 5;
/// Tenants one claim asks, when every ready lane of the first ones is locked by somebody.
const TURNS_MAX: usize = 8;

/// One conversation, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub fence: i64,
    /// This claim included.
    pub claims: i32,
}

/// What the owner needs to see while it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneState {
    pub fence: i64,
    pub last_seq: i64,
    pub by_human: bool,
}

/// Whose turn it is: the tenants are served in a round, each time its oldest ready lane.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round<'a> {
    /// Who was served last; the next tenant with work follows.
    pub after: Option<TenantId>,
    /// Tenants that have enough for now.
    pub full: &'a [TenantId],
}

/// A conversation whose owner died goes first: it has waited for its turn once. Otherwise `round` walks the index from tenant
/// to tenant, once around, and stops at the first one with a ready lane: what lies between is leased or put off. Everything
/// is found by key from sub-selects of one row; a generic plan turns a join with them into a pass over all lanes. LIMITs are
/// literal for the same reason. A row without a lane names a tenant all of whose ready lanes are locked.
const CLAIM: &str = "
with recursive orphan as (
    select tenant_id, conversation_id from lanes
     where owner is not null and ready_at <= now()
     order by ready_at limit 1 for update skip locked
), round (tenant_id, ready_at, again) as (
    select $3::uuid, 'infinity'::timestamptz, false where not exists (select from orphan)
    union all
    select next.* from round, lateral (
        (select l.tenant_id, l.ready_at, round.again from lanes l
          where l.ready_at is not null and l.tenant_id > round.tenant_id
          order by l.tenant_id, l.ready_at limit 1)
        union all
        (select l.tenant_id, l.ready_at, true from lanes l
          where l.ready_at is not null and not round.again
          order by l.tenant_id, l.ready_at limit 1)
        limit 1
    ) next
     where (round.ready_at > now() or round.tenant_id = any ($4))
       and not (round.again and round.tenant_id >= $3)
), turn as (
    select tenant_id from round where ready_at <= now() and tenant_id <> all ($4)
), picked as (
    select l.tenant_id, l.conversation_id from lanes l
     where l.tenant_id = (select tenant_id from turn) and l.ready_at <= now()
     order by l.ready_at limit 1 for update skip locked
), next as (
    select * from orphan union all select * from picked
), claimed as (
    update lanes l
       set owner = $1, fence = l.fence + 1, claims = l.claims + 1,
           ready_at = clock_timestamp() + make_interval(secs => $2)
     where l.tenant_id = (select tenant_id from next) and l.conversation_id = (select conversation_id from next)
    returning l.conversation_id, l.fence, l.claims
)
select whose.tenant_id, claimed.*
  from (select tenant_id from orphan union all select tenant_id from turn) whose left join claimed on true";

/// Takes the next conversation that needs work. Cross-tenant: whose turn it is can't be asked tenant by tenant.
pub async fn claim(db: &SystemDb, owner: &str, round: Round<'_>) -> Result<Option<Lease>, DbError> {
    let after = round.after.map_or(Uuid::nil(), TenantId::uuid);
    let mut skipped = round.full.to_vec();
    for _ in 0..TURNS_MAX {
        let asked = sqlx::query(CLAIM).bind(owner).bind(LEASE_SECONDS).bind(after).bind(&skipped);
        let Some(row) = asked.fetch_optional(db.write()).await? else { return Ok(None) };
        let tenant: TenantId = row.try_get("tenant_id")?;
        let conversation: Option<ConversationId> = row.try_get("conversation_id")?;
        if let Some(conversation) = conversation {
            return Ok(Some(Lease {
                tenant,
                conversation,
                fence: row.try_get("fence")?,
                claims: row.try_get("claims")?,
            }));
        }
        skipped.push(tenant);
    }
    Ok(None)
}

/// Prolongs the lease; [`DbError::Fenced`] if it is lost.
pub async fn renew(db: &SystemDb, lease: &Lease) -> Result<(), DbError> {
    let renewed = sqlx::query(
        "update lanes set ready_at = clock_timestamp() + make_interval(secs => $4)
          where tenant_id = $1 and conversation_id = $2 and fence = $3 and owner is not null",
    )
    .bind(lease.tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(LEASE_SECONDS)
    .execute(db.write())
    .await?;
    if renewed.rows_affected() == 1 { Ok(()) } else { Err(DbError::Fenced) }
}

/// Looks at the lane without touching it.
pub async fn watch(db: &SystemDb, lease: &Lease) -> Result<LaneState, DbError> {
    let row =
        sqlx::query("select fence, last_seq, by_human from lanes where tenant_id = $1 and conversation_id = $2")
            .bind(lease.tenant)
            .bind(lease.conversation)
            .fetch_one(db.read())
            .await?;
    Ok(LaneState {
        fence: row.try_get("fence")?,
        last_seq: row.try_get("last_seq")?,
        by_human: row.try_get("by_human")?,
    })
}

/// Gives the lane back without progress, to be claimed again after `pause_seconds`. The claim stays counted. A lane that
/// was let go already stays as it is: a finish that seemed to fail may have been committed.
pub async fn put_back(db: &SystemDb, lease: &Lease, pause_seconds: f64) -> Result<(), DbError> {
    sqlx::query(
        "update lanes set owner = null, ready_at = clock_timestamp() + make_interval(secs => $4)
          where tenant_id = $1 and conversation_id = $2 and fence = $3 and owner is not null",
    )
    .bind(lease.tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(pause_seconds)
    .execute(db.write())
    .await?;
    Ok(())
}

/// Holds the lane's row until the transaction ends. `false`: it is somebody else's by now.
pub async fn hold(tx: &mut TenantTx, lease: &Lease) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let held = sqlx::query(
        "select from lanes where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
            for no key update",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .fetch_optional(tx.conn())
    .await?;
    Ok(held.is_some())
}

/// Ends the work up to and including `to_seq`, in the caller's transaction. The lane is ready again at once if more
/// arrived meanwhile.
pub async fn finish(tx: &mut TenantTx, lease: &Lease, to_seq: i64) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let finished = sqlx::query(
        "update lanes
            set done_seq = greatest(done_seq, $4), owner = null, claims = 0,
                ready_at = case when last_seq > $4 then clock_timestamp() end
          where tenant_id = $1 and conversation_id = $2 and fence = $3",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(to_seq)
    .execute(tx.conn())
    .await?;
    if finished.rows_affected() == 1 { Ok(()) } else { Err(DbError::Fenced) }
}
