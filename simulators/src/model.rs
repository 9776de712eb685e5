//! An OpenAI-compatible model that knows only what its prompt says.
//!
//! | file | does |
//! |---|---|
//! | `prompt.rs`, `words.rs` | take a prompt apart |
//! | `answer.rs` | find the sentence that answers |
//! | `facts.rs` | what messages plainly state, for whoever keeps notes |
//! | `acting.rs` | choose a tool of those that are offered |
//! | `hearing.rs` | speech to text |
//! | `refusing.rs` | what it does not take, and how it says so |
//! | `shape.rs`, `stream.rs` | bring the reply into the wanted form, or spoil it |

mod acting;
mod answer;
mod facts;
mod hearing;
mod prompt;
mod refusing;
mod shape;
mod stream;
mod words;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    clock,
    control::{ControlError, common_routes, read},
    faults::{FaultKind, Faults},
    server::{Scissors, Server},
};
use refusing::{failure, is_valid_key, refusal_of, unfit, wrong_key};
use stream::{Reply, tokens_of};

const REQUESTS_KEPT_MAX: usize = 10_000;
const MODELS: [&str; 2] = ["simulated-1", "simulated-2"];
const CHARS_PER_TOKEN: usize = 4;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ModelOptions {
    /// A pause before each chunk of a streamed reply.
    #[serde(default)]
    pub token_delay_ms: u64,
    /// Said instead of an answer of its own.
    #[serde(default)]
    pub answer: Option<String>,
    /// It gives away everything it was sent, whatever it is asked.
    #[serde(default)]
    pub tells_prompt: bool,
    /// Requests that are remembered, the last ones; 10,000 if not said.
    #[serde(default)]
    pub requests_kept: Option<usize>,
    /// Requests with pictures are refused, as by a model that takes text only.
    #[serde(default)]
    pub blind: bool,
    /// It thinks before it answers, as OpenAI's larger ones do: `max_tokens` and a temperature are refused.
    #[serde(default)]
    pub thinks: bool,
    /// Its thoughts, streamed before the answer as some providers do. They are not for people.
    #[serde(default)]
    pub thoughts: Option<String>,
    /// What it says, it says as a refusal: in a field of its own.
    #[serde(default)]
    pub refuses: bool,
    /// Called instead of what it would call itself, offered or not, once a message.
    #[serde(default)]
    pub calls: Vec<SimulatedCall>,
    /// Calls them again and again, whatever the tools say.
    #[serde(default)]
    pub keeps_calling: bool,
    /// Said before a call, as some models do.
    #[serde(default)]
    pub preamble: Option<String>,
    /// Calls come without numbers and ids, as from some gateways.
    #[serde(default)]
    pub bare_calls: bool,
}

/// A call that a test puts into its mouth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedCall {
    pub name: String,
    /// Meant to be JSON.
    pub arguments: String,
}

/// A call that came in, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelRequest {
    pub seq: u64,
    pub at_ms: u64,
    /// The last four characters of the key; the key itself is not kept.
    pub key_hint: String,
    pub body: Value,
    /// What was meant to be answered; `None` if the call was refused.
    pub reply: Option<String>,
}

impl ModelRequest {
    /// The whole prompt as one text, for tests that look for a sentence in it.
    pub fn prompt_text(&self) -> String {
        let messages = self.body["messages"].as_array().into_iter().flatten();
        messages.map(prompt::content).collect::<Vec<_>>().join("\n")
    }
}

/// Runs until dropped.
pub struct ModelSimulator {
    pub addr: SocketAddr,
    core: Arc<Core>,
    _server: Server,
}

#[derive(Default)]
struct Core {
    options: Mutex<ModelOptions>,
    faults: Arc<Faults>,
    log: Mutex<Log>,
    tickets: AtomicU64,
    witness: OnceLock<Witness>,
}

type Witness = Box<dyn Fn(&ModelRequest) + Send + Sync>;

