//! What people can press and fill in: Slack's blocks as values. Ids in them are opaque: they are looked up again under the
//! tenant of whoever presses.

use serde_json::{Value, json};

use crate::{
    channels::mrkdwn,
    db::{
        feedback::COMMENT_MAX,
        home::{Status, Talk},
    },
    ids::{InteractionId, OutboxId},
    message::is_hidden,
};

/// Ids of actions and dialogs. What follows a colon refers to a row.
pub const FEEDBACK: &str = "feedback";
pub const FEEDBACK_REASON: &str = "feedback_reason";
pub const FORGET_ME: &str = "forget_me";
pub const ASK_ABOUT_MESSAGE: &str = "ask_about_message";
/// Both fields of dialogs go by one name: a dialog has one.
pub const FIELD: &str = "text";
pub const GOOD: &str = "up";
pub const BAD: &str = "down";

/// Longest question in a dialog or after a command, in characters; shown as a quotation it takes a few sections at most.
pub const QUESTION_MAX: usize = 2_000;
const EXCERPT_MAX: usize = 120;

/// Groups of conversations on a home page.
const WAITING: &str = "Waiting for a human";
const WORKING: &str = "I am working on it";
const ANSWERED: &str = "Last answers";

/// The two buttons under an answer; `outbox` is the row that ends it.
pub fn feedback(outbox: OutboxId) -> Value {
    let button = |text: &str, value: &str, says: &str| json!({ "text": { "type": "plain_text", "text": text }, "value": value, "accessibility_label": says });
    json!({
        "type": "context_actions",
        "elements": [{
            "type": "feedback_buttons",
            "action_id": format!("{FEEDBACK}:{outbox}"),
            "positive_button": button("Good answer", GOOD, "This answer is good"),
            "negative_button": button("Bad answer", BAD, "This answer is bad"),
        }],
    })
}

/// Asks why an answer is bad; `click` is what opened it.
pub fn feedback_dialog(click: InteractionId) -> Value {
    let question = json!({
        "type": "input", "block_id": FIELD, "optional": true, "label": plain("What is wrong with the answer?"),
        "element": { "type": "plain_text_input", "action_id": FIELD, "multiline": true, "max_length": COMMENT_MAX },
    });
    dialog(FEEDBACK_REASON, click, "Your feedback", "Send", &[question])
}

/// Asks for a question about a message; `click` is what opened it.
pub fn ask_dialog(click: InteractionId) -> Value {
    let question = json!({
        "type": "input", "block_id": FIELD, "label": plain("What would you like to know about this message?"),
        "element": { "type": "plain_text_input", "action_id": FIELD, "multiline": true, "max_length": QUESTION_MAX },
        "hint": plain("Question and answer appear in the message's thread."),
    });
    dialog(ASK_ABOUT_MESSAGE, click, "Ask about a message", "Ask", &[question])
}

fn dialog(id: &str, click: InteractionId, title: &str, submit: &str, blocks: &[Value]) -> Value {
    json!({
        "type": "modal", "callback_id": id, "private_metadata": click, "title": plain(title),
        "submit": plain(submit), "close": plain("Cancel"), "blocks": blocks,
    })
}

/// Erases what a person said, after Slack has asked once more.
pub fn forget_button() -> Value {
    json!({
        "type": "actions",
        "elements": [{
            "type": "button", "action_id": FORGET_ME, "style": "danger", "text": plain("Forget me"),
            "confirm": {
                "title": plain("Forget you?"),
                "text": plain("Your memories and the text of your messages are erased here. Nobody can undo that. \
                               Slack keeps its own copy of what you wrote."),
                "confirm": plain("Forget me"), "deny": plain("Cancel"), "style": "danger",
            },
        }],
    })
}

