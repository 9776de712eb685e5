//! Tools that the tenant defined, and which tools an agent was granted.
//!
//! A secret leaves this file only towards a call. Lists show its hint and its host.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;

use super::{DbError, TenantTx, data_keys, mcp_servers};
use crate::{
    crypto::{Keyring, Place},
    ids::{AgentId, TenantId, ToolId},
    tools::{self, Class},
};

/// Tools of one tenant.
pub const TOOLS_MAX: i64 = 50;
/// Tools of one agent.
pub const GRANTS_MAX: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    pub id: ToolId,
    pub name: String,
    pub description: String,
    pub class: Class,
    /// In small letters.
    pub method: String,
    pub url_template: String,
    pub arguments: Value,
    pub header_name: Option<String>,
    pub header_hint: Option<String>,
    pub timeout_ms: i32,
    pub answer_max: i32,
    pub enabled: bool,
    pub created_by: String,
    pub created_at: OffsetDateTime,
    pub changed_at: OffsetDateTime,
    /// Of a server that brought it along; `None`: the tenant's own.
    pub remote: Option<mcp_servers::Remote>,
}

impl Tool {
    /// What an approval is for: the tool as it is now, and these arguments. Who changes either, asks anew.
    pub fn digest(&self, arguments: &Value) -> [u8; 32] {
        let (id, schema) = (self.id.to_string(), self.arguments.to_string());
        let header = self.header_name.as_deref().unwrap_or_default();
        let mut definition =
            vec![&*id, &self.name, self.class.as_str(), &self.method, &self.url_template, &schema, header];
        let pinned = self.remote.as_ref().map(|remote| (remote.server.to_string(), hex::encode(&remote.digest)));
        if let Some((server, digest)) = &pinned {
            definition.extend([server.as_str(), digest.as_str()]);
        }
        tools::digest(&definition, arguments)
    }
}

/// A secret and the header it goes into.
#[derive(Clone, Copy)]
pub struct Header<'a> {
    pub name: &'a str,
    pub value: &'a SecretString,
    pub hint: &'a str,
}

/// What the gateway has checked.
pub struct Shape<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub class: Class,
    pub method: &'a str,
    pub url_template: &'a str,
    pub arguments: &'a Value,
    pub timeout_ms: i32,
    pub answer_max: i32,
    pub enabled: bool,
}

/// What becomes of the secret.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    Kept,
    Removed,
    Replaced(Header<'a>),
}

/// Something an agent may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    BuiltIn(String),
    Own(ToolId),
}

/// The same, with what a call needs; of the tenant's own, the sealed secret.
#[derive(Clone, Debug)]
pub enum Granted {
    BuiltIn(String),
    Own(Box<Tool>, Option<Vec<u8>>),
}

macro_rules! columns {
    () => {
        "t.tool_id, t.name, t.description, t.class, t.method, t.url_template, t.arguments, t.header_name, t.header_hint,
       t.timeout_ms, t.answer_max, t.enabled, t.created_by, t.created_at, t.changed_at, t.server_id, t.remote_name,
       t.remote_digest, t.read_only_hint, t.locked_at, t.seen_description, t.seen_arguments, t.seen_digest"
    };
}

pub(super) fn place(tenant: TenantId, id: ToolId) -> Place {
    Place { tenant: Some(tenant), table: "tools", column: "header_value", row: id.uuid() }
}

async fn seal(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: ToolId,
    header: Option<Header<'_>>,
) -> Result<Option<Vec<u8>>, DbError> {
    let Some(header) = header else { return Ok(None) };
    let key = data_keys::sealing(tx, keys).await?;
    Ok(Some(key.seal(&place(tx.tenant(), id), header.value.expose_secret().as_bytes())))
}