#[derive(Default)]
struct Log {
    requests: VecDeque<ModelRequest>,
    seq: u64,
}

impl ModelSimulator {
    pub async fn start(bind: SocketAddr) -> io::Result<Self> {
        let core = Arc::new(Core::default());
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/v1/audio/transcriptions", post(hearing::transcribe))
            .route("/v1/models", get(models))
            .route("/desk/tickets", get(list_tickets).post(open_ticket))
            .route("/_sim/requests", get(list_requests).delete(clear_requests))
            .route("/_sim/options", post(set_options))
            .with_state(Arc::clone(&core))
            .merge(common_routes(Arc::clone(&core.faults)));
        let server = Server::start(bind, router).await?;

        Ok(Self { addr: server.addr, core, _server: server })
    }

    /// What `LLM_BASE_URL` should be: `http://…/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Every completion asked for so far, oldest first, also those that were refused or went wrong.
    pub fn requests(&self) -> Vec<ModelRequest> {
        self.core.log().requests.iter().cloned().collect()
    }

    pub fn clear_requests(&self) {
        self.core.log().requests.clear();
    }

    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    pub fn set_options(&self, options: ModelOptions) {
        *self.core.options() = options;
    }

    /// Is shown every request as it comes in, also those that are soon forgotten. The first one stays.
    pub fn set_witness(&self, witness: impl Fn(&ModelRequest) + Send + Sync + 'static) {
        // A second one would see only part of the requests.
        let _ = self.core.witness.set(Box::new(witness));
    }
}

impl Core {
    fn options(&self) -> MutexGuard<'_, ModelOptions> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, key: Option<&str>, body: &Value, reply: Option<&str>) -> u64 {
        let mut log = self.log();
        log.seq += 1;
        let (seq, key) = (log.seq, key.unwrap_or_default());
        let key_hint = key.chars().skip(key.chars().count().saturating_sub(4)).collect();
        let (body, reply) = (body.clone(), reply.map(str::to_owned));
        let request = ModelRequest { seq, at_ms: clock::now_ms(), key_hint, body, reply };
        if let Some(witness) = self.witness.get() {
            witness(&request);
        }
        log.requests.push_back(request);
        let kept = self.options().requests_kept.unwrap_or(REQUESTS_KEPT_MAX);
        while log.requests.len() > kept {
            log.requests.pop_front();
        }
        seq
    }
}

