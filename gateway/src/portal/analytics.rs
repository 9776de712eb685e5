//! What happened: conversations and what became of them, answers, times, opinions and costs, as the worker has counted them.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use serde::{Deserialize, Serialize};
use shared::{
    db::analytics::{self, Counted, Figures, Filter, Group, Key},
    ids::AgentId,
};
use utoipa::{IntoParams, ToSchema};

use super::{
    budgets::usd,
    conversations::written,
    usage::{day, days},
};
use crate::{
    Gateway,
    auth::Operator,
    csv::Csv,
    error::{ApiError, Problem},
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AnalyticsAsked {
    /// The first day, `2026-11-01`; if not said, 30 days before the last.
    from: Option<String>,
    /// The last day; if not said, today.
    to: Option<String>,
    /// Only what this agent did, or what happened in conversations that it answered first.
    agent: Option<String>,
    /// `slack` or `whatsapp`.
    channel: Option<String>,
}

/// Times within which half, nine tenths and 95 of 100 were done, in milliseconds. Off by a tenth at most.
#[derive(Serialize, ToSchema)]
pub struct TimesBody {
    count: i64,
    p50_ms: i64,
    p90_ms: i64,
    p95_ms: i64,
}

#[derive(Serialize, ToSchema)]
pub struct FiguresBody {
    /// Conversations that began.
    conversations: i64,
    /// Of them, those that were answered by an agent, by now.
    answered: i64,
    /// Of them, those that were handed over by a rule, or by a person who asked for a human.
    escalated: i64,
    /// Of them, those that a human took.
    taken_over: i64,
    /// Of them, those that a human gave back.
    released: i64,
    /// Of them, those that were handed over and are seen to.
    closed: i64,
    /// Parts of the conversations that began, 0 to 1; `null` if none did.
    answer_rate: Option<f64>,
    takeover_rate: Option<f64>,
    /// What people wrote.
    messages: i64,
    /// What humans wrote in the agent's place.
    operator_messages: i64,
    /// Turns that ended with an answer, with an apology, and that were broken off.
    answers: i64,
    failures: i64,
    interruptions: i64,
    /// From the first message of a conversation that was answered to the whole of its answer.
    first_answer: Option<TimesBody>,
    /// The same of every answer.
    answer: Option<TimesBody>,
    escalations: i64,
    /// From the moment a human was asked for until one was there.
    human: Option<TimesBody>,
    /// What people think of the answers of these days.
    good: i64,
    bad: i64,
    model_calls: i64,
    failed_calls: i64,
    /// Of models whose price nobody knows.
    unpriced_calls: i64,
    /// Of models.
    cost_usd: f64,
    cost_micro_usd: i64,
    /// Messages that a channel set a price for, also of nothing; and those of them whose price nobody knows.
    channel_sends: i64,
    unpriced_sends: i64,
    /// What channels take for messages, such as WhatsApp. No part of `cost_usd`.
    channel_cost_usd: f64,
    channel_cost_micro_usd: i64,
}

#[derive(Serialize, ToSchema)]
pub struct DayFiguresBody {
    #[schema(example = "2026-11-01")]
    day: String,
    #[serde(flatten)]
    figures: FiguresBody,
}

#[derive(Serialize, ToSchema)]
pub struct AgentFiguresBody {
    /// `null`: no agent's, such as conversations that none has answered yet.
    agent: Option<String>,
    name: Option<String>,
    #[serde(flatten)]
    figures: FiguresBody,
}

#[derive(Serialize, ToSchema)]
pub struct ChannelFiguresBody {
    /// `slack`, `whatsapp`, or `none`: model calls without a conversation.
    channel: String,
    #[serde(flatten)]
    figures: FiguresBody,
}

#[derive(Serialize, ToSchema)]
pub struct AnalyticsReport {
    from: String,
    to: String,
    /// Of the tenant's office hours; UTC if it has none.
    time_zone: String,
    /// What happened until then is counted; `null`: nothing is yet.
    as_of: Option<String>,
    /// Days whose counts are about to change.
    days_waiting: i32,
    total: FiguresBody,
    /// Days on which something happened, the first one first.
    days: Vec<DayFiguresBody>,
    agents: Vec<AgentFiguresBody>,
    channels: Vec<ChannelFiguresBody>,
}

/// What is asked for, understood.
struct Asked {
    counted: Option<Counted>,
    span: analytics::Span,
    agent: Option<AgentId>,
    channel: Option<String>,
}

impl Asked {
    fn filter(&self) -> Filter<'_> {
        Filter { agent: self.agent, channel: self.channel.as_deref() }
    }
}

