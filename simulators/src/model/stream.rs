//! The two forms of a reply, whole or as server-sent events, and how each can go wrong.

use std::{io, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::SimulatedCall;
use crate::faults::FaultKind;

const WORDS_PER_CHUNK: usize = 2;
const ARGUMENT_LETTERS: usize = 7;
const ENDLESS_BYTES: usize = 200_000;
const ENDLESS_CHUNK: &str =
    "and on it goes, word after word, because nobody told this model where a reply should end, ";
/// A stalled reply ends some time even if the caller waits for ever.
const STALL: Duration = Duration::from_secs(600);
/// What was written before a break has to leave the machine first.
const PAUSE_BEFORE_BREAK: Duration = Duration::from_millis(30);

/// All that a reply consists of, before its form is chosen.
pub(super) struct Reply {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) created: i64,
    pub(super) text: String,
    pub(super) calls: Vec<SimulatedCall>,
    /// Without numbers and ids.
    pub(super) bare_calls: bool,
    pub(super) thoughts: String,
    /// Its text is a refusal.
    pub(super) refuses: bool,
    pub(super) finish_reason: &'static str,
    pub(super) prompt_tokens: usize,
    pub(super) include_usage: bool,
    pub(super) token_delay: Duration,
    pub(super) fault: Option<FaultKind>,
}

enum Step {
    Send(String),
    Pause(Duration),
    Break,
}

impl Reply {
    /// Runs on without end, whatever was asked.
    pub(super) fn make_endless(&mut self) {
        self.text = ENDLESS_CHUNK.repeat(ENDLESS_BYTES / ENDLESS_CHUNK.len());
        self.finish_reason = "length";
    }

