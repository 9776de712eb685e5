//! Forgetting a person: their memories are deleted, and the text of what they wrote, wherever it is kept.
//!
//! What stays is that somebody wrote something then: the thread keeps its shape, and the agent's answers stay.

use sqlx::Row;

use super::{DbError, TenantTx};
use crate::ids::PersonId;

/// What was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    pub memories: i64,
    pub messages: i64,
    /// Bytes as received, of messages and of acts.
    pub originals: i64,
    /// Messages that are being answered at this moment: their text is needed until that is done.
    pub under_way: i64,
}

/// An event that is no message (an edit, say) has no author of its own here; where the person takes part, one whose bytes
/// name them may hold their words.
const FORGET: &str = "
with person as (
    select person_id, connection_id, external_id from people where tenant_id = $1 and person_id = $2
), places as (
    select distinct m.conversation_id from messages m join person using (person_id) where m.tenant_id = $1
), forgotten as (
    delete from memories m using person p where m.tenant_id = $1 and m.person_id = p.person_id
    returning m.memory_id
), silenced as (
    update messages m set body = '', deleted_at = coalesce(m.deleted_at, clock_timestamp())
      from person p
     where m.tenant_id = $1 and m.person_id = p.person_id and (m.body <> '' or m.deleted_at is null)
    returning m.message_id
), received as (
    update inbox i set raw = '', normalized = null
      from person p
     where i.tenant_id = $1 and i.connection_id = p.connection_id and i.state <> 'pending' and i.raw <> ''
       and i.conversation_id in (select conversation_id from places)
       and (i.normalized ->> 'author' = p.external_id
            or i.normalized is null and position(convert_to(p.external_id, 'UTF8') in i.raw) > 0)
    returning i.seq
), acted as (
    update interactions a set raw = '', detail = '{}'
      from person p
     where a.tenant_id = $1 and a.connection_id = p.connection_id and a.external_user = p.external_id
       and a.state <> 'pending' and a.raw <> ''
    returning a.interaction_id
), handed_over as (
    update escalations e set summary = '' from person p where e.tenant_id = $1 and e.person_id = p.person_id
), called as (
    update tool_calls t set arguments = '{}', result = null
      from person p where t.tenant_id = $1 and t.person_id = p.person_id
), noted as (
    update follow_ups u
       set about = '', ended_at = coalesce(u.ended_at, clock_timestamp()),
           state = case when u.state = 'waiting' then 'cancelled' else u.state end
      from person p where u.tenant_id = $1 and u.person_id = p.person_id
), reasons as (
    update feedback f set comment = null from person p where f.tenant_id = $1 and f.person_id = p.person_id
)
select (select count(*) from forgotten) as memories, (select count(*) from silenced) as messages,
       (select count(*) from received) + (select count(*) from acted) as originals,
       (select count(*) from inbox i join person p using (connection_id)
         where i.tenant_id = $1 and i.state = 'pending' and i.normalized ->> 'author' = p.external_id) as under_way";

/// Erases what a person said, for an all-audiences transaction.
pub async fn forget(tx: &mut TenantTx, person: PersonId) -> Result<Forgotten, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(FORGET).bind(tenant).bind(person).fetch_one(tx.conn()).await?;
    Ok(Forgotten {
        memories: row.try_get("memories")?,
        messages: row.try_get("messages")?,
        originals: row.try_get("originals")?,
        under_way: row.try_get("under_way")?,
    })
}
