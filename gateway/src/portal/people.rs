//! People who talk to agents: who they are, what the tenant says of them, and what is kept of them.

use axum::{
    Json,
    extract::{
        Query,
        rejection::{JsonRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    db::{
        audit, people,
        people_pages::{self, Filter, Line},
        privacy,
    },
    ids::PersonId,
};
use utoipa::{IntoParams, ToSchema};

use super::conversations::written;
use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    paging,
    path_id::PathId,
};

const Q_CHARS_MAX: usize = 200;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
    /// A part of their name, in any case, or all of the id or the phone number that the platform knows them by.
    q: Option<String>,
    /// `true`: only who is marked as important.
    vip: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct PersonBody {
    #[schema(example = "per_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    connection_id: String,
    connection_name: String,
    #[schema(example = "slack")]
    channel: String,
    /// The platform's id of them.
    #[schema(example = "U0123456")]
    external_id: String,
    /// In WhatsApp, where it is known.
    phone: Option<String>,
    /// `member`, `guest` of the workspace, `outsider` of another company, `bot`, or `unknown`.
    #[schema(example = "member")]
    standing: &'static str,
    /// Important: the rule `vip` holds for what they write.
    vip: bool,
    /// They want no messages.
    opted_out: bool,
    known_since: String,
    /// They are being erased.
    is_being_erased: bool,
}

#[derive(Serialize, ToSchema)]
pub struct PersonList {
    /// Who was met last comes first. Who was erased is not there.
    items: Vec<PersonBody>,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PersonDetail {
    #[serde(flatten)]
    about: PersonBody,
    /// Who is the same human by their id at the provider, on other connections: an erasure takes them along.
    also: Vec<PersonBody>,
    /// By any of these; `null`: never.
    last_wrote_at: Option<String>,
    /// Conversations that only they and the agent have: all that was said there goes.
    own_conversations: i64,
    /// Conversations with others in which they wrote: what they said goes, and what the agent answered after their first message.
    shared_conversations: i64,
    /// Rows that an erasure would take now, by table. What is under way while it is done comes on top, and a row that it changes in
    /// two steps is counted twice there.
    #[schema(value_type = Object, example = json!({ "messages": 12 }))]
    counts: Map<String, Value>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkPerson {
    /// Important: the rule `vip` holds for what they write.
    vip: bool,
}

#[derive(Serialize, ToSchema)]
pub struct MarkedPerson {
    #[schema(example = "per_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    vip: bool,
}

/// People who talk to the agents, on all connections.
#[utoipa::path(get, path = "/api/v1/people", params(Asked),
    responses((status = 200, body = PersonList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list(
    operator: Operator,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<PersonList>, ApiError> {
    let Query(asked) = asked
        .map_err(|_| ApiError::invalid("The query may have `cursor`, `limit`, `q` and `vip`, nothing else."))?;
    let limit = paging::limit(asked.limit)?;
    let q = asked.q.as_deref().map_or("", str::trim);
    if q.chars().count() > Q_CHARS_MAX || q.contains('\0') {
        return Err(ApiError::invalid(format!(
            "`q` may have at most {Q_CHARS_MAX} characters, none of them U+0000."
        )));
    }
    let filter = Filter {
        q,
        only_vip: asked.vip.unwrap_or_default(),
        before: paging::cursor(asked.cursor.as_deref(), |id| id.parse().ok())?,
    };
    let mut tx = operator.db.begin().await?;
    let mut found = people_pages::list(&mut tx, &filter, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| last.id.to_string());
    Ok(Json(PersonList { items: found.into_iter().map(PersonBody::from).collect(), next_cursor }))
}

/// Somebody, and what an erasure would take of them.
#[utoipa::path(get, path = "/api/v1/people/{person_id}", params(("person_id" = String, Path)),
    responses((status = 200, body = PersonDetail), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn show(Admin(admin): Admin, PathId(id): PathId<PersonId>) -> Result<Json<PersonDetail>, ApiError> {
    let mut tx = admin.db.begin_for_all_audiences().await?;
    let known = people_pages::of_human(&mut tx, id).await?;
    if !known.iter().any(|place| place.line.id == id) {
        return Err(ApiError::not_found());
    }
    let all: Vec<PersonId> =
        known.iter().flat_map(|place| [place.line.id].into_iter().chain(place.before.iter().copied())).collect();
    let forecast = privacy::forecast(&mut tx, &all).await?;
    tx.close().await?;
    let last_wrote_at = known.iter().filter_map(|place| place.last_wrote_at).max().map(written);
    let (mut asked, also): (Vec<Line>, Vec<Line>) =
        known.into_iter().map(|place| place.line).partition(|line| line.id == id);
    Ok(Json(PersonDetail {
        about: asked.pop().ok_or_else(ApiError::not_found)?.into(),
        also: also.into_iter().map(PersonBody::from).collect(),
        last_wrote_at,
        own_conversations: forecast.own_talks,
        shared_conversations: forecast.shared_talks,
        counts: forecast.counts.into_iter().map(|(table, rows)| (table, rows.into())).collect(),
    }))
}

/// Marks somebody as important, or no longer.
#[utoipa::path(patch, path = "/api/v1/people/{person_id}", params(("person_id" = String, Path)), request_body = MarkPerson,
    responses((status = 200, body = MarkedPerson), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn mark(
    operator: Operator,
    PathId(id): PathId<PersonId>,
    body: Result<Json<MarkPerson>, JsonRejection>,
) -> Result<Json<MarkedPerson>, ApiError> {
    let Json(MarkPerson { vip }) = body?;
    let mut tx = operator.db.begin().await?;
    let name = people::set_vip(&mut tx, id, vip).await?;
    audit::append(&mut tx, &operator.actor, "person.mark", ("person", &id.to_string()), json!({ "vip": vip }))
        .await?;
    tx.commit().await?;
    Ok(Json(MarkedPerson { id: id.to_string(), name, vip }))
}

impl From<Line> for PersonBody {
    fn from(line: Line) -> Self {
        Self {
            id: line.id.to_string(),
            name: line.name,
            connection_id: line.connection.to_string(),
            connection_name: line.connection_name,
            channel: line.channel,
            external_id: line.external_id,
            phone: line.phone,
            standing: line.standing.as_str(),
            vip: line.vip,
            opted_out: line.opted_out,
            known_since: written(line.known_since),
            is_being_erased: line.leaves,
        }
    }
}
