//! Servers of tenants that speak the Model Context Protocol: what tools they have, and one call of one.
//!
//! Such a server is a stranger: it is reached through the guard, one session a look or call, everything it says is bounded, and
//! what it says of its tools is only believed as long as it is what an operator saw.

mod schema;

use std::{sync::Arc, time::Duration};

use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult, PaginatedRequestParams},
    service::{RunningService, ServiceError},
    transport::{
        StreamableHttpClientTransport, common::client_side_sse::NeverRetry,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

pub use schema::simplified;

use crate::{egress::Guard, message::clean_text, tools::digest};

/// Of one answer of a server.
const BYTES_MAX: usize = 256 * 1024;
/// For the greeting, and for each page of a list.
const LIMIT: Duration = Duration::from_secs(5);
const PAGES_MAX: usize = 5;
/// Tools of one server that are looked at.
pub const TOOLS_MAX: usize = 50;
const DESCRIPTION_MAX: usize = 500;
const NAME_MAX: usize = 128;

/// Where a server is.
#[derive(Clone, Copy)]
pub struct Endpoint<'a> {
    pub guard: &'a Guard,
    pub url: &'a Url,
    pub token: Option<&'a SecretString>,
}

/// A tool as its server describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub name: String,
    pub description: String,
    /// As the server wrote it.
    pub schema: Value,
    /// What the server says of itself, and nobody has to believe.
    pub read_only_hint: bool,
}

impl Listed {
    /// Of everything that an operator saw.
    pub fn digest(&self) -> [u8; 32] {
        digest(&[&self.name, &self.description], &self.schema)
    }

    /// Nothing changed since somebody saw it. No secret: a server knows what it says of its own tools.
    pub fn is_as(&self, pinned: &[u8]) -> bool {
        self.digest().as_slice().eq(pinned)
    }
}

/// Why nothing came of it, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was carried out.
    Known(String),
    /// Something may have been.
    Unclear(String),
}

impl Failure {
    pub fn sentence(self) -> String {
        match self {
            Self::Known(sentence) | Self::Unclear(sentence) => sentence,
        }
    }
}

type Session = RunningService<RoleClient, ()>;

async fn connect(endpoint: &Endpoint<'_>) -> Result<Session, Failure> {
    let known = |sentence: &str| Failure::Known(sentence.to_owned());
    let client = endpoint.guard.client(endpoint.url).map_err(|refusal| Failure::Known(refusal.to_string()))?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(endpoint.url.as_str());
    config.retry_config = Arc::new(NeverRetry::default());
    config.reinit_on_expired_session = false;
    config.max_sse_event_size = BYTES_MAX;
    config.max_json_response_size = BYTES_MAX;
    config.auth_header = endpoint.token.map(|token| token.expose_secret().to_owned());
    let transport = StreamableHttpClientTransport::with_client(client.clone(), config);
    match tokio::time::timeout(LIMIT, ().serve(transport)).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(error)) => {
            tracing::info!(%error, "A tool server could not be greeted");
            Err(known("The server can't be reached, refuses the token, or does not speak the protocol."))
        }
        Err(_) => Err(known("The server did not answer in time.")),
    }
}

/// What tools a server has.
pub async fn list(endpoint: &Endpoint<'_>) -> Result<Vec<Listed>, Failure> {
    let session = connect(endpoint).await?;
    let listed = pages(&session).await;
    let _ = tokio::time::timeout(LIMIT, session.cancel()).await;
    listed
}

async fn pages(session: &Session) -> Result<Vec<Listed>, Failure> {
    let mut listed = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let params: Option<PaginatedRequestParams> =
            cursor.as_ref().and_then(|cursor| serde_json::from_value(json!({ "cursor": cursor })).ok());
        let page = match tokio::time::timeout(LIMIT, session.list_tools(params)).await {
            Ok(Ok(page)) => page,
            Ok(Err(_)) => return Err(Failure::Known("The server does not list its tools.".into())),
            Err(_) => return Err(Failure::Known("The server did not list its tools in time.".into())),
        };
        for tool in page.tools {
            let hint = tool.annotations.as_ref().and_then(|annotations| annotations.read_only_hint);
            let text = |text: &str, most: usize| -> String {
                let clean = clean_text(text);
                let plain = clean.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
                plain.take(most).collect()
            };
            listed.push(Listed {
                name: text(&tool.name, NAME_MAX),
                description: text(tool.description.as_deref().unwrap_or_default(), DESCRIPTION_MAX),
                schema: Value::Object(tool.input_schema.as_ref().clone()),
                read_only_hint: hint.unwrap_or(false),
            });
            if listed.len() == TOOLS_MAX {
                return Ok(listed);
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(listed)
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    Done(String),
    Failed(Failure),
    /// The server describes the tool otherwise than an operator saw it: nothing was called.
    Changed,
}

/// Calls a tool if it is still what `pinned` was made of.
pub async fn call(
    endpoint: &Endpoint<'_>,
    (name, pinned): (&str, &[u8]),
    arguments: &Map<String, Value>,
    limit: Duration,
) -> Called {
    let session = match connect(endpoint).await {
        Ok(session) => session,
        Err(failure) => return Called::Failed(failure),
    };
    let called = match pages(&session).await {
        Err(failure) => Called::Failed(failure),
        Ok(listed) if !listed.iter().any(|tool| tool.name == name && tool.is_as(pinned)) => Called::Changed,
        Ok(_) => {
            let params = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments.clone());
            match tokio::time::timeout(limit, session.call_tool(params)).await {
                Err(_) => Called::Failed(Failure::Unclear("It did not answer in time.".into())),
                Ok(Ok(result)) if result.is_error == Some(true) => {
                    Called::Failed(Failure::Known(format!("It answered with an error: {}", said(&result))))
                }
                Ok(Ok(result)) => Called::Done(said(&result)),
                Ok(Err(ServiceError::McpError(error))) => {
                    let message: String = clean_text(&error.message).chars().take(DESCRIPTION_MAX).collect();
                    Called::Failed(Failure::Known(format!("It refused the call: {message}")))
                }
                Ok(Err(_)) => Called::Failed(Failure::Unclear("The connection broke.".into())),
            }
        }
    };
    let _ = tokio::time::timeout(LIMIT, session.cancel()).await;
    called
}

/// Its texts; of what is none, that it was there.
fn said(result: &CallToolResult) -> String {
    let block = |block: &rmcp::model::ContentBlock| match block.as_text() {
        Some(text) => text.text.clone(),
        None => "(something that is no text)".to_owned(),
    };
    let texts: Vec<String> = result.content.iter().map(block).collect();
    match (&result.structured_content, texts.is_empty()) {
        (Some(value), true) => value.to_string(),
        _ => texts.join("\n"),
    }
}
