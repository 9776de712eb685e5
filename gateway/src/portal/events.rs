//! What changes, as it changes: server-sent events for open pages and programs. They name what to ask for again, and hold
//! nothing of it.

use std::convert::Infallible;

use axum::{
    extract::State,
    http::{HeaderName, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures::stream;
use serde::Serialize;
use serde_json::json;
use shared::{db::watched::Counters, ids::ConversationId};
use utoipa::ToSchema;

use crate::{
    Gateway,
    auth::Reader,
    error::{ApiError, Problem},
    watching::{Event, Refused, Seat},
};

/// Something is sent at least this often, so that neither side takes the line for dead.
const BEAT: std::time::Duration = std::time::Duration::from_secs(15);
/// Proxies that collect an answer before they pass it on are asked not to.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// The data of an event, by its name; `reload` has none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes for the document what `written` writes")]
pub enum EventData {
    /// Of `conversation`: something was said or noted in it or changed, somebody else answers, or somebody waits.
    Conversation {
        #[schema(example = "cnv_01k9z3w6h8f2m5x7q4r1t0v9sb")]
        id: String,
    },
    /// Of `counters`: conversations that wait for a human, notices that no admin has seen, and calls of tools that wait for a
    /// second person.
    Counters { waiting: i64, unseen: i64, approvals: i64 },
}

/// A stream of events (`text/event-stream`): `conversation` and `counters`, with JSON as data, and `reload`: something may
/// have been missed, so ask for everything again; also whenever the stream was opened anew. The latest 200
/// conversations are watched. The stream ends within five seconds once the session, the membership or the key does.
#[utoipa::path(get, path = "/api/v1/events",
    responses((status = 200, body = EventData, content_type = "text/event-stream"), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn stream(State(gateway): State<Gateway>, reader: Reader) -> Result<Response, ApiError> {
    let seat = gateway.hub.join(reader.db, reader.identity).await.map_err(refused)?;
    let opened = sse::Event::default().comment("open");
    let events =
        stream::unfold((Some(opened), seat), |(opened, mut seat): (Option<sse::Event>, Seat)| async move {
            let event = match opened {
                Some(opened) => opened,
                None => written(seat.next().await?),
            };
            Some((Ok::<_, Infallible>(event), (None, seat)))
        });
    let answer = Sse::new(events).keep_alive(KeepAlive::new().interval(BEAT).text("beat"));
    Ok(([UNBUFFERED], answer).into_response())
}

fn written(event: Event) -> sse::Event {
    let named = |name: &str, data: String| sse::Event::default().event(name).data(data);
    match event {
        Event::Conversation(id) => named("conversation", about(id)),
        Event::Counters(counters) => {
            let Counters { waiting, unseen, approvals } = counters;
            named("counters", json!({ "waiting": waiting, "unseen": unseen, "approvals": approvals }).to_string())
        }
        Event::Reload => named("reload", "{}".into()),
    }
}

fn about(id: ConversationId) -> String {
    json!({ "id": id }).to_string()
}

fn refused(refused: Refused) -> ApiError {
    match refused {
        Refused::TooMany => ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_streams",
            "There are too many open streams. Close some, or ask again every few seconds instead.",
        ),
        Refused::Stopping => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopping",
            "This gateway is about to stop. Try again in a moment.",
        ),
        Refused::Db(error) => error.into(),
    }
}
