//! What a tenant's admins should know, and who they are.

use serde::Serialize;
use sqlx::Row;
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::{
    ids::{ConnectionId, ConversationId, NoticeId, UserId},
    jobs::Job,
    queue,
};

/// Notices of one page.
pub const PAGE: i64 = 50;

/// Each kind with its name in the table: whoever adds one can't forget either.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// `None`: a newer version of the program wrote it.
            pub fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// The platform no longer accepts the connection's token, or the app was removed.
    ConnectionDead = "connection_dead";
    /// The token works on for a while, but can't be renewed.
    TokenRefused = "token_refused";
    /// A conversation was handed to a human.
    Escalation = "escalation";
    /// An organization removed the app from one of its workspaces.
    WorkspaceRemoved = "workspace_removed";
    /// The platform withholds events: there are more than it sends.
    EventsHeldBack = "events_held_back";
    /// A good part of a budget is spent.
    BudgetAlert = "budget_alert";
    /// Somebody went without an answer, because a budget had no room for it.
    BudgetExhausted = "budget_exhausted";
    /// An invoice waits for its payment.
    PaymentDue = "payment_due";
    /// The state of the subscription changed what the agent may do.
    AccessChanged = "access_changed";
    /// A message of ours did not arrive, and won't.
    SendFailed = "send_failed";
    /// Nobody can tell whether a message of ours arrived.
    SendUnclear = "send_unclear";
    /// The plan's answers of this month are used up.
    AnswersUsedUp = "answers_used_up";
    /// There are more memories than the plan includes.
    MemoriesRest = "memories_rest";
    /// A system of the tenant's own does not take what it is told.
    WebhookFailing = "webhook_failing";
}

impl Kind {
    /// Whether connecting the channel anew mends it, so that a link which does so belongs to it.
    pub fn is_mended_by_connecting(self) -> bool {
        matches!(self, Self::ConnectionDead | Self::TokenRefused | Self::WorkspaceRemoved)
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    pub id: NoticeId,
    pub kind: String,
    pub connection: Option<ConnectionId>,
    /// What a human should look at.
    pub conversation: Option<ConversationId>,
    pub body: String,
    pub created_at: OffsetDateTime,
    pub seen_at: Option<OffsetDateTime>,
}

/// Stores a notice, and the job that tells the admins, in the transaction of what it tells of.
pub async fn tell(
    tx: &mut TenantTx,
    kind: Kind,
    connection: Option<ConnectionId>,
    body: &str,
) -> Result<NoticeId, DbError> {
    let (tenant, id) = (tx.tenant(), NoticeId::new());
    sqlx::query(
        "insert into notices (tenant_id, notice_id, kind, connection_id, body) values ($1, $2, $3, $4, $5)",
    )
    .bind(tenant)
    .bind(id)
    .bind(kind.as_str())
    .bind(connection)
    .bind(body)
    .execute(tx.conn())
    .await?;
    queue::enqueue(tx, &Job::TellAdmins { notice: id, member: None }).await?;
    Ok(id)
}

/// As [`tell`], unless the same was told within the last hour. Two at once may both tell.
pub async fn tell_hourly(
    tx: &mut TenantTx,
    kind: Kind,
    connection: ConnectionId,
    body: &str,
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let told: bool = sqlx::query_scalar(
        "select exists (select from notices
                         where tenant_id = $1 and kind = $2 and connection_id = $3
                           and created_at > clock_timestamp() - interval '1 hour')",
    )
    .bind(tenant)
    .bind(kind.as_str())
    .bind(connection)
    .fetch_one(tx.conn())
    .await?;
    if !told {
        tell(tx, kind, Some(connection), body).await?;
    }
    Ok(!told)
}

/// Stores that a conversation waits for a human. `mails`: it is written to the admins, or to the one member it is meant for.
pub async fn tell_of_conversation(
    tx: &mut TenantTx,
    conversation: ConversationId,
    body: &str,
    mails: bool,
    member: Option<UserId>,
) -> Result<NoticeId, DbError> {
    let (tenant, id) = (tx.tenant(), NoticeId::new());
    sqlx::query(
        "insert into notices (tenant_id, notice_id, kind, conversation_id, body) values ($1, $2, $3, $4, $5)",
    )
    .bind(tenant)
    .bind(id)
    .bind(Kind::Escalation.as_str())
    .bind(conversation)
    .bind(body)
    .execute(tx.conn())
    .await?;
    if mails {
        queue::enqueue(tx, &Job::TellAdmins { notice: id, member }).await?;
    }
    Ok(id)
}

