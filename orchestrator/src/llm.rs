//! Language models: the only file that names async-openai.
//!
//! Requests and answers are our own lenient JSON ("byot"): gateways send usage-only chunks that the typed stream refuses.
//! Every attempt leaves a ledger row, failed and cut-off ones included. That is why requests are sent here and not by the
//! library's own sender, which would try up to four times unseen.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_openai::{Client, config::OpenAIConfig, error::OpenAIError, middleware::HttpRequestFactory};
use futures::{Stream, StreamExt};
use reqwest::{Response, StatusCode, header::RETRY_AFTER};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::{
    config::LlmConfig,
    crash,
    db::usage::{CallStatus, ModelCall},
    egress,
};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{prompt::Prompt, reply::words::Words};

const FIRST_TOKEN_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
const RETRY_PAUSE: Duration = Duration::from_millis(800);
/// A person waits no longer for a model that wants to be left alone; the fallback answers instead.
const REST_MAX: Duration = Duration::from_secs(10);
const ANSWER_TOKENS_MAX: u32 = 1_500;
/// A stream that never ends is cut here, in bytes.
const ANSWER_BYTES_MAX: usize = 150_000;
const CHARS_PER_TOKEN: usize = 4;

/// The platform's models, in the order they are tried.
#[derive(Clone)]
pub struct ModelPool {
    client: Client<OpenAIConfig>,
    model: String,
    fallback: Option<String>,
    /// Until when a model wants to be left alone. The key is the platform's, so this holds for every tenant.
    resting: Arc<Mutex<HashMap<String, Instant>>>,
}

/// The provider's 429, with the pause it asks for.
#[derive(Debug, thiserror::Error)]
#[error("the provider is asked too often")]
struct RateLimited(Option<Duration>);

/// A usable answer.
#[derive(Debug)]
pub struct Completion {
    pub text: String,
    /// Every call it took, the successful one last.
    pub calls: Vec<ModelCall>,
}

/// No model gave a usable answer.
#[derive(Debug)]
pub struct NoAnswer {
    pub reason: String,
    pub calls: Vec<ModelCall>,
}

/// Why one attempt failed, and what it may have cost.
pub(crate) struct Attempt {
    reason: String,
    status: CallStatus,
    /// The same model may do better a moment later.
    again: bool,
    received: Received,
}

#[derive(Default)]
pub(crate) struct Received {
    pub(crate) text: String,
    usage: Option<(i64, i64)>,
}

impl ModelPool {
    pub fn new(config: &LlmConfig) -> Self {
        let settings = OpenAIConfig::new()
            .with_api_base(config.base_url.as_str().trim_end_matches('/'))
            .with_api_key(config.api_key.expose_secret());
        let http = egress::provider_client(None);
        let sender = tower::service_fn(move |request| send(http.clone(), request));
        Self {
            client: Client::with_config(settings).with_http_service(sender),
            model: config.model.clone(),
            fallback: config.fallback_model.clone(),
            resting: Arc::default(),
        }
    }

    /// Asks the agent's model, once more after a passing failure, then the fallback. `words` get the answer while it comes;
    /// what was taken of them when an attempt fails, the next one continues.
    pub async fn complete(
        &self,
        model: Option<&str>,
        prompt: &Prompt,
        words: &Words,
    ) -> Result<Completion, NoAnswer> {
        let first = model.unwrap_or(&self.model);
        let mut order = vec![first, first];
        order.extend(self.fallback.as_deref().filter(|fallback| *fallback != first));
        let mut calls = Vec::new();
        let (mut reason, mut skip) = (String::new(), None);
        let blind = prompt.without_pictures();
        let mut prompt = prompt;
        for (index, model) in order.into_iter().enumerate() {
            if skip == Some(model) {
                continue;
            }
            if index == 1 {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            let rest = self.rest_of(model);
            if rest > REST_MAX {
                (reason, skip) = ("the provider is asked too often".into(), Some(model));
                continue;
            }
            tokio::time::sleep(rest).await;
            let begun = words.rewind();
            let asked =
                if begun.is_empty() { Cow::Borrowed(prompt) } else { Cow::Owned(prompt.continuing(&begun)) };
            let mut outcome = self.attempt(model, &asked, words).await;
            // A model that takes no pictures refuses the whole request: it is asked once more, with words about them.
            if let (Err(attempt), Some(blind)) = (&outcome, &blind)
                && !attempt.again
                && prompt != blind
            {
                calls.push(ledger_row(model, attempt.status, &asked, &attempt.received));
                prompt = blind;
                outcome = self.attempt(model, prompt, words).await;
            }
            match outcome {
                Ok(received) => {
                    calls.push(ledger_row(model, CallStatus::Ok, &asked, &received));
                    return Ok(Completion { text: words.all(), calls });
                }
                Err(attempt) => {
                    tracing::warn!(model, reason = %attempt.reason, "A model call failed");
                    metrics::counter!("konstruct_model_failures_total", "model" => model.to_owned()).increment(1);
                    calls.push(ledger_row(model, attempt.status, &asked, &attempt.received));
                    skip = (!attempt.again).then_some(model);
                    reason = attempt.reason;
                }
            }
        }
        words.rewind();
        Err(NoAnswer { reason, calls })
    }

    fn rest_of(&self, model: &str) -> Duration {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.get(model).map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    fn lay_to_rest(&self, model: &str, pause: Duration) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, until| *until > Instant::now());
        resting.insert(model.to_owned(), Instant::now() + pause.min(TOTAL_TIMEOUT * 60));
    }

