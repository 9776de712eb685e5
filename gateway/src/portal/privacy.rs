//! Privacy: handing out what is there of a person, and erasing it.

use axum::{Json, extract::rejection::JsonRejection, http::StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use shared::{
    db::privacy::{
        self, Erasure, PEOPLE_MAX,
        retention::{self, DAYS_MAX, Retention},
    },
    ids::PersonId,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewErasure {
    /// Whom; several ids only for one human whom several connections know. 1 to 20.
    #[schema(example = json!(["per_01k9z3w6h8f2m5x7q4r1t0v9sb"]))]
    people: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ErasureBody {
    #[schema(example = "ers_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// Whom, with all who are the same human by their id at the provider.
    people: Vec<String>,
    /// As the audit log names who asked.
    requested_by: String,
    requested_at: String,
    /// `null`: it is under way. What is being answered at the moment ends first.
    finished_at: Option<String>,
    /// Rows erased, by table.
    #[schema(value_type = Object, example = json!({ "messages": 12 }))]
    counts: Map<String, Value>,
    /// What proves it: JSON, signed where the installation has a key for that. `null` until it is done.
    certificate: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ErasureList {
    /// The latest 100.
    items: Vec<ErasureBody>,
}

/// All that is there of somebody.
#[derive(Serialize, ToSchema)]
pub struct PersonExport {
    people: Vec<String>,
    /// Rows by table, as they are.
    #[schema(value_type = Object)]
    rows: Map<String, Value>,
    /// Tables of which more is there than the 20,000 rows that are handed out at once.
    cut: Vec<String>,
    /// What is theirs and not handed out, with the reasons, by table.
    #[schema(value_type = Object)]
    left_out: Map<String, Value>,
}

/// Who was erased, or is about to be.
#[utoipa::path(get, path = "/api/v1/privacy/erasures",
    responses((status = 200, body = ErasureList), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(Admin(admin): Admin) -> Result<Json<ErasureList>, ApiError> {
    let mut tx = admin.db.begin().await?;
    let items = privacy::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(ErasureList { items: items.into_iter().map(body).collect() }))
}

/// Erases somebody: what they said, what was made of it, and what they are known by. It can't be undone. The worker does it
/// within a minute or so; who writes again is somebody new.
#[utoipa::path(post, path = "/api/v1/privacy/erasures", request_body = NewErasure, params(OnceKey),
    responses((status = 202, body = ErasureBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn erase(
    Admin(admin): Admin,
    once: Once,
    asked: Result<Json<NewErasure>, JsonRejection>,
) -> Result<(StatusCode, Json<ErasureBody>), ApiError> {
    let Json(NewErasure { people }) = asked?;
    let mut people =
        people.iter().map(|id| id.parse()).collect::<Result<Vec<PersonId>, _>>().map_err(|_| nobody())?;
    people.sort_unstable_by_key(|person| person.uuid());
    people.dedup();
    if people.is_empty() || people.len() > PEOPLE_MAX {
        return Err(nobody());
    }
    let mut tx = admin.db.begin().await?;
    let id = privacy::request(&mut tx, &admin.actor, &people).await?;
    let erasure = privacy::take(&mut tx, id).await?;
    once.commit(tx, StatusCode::ACCEPTED, body(erasure)).await
}

fn nobody() -> ApiError {
    ApiError::invalid("`people` must be a list of 1 to 20 ids of people such as per_01k9z3w6h8f2m5x7q4r1t0v9sb.")
}

/// Hands out all that is there of somebody. It is put on record.
#[utoipa::path(get, path = "/api/v1/privacy/people/{person_id}/export", params(("person_id" = String, Path)),
    responses((status = 200, body = PersonExport), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn export(Admin(admin): Admin, PathId(id): PathId<PersonId>) -> Result<Json<PersonExport>, ApiError> {
    let mut tx = admin.db.begin_for_all_audiences().await?;
    let all = privacy::export(&mut tx, &admin.actor, &[id]).await?;
    tx.commit().await?;
    Ok(Json(PersonExport {
        people: all.people.iter().map(ToString::to_string).collect(),
        rows: all.rows.into_iter().map(|(table, rows)| (table.to_owned(), rows.into())).collect(),
        cut: all.cut.into_iter().map(str::to_owned).collect(),
        left_out: all.left_out.into_iter().map(|(table, why)| (table.to_owned(), why.into())).collect(),
    }))
}

/// For how many days what is there is kept; `null`: for good. What is said may be kept for good by default, records that nobody
/// reads any more for 90 days.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionBody {
    /// What was said in conversations, with its files, what is remembered of it word for word, summaries, and every record of it:
    /// none of those below is kept longer. 1 to 3,650. What was learned from it stays.
    #[serde(deserialize_with = "said")]
    #[schema(required, example = 365)]
    messages_days: Option<i32>,
    /// Facts and decisions that were learned from what was said.
    #[serde(deserialize_with = "said")]
    #[schema(required, example = 730)]
    facts_days: Option<i32>,
    /// Bytes as a platform sent them, and what people pressed. 1 to 3,650.
    #[serde(deserialize_with = "said")]
    #[schema(required, example = 90)]
    inbox_days: Option<i32>,
    /// What models and tools answered in a turn, as it is recorded, and what was sent.
    #[serde(deserialize_with = "said")]
    #[schema(required, example = 90)]
    runs_days: Option<i32>,
    /// What the tenant's own systems were told.
    #[serde(deserialize_with = "said")]
    #[schema(required, example = 90)]
    deliveries_days: Option<i32>,
    /// Jobs that are done.
    #[serde(deserialize_with = "said")]
    #[schema(required, example = 30)]
    jobs_days: Option<i32>,
}

/// `null` must be said: what is left out is a mistake, and keeping for good a decision.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    Option::deserialize(deserializer)
}

/// How long is kept what is kept for a while.
#[utoipa::path(get, path = "/api/v1/privacy/retention",
    responses((status = 200, body = RetentionBody), (status = 401, body = Problem)))]
pub async fn retention(operator: Operator) -> Result<Json<RetentionBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let days = retention::get(&mut tx).await?;
    tx.close().await?;
    Ok(Json(days.into()))
}

/// Changes it; what is older goes within a day.
#[utoipa::path(put, path = "/api/v1/privacy/retention", request_body = RetentionBody,
    responses((status = 200, body = RetentionBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn set_retention(
    Admin(admin): Admin,
    asked: Result<Json<RetentionBody>, JsonRejection>,
) -> Result<Json<RetentionBody>, ApiError> {
    let Json(asked) = asked?;
    let days = Retention {
        messages_days: asked.messages_days,
        facts_days: asked.facts_days,
        inbox_days: asked.inbox_days,
        runs_days: asked.runs_days,
        deliveries_days: asked.deliveries_days,
        jobs_days: asked.jobs_days,
    };
    let all = [
        days.messages_days,
        days.facts_days,
        days.inbox_days,
        days.runs_days,
        days.deliveries_days,
        days.jobs_days,
    ];
    if all.iter().flatten().any(|days| !(1..=DAYS_MAX).contains(days)) {
        return Err(ApiError::invalid("Days must be numbers from 1 to 3650, or null to keep for good."));
    }
    let mut tx = admin.db.begin().await?;
    retention::set(&mut tx, &admin.actor, &days).await?;
    tx.commit().await?;
    Ok(Json(days.into()))
}

impl From<Retention> for RetentionBody {
    fn from(days: Retention) -> Self {
        Self {
            messages_days: days.messages_days,
            facts_days: days.facts_days,
            inbox_days: days.inbox_days,
            runs_days: days.runs_days,
            deliveries_days: days.deliveries_days,
            jobs_days: days.jobs_days,
        }
    }
}

fn body(erasure: Erasure) -> ErasureBody {
    let (kind, who) = &erasure.actor;
    let written = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    ErasureBody {
        id: erasure.id.to_string(),
        people: erasure.people.iter().map(ToString::to_string).collect(),
        requested_by: format!("{kind} {who}"),
        requested_at: written(erasure.requested_at),
        finished_at: erasure.finished_at.map(written),
        counts: erasure.counts.into_iter().map(|(table, rows)| (table, rows.into())).collect(),
        certificate: erasure.certificate,
    }
}
