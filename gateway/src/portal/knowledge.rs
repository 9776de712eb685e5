//! Documents that the tenant's agents may read and cite. An admin gives them, as bytes in the request's body; a worker reads
//! them, and says here what became of that.

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
};
use serde::{Deserialize, Serialize};
use shared::{
    channels::fetch::BYTES_MAX,
    db::{
        Audience, agents,
        documents::{self, AGENTS_MAX, Document, NewDocument},
        memories::{self, Kind, Question, Recalled},
    },
    embedding::DIMENSIONS,
    ids::{AgentId, DocumentId},
    message::clean_text,
};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::conversations::written;
use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    paging,
    path_id::PathId,
};

const NAME_MAX: usize = 200;
const PASSAGES_MAX: i64 = 10;
const TERMS_MAX: usize = 40;
/// Documents that are held in memory at once.
static UPLOADS: Semaphore = Semaphore::const_new(4);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The file's name; its ending helps to tell CSV from other text.
    name: String,
    /// What answers cite it as; the name by default.
    title: Option<String>,
    /// Which agents may read it, separated by commas, at most 10; all of them by default.
    agent_ids: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct DocumentBody {
    #[schema(example = "doc_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    title: String,
    name: String,
    content_type: String,
    /// In bytes.
    size: i64,
    /// `waiting` to be read, `ready` to be cited, or `refused`.
    state: String,
    /// Why it was refused, or what of it is missing.
    reason: Option<String>,
    /// In how many pieces it is remembered.
    passages: i32,
    /// Who may read it; empty: all of the tenant's agents.
    agent_ids: Vec<String>,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct DocumentList {
    /// The newest first.
    items: Vec<DocumentBody>,
    next_cursor: Option<String>,
}

/// Gives the agents a document: its bytes are the request's body. TXT, Markdown, HTML, CSV, PDF, DOCX and XLSX are read, at most
/// 20 MB.
#[utoipa::path(post, path = "/api/v1/knowledge", params(Given),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 202, body = DocumentBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 413, body = Problem), (status = 503, body = Problem)))]
pub async fn give(
    State(gateway): State<Gateway>,
    admin: Admin,
    given: Result<Query<Given>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<DocumentBody>), ApiError> {
    let Query(given) = given.map_err(|_| {
        ApiError::invalid("The query must have `name`, and may have `title` and `agent_ids` only.")
    })?;
    let name = label("name", &given.name)?;
    let title = given.title.as_deref().map_or(Ok(name.clone()), |title| label("title", title))?;
    let agents = named_agents(given.agent_ids.as_deref())?;
    let content_type: String = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("application/octet-stream")
        .chars()
        .take(NAME_MAX)
        .collect();
    let Ok(_room) = UPLOADS.acquire().await else { return Err(ApiError::internal()) };
    let bytes = to_bytes(body, BYTES_MAX).await.map_err(|_| ApiError::too_large())?;
    if bytes.is_empty() {
        return Err(ApiError::invalid("The body must hold the document's bytes; it is empty."));
    }
    let id = DocumentId::new();
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    // Before the row says so: what is left behind by a failure is under an id that nobody has.
    let tenant = admin.0.tenant;
    gateway.storage.put_document(tenant, id, bytes.into()).await.map_err(|error| {
        tracing::error!(%error, "A document could not be kept");
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_storage",
            "The storage does not take the document at the moment: try again, or look at STORAGE_URL.",
        )
    })?;
    let new = NewDocument { id, title: &title, name: &name, content_type: &content_type, size, agents: &agents };
    let mut tx = admin.0.db.begin().await?;
    let document = match documents::create(&mut tx, &admin.0.actor, &new).await {
        Ok(document) => document,
        Err(error) => {
            drop(tx);
            if gateway.storage.erase_document(tenant, id).await.is_err() {
                tracing::warn!(document.id = %id, "The bytes of a document that was not taken are left behind");
            }
            return Err(error.into());
        }
    };
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(document.into())))
}

