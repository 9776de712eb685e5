//! What the tenant's agents speak.

use axum::{Json, extract::rejection::JsonRejection};
use serde::{Deserialize, Serialize};
use shared::{conditions::Language, db::languages};
use utoipa::ToSchema;

use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
};

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Languages {
    /// Codes of two letters, the main language first: `en`, `de`, `fr`, `es` or `pt`. `null`: nobody said so. Then models answer in
    /// the language they are asked in, and sentences of ours come in the writer's language, in English where that does not tell.
    #[schema(required, example = json!(["de", "en"]))]
    #[serde(deserialize_with = "Option::deserialize")]
    languages: Option<Vec<String>>,
}

/// What the agents speak.
#[utoipa::path(get, path = "/api/v1/languages",
    responses((status = 200, body = Languages), (status = 401, body = Problem)))]
pub async fn show(operator: Operator) -> Result<Json<Languages>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let spoken = languages::get(&mut tx).await?;
    tx.close().await?;
    Ok(Json(spoken.as_deref().into()))
}

/// Changes it, for answers from now on.
#[utoipa::path(put, path = "/api/v1/languages", request_body = Languages,
    responses((status = 200, body = Languages), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn set(
    Admin(admin): Admin,
    body: Result<Json<Languages>, JsonRejection>,
) -> Result<Json<Languages>, ApiError> {
    let Json(body) = body?;
    let spoken = body.languages.as_deref().map(read).transpose()?;
    let mut tx = admin.db.begin().await?;
    languages::set(&mut tx, &admin.actor, spoken.as_deref()).await?;
    tx.commit().await?;
    Ok(Json(spoken.as_deref().into()))
}

fn read(codes: &[String]) -> Result<Vec<Language>, ApiError> {
    let wanted = || {
        ApiError::invalid(format!("Name each language once, the main one first, out of: {}.", Language::list()))
    };
    let mut spoken = Vec::new();
    for code in codes {
        match Language::parse(code) {
            Some(language) if !spoken.contains(&language) => spoken.push(language),
            _ => return Err(wanted()),
        }
    }
    if spoken.is_empty() { Err(wanted()) } else { Ok(spoken) }
}

impl From<Option<&[Language]>> for Languages {
    fn from(spoken: Option<&[Language]>) -> Self {
        let codes = |spoken: &[Language]| spoken.iter().map(|language| language.code().to_owned()).collect();
        Self { languages: spoken.map(codes) }
    }
}
