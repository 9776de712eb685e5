//! What whoever takes a conversation over should know first.

use sqlx::Row;

use super::New;
use crate::db::{DbError, TenantTx};

/// What a summary shows of the person's last words.
const QUOTES_MAX: i64 = 3;
const QUOTE_CHARS: i32 = 200;

const SUMMARY: &str = "
with said as (
    select m.body, m.sent_at, m.message_id from messages m
     where m.tenant_id = $1 and m.conversation_id = $2 and m.person_id = $3 and m.deleted_at is null and m.body <> ''
     order by m.sent_at desc, m.message_id desc limit $4
)
select coalesce((select display_name from people where tenant_id = $1 and person_id = $3), '') as name,
       (select count(*) from messages m
         where m.tenant_id = $1 and m.conversation_id = $2 and m.person_id = $3) as written,
       (select count(distinct m.run_id) from messages m
         where m.tenant_id = $1 and m.conversation_id = $2 and m.author_kind = 'agent') as answers,
       (select array_agg(left(body, $5) || case when length(body) > $5 then ' …' else '' end order by sent_at, message_id)
          from said) as quotes";

/// Made from what is stored, so that it is there without a model.
pub(super) async fn summary(tx: &mut TenantTx, new: &New<'_>) -> Result<String, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(SUMMARY)
        .bind(tenant)
        .bind(new.conversation)
        .bind(new.person)
        .bind(QUOTES_MAX)
        .bind(QUOTE_CHARS)
        .fetch_one(tx.conn())
        .await?;
    let (name, written, answers): (String, i64, i64) =
        (row.try_get("name")?, row.try_get("written")?, row.try_get("answers")?);
    let quotes: Option<Vec<String>> = row.try_get("quotes")?;
    let name = if name.is_empty() { "The person" } else { &name };
    let quotes: String = quotes.unwrap_or_default().iter().map(|quote| format!("\n> {quote}")).collect();
    let times = |count: i64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let (written, answers) = (times(written, "message"), times(answers, "time"));
    Ok(format!(
        "Handed over because {}. {name} has written {written} here, the agent has answered {answers}. \
         {name}'s last words:{quotes}",
        new.reason
    ))
}
