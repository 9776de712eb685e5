//! What an operator tries: another model, other instructions. Checked where it comes in.

use serde::Deserialize;
use shared::db::rehearsals::Draft;
use utoipa::ToSchema;

use super::agents::{INSTRUCTIONS_MAX, SHORT_TEXT_MAX};
use crate::error::ApiError;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftBody {
    /// Instead of the agent's model.
    #[schema(example = "gpt-4.1-mini")]
    model: Option<String>,
    /// Instead of the agent's instructions.
    instructions: Option<String>,
    /// `false`: without anything that is remembered. `true` by default.
    memory: Option<bool>,
}

impl DraftBody {
    pub fn with_memory(&self) -> bool {
        self.memory.unwrap_or(true)
    }

    pub fn check(self) -> Result<Draft, ApiError> {
        let model = self.model.map(|model| model.trim().to_owned());
        if model.as_ref().is_some_and(|model| {
            model.is_empty() || model.chars().count() > SHORT_TEXT_MAX || model.chars().any(char::is_control)
        }) {
            return Err(ApiError::invalid(format!("`model` must have 1 to {SHORT_TEXT_MAX} characters.")));
        }
        if self
            .instructions
            .as_ref()
            .is_some_and(|text| text.chars().count() > INSTRUCTIONS_MAX || text.contains('\0'))
        {
            return Err(ApiError::invalid(format!(
                "`instructions` may have {INSTRUCTIONS_MAX} characters at most, none of them U+0000."
            )));
        }
        Ok(Draft { model, instructions: self.instructions })
    }
}