pub async fn create(
    tx: &mut TenantTx,
    keys: &Keyring,
    shape: &Shape<'_>,
    header: Option<Header<'_>>,
    created_by: &str,
) -> Result<Tool, DbError> {
    let (tenant, id) = (tx.tenant(), ToolId::new());
    let sealed = seal(tx, keys, id, header).await?;
    let row = sqlx::query(concat!(
        "insert into tools as t (tenant_id, tool_id, name, description, class, method, url_template, arguments, header_name,
                                 header_value, header_hint, timeout_ms, answer_max, enabled, created_by)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
          where (select count(*) from tools where tenant_id = $1 and deleted_at is null) < $16
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(id)
    .bind(shape.name)
    .bind(shape.description)
    .bind(shape.class.as_str())
    .bind(shape.method)
    .bind(shape.url_template)
    .bind(Json(shape.arguments))
    .bind(header.map(|header| header.name))
    .bind(sealed)
    .bind(header.map(|header| header.hint))
    .bind(shape.timeout_ms)
    .bind(shape.answer_max)
    .bind(shape.enabled)
    .bind(created_by)
    .bind(TOOLS_MAX)
    .fetch_optional(tx.conn())
    .await
    .map_err(same_name)?;
    row.as_ref().map(tool).ok_or(DbError::Conflict("There are 50 tools already: delete one first."))?
}

/// Replaces what a tool is. [`DbError::NotFound`]: no such tool.
pub async fn change(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: ToolId,
    shape: &Shape<'_>,
    secret: Secret<'_>,
) -> Result<Tool, DbError> {
    let tenant = tx.tenant();
    let header = match secret {
        Secret::Replaced(header) => Some(header),
        Secret::Kept | Secret::Removed => None,
    };
    let sealed = seal(tx, keys, id, header).await?;
    let row = sqlx::query(concat!(
        "update tools t
            set name = $3, description = $4, class = $5, method = $6, url_template = $7, arguments = $8,
                header_name = case when $9 then header_name else $10 end,
                header_value = case when $9 then header_value else $11 end,
                header_hint = case when $9 then header_hint else $12 end,
                timeout_ms = $13, answer_max = $14, enabled = $15, changed_at = clock_timestamp()
          where t.tenant_id = $1 and t.tool_id = $2 and t.deleted_at is null
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(id)
    .bind(shape.name)
    .bind(shape.description)
    .bind(shape.class.as_str())
    .bind(shape.method)
    .bind(shape.url_template)
    .bind(Json(shape.arguments))
    .bind(matches!(secret, Secret::Kept))
    .bind(header.map(|header| header.name))
    .bind(sealed)
    .bind(header.map(|header| header.hint))
    .bind(shape.timeout_ms)
    .bind(shape.answer_max)
    .bind(shape.enabled)
    .fetch_optional(tx.conn())
    .await
    .map_err(same_name)?;
    row.as_ref().map(tool).ok_or(DbError::NotFound)?
}

/// Whether a tool is used, and whether its calls wait for an approval.
pub async fn set_use(tx: &mut TenantTx, id: ToolId, class: Class, enabled: bool) -> Result<Tool, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "update tools t set class = $3, enabled = $4, changed_at = clock_timestamp()
          where t.tenant_id = $1 and t.tool_id = $2 and t.deleted_at is null
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(id)
    .bind(class.as_str())
    .bind(enabled)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(tool).ok_or(DbError::NotFound)?
}

fn same_name(error: sqlx::Error) -> DbError {
    DbError::from(error).on_constraint("tools_by_name", "There is a tool of this name already.")
}

/// Deletes a tool with its secret and its grants. What was called stays in the ledger.
pub async fn remove(tx: &mut TenantTx, id: ToolId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let removed = sqlx::query(
        "with grants as (
             delete from agent_tools where tenant_id = $1 and tool_id = $2
         )
         update tools set deleted_at = clock_timestamp(), enabled = false, header_name = null, header_value = null,
                          header_hint = null
          where tenant_id = $1 and tool_id = $2 and deleted_at is null",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    if removed.rows_affected() == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// The tools, oldest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Tool>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select ",
        columns!(),
        " from tools t where t.tenant_id = $1 and t.deleted_at is null order by t.tool_id limit $2"
    ))
    .bind(tenant)
    .bind(TOOLS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(tool).collect()
}

/// A tool with its sealed secret, and locked: what it is now stays so until the transaction ends.
pub async fn lock(tx: &mut TenantTx, id: ToolId) -> Result<Option<(Tool, Option<Vec<u8>>)>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "select ",
        columns!(),
        ", coalesce(t.header_value, (select s.token from mcp_servers s
                                        where s.tenant_id = $1 and s.server_id = t.server_id)) as secret
           from tools t
          where t.tenant_id = $1 and t.tool_id = $2 and t.deleted_at is null for no key update of t"
    ))
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| Ok((tool(&row)?, row.try_get("secret")?))).transpose()
}

