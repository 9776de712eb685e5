//! How a connection ends: the platform says that its token is worth nothing any more, by an event or in answer to a call.
//!
//! Every way leads through [`bury`]. The connection's data stays, and connecting the workspace again revives it. What it
//! had not sent ends with a reason; what is asked of it later ends so, too, when its turn is opened.

use serde_json::json;
use sqlx::Row;
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    notices::{self, Kind},
};
use crate::ids::ConnectionId;

/// What a call says whose token lived its time.
pub const EXPIRED: &str = "token_expired";

/// Marks a connection dead, ends what it has not sent, and tells the admins. `reported_at`: when the platform says that it
/// happened; a report of an earlier installation changes nothing. `true`: it was alive until now.
pub async fn bury(
    tx: &mut TenantTx,
    id: ConnectionId,
    reason: &str,
    reported_at: Option<OffsetDateTime>,
) -> Result<bool, DbError> {
    if reason.ends_with(EXPIRED) && can_be_renewed(tx, id).await? {
        return Ok(false);
    }
    let tenant = tx.tenant();
    // A report has no fractions of a second: one of the very second of the installation is believed.
    let row = sqlx::query(
        "update channel_connections set status = 'dead', dead_reason = $3
          where tenant_id = $1 and connection_id = $2 and status = 'active'
            and ($4::timestamptz is null or date_trunc('second', installed_at) <= $4)
         returning channel, display_name",
    )
    .bind(tenant)
    .bind(id)
    .bind(reason)
    .bind(reported_at)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(false) };
    let (channel, name): (String, String) = (row.try_get("channel")?, row.try_get("display_name")?);
    let given_up = end_outbox(tx, id, reason).await?;
    stop_renewing(tx, id).await?;
    let detail = json!({ "reason": reason, "given_up": given_up });
    audit::append(tx, &Actor::System, "connection.dead", ("connection", &id.to_string()), detail).await?;
    let platform = if channel == "whatsapp" { "WhatsApp" } else { "Slack" };
    let body = format!(
        "{platform} no longer accepts the connection to {name} ({reason}). Your AI employee does not answer there until it \
         is connected again. Nothing that is stored was lost; messages that arrive meanwhile are not answered later."
    );
    notices::tell(tx, Kind::ConnectionDead, Some(id), &body).await?;
    Ok(true)
}

/// What is on its way may have arrived, and nobody can look any more. Whoever is sending at this moment knows better, and
/// says so when its turn ends.
async fn end_outbox(tx: &mut TenantTx, id: ConnectionId, reason: &str) -> Result<u64, DbError> {
    let tenant = tx.tenant();
    let ended = sqlx::query(
        "update outbox o set state = 'unknown', error = 'the connection is dead: ' || $3
           from conversations c
          where o.tenant_id = $1 and o.state = 'sending'
            and c.tenant_id = $1 and c.conversation_id = o.conversation_id and c.connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected())
}

/// A token that only lived its time ends nothing while its successor can be had: that is due now.
async fn can_be_renewed(tx: &mut TenantTx, id: ConnectionId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let renewable = sqlx::query(
        "update token_rotations set refresh_at = least(refresh_at, clock_timestamp())
          where tenant_id = $1 and connection_id = $2 and refused_at is null and refresh_at is not null",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(renewable.rows_affected() == 1)
}

async fn stop_renewing(tx: &mut TenantTx, id: ConnectionId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("update token_rotations set refresh_at = null where tenant_id = $1 and connection_id = $2")
        .bind(tenant)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// An organization took the app out of one of its workspaces: the installation lives on elsewhere. Of an installation in
/// one workspace the same report is its end.
pub async fn remove_workspace(
    tx: &mut TenantTx,
    id: ConnectionId,
    reason: &str,
    reported_at: Option<OffsetDateTime>,
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let organization: Option<String> = sqlx::query_scalar(
        "select display_name from channel_connections
          where tenant_id = $1 and connection_id = $2 and org_wide and status = 'active'",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(organization) = organization else { return bury(tx, id, reason, reported_at).await };
    audit::append(
        tx,
        &Actor::System,
        "connection.workspace_removed",
        ("connection", &id.to_string()),
        json!({ "reason": reason }),
    )
    .await?;
    let body = format!(
        "{organization} removed the app from one of its workspaces. Your AI employee goes on in the others; it answers \
         there again once an administrator of {organization} adds the app to that workspace."
    );
    notices::tell(tx, Kind::WorkspaceRemoved, Some(id), &body).await?;
    Ok(false)
}
