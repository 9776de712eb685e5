//! Why an agent answered as it did, or stayed silent: a conversation's runs with what is recorded of each.

use axum::{
    Json,
    extract::{Path, Query, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        TenantTx, tool_calls,
        traces::{self, Call, Delivery, Evidence, Opinion, Position, Reminder, Run, Step},
    },
    ids::{MemoryId, RunId},
};
use utoipa::{IntoParams, ToSchema};

use super::conversations::{find, written};
use crate::{
    auth::Operator,
    error::{ApiError, Problem},
    paging,
};

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
pub struct Trace {
    /// The newest first.
    items: Vec<StepBody>,
    next_cursor: Option<String>,
}

/// A run, or a message that got none: then only its times, `state` and `reason` are there.
#[derive(Serialize, ToSchema)]
pub struct StepBody {
    /// `null`: the message was not answered by a run.
    #[schema(example = "run_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    run_id: Option<String>,
    /// Of a run `running`, `done`, `failed` or `dropped`; of a message `ignored`, `held` or `dead`.
    state: String,
    /// Why it failed, was dropped, or was not answered.
    reason: Option<String>,
    agent: String,
    /// How many messages it answers.
    messages: i64,
    /// When the first of them arrived.
    arrived_at: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// What the model was shown; `null` if it was not asked.
    prompt: Option<PromptBody>,
    /// The memories among it, best first.
    recalled: Vec<RecalledBody>,
    calls: Vec<CallBody>,
    /// What was called besides models, in its order.
    tool_calls: Vec<ToolCallBody>,
    deliveries: Vec<DeliveryBody>,
    opinions: Vec<OpinionBody>,
}

#[derive(Serialize, ToSchema)]
pub struct ToolCallBody {
    #[schema(example = "tcl_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// As the model wrote it: it may name what does not exist.
    tool: String,
    /// `read` or `write`.
    class: String,
    /// Empty once the person who asked is forgotten.
    #[schema(value_type = Object)]
    arguments: serde_json::Value,
    /// `done`, `failed`, `refused`, `running`, `waiting`, `denied`, `expired`, or `unknown` if nobody knows whether it was
    /// carried out.
    state: String,
    /// What the model was told.
    result: Option<String>,
    attempts: i32,
    /// Of the approval it needs: `waiting`, `approved`, `used`, `denied` or `expired`; `null`: it needs none.
    approval: Option<String>,
    decided_name: Option<String>,
    started_at: String,
    finished_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PromptBody {
    /// In characters.
    instructions: usize,
    memories: usize,
    /// Of the conversation before its window.
    summary: usize,
    conversation: usize,
    /// Of the conversation.
    messages: usize,
    files: usize,
    recall_ms: u64,
    /// Until the model's last word.
    model_ms: u64,
}

#[derive(Serialize, ToSchema)]
pub struct RecalledBody {
    memory_id: String,
    score: f64,
    /// `null`, like what follows: it was forgotten since.
    text: Option<String>,
    author: Option<String>,
    said_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct CallBody {
    /// `answer`, or what else the model was asked for.
    purpose: String,
    model: String,
    /// `ok`, `failed`, or `unknown` if it was cut off.
    status: String,
    input_tokens: i64,
    output_tokens: i64,
    /// The provider did not report tokens: they are counted from the text.
    estimated: bool,
    /// In millionths of a dollar; `null`: the model has no price.
    cost_micro_usd: Option<i64>,
    at: String,
}

#[derive(Serialize, ToSchema)]
pub struct DeliveryBody {
    /// `placeholder`, `answer`, `apology` or `notice`.
    kind: String,
    /// `sending`, `sent`, `dead`, `unknown` or `dropped`.
    state: String,
    error: Option<String>,
    written_at: String,
    sent_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct OpinionBody {
    person: String,
    /// `good` or `bad`.
    verdict: String,
    comment: Option<String>,
    at: String,
}

/// What is known of a conversation's answers and silences, the newest first.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation_id}/trace", params(("conversation_id" = String, Path), Page),
    responses((status = 200, body = Trace), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 404, body = Problem)))]
