//! A tenant's own keys for models, and which models answer for an agent, in which order.
//!
//! A key leaves this file only towards a call. Lists show its hint and its host.

use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use time::OffsetDateTime;
use url::Url;

use super::{DbError, TenantTx, data_keys};
use crate::{
    crypto::{Keyring, Place},
    ids::{AgentId, LlmKeyId, TenantId},
};

pub mod prices;

/// Keys of one tenant.
pub const KEYS_MAX: i64 = 20;
/// Models that one agent names.
pub const MODELS_MAX: usize = 8;

/// What may be shown of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LlmKey {
    pub id: LlmKeyId,
    pub name: String,
    pub base_url: String,
    pub hint: String,
    pub default_model: String,
    /// Answers for agents that name no models.
    pub is_default: bool,
    /// The platform's models answer when this key does not.
    pub platform_fallback: bool,
    pub created_by: String,
    pub created_at: OffsetDateTime,
    pub replaced_at: Option<OffsetDateTime>,
}

/// A key that was tried.
pub struct NewLlmKey<'a> {
    pub id: LlmKeyId,
    pub name: &'a str,
    pub base_url: &'a Url,
    pub secret: &'a SecretString,
    pub hint: &'a str,
    pub default_model: &'a str,
    pub is_default: bool,
    pub platform_fallback: bool,
    pub created_by: &'a str,
}

/// What changes about a key; `None` leaves it.
#[derive(Default)]
pub struct Change<'a> {
    pub name: Option<&'a str>,
    /// Address and key change together: a key is never sent to an address it was not given for.
    pub place: Option<(&'a Url, &'a SecretString, &'a str)>,
    pub default_model: Option<&'a str>,
    pub is_default: Option<bool>,
    pub platform_fallback: Option<bool>,
}

/// A model of an agent's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelChoice {
    /// `None`: the platform's key.
    pub key: Option<LlmKeyId>,
    pub model: String,
}

/// The same, with what a call needs.
#[derive(Clone, Debug)]
pub struct Link {
    /// `None`: the platform's own order of models.
    pub model: Option<String>,
    pub key: Option<(LlmKeyId, String, SecretString)>,
}

fn place(tenant: TenantId, id: LlmKeyId) -> Place {
    Place { tenant: Some(tenant), table: "llm_keys", column: "sealed", row: id.uuid() }
}

async fn seal(tx: &mut TenantTx, keys: &Keyring, id: LlmKeyId, secret: &SecretString) -> Result<Vec<u8>, DbError> {
    let key = data_keys::sealing(tx, keys).await?;
    Ok(key.seal(&place(tx.tenant(), id), secret.expose_secret().as_bytes()))
}

async fn open(tx: &mut TenantTx, keys: &Keyring, id: LlmKeyId, sealed: &[u8]) -> Result<SecretString, DbError> {
    data_keys::open_text(tx, keys, &place(tx.tenant(), id), sealed).await
}

/// Stores a key. Where it is to be the default, no other one is any more.
pub async fn create(tx: &mut TenantTx, keys: &Keyring, new: &NewLlmKey<'_>) -> Result<LlmKey, DbError> {
    let tenant = tx.tenant();
    if new.is_default {
        no_default(tx).await?;
    }
    let sealed = seal(tx, keys, new.id, new.secret).await?;
    let row = sqlx::query(
        "insert into llm_keys (tenant_id, llm_key_id, name, base_url, sealed, key_hint, default_model, is_default,
                               platform_fallback, created_by)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
          where (select count(*) from llm_keys where tenant_id = $1) < $11
         returning llm_key_id, name, base_url, key_hint, default_model, is_default, platform_fallback, created_by,
                   created_at, replaced_at",
    )
    .bind(tenant)
    .bind(new.id)
    .bind(new.name)
    .bind(new.base_url.as_str())
    .bind(sealed)
    .bind(new.hint)
    .bind(new.default_model)
    .bind(new.is_default)
    .bind(new.platform_fallback)
    .bind(new.created_by)
    .bind(KEYS_MAX)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(key).ok_or(DbError::Conflict("There are 20 model keys already: delete one first."))?
}

/// Changes a key. [`DbError::NotFound`]: no such key.
pub async fn change(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: LlmKeyId,
    change: &Change<'_>,
) -> Result<LlmKey, DbError> {
    let tenant = tx.tenant();
    if change.is_default == Some(true) {
        no_default(tx).await?;
    }
    let sealed = match change.place {
        Some((_, secret, _)) => Some(seal(tx, keys, id, secret).await?),
        None => None,
    };
    let row = sqlx::query(
        "update llm_keys
            set name = coalesce($3, name), base_url = coalesce($4, base_url), sealed = coalesce($5, sealed),
                key_hint = coalesce($6, key_hint), default_model = coalesce($7, default_model),
                is_default = coalesce($8, is_default), platform_fallback = coalesce($9, platform_fallback),
                replaced_at = case when $5 is null then replaced_at else clock_timestamp() end
          where tenant_id = $1 and llm_key_id = $2
         returning llm_key_id, name, base_url, key_hint, default_model, is_default, platform_fallback, created_by,
                   created_at, replaced_at",
    )
    .bind(tenant)
    .bind(id)
    .bind(change.name)
    .bind(change.place.map(|(url, ..)| url.as_str()))
    .bind(sealed)
    .bind(change.place.map(|(.., hint)| hint))
    .bind(change.default_model)
    .bind(change.is_default)
    .bind(change.platform_fallback)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(key).ok_or(DbError::NotFound)?
}