    pub(super) fn whole(self) -> Response {
        let mut body = json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{
                "index": 0, "message": { "role": "assistant", "content": self.text, "refusal": null },
                "logprobs": null, "finish_reason": self.finish_reason,
            }],
            "usage": self.usage(),
        });
        if self.refuses {
            body["choices"][0]["message"] = json!({ "role": "assistant", "content": null, "refusal": self.text });
        }
        if !self.calls.is_empty() {
            let calls: Vec<Value> = (0..).zip(&self.calls).map(|(at, call)| self.call(at, call)).collect();
            body["choices"][0]["message"]["tool_calls"] = json!(calls);
        }
        let text = body.to_string();
        let half = text[..text.floor_char_boundary(text.len() / 2)].to_owned();
        match self.fault {
            Some(FaultKind::StallBeforeFirstToken | FaultKind::StallAfterTokens(_)) => {
                respond("application/json", vec![Step::Pause(STALL), Step::Break])
            }
            Some(FaultKind::CloseMidStream(_)) => {
                respond("application/json", vec![Step::Send(half), Step::Pause(PAUSE_BEFORE_BREAK), Step::Break])
            }
            Some(FaultKind::GarbageJson) => respond("application/json", vec![Step::Send(half)]),
            Some(FaultKind::ErrorBodyWith200) => Json(upstream_error()).into_response(),
            _ => Json(body).into_response(),
        }
    }

    pub(super) fn streamed(self) -> Response {
        let mut steps = vec![self.event(json!({ "role": "assistant", "content": "" }), None)];
        let thoughts = self.thoughts.split_inclusive(char::is_whitespace);
        steps.extend(thoughts.map(|thought| self.event(json!({ "reasoning_content": thought }), None)));
        let field = if self.refuses { "refusal" } else { "content" };
        let mut content: Vec<Step> = Vec::new();
        for piece in self.pieces() {
            if !self.token_delay.is_zero() {
                content.push(Step::Pause(self.token_delay));
            }
            content.push(self.event(json!({ field: piece }), None));
        }
        match self.fault {
            Some(FaultKind::StallBeforeFirstToken) => steps = vec![Step::Pause(STALL), Step::Break],
            Some(FaultKind::StallAfterTokens(chunks)) => {
                steps.extend(first(content, chunks));
                steps.extend([Step::Pause(STALL), Step::Break]);
            }
            Some(FaultKind::CloseMidStream(chunks)) => {
                steps.extend(first(content, chunks));
                steps.extend([Step::Pause(PAUSE_BEFORE_BREAK), Step::Break]);
            }
            Some(FaultKind::GarbageJson) => {
                steps.push(Step::Send(
                    "data: {\"id\":\"chatcmpl-sim\",\"choices\":[{\"delta\":{\"conte\n\n".into(),
                ));
            }
            Some(FaultKind::ErrorBodyWith200) => steps.push(Step::Send(format!("data: {}\n\n", upstream_error()))),
            _ => {
                steps.extend(content);
                steps.extend(self.calling());
                steps.extend(self.ending());
            }
        }
        respond("text/event-stream", steps)
    }

    fn call(&self, at: usize, call: &SimulatedCall) -> Value {
        json!({ "id": format!("call-{}-{at}", self.id), "type": "function",
                "function": { "name": call.name, "arguments": call.arguments } })
    }

    /// Calls in pieces: the name, then the arguments a few letters at a time.
    fn calling(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (at, call) in self.calls.iter().enumerate() {
            let mut first = self.call(at, call);
            first["function"]["arguments"] = json!("");
            if self.bare_calls {
                first = json!({ "function": { "name": call.name, "arguments": "" } });
            } else {
                first["index"] = json!(at);
            }
            steps.push(self.event(json!({ "tool_calls": [first] }), None));
            let letters: Vec<char> = call.arguments.chars().collect();
            for piece in letters.chunks(ARGUMENT_LETTERS.max(letters.len() / 50)) {
                let mut piece = json!({ "function": { "arguments": piece.iter().collect::<String>() } });
                if !self.bare_calls {
                    piece["index"] = json!(at);
                }
                steps.push(self.event(json!({ "tool_calls": [piece] }), None));
            }
        }
        steps
    }

    fn ending(&self) -> Vec<Step> {
        let mut steps = vec![self.event(json!({}), Some(self.finish_reason))];
        if self.include_usage {
            let mut chunk = self.chunk(json!([]));
            chunk["usage"] = self.usage();
            steps.push(Step::Send(format!("data: {chunk}\n\n")));
        }
        steps.push(Step::Send("data: [DONE]\n\n".into()));
        steps
    }

    fn event(&self, delta: Value, finish_reason: Option<&str>) -> Step {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason });
        let mut chunk = self.chunk(json!([choice]));
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        Step::Send(format!("data: {chunk}\n\n"))
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices,
        })
    }

    /// A few words each, with the white space after them; put together they are the text again.
    fn pieces(&self) -> Vec<String> {
        let words_each =
            if self.fault == Some(FaultKind::Endless) { WORDS_PER_CHUNK * 10 } else { WORDS_PER_CHUNK };
        let words: Vec<&str> = self.text.split_inclusive(char::is_whitespace).collect();
        words.chunks(words_each).map(<[&str]>::concat).collect()
    }

    fn usage(&self) -> Value {
        let completion_tokens = tokens_of(&self.text);
        json!({
            "prompt_tokens": self.prompt_tokens, "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens + completion_tokens,
        })
    }
}

/// A stable estimate: four characters to the token.
pub(super) fn tokens_of(text: &str) -> usize {
    text.chars().count().div_ceil(4)
}

fn upstream_error() -> Value {
    let message = "Simulated: the upstream provider failed.";
    json!({ "error": { "message": message, "type": "server_error", "code": 502 } })
}

/// The first pieces of content, each with the pause before it.
fn first(content: Vec<Step>, chunks: usize) -> impl Iterator<Item = Step> {
    let mut sent = 0;
    content.into_iter().take_while(move |step| {
        sent += usize::from(matches!(step, Step::Send(_)));
        sent <= chunks
    })
}

fn respond(content_type: &'static str, steps: Vec<Step>) -> Response {
    let stream = stream::iter(steps).filter_map(|step| async {
        match step {
            Step::Send(text) => Some(Ok(Bytes::from(text))),
            Step::Pause(pause) => {
                tokio::time::sleep(pause).await;
                None
            }
            Step::Break => Some(Err(io::Error::from(io::ErrorKind::ConnectionReset))),
        }
    });
    (StatusCode::OK, [(header::CONTENT_TYPE, content_type)], Body::from_stream(stream)).into_response()
}