pub async fn show(
    operator: Operator,
    Path(id): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Trace>, ApiError> {
    let Query(page) = page.map_err(|_| {
        ApiError::invalid("The query may have `cursor` and `limit`, a whole number, and nothing else.")
    })?;
    let limit = paging::limit(page.limit)?;
    let before = paging::cursor(page.cursor.as_deref(), position)?;
    let mut tx = operator.db.begin_for_all_audiences().await?;
    let conversation = id.parse().map_err(|_| ApiError::not_found())?;
    let mut steps = traces::steps(&mut tx, conversation, before, limit + 1).await?;
    if steps.is_empty() {
        find(&mut tx, &id).await?;
    }
    let next_cursor = paging::next(&mut steps, limit, |last| cursor(last.at));
    let known = Known::of(&mut tx, &steps).await?;
    tx.close().await?;
    Ok(Json(Trace { items: steps.into_iter().map(|step| known.tell(step)).collect(), next_cursor }))
}

/// `17_run_…` after a run, `17` after a message that got none.
fn cursor(at: Position) -> String {
    at.run.map_or_else(|| at.seq.to_string(), |run| format!("{}_{run}", at.seq))
}

fn position(cursor: &str) -> Option<Position> {
    let (seq, run) = match cursor.split_once('_') {
        Some((seq, run)) => (seq, Some(run.parse::<RunId>().ok()?)),
        None => (cursor, None),
    };
    Some(Position { seq: seq.parse().ok()?, run })
}

/// What is recorded of the runs of a page.
struct Known {
    evidence: Evidence,
    tool_calls: Vec<tool_calls::Shown>,
    reminders: Vec<Reminder>,
}

impl Known {
    async fn of(tx: &mut TenantTx, steps: &[Step]) -> Result<Self, ApiError> {
        let runs: Vec<&Run> = steps.iter().filter_map(|step| step.run.as_ref()).collect();
        let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
        let mut recalled: Vec<MemoryId> =
            runs.iter().flat_map(|run| run.recalled.iter().map(|(memory, _)| *memory)).collect();
        recalled.sort_unstable();
        recalled.dedup();
        Ok(Self {
            evidence: traces::evidence(tx, &ids).await?,
            tool_calls: tool_calls::of_runs(tx, &ids).await?,
            reminders: traces::reminders(tx, &recalled).await?,
        })
    }

    fn tell(&self, step: Step) -> StepBody {
        let (reason, arrived_at) = (step.reason, step.arrived_at.map(written));
        let Some(run) = step.run else {
            return StepBody {
                run_id: None,
                state: step.state,
                reason,
                agent: String::new(),
                messages: 1,
                arrived_at,
                started_at: None,
                finished_at: None,
                prompt: None,
                recalled: Vec::new(),
                calls: Vec::new(),
                tool_calls: Vec::new(),
                deliveries: Vec::new(),
                opinions: Vec::new(),
            };
        };
        StepBody {
            run_id: Some(run.id.to_string()),
            state: step.state,
            reason,
            messages: run.messages,
            arrived_at,
            started_at: Some(written(run.started_at)),
            finished_at: run.finished_at.map(written),
            prompt: prompt(&run),
            recalled: run.recalled.iter().map(|(memory, score)| self.recalled(*memory, *score)).collect(),
            calls: self.evidence.calls.iter().filter(|call| call.run == run.id).map(CallBody::from).collect(),
            tool_calls: self.tool_calls.iter().filter(|call| call.run == run.id).map(ToolCallBody::from).collect(),
            deliveries: self
                .evidence
                .deliveries
                .iter()
                .filter(|sent| sent.run == run.id)
                .map(DeliveryBody::from)
                .collect(),
            opinions: self
                .evidence
                .opinions
                .iter()
                .filter(|opinion| opinion.run == run.id)
                .map(OpinionBody::from)
                .collect(),
            agent: run.agent,
        }
    }

    fn recalled(&self, memory: MemoryId, score: f64) -> RecalledBody {
        let known = self.reminders.iter().find(|reminder| reminder.id == memory);
        RecalledBody {
            memory_id: memory.to_string(),
            score,
            text: known.map(|reminder| reminder.body.clone()),
            author: known.map(|reminder| reminder.author.clone()),
            said_at: known.map(|reminder| written(reminder.said_at)),
        }
    }
}

fn prompt(run: &Run) -> Option<PromptBody> {
    run.sizes.map(|sizes| PromptBody {
        instructions: sizes.instructions,
        memories: sizes.memories,
        summary: sizes.summary,
        conversation: sizes.conversation,
        messages: sizes.messages,
        files: sizes.files,
        recall_ms: sizes.recall_ms,
        model_ms: sizes.model_ms,
    })
}

impl From<&tool_calls::Shown> for ToolCallBody {
    fn from(row: &tool_calls::Shown) -> Self {
        Self {
            id: row.id.to_string(),
            tool: row.name.clone(),
            class: row.class.clone(),
            arguments: row.arguments.clone(),
            state: row.state.clone(),
            result: row.result.clone(),
            attempts: row.attempts,
            approval: row.approval.clone(),
            decided_name: row.decided_name.clone(),
            started_at: written(row.started_at),
            finished_at: row.finished_at.map(written),
        }
    }
}

impl From<&Call> for CallBody {
    fn from(row: &Call) -> Self {
        Self {
            purpose: row.purpose.clone(),
            model: row.model.clone(),
            status: row.status.clone(),
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            estimated: row.estimated,
            cost_micro_usd: row.cost_micro_usd,
            at: written(row.at),
        }
    }
}

impl From<&Delivery> for DeliveryBody {
    fn from(row: &Delivery) -> Self {
        Self {
            kind: row.kind.clone(),
            state: row.state.clone(),
            error: row.error.clone(),
            written_at: written(row.written_at),
            sent_at: row.sent_at.map(written),
        }
    }
}

impl From<&Opinion> for OpinionBody {
    fn from(row: &Opinion) -> Self {
        Self {
            person: row.person.clone(),
            verdict: row.verdict.clone(),
            comment: row.comment.clone(),
            at: written(row.at),
        }
    }
}
