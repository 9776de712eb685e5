//! Language models: the only file that names async-openai.
//!
//! Requests and answers are our own lenient JSON ("byot"): gateways send usage-only chunks that the typed stream refuses.
//! Every attempt leaves a ledger row, failed and cut-off ones included. That is why requests are sent here and not by the
//! library's own sender, which would try up to four times unseen. Which model is asked, and whether there is money for it, is
//! the business of [`crate::pool`].

use std::time::Duration;

use async_openai::{Client, error::OpenAIError, middleware::HttpRequestFactory};
use futures::{Stream, StreamExt};
use reqwest::{Response, StatusCode, Url, header::RETRY_AFTER};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::{
    crash,
    db::usage::{CallStatus, KeyOwner, ModelCall},
    dialect::Dialect,
    ids::UsageId,
};
use tokio::time::{Instant, timeout, timeout_at};

use account::Account;
pub use called::Called;
use called::Collected;

use crate::{prompt::Prompt, reply::words::Words};

const FIRST_TOKEN_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
/// Whatever a provider asks for.
const REST_KEPT_MAX: Duration = Duration::from_secs(7_200);
/// No call takes more: what a provider reports beyond it is a mistake, or a lie.
const USAGE_TOKENS_MAX: i64 = 10_000_000;
/// A stream that never ends is cut here, in bytes.
const ANSWER_BYTES_MAX: usize = 150_000;
const CHARS_PER_TOKEN: usize = 4;

/// Somebody's account at an OpenAI-compatible provider.
#[derive(Clone)]
pub struct Provider {
    client: Client<Account>,
    pub owner: KeyOwner,
}

/// The provider's 429, with the pause it asks for.
#[derive(Debug, thiserror::Error)]
#[error("the provider is asked too often")]
struct RateLimited(Option<Duration>);

/// Why one attempt failed, and what it may have cost.
pub(crate) struct Attempt {
    pub(crate) reason: String,
    pub(crate) status: CallStatus,
    /// The same model may do better a moment later.
    pub(crate) again: bool,
    /// It was waited for in vain: whoever asks the same once more may wait as long again.
    pub(crate) hung: bool,
    /// The model wants to be left alone, for this long.
    pub(crate) rest: Option<Duration>,
    /// It refused how it was asked, and this is how it wants to be.
    pub(crate) own: Option<Dialect>,
    pub(crate) received: Received,
}

/// As a provider reports them.
#[derive(Clone, Copy, Default)]
struct Tokens {
    input: i64,
    /// Of them, those it had at hand already.
    cached: i64,
    output: i64,
}

#[derive(Default)]
pub(crate) struct Received {
    pub(crate) text: String,
    /// What it wants to have called, in its order.
    pub(crate) called: Vec<Called>,
    usage: Option<Tokens>,
}

impl Provider {
    pub fn new(owner: KeyOwner, http: reqwest::Client, base_url: &Url, key: &SecretString) -> Self {
        let settings = Account::new(base_url, key);
        let sender = tower::service_fn(move |request| send(http.clone(), request));
        Self { client: Client::with_config(settings).with_http_service(sender), owner }
    }