/// Stores that a message of a conversation did not arrive, or perhaps not, unless the same was told of it within the last hour.
/// The admins are written to once an hour at most, however many there are: a platform that is away fails many.
pub async fn tell_of_send(
    tx: &mut TenantTx,
    kind: Kind,
    conversation: ConversationId,
    reason: &str,
) -> Result<(), DbError> {
    let (tenant, id) = (tx.tenant(), NoticeId::new());
    let what = match kind {
        Kind::SendUnclear => "It is not known whether a message of your AI employee arrived",
        _ => "A message of your AI employee did not arrive",
    };
    let is_first: Option<bool> = sqlx::query_scalar(
        "with recent as (
             select conversation_id from notices
              where tenant_id = $1 and kind = $3 and created_at > clock_timestamp() - interval '1 hour'
         )
         insert into notices (tenant_id, notice_id, kind, conversation_id, body)
         select $1, $2, $3, $4, $5 where not exists (select from recent where conversation_id = $4)
         returning not exists (select from recent)",
    )
    .bind(tenant)
    .bind(id)
    .bind(kind.as_str())
    .bind(conversation)
    .bind(format!("{what}: {reason}. Look into the conversation, and say it again there if it matters."))
    .fetch_optional(tx.conn())
    .await?;
    if is_first == Some(true) {
        queue::enqueue(tx, &Job::TellAdmins { notice: id, member: None }).await?;
    }
    Ok(())
}

/// How many conversations were handed over in the last hour.
pub async fn escalations_this_hour(tx: &mut TenantTx) -> Result<i64, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select count(*) from notices
          where tenant_id = $1 and kind = 'escalation' and created_at > clock_timestamp() - interval '1 hour'",
    )
    .bind(tenant)
    .fetch_one(tx.conn())
    .await?)
}

/// The notice, if nobody has made its mails yet; from now on somebody has.
pub async fn take_unmailed(tx: &mut TenantTx, id: NoticeId) -> Result<Option<Notice>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update notices set mailed_at = clock_timestamp()
          where tenant_id = $1 and notice_id = $2 and mailed_at is null
         returning notice_id, kind, connection_id, conversation_id, body, created_at, seen_at",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(notice).transpose()
}

/// Whom to write to: this member, if they are one who may write; or else the tenant's admins, and as long as there is none,
/// whoever is invited to own it. At most 20.
pub async fn readers(tx: &mut TenantTx, member: Option<UserId>) -> Result<Vec<String>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "with member as (
             select mail from memberships where tenant_id = $1 and user_id = $2 and not read_only
         ), admins as (
             select mail from memberships
              where tenant_id = $1 and role = 'customer_admin' and not exists (select from member)
         )
         select mail from member
         union
         select mail from admins
         union
         select mail from invitations
          where tenant_id = $1 and makes_owner and accepted_at is null and revoked_at is null
            and not exists (select from admins) and not exists (select from member)
          order by mail limit 20",
    )
    .bind(tenant)
    .bind(member)
    .fetch_all(tx.conn())
    .await?)
}

/// The newest notices, before this one if it is named.
pub async fn list(tx: &mut TenantTx, before: Option<NoticeId>) -> Result<Vec<Notice>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select notice_id, kind, connection_id, conversation_id, body, created_at, seen_at from notices
          where tenant_id = $1 and ($2::uuid is null or notice_id < $2)
          order by notice_id desc limit $3",
    )
    .bind(tenant)
    .bind(before)
    .bind(PAGE)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(notice).collect()
}

/// Notes that somebody has seen these; returns how many of them were new.
pub async fn mark_seen(tx: &mut TenantTx, ids: &[NoticeId]) -> Result<u64, DbError> {
    let tenant = tx.tenant();
    let seen = sqlx::query(
        "update notices set seen_at = clock_timestamp()
          where tenant_id = $1 and notice_id = any ($2) and seen_at is null",
    )
    .bind(tenant)
    .bind(ids)
    .execute(tx.conn())
    .await?;
    Ok(seen.rows_affected())
}

fn notice(row: &sqlx::postgres::PgRow) -> Result<Notice, DbError> {
    Ok(Notice {
        id: row.try_get("notice_id")?,
        kind: row.try_get("kind")?,
        connection: row.try_get("connection_id")?,
        conversation: row.try_get("conversation_id")?,
        body: row.try_get("body")?,
        created_at: row.try_get("created_at")?,
        seen_at: row.try_get("seen_at")?,
    })
}