async fn no_default(tx: &mut TenantTx) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("update llm_keys set is_default = false where tenant_id = $1 and is_default")
        .bind(tenant)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Deletes a key. One that an agent names stays: its agent would turn to somebody else's.
pub async fn remove(tx: &mut TenantTx, id: LlmKeyId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let removed = sqlx::query("delete from llm_keys where tenant_id = $1 and llm_key_id = $2")
        .bind(tenant)
        .bind(id)
        .execute(tx.conn())
        .await
        .map_err(|error| {
            DbError::from(error).on_constraint(
                "agent_models_tenant_id_llm_key_id_fkey",
                "An agent names this key: take it out of the agent's models first.",
            )
        })?;
    if removed.rows_affected() == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// The keys, oldest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<LlmKey>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select llm_key_id, name, base_url, key_hint, default_model, is_default, platform_fallback, created_by,
                created_at, replaced_at
           from llm_keys where tenant_id = $1 order by llm_key_id limit $2",
    )
    .bind(tenant)
    .bind(KEYS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(key).collect()
}

/// A key with its secret, to be tried anew.
pub async fn find(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: LlmKeyId,
) -> Result<Option<(LlmKey, SecretString)>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select llm_key_id, name, base_url, key_hint, default_model, is_default, platform_fallback, created_by,
                created_at, replaced_at, sealed
           from llm_keys where tenant_id = $1 and llm_key_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let sealed: Vec<u8> = row.try_get("sealed")?;
    Ok(Some((key(&row)?, open(tx, keys, id, &sealed).await?)))
}

/// Which models each agent names.
pub async fn models(tx: &mut TenantTx) -> Result<Vec<(AgentId, ModelChoice)>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select agent_id, llm_key_id, model from agent_models where tenant_id = $1
          order by agent_id, position limit 2000",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    let choice = |row: &sqlx::postgres::PgRow| {
        let choice = ModelChoice { key: row.try_get("llm_key_id")?, model: row.try_get("model")? };
        Ok((row.try_get("agent_id")?, choice))
    };
    rows.iter().map(choice).collect()
}

/// Replaces the models an agent names; none: the tenant's default key, or else the platform's order.
pub async fn set_models(tx: &mut TenantTx, agent: AgentId, chosen: &[ModelChoice]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("delete from agent_models where tenant_id = $1 and agent_id = $2")
        .bind(tenant)
        .bind(agent)
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "insert into agent_models (tenant_id, agent_id, position, llm_key_id, model)
         select $1, $2, g.position, g.llm_key_id, g.model
           from unnest($3::uuid[], $4::text[]) with ordinality as g (llm_key_id, model, position)",
    )
    .bind(tenant)
    .bind(agent)
    .bind(chosen.iter().map(|choice| choice.key).collect::<Vec<_>>())
    .bind(chosen.iter().map(|choice| choice.model.as_str()).collect::<Vec<_>>())
    .execute(tx.conn())
    .await
    .map_err(|error| {
        let error = DbError::from(error);
        // Another tenant's key is one that does not exist.
        if error.constraint() == Some("agent_models_tenant_id_llm_key_id_fkey") {
            DbError::NotFound
        } else {
            error
        }
    })?;
    Ok(())
}

const CHAIN: &str = "
select m.position, m.model, k.llm_key_id, k.base_url, k.sealed, false as platform_fallback
  from agent_models m
  left join llm_keys k on k.tenant_id = $1 and k.llm_key_id = m.llm_key_id
 where m.tenant_id = $1 and m.agent_id = $2
union all
select 0, coalesce(a.model, k.default_model), k.llm_key_id, k.base_url, k.sealed, k.platform_fallback
  from llm_keys k
  join agents a on a.tenant_id = $1 and a.agent_id = $2
 where k.tenant_id = $1 and k.is_default
   and not exists (select from agent_models m where m.tenant_id = $1 and m.agent_id = $2)
 order by 1";

/// What answers for the agent, in order. Empty: the platform's models.
pub async fn chain(tx: &mut TenantTx, keys: &Keyring, agent: AgentId) -> Result<Vec<Link>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(CHAIN).bind(tenant).bind(agent).fetch_all(tx.conn()).await?;
    let mut chain = Vec::new();
    for row in &rows {
        let key = match row.try_get::<Option<LlmKeyId>, _>("llm_key_id")? {
            Some(id) => {
                let sealed: Vec<u8> = row.try_get("sealed")?;
                Some((id, row.try_get("base_url")?, open(tx, keys, id, &sealed).await?))
            }
            None => None,
        };
        chain.push(Link { model: row.try_get("model")?, key });
        if row.try_get("platform_fallback")? {
            chain.push(Link { model: None, key: None });
        }
    }
    Ok(chain)
}

fn key(row: &sqlx::postgres::PgRow) -> Result<LlmKey, DbError> {
    Ok(LlmKey {
        id: row.try_get("llm_key_id")?,
        name: row.try_get("name")?,
        base_url: row.try_get("base_url")?,
        hint: row.try_get("key_hint")?,
        default_model: row.try_get("default_model")?,
        is_default: row.try_get("is_default")?,
        platform_fallback: row.try_get("platform_fallback")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        replaced_at: row.try_get("replaced_at")?,
    })
}
