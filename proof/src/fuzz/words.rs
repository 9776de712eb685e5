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

/// A stream is cut here, in bytes; one more chunk may be on its way.
const ANSWER_MAX: usize = 150_000;

/// A model's Markdown on its way to Slack: nothing pings, nothing hides a link, nothing is lost, every limit is kept.
pub fn mrkdwn(input: &[u8]) {
    let markdown = String::from_utf8_lossy(input);
    let text = mrkdwn::from_markdown(&markdown);
    let shown = without_addresses(&text);
    assert!(!shown.contains('<'), "a mention or a link can't begin: {text:?}");
    assert!(!text.contains(is_hidden), "nobody sees that: {text:?}");
    assert_entities(&text);
    assert!(!testing::mentions(&text, "U1"));
    for max in [SECTION_MAX, 40] {
        let pieces = mrkdwn::split(&text, max);
        assert_whole(&text, &pieces, max);
        pieces.iter().for_each(|piece| assert_entities(piece));
    }
    for block in mrkdwn::blocks(&markdown) {
        assert!(matches!(block["type"].as_str(), Some("section" | "table")), "{block}");
    }
    let half = (0..=markdown.len() / 2).rev().find(|at| markdown.is_char_boundary(*at)).unwrap_or_default();
    let (first, second) = markdown.split_at(half);
    let streamed = mrkdwn::markdown_text("", first) + &mrkdwn::markdown_text(first, second);
    assert!(["<!", "<@", "<#"].iter().all(|ping| !streamed.contains(ping)), "{streamed:?}");

    let parts = slack_parts("answer", &markdown, Some("1.2"));
    assert!(parts.iter().all(|part| part.body.chars().count() <= MESSAGE_MAX));
    assert_cuts(markdown.trim());
}

/// The addresses we wrote as links are all that may stand between `<` and `>`.
fn without_addresses(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive('>') {
        let begun = piece.rfind('<').filter(|at| {
            ["http://", "https://", "mailto:"].iter().any(|scheme| {
                let inside = &piece[at + 1..];
                inside.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                    && inside.ends_with('>')
                    && !inside.contains(['|', ' ', '\n'])
            })
        });
        out.push_str(begun.map_or(piece, |at| &piece[..at]));
    }
    out
}

/// Cut until nothing is left, and every mark that was added taken off again.
fn assert_cuts(markdown: &str) {
    let said = |text: &str| text.split_whitespace().collect::<String>();
    let (mut whole, mut rest, mut reopened) = (String::new(), markdown.to_owned(), 0);
    while !rest.is_empty() {
        let cut = mrkdwn::split_at(&rest, 200);
        let head: Vec<char> = cut.head.chars().collect();
        whole.extend(&head[reopened..head.len() - cut.closed]);
        assert!(head.len() <= 200 && cut.tail.len() < rest.len() + cut.reopened, "{} characters", head.len());
        (rest, reopened) = (cut.tail, cut.reopened);
    }
    assert_eq!(said(&whole), said(markdown));
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
