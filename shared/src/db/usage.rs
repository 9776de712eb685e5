//! The usage ledger: one row per model call, failed and unknown ones included, only ever inserted.

use serde::Serialize;
use uuid::Uuid;

use crate::ids::UsageId;

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