/// What each agent may use, in the order it was granted.
pub async fn grants(tx: &mut TenantTx) -> Result<Vec<(AgentId, Grant)>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select agent_id, built_in, tool_id from agent_tools where tenant_id = $1
          order by agent_id, position limit 4000",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    let grant = |row: &PgRow| {
        let own: Option<ToolId> = row.try_get("tool_id")?;
        let grant = match own {
            Some(id) => Grant::Own(id),
            None => Grant::BuiltIn(row.try_get("built_in")?),
        };
        Ok((row.try_get("agent_id")?, grant))
    };
    rows.iter().map(grant).collect()
}

/// Replaces what an agent may use. [`DbError::NotFound`]: no such tool, or it is somebody else's.
pub async fn set_grants(tx: &mut TenantTx, agent: AgentId, granted: &[Grant]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("delete from agent_tools where tenant_id = $1 and agent_id = $2")
        .bind(tenant)
        .bind(agent)
        .execute(tx.conn())
        .await?;
    let (built_in, own): (Vec<&str>, Vec<Option<ToolId>>) = granted
        .iter()
        .map(|grant| match grant {
            Grant::BuiltIn(name) => (name.as_str(), None),
            Grant::Own(id) => ("", Some(*id)),
        })
        .unzip();
    let stored = sqlx::query(
        "insert into agent_tools (tenant_id, agent_id, position, built_in, tool_id)
         select $1, $2, g.position, g.built_in, g.tool_id
           from unnest($3::text[], $4::uuid[]) with ordinality as g (built_in, tool_id, position)
          where g.tool_id is null
             or exists (select from tools t where t.tenant_id = $1 and t.tool_id = g.tool_id and t.deleted_at is null)",
    )
    .bind(tenant)
    .bind(agent)
    .bind(built_in)
    .bind(own)
    .execute(tx.conn())
    .await?;
    // Another tenant's tool is one that does not exist.
    let all = usize::try_from(stored.rows_affected()).is_ok_and(|count| count == granted.len());
    if all { Ok(()) } else { Err(DbError::NotFound) }
}

/// What an agent may use, with what a call needs. Tools that are switched off are none.
pub async fn granted(tx: &mut TenantTx, agent: AgentId) -> Result<Vec<Granted>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select g.built_in, coalesce(t.header_value, s.token) as secret, ",
        columns!(),
        " from agent_tools g
          left join tools t on t.tenant_id = $1 and t.tool_id = g.tool_id and t.enabled and t.deleted_at is null
                           and t.locked_at is null
          left join mcp_servers s on s.tenant_id = $1 and s.server_id = t.server_id
         where g.tenant_id = $1 and g.agent_id = $2 and (g.tool_id is null or t.tool_id is not null)
         order by g.position"
    ))
    .bind(tenant)
    .bind(agent)
    .fetch_all(tx.conn())
    .await?;
    let granted = |row: &PgRow| {
        let own: Option<ToolId> = row.try_get("tool_id")?;
        match own {
            Some(_) => Ok(Granted::Own(Box::new(tool(row)?), row.try_get("secret")?)),
            None => Ok(Granted::BuiltIn(row.try_get("built_in")?)),
        }
    };
    rows.iter().map(granted).collect()
}

fn tool(row: &PgRow) -> Result<Tool, DbError> {
    let Json(arguments) = row.try_get("arguments")?;
    Ok(Tool {
        id: row.try_get("tool_id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        class: Class::parse(row.try_get("class")?),
        method: row.try_get("method")?,
        url_template: row.try_get("url_template")?,
        arguments,
        header_name: row.try_get("header_name")?,
        header_hint: row.try_get("header_hint")?,
        timeout_ms: row.try_get("timeout_ms")?,
        answer_max: row.try_get("answer_max")?,
        enabled: row.try_get("enabled")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        changed_at: row.try_get("changed_at")?,
        remote: mcp_servers::remote(row)?,
    })
}