async fn complete(
    State(core): State<Arc<Core>>,
    Extension(scissors): Extension<Scissors>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let key = bearer(&headers);
    let fault = core.faults.strike("completions", request["model"].as_str());
    match &fault {
        // A model has nothing to deliver later.
        Some(FaultKind::DropConnectionBefore | FaultKind::LateDelivery { .. }) => {
            core.record(key.as_deref(), &request, None);
            return scissors.cut().await;
        }
        Some(FaultKind::DelayMs(ms)) => tokio::time::sleep(Duration::from_millis(*ms)).await,
        _ => {}
    }
    let refusal =
        refusal_of(key.as_deref(), &request, fault.as_ref()).or_else(|| unfit(&request, &core.options()));
    if let Some(refusal) = refusal {
        core.record(key.as_deref(), &request, None);
        return refusal;
    }

    let reply = compose(&core, key.as_deref(), &request, fault.clone());
    match fault {
        Some(FaultKind::DropConnectionAfter) => return scissors.cut().await,
        Some(FaultKind::StatusAfter { code }) => return failure(code),
        Some(FaultKind::DeliverThenTimeout(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
        _ => {}
    }
    if request["stream"] == true { reply.streamed() } else { reply.whole() }
}

fn compose(core: &Core, key: Option<&str>, request: &Value, fault: Option<FaultKind>) -> Reply {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut options = core.options().clone();
    if options.tells_prompt {
        options.answer = Some(prompt::everything(request));
    }
    let notes = facts::reply(messages);
    let keeps_notes = notes.is_some();
    let calls =
        if keeps_notes || continued(messages).is_some() { Vec::new() } else { acting::calls(request, &options) };
    let mut text = match (notes, continued(messages)) {
        _ if !calls.is_empty() => options.preamble.clone().unwrap_or_default(),
        (Some(notes), _) => notes,
        (None, Some((before, begun))) => {
            let whole = options.answer.clone().unwrap_or_else(|| answer::reply(before));
            whole.strip_prefix(begun.as_str()).map_or(whole.clone(), str::to_owned)
        }
        (None, None) => {
            let reply = || acting::report(messages).unwrap_or_else(|| answer::reply(messages));
            shape::shaped(request, options.answer.clone().unwrap_or_else(reply))
        }
    };
    let mut finish_reason = if calls.is_empty() { "stop" } else { "tool_calls" };
    let tokens_max = request["max_completion_tokens"].as_u64().or_else(|| request["max_tokens"].as_u64());
    let chars_max = tokens_max.and_then(|n| usize::try_from(n).ok()).map(|n| n * CHARS_PER_TOKEN);
    // What a test puts into its mouth is said in full.
    let chars_max = chars_max.filter(|_| options.answer.is_none() && !keeps_notes);
    if let Some(chars_max) = chars_max.filter(|chars_max| text.chars().count() > *chars_max) {
        text = text.chars().take(chars_max).collect();
        finish_reason = "length";
    }
    if fault == Some(FaultKind::Empty) {
        text.clear();
    }
    let seq = core.record(key, request, Some(&text));
    let mut reply = Reply {
        id: format!("chatcmpl-sim-{seq}"),
        model: request["model"].as_str().unwrap_or_default().to_owned(),
        created: clock::now_seconds(),
        text,
        calls,
        bare_calls: options.bare_calls,
        thoughts: options.thoughts.unwrap_or_default(),
        refuses: options.refuses,
        finish_reason,
        prompt_tokens: tokens_of(&messages.iter().map(prompt::content).collect::<String>()),
        include_usage: request["stream_options"]["include_usage"] == true,
        token_delay: Duration::from_millis(core.options().token_delay_ms),
        fault,
    };
    if reply.fault == Some(FaultKind::Endless) {
        reply.make_endless();
    }
    reply
}

/// An answer that was begun, and the request to go on with it: what was asked before, and what was said.
fn continued(messages: &[Value]) -> Option<(&[Value], String)> {
    let [before @ .., begun, request] = messages else { return None };
    let goes_on = begun["role"] == "assistant" && prompt::content(request).contains("Continue it exactly");
    (goes_on && !before.is_empty()).then(|| (before, prompt::content(begun)))
}

async fn models(headers: HeaderMap) -> Response {
    if !is_valid_key(bearer(&headers).as_deref()) {
        return wrong_key();
    }
    let model = |id: &&str| json!({ "id": id, "object": "model", "created": 0, "owned_by": "simulators" });
    Json(json!({ "object": "list", "data": MODELS.iter().map(model).collect::<Vec<_>>() })).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(|key| key.trim().to_owned())
}

/// A desk that tools can write to: tickets are counted, and nothing else is kept of them.
async fn open_ticket(State(core): State<Arc<Core>>) -> (StatusCode, Json<Value>) {
    let ticket = core.tickets.fetch_add(1, Ordering::Relaxed) + 1;
    (StatusCode::CREATED, Json(json!({ "ticket": ticket })))
}

async fn list_tickets(State(core): State<Arc<Core>>) -> Json<Value> {
    Json(json!({ "tickets": core.tickets.load(Ordering::Relaxed) }))
}

async fn list_requests(State(core): State<Arc<Core>>) -> Json<Vec<ModelRequest>> {
    Json(core.log().requests.iter().cloned().collect())
}

async fn clear_requests(State(core): State<Arc<Core>>) -> Json<Value> {
    core.log().requests.clear();
    Json(json!({ "ok": true }))
}

async fn set_options(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    *core.options() = read(&body)?;
    Ok(Json(json!(*core.options())))
}