    async fn attempt(&self, model: &str, prompt: &Prompt, words: &Words) -> Result<Received, Attempt> {
        let deadline = Instant::now() + TOTAL_TIMEOUT;
        let request = json!({
            "model": model,
            "messages": prompt.messages,
            "max_tokens": ANSWER_TOKENS_MAX,
            // async-openai does not set this by itself for our own types.
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        let chat = self.client.chat();
        let opening = chat.create_stream_byot::<Value, Value>(request);
        let stream = match timeout(FIRST_TOKEN_TIMEOUT, opening).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(OpenAIError::Boxed(error))) if error.is::<RateLimited>() => {
                let pause = error.downcast_ref::<RateLimited>().and_then(|limited| limited.0);
                self.lay_to_rest(model, pause.unwrap_or_default());
                return Err(failure(&error.to_string(), CallStatus::Failed, true, Received::default()));
            }
            Ok(Err(error)) => return Err(refused(&error)),
            Err(_) => {
                return Err(failure("no answer within 30 s", CallStatus::Unknown, true, Received::default()));
            }
        };
        read(stream, deadline, words).await
    }
}

/// One request, one answer.
async fn send(http: reqwest::Client, request: HttpRequestFactory) -> Result<Response, OpenAIError> {
    let response = http.execute(request.build().await?).await.map_err(OpenAIError::Reqwest)?;
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        let seconds =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        return Err(OpenAIError::Boxed(Box::new(RateLimited(seconds.map(Duration::from_secs)))));
    }
    Ok(response)
}

pub(crate) async fn read(
    mut stream: impl Stream<Item = Result<Value, OpenAIError>> + Unpin,
    deadline: Instant,
    words: &Words,
) -> Result<Received, Attempt> {
    let (mut received, mut finished) = (Received::default(), false);
    loop {
        let patience = if received.text.is_empty() { FIRST_TOKEN_TIMEOUT } else { IDLE_TIMEOUT };
        let until = deadline.min(Instant::now() + patience);
        let chunk = match timeout_at(until, stream.next()).await {
            Err(_) => return Err(failure("the stream stalled", CallStatus::Unknown, true, received)),
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                let again = Attempt { received, ..refused(&error) };
                return Err(Attempt { status: CallStatus::Unknown, ..again });
            }
            Ok(Some(Ok(chunk))) => chunk,
        };
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            let reason = format!("the provider reported an error of type `{}`", kind_of(error));
            return Err(failure(&reason, CallStatus::Failed, true, received));
        }
        let choice = &chunk["choices"][0];
        let said = choice["delta"]["content"].as_str().unwrap_or_default();
        received.text.push_str(said);
        words.push(said);
        if !received.text.is_empty() {
            crash::point(crash::Point::ModelMidStream);
        }
        finished |= choice["finish_reason"].is_string();
        if let (Some(input), Some(output)) =
            (chunk["usage"]["prompt_tokens"].as_i64(), chunk["usage"]["completion_tokens"].as_i64())
        {
            received.usage = Some((input.max(0), output.max(0)));
        }
        if received.text.len() > ANSWER_BYTES_MAX {
            return Err(failure("the answer does not end", CallStatus::Unknown, false, received));
        }
    }
    if !finished {
        return Err(failure("the stream broke off", CallStatus::Unknown, true, received));
    }
    if received.text.trim().is_empty() {
        return Err(failure("the answer is empty", CallStatus::Failed, true, received));
    }
    Ok(received)
}

fn failure(reason: &str, status: CallStatus, again: bool, received: Received) -> Attempt {
    Attempt { reason: reason.to_owned(), status, again, received }
}

/// The kind of a failure, never its text: providers quote the prompt in it.
fn refused(error: &OpenAIError) -> Attempt {
    let (reason, again) = match error {
        OpenAIError::ApiError(answer) => {
            let status = answer.status_code.as_u16();
            (format!("the provider answered with status {status}"), status == 429 || status >= 500)
        }
        OpenAIError::Reqwest(error) if error.is_connect() => ("the provider can't be reached".into(), true),
        OpenAIError::Reqwest(_) | OpenAIError::StreamError(_) => {
            ("the connection to the provider broke".into(), true)
        }
        OpenAIError::JSONDeserialize(..) => ("the provider sent no valid answer".into(), true),
        _ => ("the provider's answer can't be used".into(), true),
    };
    Attempt { reason, status: CallStatus::Failed, again, received: Received::default() }
}

fn kind_of(error: &Value) -> String {
    let kind = error["type"].as_str().or_else(|| error["code"].as_str()).unwrap_or("unknown");
    kind.chars().filter(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(*letter)).take(40).collect()
}

fn ledger_row(model: &str, status: CallStatus, prompt: &Prompt, received: &Received) -> ModelCall {
    let mut call = ModelCall::new(model, status);
    let estimate = |chars: usize| i64::try_from(chars.div_ceil(CHARS_PER_TOKEN)).unwrap_or(i64::MAX);
    (call.input_tokens, call.output_tokens, call.estimated) = match received.usage {
        Some((input, output)) => (input, output, false),
        None => (estimate(prompt.chars()), estimate(received.text.chars().count()), true),
    };
    call
}