/// What somebody wrote, as text that can neither ping nor link.
pub fn escaped(text: &str) -> String {
    let shown: String = text.chars().filter(|letter| !is_hidden(*letter)).collect();
    shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A question that was asked without writing it: who asks, and what.
pub fn question(user: &str, question: &str) -> Vec<Value> {
    let quote = |piece: String| piece.lines().map(|line| format!(">{line}")).collect::<Vec<_>>().join("\n");
    // Half a section: were each letter a line, each would get a mark.
    let pieces = mrkdwn::split(&escaped(question), mrkdwn::SECTION_MAX / 2).into_iter().map(quote);
    std::iter::once(format!("<@{user}> asks:")).chain(pieces).map(|text| section(&text)).collect()
}

/// A conversation on somebody's home page, with a link to it.
pub struct Shown {
    pub talk: Talk,
    pub link: Option<String>,
}

/// Somebody's home page.
pub fn home(status: &Status, shown: &[Shown]) -> Value {
    let agent = status.agent.as_deref().unwrap_or("Konstruct");
    let mut blocks = vec![header(&format!("{agent} at work for you"))];
    blocks.push(section(
        "*Talk to me*: write to me under _Messages_, or mention me in a channel. `/konstruct help` says what else I \
         understand.",
    ));
    for title in [WAITING, WORKING, ANSWERED] {
        let lines: Vec<String> = shown.iter().filter(|shown| group(&shown.talk) == title).map(line).collect();
        if !lines.is_empty() {
            blocks.extend([
                json!({ "type": "divider" }),
                section(&format!("*{title}*")),
                section(&lines.join("\n")),
            ]);
        }
    }
    if shown.is_empty() {
        blocks.push(section("_We have not talked yet._"));
    }
    blocks.push(json!({ "type": "divider" }));
    blocks.push(section(&format!("I remember {} of your messages.", status.memories)));
    blocks.push(forget_button());
    json!({ "type": "home", "blocks": blocks })
}

fn group(talk: &Talk) -> &'static str {
    match (talk.waits, talk.is_open) {
        (true, _) => WAITING,
        (false, true) => WORKING,
        (false, false) => ANSWERED,
    }
}

fn line(shown: &Shown) -> String {
    let talk = &shown.talk;
    let place = if talk.is_direct { "Our messages".to_owned() } else { format!("<#{}>", escaped(&talk.channel)) };
    let excerpt = match talk.last_answer.as_deref() {
        _ if talk.by_human => "a colleague has it".to_owned(),
        Some(answer) => escaped(&cut(&answer.split_whitespace().collect::<Vec<_>>().join(" "), EXCERPT_MAX)),
        None => "no answer yet".to_owned(),
    };
    let link =
        shown.link.as_deref().filter(|link| link.starts_with("https://") && !link.contains(['|', '>', '<']));
    let link = link.map_or_else(String::new, |link| format!(" <{link}|open>"));
    format!("• {place}: {excerpt}{link}")
}

fn cut(text: &str, chars_max: usize) -> String {
    let mut letters = text.chars();
    let mut kept: String = letters.by_ref().take(chars_max).collect();
    if letters.next().is_some() {
        kept.push('…');
    }
    kept
}

fn header(text: &str) -> Value {
    json!({ "type": "header", "text": plain(&cut(text, 140)) })
}

pub fn section(mrkdwn: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": mrkdwn } })
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn talk(answer: &str) -> Talk {
        Talk {
            channel: "C1".into(),
            message: None,
            is_direct: false,
            by_human: false,
            waits: false,
            is_open: false,
            last_answer: Some(answer.into()),
            last_message_at: datetime!(2026-11-20 12:00 UTC),
        }
    }

    #[test]
    fn a_question_can_not_ping_or_break_out_of_its_quotation() {
        let blocks = question("U1", "<!channel> a & b\nsecond <https://evil.example|bank>");
        assert_eq!(blocks[0]["text"]["text"], "<@U1> asks:");
        let quoted = blocks[1]["text"]["text"].as_str().unwrap();
        assert_eq!(quoted, ">&lt;!channel&gt; a &amp; b\n>second &lt;https://evil.example|bank&gt;");
    }

    #[test]
    fn the_longest_question_still_fits_its_sections() {
        let longest = "&".repeat(QUESTION_MAX);
        let blocks = question("U1", &longest);
        assert!(blocks.iter().all(|block| block["text"]["text"].as_str().unwrap().chars().count() <= 3_000));
    }

    #[test]
    fn a_home_page_groups_conversations_and_shows_no_foreign_markup() {
        let waits = Talk { waits: true, by_human: true, ..talk("x") };
        let shown = [
            Shown { talk: waits, link: None },
            Shown { talk: talk("<!channel> done"), link: Some("https://acme.slack.com/archives/C1/p1".into()) },
            Shown { talk: talk("other"), link: Some("javascript:alert(1)".into()) },
        ];
        let page = home(&Status { memories: 3, ..Status::default() }, &shown).to_string();
        for part in
            ["*Waiting for a human*", "a colleague has it", "*Last answers*", "&lt;!channel&gt; done", "|open>"]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(page.contains("I remember 3 of your messages.") && page.contains(FORGET_ME));
        assert!(!page.contains("javascript") && !page.contains("<!channel>") && !page.contains("working on it"));
    }
}
