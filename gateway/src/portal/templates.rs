//! Message templates of a WhatsApp number: what Meta has approved, and which one is sent outside of the 24 hours.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    channels::whatsapp::Template,
    db::{audit, connections, numbers, numbers::TemplateRow},
    ids::ConnectionId,
    message::clean_text,
};
use utoipa::ToSchema;

use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    portal::connect_whatsapp::refused,
};

const NAME_MAX: usize = 512;

#[derive(Serialize, ToSchema)]
pub struct TemplateBody {
    #[schema(example = "answer_ready")]
    name: String,
    #[schema(example = "en")]
    language: String,
    #[schema(example = "UTILITY")]
    category: String,
    /// Meta's word: `APPROVED`, `PENDING`, `REJECTED`, `PAUSED`, `DISABLED`.
    status: String,
}

#[derive(Serialize, ToSchema)]
pub struct TemplateList {
    items: Vec<TemplateBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// A template with one variable, which becomes the answer; `null` for none.
    template: Option<String>,
    #[schema(example = "en")]
    language: Option<String>,
}

fn connection(id: &str) -> Result<ConnectionId, ApiError> {
    id.parse().map_err(|_| ApiError::not_found())
}

/// Asks Meta, and keeps what it says.
async fn ask(gateway: &Gateway, db: &shared::db::TenantDb, id: ConnectionId) -> Result<Vec<Template>, ApiError> {
    let mut tx = db.begin().await?;
    let account = numbers::account(&mut tx, id).await?;
    let token = connections::token(&mut tx, &gateway.keys, id).await?;
    tx.close().await?;
    if account.is_empty() {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "conflict",
            "Which WhatsApp Business account this number belongs to is not known yet: write to the number once, or connect \
             it again with `account_id`.",
        ));
    }
    let found = gateway.whatsapp_api.templates(&token, &account).await.map_err(refused)?;
    let now = gateway.clock.now();
    let mut tx = db.begin().await?;
    for template in &found {
        let row = TemplateRow {
            name: &clean_text(&template.name),
            language: &clean_text(&template.language),
            category: Some(&template.category),
            status: &template.status,
            reason: None,
        };
        numbers::store_template(&mut tx, id, &row, now).await?;
    }
    tx.commit().await?;
    Ok(found)
}

/// The templates of the number's account, as Meta knows them now.
#[utoipa::path(get, path = "/api/v1/connections/{id}/templates", params(("id" = String, Path)),
    responses((status = 200, body = TemplateList), (status = 401, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 502, body = Problem)))]
pub async fn list(
    operator: Operator,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<TemplateList>, ApiError> {
    let found = ask(&gateway, &operator.db, connection(&id)?).await?;
    let item = |template: Template| TemplateBody {
        name: template.name,
        language: template.language,
        category: template.category,
        status: template.status,
    };
    Ok(Json(TemplateList { items: found.into_iter().map(item).collect() }))
}

/// Chooses the template that is sent to a person who has not written for 24 hours.
#[utoipa::path(put, path = "/api/v1/connections/{id}/fallback-template", request_body = Fallback,
    params(("id" = String, Path)),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
pub async fn choose(
    admin: Admin,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Result<Json<Fallback>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let (id, Json(Fallback { template, language })) = (connection(&id)?, body?);
    let chosen = match (template.as_deref(), language.as_deref()) {
        (None, None) => None,
        (Some(name), Some(language)) if name.len() <= NAME_MAX && language.len() <= NAME_MAX => {
            Some((name, language))
        }
        _ => return Err(ApiError::invalid("Give both `template` and `language`, or `null` for both.")),
    };
    if let Some((name, language)) = chosen {
        let known = ask(&gateway, &admin.0.db, id).await?;
        let approved = |template: &Template| {
            template.name == name && template.language == language && template.status == "APPROVED"
        };
        if !known.iter().any(approved) {
            return Err(ApiError::invalid("Meta has approved no template of this name in this language."));
        }
    }
    let mut tx = admin.0.db.begin().await?;
    numbers::set_fallback(&mut tx, id, chosen).await?;
    let detail = json!({ "template": template, "language": language });
    audit::append(&mut tx, &admin.0.actor, "connection.fallback", ("connection", &id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
