//! What a model says and where it goes; ids; traces.

use gateway::testing;
use orchestrator::testing::{read_answer, slack_parts};
use shared::{
    channels::mrkdwn::{self, MESSAGE_MAX, SECTION_MAX},
    ids::{AgentId, ConversationId, RunId, TenantId},
    message::is_hidden,
    telemetry,
};
use tokio::runtime::{Builder, Runtime};

const FENCE: &str = "```";
/// A stream is cut here, in bytes; one more chunk may be on its way.
const ANSWER_MAX: usize = 60_000;

/// A model's Markdown on its way to Slack: nothing pings, nothing hides a link, nothing is lost, every limit is kept.
pub fn mrkdwn(input: &[u8]) {
    let markdown = String::from_utf8_lossy(input);
    let text = mrkdwn::from_markdown(&markdown);
    assert!(!text.contains('<'), "a mention or a link can't begin: {text:?}");
    for line in text.lines() {
        let quoted = line.trim_start().strip_prefix('>').unwrap_or(line);
        assert!(!quoted.contains('>'), "a mention or a link can't end: {line:?}");
    }
    assert!(!text.contains(is_hidden), "nobody sees that: {text:?}");
    assert_entities(&text);
    assert!(!testing::mentions(&text, "U1"));
    if !markdown.contains("](") && !markdown.contains(FENCE) {
        let said = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
        let spoken = markdown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        // An escaped `>` that quotes is written plainly again.
        let (before, after) = (said(&spoken.replace("&gt;", "")), said(&text.replace("&gt;", "")));
        assert_eq!(before, after, "words are lost or made up");
    }
    for max in [SECTION_MAX, 40] {
        let pieces = mrkdwn::split(&text, max);
        assert_whole(&text, &pieces, max);
        pieces.iter().for_each(|piece| assert_entities(piece));
    }

    let parts = slack_parts("answer", &markdown, Some("1.2"));
    let bodies: Vec<String> = parts.iter().map(|part| part.body.clone()).collect();
    assert_whole(markdown.trim(), &bodies, MESSAGE_MAX);
}

fn assert_entities(text: &str) {
    let entities: usize = ["&amp;", "&lt;", "&gt;"].iter().map(|entity| text.matches(entity).count()).sum();
    assert_eq!(text.matches('&').count(), entities, "every & is an entity: {text:?}");
}

/// The pieces say what the text says, apart from white space and backticks, and none is too long.
fn assert_whole(text: &str, pieces: &[String], max: usize) {
    let said = |text: &str| text.replace('`', "").split_whitespace().collect::<String>();
    assert_eq!(pieces.iter().map(|piece| said(piece)).collect::<String>(), said(text));
    for piece in pieces {
        assert!(piece.chars().count() <= max, "{} characters of {max}: {piece:?}", piece.chars().count());
        assert!(pieces.len() == 1 || !piece.trim().is_empty(), "an empty piece");
    }
}

/// Chunks of a model's stream, a line each.
pub fn model_stream(input: &[u8]) {
    if let Some(text) = runtime().block_on(read_answer(input)) {
        assert!(!text.trim().is_empty() && text.len() <= ANSWER_MAX, "{} bytes", text.len());
    }
}

/// Without workers of its own, one for all inputs.
fn runtime() -> &'static Runtime {
    static RUNTIME: std::sync::OnceLock<Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().enable_time().build().expect("a runtime starts"))
}

/// A `traceparent`, from a header or from a row.
pub fn traceparent(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    telemetry::continue_trace(&tracing::Span::none(), Some(&text));
    if let Some(id) = telemetry::trace_id(&text) {
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id:?} goes into the log");
    }
}

/// Ids are read in one way only: what is read is written the same.
pub fn typeid(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let read = [
        text.parse::<TenantId>().map(|id| id.to_string()),
        text.parse::<AgentId>().map(|id| id.to_string()),
        text.parse::<ConversationId>().map(|id| id.to_string()),
        text.parse::<RunId>().map(|id| id.to_string()),
    ];
    let written: Vec<&String> = read.iter().flatten().collect();
    assert!(written.len() <= 1, "an id of two kinds: {written:?}");
    written.iter().for_each(|written| assert_eq!(***written, text));
    for refusal in read.iter().filter_map(|read| read.as_ref().err()) {
        assert!(refusal.to_string().chars().count() < 200, "a refusal quotes little");
    }
}