/// What happened, added up: all of it, and by day, agent and channel.
#[utoipa::path(get, path = "/api/v1/analytics", params(AnalyticsAsked),
    responses((status = 200, body = AnalyticsReport), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn report(
    State(gateway): State<Gateway>,
    operator: Operator,
    asked: Result<Query<AnalyticsAsked>, QueryRejection>,
) -> Result<Json<AnalyticsReport>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let counted = analytics::counted(&mut tx).await?;
    let asked = understand(&gateway, asked, counted)?;
    let groups = analytics::report(&mut tx, asked.span, asked.filter()).await?;
    tx.close().await?;
    let (mut total, mut days, mut agents, mut channels) =
        (FiguresBody::from(&Figures::default()), vec![], vec![], vec![]);
    for Group { key, name, figures } in groups {
        let figures = FiguresBody::from(&figures);
        match key {
            Key::All => total = figures,
            Key::Day(at) => days.push(DayFiguresBody { day: day(at), figures }),
            Key::Agent(agent) => {
                agents.push(AgentFiguresBody { agent: agent.map(|id| id.to_string()), name, figures });
            }
            Key::Channel(channel) => channels.push(ChannelFiguresBody { channel, figures }),
            Key::Line(..) => {}
        }
    }
    let counted = asked.counted;
    Ok(Json(AnalyticsReport {
        from: day(asked.span.from),
        to: day(asked.span.to),
        time_zone: counted.as_ref().map_or_else(|| "UTC".to_owned(), |counted| counted.time_zone.clone()),
        as_of: counted.as_ref().map(|counted| written(counted.as_of)),
        days_waiting: counted.map_or(0, |counted| counted.waiting),
        total,
        days,
        agents,
        channels,
    }))
}

/// The same as a table for spreadsheets: a line for each day, agent and channel.
#[utoipa::path(get, path = "/api/v1/analytics/export", params(AnalyticsAsked),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = Problem),
              (status = 401, body = Problem)))]
pub async fn export(
    State(gateway): State<Gateway>,
    operator: Operator,
    asked: Result<Query<AnalyticsAsked>, QueryRejection>,
) -> Result<Response, ApiError> {
    let mut tx = operator.db.begin().await?;
    let counted = analytics::counted(&mut tx).await?;
    let asked = understand(&gateway, asked, counted)?;
    let groups = analytics::lines(&mut tx, asked.span, asked.filter()).await?;
    tx.close().await?;
    let mut csv = Csv::default();
    csv.text("day").text("agent_id").text("agent").text("channel");
    for (column, _) in COUNTS {
        csv.text(column);
    }
    for (column, ..) in TIMES {
        csv.text(column);
    }
    csv.end_row();
    for Group { key, name, figures } in &groups {
        let Key::Line(at, agent, channel) = key else { continue };
        csv.text(&day(*at)).text(&agent.map(|id| id.to_string()).unwrap_or_default());
        csv.text(name.as_deref().unwrap_or_default()).text(channel);
        for (_, measure) in COUNTS {
            csv.number(figures.count(measure).unsigned_abs());
        }
        for (_, measure, part) in TIMES {
            csv.maybe(figures.within_ms(measure, part).map(i64::unsigned_abs));
        }
        csv.end_row();
    }
    Ok(csv.download(&format!("analytics-{}-{}.csv", day(asked.span.from), day(asked.span.to))))
}

