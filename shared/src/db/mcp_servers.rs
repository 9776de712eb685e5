//! Servers that bring tools along, and what became of those tools. A tool is pinned to what an operator saw; one that its server
//! describes otherwise is locked until somebody agrees to the new description.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;

use super::{
    DbError, TenantDb, TenantTx,
    audit::{self, Actor},
    data_keys,
    tools::{self, TOOLS_MAX, Tool},
};
use crate::{
    crypto::{Keyring, Place},
    ids::{McpServerId, TenantId, ToolId},
    mcp::{Listed, simplified},
    tools::is_name,
};

/// Servers of one tenant.
pub const SERVERS_MAX: i64 = 10;
/// Longest name of a server, in characters: it stands before its tools' names.
pub const NAME_MAX: usize = 15;
const TOOL_NAME_MAX: usize = 40;
const TIMEOUT_MS: i32 = 20_000;
const ANSWER_MAX: i32 = 65_536;

#[derive(Clone, Debug)]
pub struct Server {
    pub id: McpServerId,
    pub name: String,
    pub url: String,
    pub token_hint: Option<String>,
    pub created_by: String,
    pub created_at: OffsetDateTime,
    pub looked_at: OffsetDateTime,
}

/// What its server has to do with a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    pub server: McpServerId,
    pub name: String,
    /// Of what an operator saw.
    pub digest: Vec<u8>,
    pub read_only_hint: bool,
    pub locked_at: Option<OffsetDateTime>,
    /// What it would be by now: description, arguments and their digest.
    pub seen: Option<(String, Value, Vec<u8>)>,
}

pub struct New<'a> {
    pub name: &'a str,
    pub url: &'a str,
    pub token: Option<(&'a SecretString, &'a str)>,
}

/// What a look at a server's tools changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub new: usize,
    pub locked: usize,
    /// Tools that can't be used, by the server's names, and why.
    pub left_out: Vec<(String, String)>,
}

fn place(tenant: TenantId, id: McpServerId) -> Place {
    Place { tenant: Some(tenant), table: "mcp_servers", column: "token", row: id.uuid() }
}

/// Opens a server's token for a call.
pub async fn open(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: McpServerId,
    sealed: &[u8],
) -> Result<SecretString, DbError> {
    data_keys::open_text(tx, keys, &place(tx.tenant(), id), sealed).await
}

pub async fn create(
    tx: &mut TenantTx,
    keys: &Keyring,
    actor: &Actor,
    new: &New<'_>,
) -> Result<McpServerId, DbError> {
    let (tenant, id) = (tx.tenant(), McpServerId::new());
    let sealed = match new.token {
        Some((token, _)) => {
            let key = data_keys::sealing(tx, keys).await?;
            Some(key.seal(&place(tenant, id), token.expose_secret().as_bytes()))
        }
        None => None,
    };
    let stored = sqlx::query(
        "insert into mcp_servers (tenant_id, server_id, name, url, token, token_hint, created_by)
         select $1, $2, $3, $4, $5, $6, $7
          where (select count(*) from mcp_servers where tenant_id = $1 and deleted_at is null) < $8",
    )
    .bind(tenant)
    .bind(id)
    .bind(new.name)
    .bind(new.url)
    .bind(sealed)
    .bind(new.token.map(|(_, hint)| hint))
    .bind(actor.id())
    .bind(SERVERS_MAX)
    .execute(tx.conn())
    .await
    .map_err(|error| {
        DbError::from(error).on_constraint("mcp_servers_by_name", "There is a server of this name already.")
    })?;
    if stored.rows_affected() == 0 {
        return Err(DbError::Conflict("There are 10 servers already: delete one first."));
    }
    let detail = json!({ "name": new.name, "url": new.url, "token_hint": new.token.map(|(_, hint)| hint) });
    audit::append(tx, actor, "mcp_server.connect", ("mcp_server", &id.to_string()), detail).await?;
    Ok(id)
}

/// The servers, oldest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Server>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select server_id, name, url, token_hint, created_by, created_at, looked_at from mcp_servers
          where tenant_id = $1 and deleted_at is null order by server_id limit $2",
    )
    .bind(tenant)
    .bind(SERVERS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(server).collect()
}

/// A server with its sealed token.
pub async fn find(tx: &mut TenantTx, id: McpServerId) -> Result<Option<(Server, Option<Vec<u8>>)>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select server_id, name, url, token_hint, created_by, created_at, looked_at, token from mcp_servers
          where tenant_id = $1 and server_id = $2 and deleted_at is null",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| Ok((server(&row)?, row.try_get("token")?))).transpose()
}

fn server(row: &PgRow) -> Result<Server, DbError> {
    Ok(Server {
        id: row.try_get("server_id")?,
        name: row.try_get("name")?,
        url: row.try_get("url")?,
        token_hint: row.try_get("token_hint")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        looked_at: row.try_get("looked_at")?,
    })
}

