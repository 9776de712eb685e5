//! What happened, one by one: events and conversations' journeys, as pages and as tables.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        TenantTx,
        analytics::{
            self, Span,
            events::{self, Event, KINDS},
            journeys::{self, Journey},
        },
    },
    ids::{AgentId, ConversationId, EscalationId, MessageId, OutboxId, PersonId, RunId, UsageId},
};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::{budgets::usd, conversations::written, usage::days};
use crate::{
    Gateway,
    auth::Operator,
    error::{ApiError, Problem},
    paging,
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsAsked {
    /// The first day, `2026-11-01`; if not said, 30 days before the last.
    pub(super) from: Option<String>,
    /// The last day; if not said, today.
    pub(super) to: Option<String>,
    /// Kinds of events with commas between them; if not said, all of them.
    kind: Option<String>,
    /// Only what happened in this conversation: its journey, the newest first.
    conversation: Option<String>,
    /// Only what was this agent's own: answers, opinions of them, calls, sent messages.
    agent: Option<String>,
    /// Only what this person wrote, was answered or thought.
    person: Option<String>,
    /// `slack` or `whatsapp`.
    channel: Option<String>,
    /// The `next_cursor` of the page before. A table has none.
    pub(super) cursor: Option<String>,
    /// 1 to 100; 50 by default. A table has none: all rows are in it.
    pub(super) limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct AnalyticsEventBody {
    #[schema(example = "2026-11-27T09:30:00.123Z")]
    pub(super) at: String,
    /// `message`, `operator_message`, `answer`, `failure`, `interruption`, `good`, `bad`, `escalation`, `human`,
    /// `escalation_closed`, `takeover`, `release`, `model_call` or `channel_send`.
    #[schema(example = "answer")]
    pub(super) kind: String,
    /// Of what it is: a message, run, escalation, call or sent message; `null`: an act of the audit log.
    #[schema(example = "run_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    pub(super) about: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) person: Option<String>,
    pub(super) channel: Option<String>,
    /// Of an answer, from the message to the whole of it; of a human, from the moment one was asked for.
    pub(super) spent_ms: Option<i64>,
    /// Of a call, or of a message that the channel set a price for; `null`: nobody knows it, or it costs nothing.
    pub(super) cost_micro_usd: Option<i64>,
    /// Of a call.
    pub(super) model: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AnalyticsEventList {
    /// The newest first.
    items: Vec<AnalyticsEventBody>,
    next_cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct JourneysAsked {
    /// The first day on which conversations began, `2026-11-01`; if not said, 30 days before the last.
    pub(super) from: Option<String>,
    /// The last day; if not said, today.
    pub(super) to: Option<String>,
    /// Only conversations that this agent answered in.
    agent: Option<String>,
    /// `slack` or `whatsapp`.
    channel: Option<String>,
    /// The `next_cursor` of the page before. A table has none.
    pub(super) cursor: Option<String>,
    /// 1 to 100; 50 by default. A table has none: all rows are in it.
    pub(super) limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct JourneyBody {
    #[schema(example = "cnv_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    pub(super) conversation: String,
    pub(super) channel: String,
    pub(super) began_at: String,
    pub(super) last_message_at: String,
    /// Who answered first; `null`: nobody yet.
    pub(super) agent: Option<String>,
    pub(super) first_answer_ms: Option<i64>,
    /// What people wrote.
    pub(super) messages: i64,
    pub(super) answers: i64,
    pub(super) escalations: i64,
    pub(super) taken_over: bool,
    pub(super) released: bool,
    /// It was handed over, and all of it is seen to.
    pub(super) closed: bool,
    pub(super) good: i64,
    pub(super) bad: i64,
    /// Of models.
    pub(super) cost_usd: f64,
    pub(super) cost_micro_usd: i64,
    pub(super) channel_cost_usd: f64,
    pub(super) channel_cost_micro_usd: i64,
}

#[derive(Serialize, ToSchema)]
pub struct JourneyList {
    /// Those first in which something was said last.
    items: Vec<JourneyBody>,
    next_cursor: Option<String>,
}

/// What happened, event by event.
#[utoipa::path(get, tag = "analytics", path = "/api/v1/analytics/events", params(EventsAsked),
    responses((status = 200, body = AnalyticsEventList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list_events(
    State(gateway): State<Gateway>,
    operator: Operator,
    asked: Result<Query<EventsAsked>, QueryRejection>,
) -> Result<Json<AnalyticsEventList>, ApiError> {
    let Query(asked) = asked.map_err(|refusal| ApiError::invalid(refusal.body_text()))?;
    let limit = paging::limit(asked.limit)?;
    let mut tx = operator.db.begin().await?;
    let (_, mut found) = events_of(&gateway, &mut tx, &asked, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, after_event);
    Ok(Json(AnalyticsEventList { items: found.into_iter().map(AnalyticsEventBody::from).collect(), next_cursor }))
}

/// What conversations went through.
#[utoipa::path(get, tag = "analytics", path = "/api/v1/analytics/journeys", params(JourneysAsked),
    responses((status = 200, body = JourneyList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list_journeys(
    State(gateway): State<Gateway>,
    operator: Operator,
    asked: Result<Query<JourneysAsked>, QueryRejection>,
) -> Result<Json<JourneyList>, ApiError> {
    let Query(asked) = asked.map_err(|refusal| ApiError::invalid(refusal.body_text()))?;
    let limit = paging::limit(asked.limit)?;
    let mut tx = operator.db.begin().await?;
    let (_, mut found) = journeys_of(&gateway, &mut tx, &asked, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, after_journey);
    Ok(Json(JourneyList { items: found.into_iter().map(JourneyBody::from).collect(), next_cursor }))
}

pub(super) async fn events_of(
    gateway: &Gateway,
    tx: &mut TenantTx,
    asked: &EventsAsked,
    limit: i64,
) -> Result<(Span, Vec<Event>), ApiError> {
    let (span, zone) = span(gateway, tx, asked.from.as_deref(), asked.to.as_deref()).await?;
    let kinds: Vec<&str> = asked.kind.as_deref().map(|kinds| kinds.split(',').collect()).unwrap_or_default();
    if kinds.iter().any(|kind| !KINDS.contains(kind)) {
        return Err(ApiError::invalid(format!(
            "`kind` may name, with commas between them: {}.",
            KINDS.join(", ")
        )));
    }
    let before = paging::cursor(asked.cursor.as_deref(), event_place)?;
    let wanted = events::Wanted {
        kinds: &kinds,
        conversation: id::<ConversationId>(asked.conversation.as_deref(), "conversation", "cnv")?,
        agent: id::<AgentId>(asked.agent.as_deref(), "agent", "agt")?,
        person: id::<PersonId>(asked.person.as_deref(), "person", "per")?,
        channel: channel(asked.channel.as_deref())?,
        before: before.as_ref(),
    };
    Ok((span, events::list(tx, span, &zone, &wanted, limit).await?))
}

pub(super) async fn journeys_of(
    gateway: &Gateway,
    tx: &mut TenantTx,
    asked: &JourneysAsked,
    limit: i64,
) -> Result<(Span, Vec<Journey>), ApiError> {
    let (span, zone) = span(gateway, tx, asked.from.as_deref(), asked.to.as_deref()).await?;
    let before = paging::cursor(asked.cursor.as_deref(), |cursor| {
        let (at, conversation) = cursor.split_once('.')?;
        Some(journeys::Place { last_message_at: moment(at)?, conversation: conversation.parse().ok()? })
    })?;
    let wanted = journeys::Wanted {
        agent: id::<AgentId>(asked.agent.as_deref(), "agent", "agt")?,
        channel: channel(asked.channel.as_deref())?,
        before,
    };
    Ok((span, journeys::list(tx, span, &zone, wanted, limit).await?))
}

/// Days of the tenant's clock, and whose they are.
async fn span(
    gateway: &Gateway,
    tx: &mut TenantTx,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(Span, String), ApiError> {
    let counted = analytics::counted(tx).await?;
    let today = counted.as_ref().map_or_else(|| gateway.clock.now().date(), |counted| counted.today);
    let (from, to) = days(from, to, today)?;
    Ok((Span { from, to }, counted.map_or_else(|| "UTC".to_owned(), |counted| counted.time_zone)))
}

fn id<T: std::str::FromStr>(given: Option<&str>, name: &str, prefix: &str) -> Result<Option<T>, ApiError> {
    let refused = |_| ApiError::invalid(format!("`{name}` must be an id, such as {prefix}_01k…"));
    given.map(str::parse).transpose().map_err(refused)
}

fn channel(given: Option<&str>) -> Result<Option<&str>, ApiError> {
    if given.is_some_and(|channel| !["slack", "whatsapp"].contains(&channel)) {
        return Err(ApiError::invalid("`channel` must be `slack` or `whatsapp`."));
    }
    Ok(given)
}

pub(super) fn after_event(last: &Event) -> String {
    format!("{}.{}.{}", micros(last.at), last.id, last.kind)
}

pub(super) fn after_journey(last: &Journey) -> String {
    format!("{}.{}", micros(last.last_message_at), last.conversation)
}

/// Microseconds since 1970, as the database counts.
fn micros(at: OffsetDateTime) -> i128 {
    at.unix_timestamp_nanos() / 1_000
}

/// `None`: none that the database knows.
fn moment(micros: &str) -> Option<OffsetDateTime> {
    let micros: i64 = micros.parse().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok().filter(|at| at.year() >= 1970)
}

fn event_place(cursor: &str) -> Option<events::Place> {
    let mut parts = cursor.splitn(3, '.');
    let (at, id, kind) = (moment(parts.next()?)?, parts.next()?.parse().ok()?, parts.next()?);
    KINDS.contains(&kind).then(|| events::Place { at, id, kind: kind.to_owned() })
}

impl From<Event> for AnalyticsEventBody {
    fn from(event: Event) -> Self {
        let id = event.id;
        let about = match event.kind.as_str() {
            "message" | "operator_message" => Some(MessageId::from_uuid(id).to_string()),
            "answer" | "failure" | "interruption" | "good" | "bad" => Some(RunId::from_uuid(id).to_string()),
            "escalation" | "human" | "escalation_closed" => Some(EscalationId::from_uuid(id).to_string()),
            "model_call" => Some(UsageId::from_uuid(id).to_string()),
            "channel_send" => Some(OutboxId::from_uuid(id).to_string()),
            _ => None,
        };
        Self {
            at: written(event.at),
            kind: event.kind,
            about,
            conversation: event.conversation.map(|id| id.to_string()),
            agent: event.agent.map(|id| id.to_string()),
            person: event.person.map(|id| id.to_string()),
            channel: event.channel,
            spent_ms: event.spent_ms,
            cost_micro_usd: event.cost_micro_usd,
            model: event.model,
        }
    }
}

impl From<Journey> for JourneyBody {
    fn from(journey: Journey) -> Self {
        Self {
            conversation: journey.conversation.to_string(),
            channel: journey.channel,
            began_at: written(journey.began_at),
            last_message_at: written(journey.last_message_at),
            agent: journey.agent.map(|id| id.to_string()),
            first_answer_ms: journey.first_answer_ms,
            messages: journey.messages,
            answers: journey.answers,
            escalations: journey.escalations,
            taken_over: journey.taken_over,
            released: journey.released,
            closed: journey.closed,
            good: journey.good,
            bad: journey.bad,
            cost_usd: usd(journey.cost_micro_usd),
            cost_micro_usd: journey.cost_micro_usd,
            channel_cost_usd: usd(journey.channel_cost_micro_usd),
            channel_cost_micro_usd: journey.channel_cost_micro_usd,
        }
    }
}
