//! What open pages watch: fingerprints of a tenant's latest conversations, and what the navigation counts.
//!
//! Two looks tell what changed between them, whoever changed it. So nothing that writes has to say so, and nobody who
//! forgets to say it is missed. `still_allowed` is the other side: whether whoever watches may go on.

use std::collections::HashMap;

use sqlx::Row;

use super::{
    DbError, SystemDb, TenantTx,
    impersonations::{impersonation_joins, impersonation_lives},
};
use crate::ids::{ApiKeyId, ConversationId, SessionId, TenantId};

/// The latest conversations that are watched; pages ask again for older ones by themselves.
pub const CONVERSATIONS_MAX: i64 = 200;

/// What the navigation counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Conversations that wait for a human.
    pub waiting: i64,
    /// Notices that no admin has seen.
    pub unseen: i64,
    /// Calls of tools that wait for a second person.
    pub approvals: i64,
}

/// A tenant at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// A number for each of the latest conversations, another one after each change that a page shows.
    pub conversations: HashMap<ConversationId, i64>,
    pub counters: Counters,
}

/// The last message stands for all of them: what comes before it in time changes by an edit only, and edits are rows. Notes are
/// written and deleted.
const CONVERSATIONS: &str = "
select c.conversation_id,
       hashtextextended(concat_ws('|', extract(epoch from c.last_message_at), extract(epoch from c.waits_since), c.kind,
                                  l.by_human, k.name, m.message_id, e.changed, r.run_id, r.state, n.notes, n.noted), 0) as print
  from (select * from conversations
         where tenant_id = $1 order by last_message_at desc, conversation_id desc limit $2) c
  left join lanes l on l.tenant_id = $1 and l.conversation_id = c.conversation_id
  left join channels k on k.tenant_id = $1 and k.connection_id = c.connection_id
                      and k.external_id = c.channel_external_id
  left join lateral (
    select m.message_id from messages m
     where m.tenant_id = $1 and m.conversation_id = c.conversation_id
     order by m.sent_at desc, m.message_id desc limit 1
  ) m on true
  left join lateral (
    select extract(epoch from max(e.applied_at)) as changed from message_changes e
     where e.tenant_id = $1 and e.conversation_id = c.conversation_id
  ) e on true
  left join lateral (
    select r.run_id, r.state from runs r
     where r.tenant_id = $1 and r.conversation_id = c.conversation_id
     order by r.from_seq desc, r.run_id desc limit 1
  ) r on true
  left join lateral (
    select count(*) as notes, extract(epoch from max(n.created_at)) as noted from conversation_notes n
     where n.tenant_id = $1 and n.conversation_id = c.conversation_id
  ) n on true";

const COUNTERS: &str = "
select (select count(*) from escalations where tenant_id = $1 and state = 'waiting') as waiting,
       (select count(*) from notices where tenant_id = $1 and seen_at is null) as unseen,
       (select count(*) from approvals
         where tenant_id = $1 and state = 'waiting' and expires_at > clock_timestamp()) as approvals";

/// Two statements, each by index.
pub async fn look(tx: &mut TenantTx) -> Result<Look, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(CONVERSATIONS).bind(tenant).bind(CONVERSATIONS_MAX).fetch_all(tx.conn()).await?;
    let print = |row: &sqlx::postgres::PgRow| Ok((row.try_get("conversation_id")?, row.try_get("print")?));
    let conversations = rows.iter().map(print).collect::<Result<_, DbError>>()?;
    let row = sqlx::query(COUNTERS).bind(tenant).fetch_one(tx.conn()).await?;
    let counters = Counters {
        waiting: row.try_get("waiting")?,
        unseen: row.try_get("unseen")?,
        approvals: row.try_get("approvals")?,
    };
    Ok(Look { conversations, counters })
}

/// Which of these devices speak for which tenant at this moment, and whose these keys are: those that are left out may
/// watch no longer.
///
/// Reason: devices and keys belong to no tenant's rows; one question for all who watch through this process.
pub async fn still_allowed(
    db: &SystemDb,
    sessions: &[SessionId],
    keys: &[ApiKeyId],
) -> Result<(HashMap<SessionId, TenantId>, HashMap<ApiKeyId, TenantId>), DbError> {
    let devices = sqlx::query_as(concat!(
        "select s.session_id, case when i.session_id is null then m.tenant_id else i.tenant_id end
           from sessions s
           join users u on u.user_id = s.user_id
           left join memberships m on m.tenant_id = s.current_tenant and m.user_id = s.user_id
           left join tenants t on t.tenant_id = m.tenant_id
           left join impersonations i on i.session_id = s.session_id and i.left_at is null ",
        impersonation_joins!(),
        " where s.session_id = any ($1) and s.ended_at is null and s.expires_at > now() and u.disabled_at is null
            and case when i.session_id is null
                     then m.user_id is not null and (t.suspended_at is null or m.role = 'customer_admin')
                     else ",
        impersonation_lives!(),
        " and (it.suspended_at is null or im.role = 'customer_admin') end"
    ))
    .bind(sessions)
    .fetch_all(db.read())
    .await?;
    let owned = sqlx::query_as(
        "select k.api_key_id, k.tenant_id from api_keys k join tenants t on t.tenant_id = k.tenant_id
          where k.api_key_id = any ($1) and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
            and (t.suspended_at is null or k.role = 'customer_admin')",
    )
    .bind(keys)
    .fetch_all(db.read())
    .await?;
    Ok((devices.into_iter().collect(), owned.into_iter().collect()))
}
