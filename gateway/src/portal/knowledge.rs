//! Documents that the tenant's agents may read and cite. An admin gives them, as bytes in the request's body; a worker reads
//! them, and says here what became of that.

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{
        Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header},
};
use serde::{Deserialize, Serialize};
use shared::{
    channels::fetch::BYTES_MAX,
    db::documents::{
        self, AGENTS_MAX, Document, NewDocument,
        addresses::{self, Address, NewAddress},
    },
    ids::{AgentId, DocumentId},
    message::clean_text,
};
use tokio::sync::Semaphore;
use url::Url;
use utoipa::{IntoParams, ToSchema};

use super::conversations::written;
use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Later, NotAgain, Once, OnceKey},
    paging,
    path_id::PathId,
};

const NAME_MAX: usize = 200;
const ADDRESS_MAX: usize = 2_000;
/// Documents that are held in memory at once.
static UPLOADS: Semaphore = Semaphore::const_new(4);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
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
#[into_params(parameter_in = Query)]
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
    /// Where it is fetched from; `null`: its bytes were given.
    source: Option<SourceBody>,
}

#[derive(Serialize, ToSchema)]
pub struct SourceBody {
    address: String,
    /// It lists pages, each of which is a document of its own.
    is_sitemap: bool,
    /// The document that lists it.
    listed_by: Option<String>,
    every_hours: i32,
    looked_at: Option<String>,
    /// When what is known of it was fetched.
    fetched_at: Option<String>,
    /// Why the last look came to nothing.
    reason: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenAddress {
    #[schema(example = "https://docs.example.com/handbook")]
    address: String,
    /// What answers cite it as; the address by default.
    title: Option<String>,
    /// It is a sitemap: each page of its own host that it names becomes a document, 50 at most.
    sitemap: Option<bool>,
    /// How often to look whether it has changed, 1 to 720; 24 by default.
    every_hours: Option<i32>,
    /// Which agents may read it, at most 10; all of them by default.
    agent_ids: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
pub struct DocumentList {
    /// The newest first.
    items: Vec<DocumentBody>,
    next_cursor: Option<String>,
}

/// Gives the agents a document: its bytes are the request's body. TXT, Markdown, HTML, CSV, PDF, DOCX and XLSX are read, at most
/// 20 MB.
#[utoipa::path(post, path = "/api/v1/knowledge", params(Given, OnceKey),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 202, body = DocumentBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 413, body = Problem), (status = 503, body = Problem)))]
pub async fn give(
    State(gateway): State<Gateway>,
    admin: Admin,
    later: Later,
    given: Result<Query<Given>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<DocumentBody>), NotAgain> {
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
    let Ok(_room) = UPLOADS.acquire().await else { return Err(ApiError::internal().into()) };
    let bytes = to_bytes(body, BYTES_MAX).await.map_err(|_| ApiError::too_large())?;
    if bytes.is_empty() {
        return Err(ApiError::invalid("The body must hold the document's bytes; it is empty.").into());
    }
    let once = later.with(&bytes).await?;
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
    Ok(once.commit(tx, StatusCode::ACCEPTED, body_of(document, None)).await?)
}

/// Gives the agents a page by its address, or all pages that a sitemap names: fetched now and looked at again from time to time.
/// What changes is read anew; what is gone is forgotten. Addresses within private networks are not fetched.
#[utoipa::path(post, path = "/api/v1/knowledge/addresses", request_body = GivenAddress, params(OnceKey),
    responses((status = 202, body = DocumentBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn give_address(
    State(gateway): State<Gateway>,
    admin: Admin,
    once: Once,
    body: Result<Json<GivenAddress>, JsonRejection>,
) -> Result<(StatusCode, Json<DocumentBody>), ApiError> {
    let Json(body) = body?;
    let url: Url = body.address.trim().parse().map_err(|_| ApiError::invalid("`address` must be a URL."))?;
    gateway.guard.client(&url).map_err(|refusal| ApiError::invalid(format!("`address`: {refusal}")))?;
    if url.as_str().len() > ADDRESS_MAX {
        return Err(ApiError::invalid(format!("`address` may have {ADDRESS_MAX} characters at most.")));
    }
    let every_hours = body.every_hours.unwrap_or(24);
    if !(1..=720).contains(&every_hours) {
        return Err(ApiError::invalid("`every_hours` must be 1 to 720."));
    }
    let shortened: String = url.as_str().chars().take(NAME_MAX).collect();
    let title = body.title.as_deref().map_or(Ok(shortened), |title| label("title", title))?;
    let agents = named_agents(Some(&body.agent_ids.unwrap_or_default().join(",")))?;
    let is_sitemap = body.sitemap.unwrap_or(false);
    let new = NewAddress { title: &title, address: url.as_str(), is_sitemap, every_hours, agents: &agents };
    let mut tx = admin.0.db.begin().await?;
    let document = addresses::create(&mut tx, &admin.0.actor, &new).await?;
    let source = addresses::of(&mut tx, document.id).await?;
    once.commit(tx, StatusCode::ACCEPTED, body_of(document, source)).await
}

pub(super) fn label(field: &str, text: &str) -> Result<String, ApiError> {
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
    let next_cursor = paging::next(&mut found, limit, |last| last.id.to_string());
    let ids: Vec<DocumentId> = found.iter().map(|document| document.id).collect();
    let mut sources = addresses::of_all(&mut tx, &ids).await?;
    tx.close().await?;
    let items = found.into_iter().map(|document| {
        let source = sources.iter().position(|source| source.document == document.id);
        body_of(document, source.map(|at| sources.swap_remove(at)))
    });
    Ok(Json(DocumentList { items: items.collect(), next_cursor }))
}

/// One document, and what became of it.
#[utoipa::path(get, path = "/api/v1/knowledge/{document_id}", params(("document_id" = String, Path)),
    responses((status = 200, body = DocumentBody), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn show(operator: Operator, PathId(id): PathId<DocumentId>) -> Result<Json<DocumentBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let document = documents::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    let source = addresses::of(&mut tx, id).await?;
    tx.close().await?;
    Ok(Json(body_of(document, source)))
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

fn body_of(row: Document, source: Option<Address>) -> DocumentBody {
    DocumentBody {
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
        source: source.map(SourceBody::from),
    }
}

impl From<Address> for SourceBody {
    fn from(row: Address) -> Self {
        Self {
            address: row.address,
            is_sitemap: row.is_sitemap,
            listed_by: row.listed_by.map(|sitemap| sitemap.to_string()),
            every_hours: row.every_hours,
            looked_at: row.looked_at.map(written),
            fetched_at: row.fetched_at.map(written),
            reason: row.reason,
        }
    }
}