/// Deletes a server with its token, its tools and their grants. What was called stays in the ledger.
pub async fn remove(tx: &mut TenantTx, actor: &Actor, id: McpServerId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let removed = sqlx::query(
        "with gone as (
             update mcp_servers set deleted_at = clock_timestamp(), token = null, token_hint = null
              where tenant_id = $1 and server_id = $2 and deleted_at is null
             returning server_id
         ), grants as (
             delete from agent_tools g using tools t, gone
              where g.tenant_id = $1 and t.tenant_id = $1 and t.tool_id = g.tool_id and t.server_id = gone.server_id
         ), tools as (
             update tools t set deleted_at = clock_timestamp(), enabled = false
               from gone where t.tenant_id = $1 and t.server_id = gone.server_id and t.deleted_at is null
         )
         select server_id from gone",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    if removed.is_none() {
        return Err(DbError::NotFound);
    }
    audit::append(tx, actor, "mcp_server.remove", ("mcp_server", &id.to_string()), json!({})).await
}

/// Compares what a server lists with what is known of it: new tools come in as writes that nobody was granted, others that
/// changed or are gone are locked.
pub async fn look(
    tx: &mut TenantTx,
    actor: &Actor,
    server: &Server,
    listed: &[Listed],
) -> Result<Looked, DbError> {
    let tenant = tx.tenant();
    sqlx::query("update mcp_servers set looked_at = clock_timestamp() where tenant_id = $1 and server_id = $2")
        .bind(tenant)
        .bind(server.id)
        .execute(tx.conn())
        .await?;
    let known: Vec<(ToolId, String, Vec<u8>)> = sqlx::query_as(
        "select tool_id, remote_name, remote_digest from tools
          where tenant_id = $1 and server_id = $2 and deleted_at is null for no key update",
    )
    .bind(tenant)
    .bind(server.id)
    .fetch_all(tx.conn())
    .await?;
    let mut looked = Looked::default();
    for (id, name, digest) in &known {
        let now = listed.iter().find(|tool| tool.name == *name);
        if now.is_some_and(|now| now.is_as(digest)) {
            continue;
        }
        looked.locked += usize::from(lock(tx, actor, *id, now).await?);
    }
    for tool in listed {
        if known.iter().any(|(_, name, _)| *name == tool.name) {
            continue;
        }
        match add(tx, actor, server, tool).await? {
            None => looked.new += 1,
            Some(why) => looked.left_out.push((tool.name.clone(), why)),
        }
    }
    let detail = json!({ "new": looked.new, "locked": looked.locked, "left_out": looked.left_out.len() });
    audit::append(tx, actor, "mcp_server.look", ("mcp_server", &server.id.to_string()), detail).await?;
    Ok(looked)
}

/// Takes a tool out of use until somebody agrees to what it is now. `now`: as its server describes it; `None`: it is gone, or
/// was not looked at. `false`: it was locked already, and its description is what was seen then.
pub async fn lock(tx: &mut TenantTx, actor: &Actor, id: ToolId, now: Option<&Listed>) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let usable = now.and_then(|now| Some((now, simplified(&now.schema).ok()?)));
    let digest = usable.as_ref().map(|(now, _)| now.digest().to_vec());
    let locked = sqlx::query(
        "update tools
            set locked_at = coalesce(locked_at, clock_timestamp()), seen_description = $3, seen_arguments = $4,
                seen_digest = $5
          where tenant_id = $1 and tool_id = $2 and deleted_at is null
            and (locked_at is null or seen_digest is distinct from $5)",
    )
    .bind(tenant)
    .bind(id)
    .bind(usable.as_ref().map(|(now, _)| described(now)))
    .bind(usable.as_ref().map(|(_, arguments)| Json(arguments)))
    .bind(digest)
    .execute(tx.conn())
    .await?;
    let locked = locked.rows_affected() == 1;
    if locked {
        audit::append(tx, actor, "tool.lock", ("tool", &id.to_string()), json!({ "why": "it changed" })).await?;
    }
    Ok(locked)
}

fn described(tool: &Listed) -> &str {
    if tool.description.trim().is_empty() { "(The server does not describe it.)" } else { &tool.description }
}

