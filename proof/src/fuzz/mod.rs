//! Fuzz targets: everything that reads strangers' bytes, each as a function of bytes that panics if a promise is broken.
//!
//! `make fuzz` runs them under libFuzzer, and `tests/fuzz.rs` runs them over the committed corpora, which hold the tests'
//! real payloads and whatever a fuzzer once found.

mod api;
mod forms;
mod rules;
mod secrets;
mod slack;
mod stripe;
mod whatsapp;
mod words;

/// One parser.
pub struct Target {
    /// Also the corpus's folder.
    pub name: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: &[Target] = &[
    Target { name: "slack_event", run: slack::event },
    Target { name: "slack_text", run: slack::text },
    Target { name: "slack_signature", run: slack::signature },
    Target { name: "slack_address", run: slack::address },
    Target { name: "slack_interaction", run: forms::interaction },
    Target { name: "slack_command", run: forms::command },
    Target { name: "slack_answer", run: slack::answer },
    Target { name: "whatsapp_webhook", run: whatsapp::webhook },
    Target { name: "whatsapp_answer", run: whatsapp::answer },
    Target { name: "whatsapp_markdown", run: whatsapp::markdown },
    Target { name: "stripe_event", run: stripe::event },
    Target { name: "stripe_signature", run: stripe::signature },
    Target { name: "mrkdwn", run: words::mrkdwn },
    Target { name: "model_stream", run: words::model_stream },
    Target { name: "traceparent", run: words::traceparent },
    Target { name: "typeid", run: words::typeid },
    Target { name: "condition", run: rules::condition },
    Target { name: "api_agent", run: api::agent },
    Target { name: "api_connection", run: api::connection },
    Target { name: "api_key", run: api::key },
    Target { name: "sealed", run: secrets::sealed },
    Target { name: "master_keys", run: secrets::master_keys },
];

/// # Panics
/// If there is no such target; the sentence names those there are.
pub fn find(name: &str) -> &'static Target {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("`{name}` is none of {names:?}"))
}

/// The bytes up to the first line break as text, and the rest.
fn first_line(input: &[u8]) -> (String, &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let rest = input.get(end + 1..).unwrap_or_default();
    (String::from_utf8_lossy(&input[..end]).into_owned(), rest)
}
