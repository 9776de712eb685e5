//! The usage ledger: one row per model call, failed and unknown ones included, only ever inserted.

use serde::Serialize;
use uuid::Uuid;

use super::{DbError, TenantTx};
use crate::ids::{MediaId, UsageId};

/// One model call. Prices are looked up in SQL when it is stored; a model without a price has no cost, not a cost of 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelCall {
    pub usage_id: Uuid,
    pub model: String,
    /// `platform` or `tenant`: whose key paid.
    pub key_owner: &'static str,
    pub status: CallStatus,
    pub input_tokens: i64,
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

impl ModelCall {
    pub fn new(model: &str, status: CallStatus) -> Self {
        Self {
            usage_id: UsageId::new().uuid(),
            model: model.to_owned(),
            key_owner: "platform",
            status,
            input_tokens: 0,
            output_tokens: 0,
            estimated: true,
        }
    }
}
