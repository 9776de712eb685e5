//! One call of a tool that a server of others brought along.

use std::time::Duration;

use shared::{
    db::mcp_servers::Remote,
    egress::Guard,
    mcp::{self, Called, Endpoint, Failure},
    message::clean_text,
    tools::Class,
};
use url::Url;

use super::http::{Answered, Request, SHOWN_MAX};

pub async fn call(guard: &Guard, request: &Request<'_>, remote: &Remote) -> Answered {
    let tool = request.tool;
    let Ok(url) = tool.url_template.parse::<Url>() else {
        return Answered::Failed("Its address is none.".into());
    };
    let endpoint = Endpoint { guard, url: &url, token: request.secret };
    let limit = Duration::from_millis(u64::try_from(tool.timeout_ms).unwrap_or_default());
    match mcp::call(&endpoint, (&remote.name, &remote.digest), request.arguments, limit).await {
        Called::Done(said) => Answered::Done(shown(&said)),
        Called::Changed => Answered::Changed,
        Called::Failed(Failure::Unclear(said)) if tool.class == Class::Write => Answered::Unclear(shown(&said)),
        Called::Failed(failure) => Answered::Failed(shown(&failure.sentence())),
    }
}

fn shown(text: &str) -> String {
    let text = clean_text(text);
    let mut letters = text.trim().chars();
    let mut shown: String = letters.by_ref().take(SHOWN_MAX).collect();
    if letters.next().is_some() {
        shown.push_str(" … (cut)");
    }
    if shown.is_empty() { "(nothing)".into() } else { shown }
}
