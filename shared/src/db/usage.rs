//! The usage ledger: one row per model call, failed and unknown ones included, only ever inserted.

use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use super::{DbError, TenantTx, budgets::Spender};
use crate::ids::{LlmKeyId, MediaId, RunId, UsageId};

/// One model call. Prices are looked up in SQL when it is stored; a model without a price has no cost, not a cost of 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelCall {
    pub usage_id: Uuid,
    pub model: String,
    /// `platform` or `tenant`: whose key paid.
    pub key_owner: &'static str,
    /// Which of the tenant's.
    pub llm_key_id: Option<Uuid>,
    pub status: CallStatus,
    pub input_tokens: i64,
    /// Of them, those that the provider had at hand already.
    pub cached_tokens: i64,
    pub output_tokens: i64,
    /// The provider did not report tokens: they are counted from the text.
    pub estimated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    Ok,
    Failed,
    /// Cut off after tokens may have been produced.
    Unknown,
}

impl CallStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// A recording given to a model that hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transcription<'a> {
    pub model: &'a str,
    pub status: CallStatus,
    pub seconds: u32,
    /// The provider did not report the seconds: they are counted from the bytes.
    pub estimated: bool,
}

/// Books the call for a file. It belongs to the file's conversation, and to no run. [`DbError::NotFound`]: no such file.
pub async fn book_transcription(
    tx: &mut TenantTx,
    file: MediaId,
    call: &Transcription<'_>,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let booked = sqlx::query(
        "insert into usage (tenant_id, usage_id, conversation_id, purpose, model, key_owner, status, input_tokens,
                            output_tokens, estimated, audio_seconds, cost_micro_usd)
         select $1, $3, m.conversation_id, 'transcription', $4, 'platform', $5, 0, 0, $6, $7,
                ceil($7 * p.minute_micro_usd / 60.0)::bigint
           from media m
           left join lateral (
                select minute_micro_usd from model_prices where model = $4 and effective_from <= now()
                 order by effective_from desc limit 1
           ) p on true
          where m.tenant_id = $1 and m.media_id = $2",
    )
    .bind(tenant)
    .bind(file)
    .bind(UsageId::new())
    .bind(call.model)
    .bind(call.status.as_str())
    .bind(call.estimated)
    .bind(i32::try_from(call.seconds).unwrap_or(i32::MAX))
    .execute(tx.conn())
    .await?;
    if booked.rows_affected() == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// Whose key a call is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOwner {
    Platform,
    Tenant(LlmKeyId),
}

impl KeyOwner {
    pub fn parts(self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::Platform => ("platform", None),
            Self::Tenant(key) => ("tenant", Some(key.uuid())),
        }
    }
}

/// Books calls that a run led to after its answer was given, such as drawing facts. Nobody's budget but the tenant's, the
/// agent's and the conversation's counts them: no person asked for them.
pub async fn book_afterwards(
    tx: &mut TenantTx,
    run: RunId,
    purpose: &str,
    calls: &[ModelCall],
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, purpose, model, key_owner, llm_key_id,
                            status, input_tokens, cached_tokens, output_tokens, estimated, cost_micro_usd)
         select $1, c.usage_id, r.run_id, r.agent_id, r.conversation_id, $3, c.model, c.key_owner, c.llm_key_id, c.status,
                c.input_tokens, c.cached_tokens, c.output_tokens, c.estimated,
                floor(call_cost($1, c.llm_key_id, c.model, c.input_tokens, c.cached_tokens, c.output_tokens))::bigint
           from jsonb_to_recordset($4) as c (usage_id uuid, model text, key_owner text, llm_key_id uuid, status text,
                                             input_tokens bigint, cached_tokens bigint, output_tokens bigint,
                                             estimated boolean)
           join runs r on r.tenant_id = $1 and r.run_id = $2
         on conflict (tenant_id, usage_id) do nothing",
    )
    .bind(tenant)
    .bind(run)
    .bind(purpose)
    .bind(Json(calls))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Books calls for an answer that nobody is sent.
pub async fn book_rehearsed(
    tx: &mut TenantTx,
    who: &Spender,
    purpose: &str,
    calls: &[ModelCall],
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, purpose, model, key_owner, llm_key_id,
                            status, input_tokens, cached_tokens, output_tokens, estimated, cost_micro_usd)
         select $1, c.usage_id, $2, $3, $4, $5, c.model, c.key_owner, c.llm_key_id, c.status, c.input_tokens,
                c.cached_tokens, c.output_tokens, c.estimated,
                floor(call_cost($1, c.llm_key_id, c.model, c.input_tokens, c.cached_tokens, c.output_tokens))::bigint
           from jsonb_to_recordset($6) as c (usage_id uuid, model text, key_owner text, llm_key_id uuid, status text,
                                             input_tokens bigint, cached_tokens bigint, output_tokens bigint,
                                             estimated boolean)
         on conflict (tenant_id, usage_id) do nothing",
    )
    .bind(tenant)
    .bind(who.run)
    .bind(who.agent)
    .bind(who.conversation)
    .bind(purpose)
    .bind(Json(calls))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Books the question a key was tried with, which belongs to no conversation.
pub async fn book_check(tx: &mut TenantTx, call: &ModelCall) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into usage (tenant_id, usage_id, purpose, model, key_owner, llm_key_id, status, input_tokens,
                            output_tokens, estimated, cost_micro_usd)
         values ($1, $2, 'check', $3, $4, $5, $6, $7, $8, $9,
                floor(call_cost($1, $5, $3, $7, 0, $8))::bigint)",
    )
    .bind(tenant)
    .bind(call.usage_id)
    .bind(&call.model)
    .bind(call.key_owner)
    .bind(call.llm_key_id)
    .bind(call.status.as_str())
    .bind(call.input_tokens)
    .bind(call.output_tokens)
    .bind(call.estimated)
    .execute(tx.conn())
    .await?;
    Ok(())
}

impl ModelCall {
    pub fn new(model: &str, status: CallStatus) -> Self {
        Self::by(KeyOwner::Platform, model, status)
    }

    pub fn by(owner: KeyOwner, model: &str, status: CallStatus) -> Self {
        let (key_owner, llm_key_id) = owner.parts();
        Self {
            usage_id: UsageId::new().uuid(),
            model: model.to_owned(),
            key_owner,
            llm_key_id,
            status,
            input_tokens: 0,
            cached_tokens: 0,
            output_tokens: 0,
            estimated: true,
        }
    }
}

/// What models cost in a conversation so far, in cents.
pub async fn cents_of(tx: &mut TenantTx, conversation: crate::ids::ConversationId) -> Result<u32, DbError> {
    let tenant = tx.tenant();
    let cents: i64 = sqlx::query_scalar(
        "select coalesce(sum(cost_micro_usd) / 10000, 0)::bigint from usage
          where tenant_id = $1 and conversation_id = $2",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_one(tx.conn())
    .await?;
    Ok(u32::try_from(cents).unwrap_or(u32::MAX))
}
