//! One request to an address that the tenant chose: through the guard, with limits, and an answer of three kinds.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use shared::{
    db::tools::Tool,
    egress::{Guard, leads_inside},
    ids::ToolCallId,
    message::clean_text,
    tools::{Class, address::Template},
};

use super::remote;

/// Characters of an answer that a model is shown.
pub(super) const SHOWN_MAX: usize = 4_000;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It was carried out; what was answered.
    Done(String),
    /// It is known that nothing came of it, and why.
    Failed(String),
    /// It may have been carried out.
    Unclear(String),
    /// Its server describes it otherwise than an operator saw it: nothing was called.
    Changed,
}

pub(super) const CHANGED: &str =
    "The tool was changed by its server. It is locked until an operator has looked at it.";

pub struct Request<'a> {
    pub id: ToolCallId,
    pub tool: &'a Tool,
    pub template: &'a Template,
    pub secret: Option<&'a SecretString>,
    pub arguments: &'a Map<String, Value>,
}

pub async fn call(guard: &Guard, request: &Request<'_>) -> Answered {
    let tool = request.tool;
    if let Some(from) = &tool.remote {
        return remote::call(guard, request, from).await;
    }
    let sent = match prepare(guard, request) {
        Ok(builder) => builder.send(),
        Err(sentence) => return Answered::Failed(sentence),
    };
    let limit = Duration::from_millis(u64::try_from(tool.timeout_ms).unwrap_or_default());
    // A write that is cut off while its answer is read was carried out all the same: the status is known by then.
    match tokio::time::timeout(limit, sent).await {
        Err(_) => unclear(tool, "It did not answer in time."),
        Ok(Err(error)) if leads_inside(&error) => {
            Answered::Failed("Its address leads to a private or reserved network.".into())
        }
        Ok(Err(error)) if error.is_connect() || error.is_builder() => {
            Answered::Failed("It can't be reached.".into())
        }
        Ok(Err(_)) => unclear(tool, "The connection broke."),
        Ok(Ok(response)) => judge(tool, response, limit).await,
    }
}

fn prepare(guard: &Guard, request: &Request<'_>) -> Result<RequestBuilder, String> {
    let (tool, arguments) = (request.tool, request.arguments);
    let placed: Vec<&str> = request.template.names().collect();
    let rest: Vec<&str> = arguments.keys().map(String::as_str).filter(|name| !placed.contains(name)).collect();
    let has_body = matches!(tool.method.as_str(), "patch" | "post" | "put");
    let url = request.template.fill(arguments, if has_body { &[] } else { &rest })?;
    let client = guard.client(&url).map_err(|refusal| refusal.to_string())?;
    let method = Method::from_bytes(tool.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| "The tool has no method that can be sent.".to_owned())?;
    let mut builder = client.request(method, url).header(ACCEPT, "application/json, text/plain");
    if has_body {
        let body: Map<String, Value> =
            rest.iter().filter_map(|name| Some(((*name).to_owned(), arguments.get(*name)?.clone()))).collect();
        builder = builder.json(&body);
    }
    if tool.class == Class::Write {
        builder = builder.header("idempotency-key", request.id.to_string());
    }
    if let (Some(name), Some(secret)) = (&tool.header_name, request.secret) {
        builder = builder.header(name, secret.expose_secret());
    }
    Ok(builder)
}

async fn judge(tool: &Tool, response: Response, limit: Duration) -> Answered {
    let status = response.status();
    if status.is_redirection() {
        return Answered::Failed("It answered with a redirect, and none is followed.".into());
    }
    let said = read(response, usize::try_from(tool.answer_max).unwrap_or_default(), limit).await;
    let answered = || format!("It answered with status {}: {said}", status.as_u16());
    if status.is_success() {
        Answered::Done(said)
    } else if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        unclear(tool, &answered())
    } else {
        Answered::Failed(answered())
    }
}

/// A read that is unclear has failed: nothing can have come of it.
fn unclear(tool: &Tool, sentence: &str) -> Answered {
    match tool.class {
        Class::Read => Answered::Failed(sentence.to_owned()),
        Class::Write => Answered::Unclear(sentence.to_owned()),
    }
}

/// As much as may be read, as text. What is no text is described.
async fn read(response: Response, most: usize, limit: Duration) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.to_ascii_lowercase();
    let is_text = kind.is_empty() || kind.contains("json") || kind.starts_with("text/plain");
    let (mut bytes, mut stream) = (Vec::new(), response.bytes_stream());
    let reading = async {
        while let Some(Ok(chunk)) = stream.next().await {
            bytes.extend_from_slice(&chunk[..chunk.len().min(most - bytes.len())]);
            if bytes.len() == most {
                break;
            }
        }
    };
    // What came until then is what is shown.
    let _ = tokio::time::timeout(limit, reading).await;
    if !is_text {
        return format!("({} bytes that are no plain text)", bytes.len());
    }
    let text = clean_text(&String::from_utf8_lossy(&bytes));
    let mut letters = text.trim().chars();
    let mut shown: String = letters.by_ref().take(SHOWN_MAX).collect();
    if letters.next().is_some() {
        shown.push_str(" … (cut)");
    }
    if shown.is_empty() { "(nothing)".into() } else { shown }
}