    /// One call. `words` get the answer while it comes.
    pub(crate) async fn ask(
        &self,
        (model, dialect): (&str, Dialect),
        prompt: &Prompt,
        tokens_max: u32,
        words: &Words,
    ) -> Result<Received, Attempt> {
        let deadline = Instant::now() + TOTAL_TIMEOUT;
        let mut request = json!({
            "model": model,
            "messages": prompt.messages,
            // async-openai does not set this by itself for our own types.
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        dialect.limit(&mut request, tokens_max, prompt.manner.temperature);
        if !prompt.tools.is_empty() {
            request["tools"] = json!(prompt.tools);
        }
        let chat = self.client.chat();
        let opening = chat.create_stream_byot::<Value, Value>(request);
        let stream = match timeout(FIRST_TOKEN_TIMEOUT, opening).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(OpenAIError::Boxed(error))) if error.is::<RateLimited>() => {
                let pause = error.downcast_ref::<RateLimited>().and_then(|limited| limited.0);
                let limited = failure(&error.to_string(), CallStatus::Failed, true, Received::default());
                return Err(Attempt { rest: Some(pause.unwrap_or_default().min(REST_KEPT_MAX)), ..limited });
            }
            Ok(Err(error)) => return Err(in_other_words(dialect, &error).unwrap_or_else(|| refused(&error))),
            Err(_) => {
                let hung = failure("no answer within 30 s", CallStatus::Unknown, true, Received::default());
                return Err(Attempt { hung: true, ..hung });
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
    let (mut received, mut finished, mut called) = (Received::default(), false, Collected::default());
    loop {
        let patience =
            if received.text.is_empty() && called.is_empty() { FIRST_TOKEN_TIMEOUT } else { IDLE_TIMEOUT };
        let until = deadline.min(Instant::now() + patience);
        let chunk = match timeout_at(until, stream.next()).await {
            Err(_) => {
                let hung = failure("the stream stalled", CallStatus::Unknown, true, received);
                return Err(Attempt { hung: true, ..hung });
            }
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
        let text = |field: &str| choice["delta"][field].as_str().filter(|text| !text.is_empty());
        // A refusal is an answer. What a model thinks before it (`reasoning_content`) is nobody's business.
        let said = text("content").or_else(|| text("refusal")).unwrap_or_default();
        received.text.push_str(said);
        words.push(said);
        called.hear(&choice["delta"]["tool_calls"]);
        if !received.text.is_empty() {
            crash::point(crash::Point::ModelMidStream);
        }
        finished |= choice["finish_reason"].is_string();
        received.usage = reported(&chunk["usage"], received.usage);
        if received.text.len() + called.bytes() > ANSWER_BYTES_MAX {
            return Err(failure("the answer does not end", CallStatus::Unknown, false, received));
        }
    }
    if !finished {
        return Err(failure("the stream broke off", CallStatus::Unknown, true, received));
    }
    received.called = called.all();
    if received.text.trim().is_empty() && received.called.is_empty() {
        return Err(failure("the answer is empty", CallStatus::Failed, true, received));
    }
    Ok(received)
}

/// What a chunk says was used, if it says so. A count that can't be is none: it is estimated.
fn reported(usage: &Value, before: Option<Tokens>) -> Option<Tokens> {
    let (Some(input), Some(output)) = (usage["prompt_tokens"].as_i64(), usage["completion_tokens"].as_i64())
    else {
        return before;
    };
    let possible = |count: i64| (0..=USAGE_TOKENS_MAX).contains(&count);
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_i64().unwrap_or(0).clamp(0, input.max(0));
    (possible(input) && possible(output)).then_some(Tokens { input, cached, output })
}

fn failure(reason: &str, status: CallStatus, again: bool, received: Received) -> Attempt {
    Attempt { reason: reason.to_owned(), status, again, hung: false, rest: None, own: None, received }
}

/// If it was the way of asking that was refused: nothing was read, and nothing is paid.
fn in_other_words(dialect: Dialect, error: &OpenAIError) -> Option<Attempt> {
    let OpenAIError::ApiError(answer) = error else { return None };
    let refusal = (answer.status_code == StatusCode::BAD_REQUEST).then_some(&answer.api_error)?;
    let own = dialect.after_refusal(refusal.param.as_deref(), &refusal.message)?;
    let received = Received { usage: Some(Tokens::default()), ..Received::default() };
    Some(Attempt { own: Some(own), received, ..refused(error) })
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
    failure(&reason, CallStatus::Failed, again, Received::default())
}

fn kind_of(error: &Value) -> String {
    let kind = error["type"].as_str().or_else(|| error["code"].as_str()).unwrap_or("unknown");
    kind.chars().filter(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(*letter)).take(40).collect()
}

/// What the call is booked with; `id` is the one money is held under.
pub(crate) fn ledger_row(
    (id, owner, model): (UsageId, KeyOwner, &str),
    status: CallStatus,
    prompt: &Prompt,
    received: &Received,
) -> ModelCall {
    let mut call = ModelCall { usage_id: id.uuid(), ..ModelCall::by(owner, model, status) };
    let estimate = |chars: usize| i64::try_from(chars.div_ceil(CHARS_PER_TOKEN)).unwrap_or(i64::MAX);
    let called: usize = received.called.iter().map(Called::chars).sum();
    call.estimated = received.usage.is_none();
    let tokens = received.usage.unwrap_or_else(|| Tokens {
        input: estimate(prompt.chars()),
        cached: 0,
        output: estimate(received.text.chars().count() + called),
    });
    (call.input_tokens, call.cached_tokens, call.output_tokens) = (tokens.input, tokens.cached, tokens.output);
    call
}

mod account;
mod called;
#[cfg(test)]
mod hostile;