/// Why it can't be used, if it can't.
async fn add(tx: &mut TenantTx, actor: &Actor, server: &Server, tool: &Listed) -> Result<Option<String>, DbError> {
    let arguments = match simplified(&tool.schema) {
        Ok(arguments) => arguments,
        Err(why) => return Ok(Some(why)),
    };
    let Some(name) = local_name(&server.name, &tool.name) else {
        return Ok(Some("Its name can't be turned into small letters, digits and `_`.".into()));
    };
    let (tenant, id) = (tx.tenant(), ToolId::new());
    let stored = sqlx::query(
        "insert into tools (tenant_id, tool_id, name, description, class, method, url_template, arguments, timeout_ms,
                            answer_max, enabled, created_by, server_id, remote_name, remote_digest, read_only_hint)
         select $1, $2, $3, $4, 'write', 'mcp', $5, $6, $7, $8, true, $9, $10, $11, $12, $13
          where (select count(*) from tools where tenant_id = $1 and deleted_at is null) < $14
         on conflict do nothing",
    )
    .bind(tenant)
    .bind(id)
    .bind(&name)
    .bind(described(tool))
    .bind(&server.url)
    .bind(Json(&arguments))
    .bind(TIMEOUT_MS)
    .bind(ANSWER_MAX)
    .bind(actor.id())
    .bind(server.id)
    .bind(&tool.name)
    .bind(tool.digest().as_slice())
    .bind(tool.read_only_hint)
    .bind(TOOLS_MAX)
    .execute(tx.conn())
    .await?;
    if stored.rows_affected() == 0 {
        return Ok(Some("There is a tool of this name already, or as many as there may be.".into()));
    }
    let detail = json!({ "name": name, "class": "write", "server": server.id });
    audit::append(tx, actor, "tool.create", ("tool", &id.to_string()), detail).await?;
    Ok(None)
}

/// `Get-Weather` of `met` is `met_get_weather`.
fn local_name(server: &str, tool: &str) -> Option<String> {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let name: String = format!("{server}_{}", tool.chars().map(plain).collect::<String>());
    let name: String = name.chars().take(TOOL_NAME_MAX).collect();
    (is_name(&name) && tool.chars().any(|letter| letter.is_ascii_alphanumeric())).then_some(name)
}

/// Agrees to what a locked tool is now, which the caller has seen: its digest says so. Its class is a write again.
pub async fn confirm(tx: &mut TenantTx, actor: &Actor, id: ToolId, digest: &[u8]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let confirmed: Option<Json<Value>> = sqlx::query_scalar(
        "update tools
            set description = seen_description, arguments = seen_arguments, remote_digest = seen_digest, class = 'write',
                locked_at = null, seen_description = null, seen_arguments = null, seen_digest = null,
                changed_at = clock_timestamp()
          where tenant_id = $1 and tool_id = $2 and deleted_at is null and locked_at is not null and seen_digest = $3
         returning arguments",
    )
    .bind(tenant)
    .bind(id)
    .bind(digest)
    .fetch_optional(tx.conn())
    .await?;
    if confirmed.is_none() {
        return Err(DbError::Conflict(
            "The tool is not locked, is gone, or was changed once more: look at it again, then confirm that.",
        ));
    }
    let detail = json!({ "digest": hex::encode(digest) });
    audit::append(tx, actor, "tool.confirm", ("tool", &id.to_string()), detail).await
}

pub(super) fn remote(row: &PgRow) -> Result<Option<Remote>, DbError> {
    let server: Option<McpServerId> = row.try_get("server_id")?;
    let Some(server) = server else { return Ok(None) };
    let seen: Option<Vec<u8>> = row.try_get("seen_digest")?;
    let seen = seen.map(|digest| {
        let arguments: Json<Value> = row.try_get("seen_arguments")?;
        Ok::<_, DbError>((row.try_get("seen_description")?, arguments.0, digest))
    });
    Ok(Some(Remote {
        server,
        name: row.try_get("remote_name")?,
        digest: row.try_get("remote_digest")?,
        read_only_hint: row.try_get::<Option<bool>, _>("read_only_hint")?.unwrap_or_default(),
        locked_at: row.try_get("locked_at")?,
        seen: seen.transpose()?,
    }))
}

/// Opens the secret that goes with a call: the tool's own, or its server's.
pub async fn open_secret(
    db: &TenantDb,
    keys: &Keyring,
    tool: &Tool,
    sealed: Option<&[u8]>,
) -> Result<Option<SecretString>, DbError> {
    let Some(sealed) = sealed else { return Ok(None) };
    let place = match &tool.remote {
        Some(remote) => place(db.id(), remote.server),
        None => tools::place(db.id(), tool.id),
    };
    data_keys::open_text_in(db, keys, &place, sealed).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_name_is_its_servers_and_its_own() {
        assert_eq!(local_name("met", "Get-Weather").as_deref(), Some("met_get_weather"));
        assert_eq!(local_name("met", "gеt").as_deref(), Some("met_g_t"), "a letter that only looks like one");
        assert_eq!(local_name("met", "天気"), None);
        assert_eq!(local_name("met", &"a".repeat(90)).map(|name| name.len()), Some(40));
    }
}