fn understand(
    gateway: &Gateway,
    asked: Result<Query<AnalyticsAsked>, QueryRejection>,
    counted: Option<Counted>,
) -> Result<Asked, ApiError> {
    let Query(asked) = asked.map_err(|refusal| ApiError::invalid(refusal.body_text()))?;
    let today = counted.as_ref().map_or_else(|| gateway.clock.now().date(), |counted| counted.today);
    let (from, to) = days(asked.from.as_deref(), asked.to.as_deref(), today)?;
    let agent = asked.agent.as_deref().map(str::parse).transpose();
    let agent = agent.map_err(|_| ApiError::invalid("`agent` must be an agent's id, such as agt_01k…"))?;
    if asked.channel.as_deref().is_some_and(|channel| !["slack", "whatsapp"].contains(&channel)) {
        return Err(ApiError::invalid("`channel` must be `slack` or `whatsapp`."));
    }
    Ok(Asked { counted, span: analytics::Span { from, to }, agent, channel: asked.channel })
}

/// Columns of the table, and what they count.
const COUNTS: [(&str, &str); 22] = [
    ("conversations", "arrived"),
    ("answered", "answered"),
    ("escalated", "escalated"),
    ("taken_over", "taken_over"),
    ("released", "released"),
    ("closed", "closed"),
    ("messages", "messages"),
    ("operator_messages", "operator_messages"),
    ("answers", "answers"),
    ("failures", "failures"),
    ("interruptions", "interruptions"),
    ("escalations", "escalations"),
    ("good", "good"),
    ("bad", "bad"),
    ("model_calls", "model_calls"),
    ("failed_calls", "failed_calls"),
    ("unpriced_calls", "unpriced_calls"),
    ("cost_micro_usd", "cost_micro_usd"),
    ("first_answers", "first_answer_times"),
    ("channel_sends", "channel_sends"),
    ("unpriced_sends", "unpriced_sends"),
    ("channel_cost_micro_usd", "channel_cost_micro_usd"),
];
const TIMES: [(&str, &str, f64); 6] = [
    ("first_answer_p50_ms", "first_answer_times", 0.5),
    ("first_answer_p95_ms", "first_answer_times", 0.95),
    ("answer_p50_ms", "answer_times", 0.5),
    ("answer_p95_ms", "answer_times", 0.95),
    ("human_p50_ms", "human_times", 0.5),
    ("human_p95_ms", "human_times", 0.95),
];

fn times(figures: &Figures, measure: &str) -> Option<TimesBody> {
    Some(TimesBody {
        count: figures.count(measure),
        p50_ms: figures.within_ms(measure, 0.5)?,
        p90_ms: figures.within_ms(measure, 0.9)?,
        p95_ms: figures.within_ms(measure, 0.95)?,
    })
}

impl From<&Figures> for FiguresBody {
    fn from(figures: &Figures) -> Self {
        let count = |measure| figures.count(measure);
        let conversations = count("arrived");
        let rate = |part: i64| (conversations > 0).then(|| part as f64 / conversations as f64);
        Self {
            conversations,
            answered: count("answered"),
            escalated: count("escalated"),
            taken_over: count("taken_over"),
            released: count("released"),
            closed: count("closed"),
            answer_rate: rate(count("answered")),
            takeover_rate: rate(count("taken_over")),
            messages: count("messages"),
            operator_messages: count("operator_messages"),
            answers: count("answers"),
            failures: count("failures"),
            interruptions: count("interruptions"),
            first_answer: times(figures, "first_answer_times"),
            answer: times(figures, "answer_times"),
            escalations: count("escalations"),
            human: times(figures, "human_times"),
            good: count("good"),
            bad: count("bad"),
            model_calls: count("model_calls"),
            failed_calls: count("failed_calls"),
            unpriced_calls: count("unpriced_calls"),
            cost_usd: usd(count("cost_micro_usd")),
            cost_micro_usd: count("cost_micro_usd"),
            channel_sends: count("channel_sends"),
            unpriced_sends: count("unpriced_sends"),
            channel_cost_usd: usd(count("channel_cost_micro_usd")),
            channel_cost_micro_usd: count("channel_cost_micro_usd"),
        }
    }
}