fn label(field: &str, text: &str) -> Result<String, ApiError> {
    let clean = clean_text(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if clean.is_empty() || clean.chars().count() > NAME_MAX {
        return Err(ApiError::invalid(format!("`{field}` must have 1 to {NAME_MAX} characters.")));
    }
    Ok(clean)
}

fn named_agents(given: Option<&str>) -> Result<Vec<AgentId>, ApiError> {
    let named = given.unwrap_or_default().split(',').map(str::trim).filter(|id| !id.is_empty());
    let mut agents = named
        .map(|id| id.parse().map_err(|error| ApiError::invalid(format!("`agent_ids`: {error}."))))
        .collect::<Result<Vec<AgentId>, _>>()?;
    agents.sort();
    agents.dedup();
    if agents.len() > AGENTS_MAX {
        return Err(ApiError::invalid(format!("`agent_ids` may name {AGENTS_MAX} agents at most.")));
    }
    Ok(agents)
}

/// The documents, the newest first.
#[utoipa::path(get, path = "/api/v1/knowledge", params(Page),
    responses((status = 200, body = DocumentList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list(
    operator: Operator,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<DocumentList>, ApiError> {
    let Query(page) = page.map_err(|_| ApiError::invalid("The query may have `cursor` and `limit` only."))?;
    let limit = paging::limit(page.limit)?;
    let before = paging::cursor(page.cursor.as_deref(), |id| id.parse().ok())?;
    let mut tx = operator.db.begin().await?;
    let mut found = documents::list(&mut tx, before, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| last.id.to_string());
    Ok(Json(DocumentList { items: found.into_iter().map(DocumentBody::from).collect(), next_cursor }))
}

/// One document, and what became of it.
#[utoipa::path(get, path = "/api/v1/knowledge/{document_id}", params(("document_id" = String, Path)),
    responses((status = 200, body = DocumentBody), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn show(operator: Operator, PathId(id): PathId<DocumentId>) -> Result<Json<DocumentBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let document = documents::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    tx.close().await?;
    Ok(Json(document.into()))
}

/// Takes a document away: no answer is reminded of it from now on, and its bytes are erased.
#[utoipa::path(delete, path = "/api/v1/knowledge/{document_id}", params(("document_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove(admin: Admin, PathId(id): PathId<DocumentId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.0.db.begin_for_all_audiences().await?;
    if !documents::remove(&mut tx, &admin.0.actor, id).await? {
        return Err(ApiError::not_found());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    /// A question, in the words somebody would ask an agent in.
    q: String,
    /// Who is asked; without it, only what all of the tenant's agents may read is searched.
    agent_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PassageList {
    /// At most 10, the best first.
    items: Vec<PassageBody>,
    /// `false`: the question was looked for by its words only, not by its meaning.
    by_meaning: bool,
}

#[derive(Serialize, ToSchema)]
pub struct PassageBody {
    id: String,
    /// What an answer cites it as.
    title: String,
    text: String,
    score: f64,
}

/// Searches the documents as an agent does before it answers: the same statement, under the same right to read.
#[utoipa::path(get, path = "/api/v1/knowledge/search", params(Sought),
    responses((status = 200, body = PassageList), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 404, body = Problem)))]
pub async fn search(
    State(gateway): State<Gateway>,
    operator: Operator,
    sought: Result<Query<Sought>, QueryRejection>,
) -> Result<Json<PassageList>, ApiError> {
    let Query(sought) =
        sought.map_err(|_| ApiError::invalid("The query must have `q`, and may have `agent_id` only."))?;
    let question = label("q", &sought.q)?;
    let agent = sought.agent_id.as_deref().map(str::parse::<AgentId>).transpose();
    let agent = agent.map_err(|error| ApiError::invalid(format!("`agent_id`: {error}.")))?;
    let mut audiences = vec![Audience::Agents];
    if let Some(agent) = agent {
        let mut tx = operator.db.begin().await?;
        agents::find(&mut tx, agent).await?.ok_or_else(ApiError::not_found)?;
        tx.close().await?;
        audiences.push(Audience::Agent(agent));
    }
    let terms = terms(&question);
    // Before the transaction: the first question of a process loads the model.
    let vector = gateway.embedder.embed_question(question).await;
    if let Err(error) = &vector {
        tracing::error!(%error, "A question to the documents could not be embedded");
    }
    let by_meaning = vector.is_ok();
    let vector = vector.unwrap_or_else(|_| vec![0.0; DIMENSIONS]);
    let sought = Question { vector: &vector, terms: &terms, limit: PASSAGES_MAX, ..Question::default() };
    let mut tx = operator.db.begin_for(&audiences).await?;
    let found = memories::search(&mut tx, &sought).await?;
    tx.close().await?;
    let items = found.into_iter().filter_map(PassageBody::of).collect();
    Ok(Json(PassageList { items, by_meaning }))
}

/// Its longer words: any of them counts.
fn terms(question: &str) -> String {
    let words = question.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.chars().count() > 2);
    words.take(TERMS_MAX).collect::<Vec<_>>().join(" or ")
}

impl PassageBody {
    fn of(found: Recalled) -> Option<Self> {
        let Kind::Passage { title } = found.kind else { return None };
        Some(Self { id: found.id.to_string(), title, text: found.body, score: found.score })
    }
}

impl From<Document> for DocumentBody {
    fn from(row: Document) -> Self {
        Self {
            id: row.id.to_string(),
            title: row.title,
            name: row.name,
            content_type: row.content_type,
            size: row.size,
            state: row.state,
            reason: row.reason,
            passages: row.passages,
            agent_ids: row.agents.iter().map(ToString::to_string).collect(),
            created_at: written(row.created_at),
        }
    }
}
