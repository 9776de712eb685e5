//! The simulator's page, used by a person in a browser. The test answers as the bot.

use std::{path::Path, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use simulators::{AuthorKind, Say, SlackOptions, SlackSimulator, TranscriptEntry};

use crate::{PATIENCE, node};

const TEAM: &str = "TDEMO";
/// A telephone's, in pixels.
const WIDTH_MAX: u32 = 380;

/// What a stranger might try to make the page do.
const HOSTILE: [&str; 7] = [
    "<img src=x onerror=alert(1)>",
    "&lt;script&gt;alert(2)&lt;/script&gt;",
    "<javascript:alert(3)|a link>",
    "<https://evil.example/\"onmouseover=\"alert(4)|hover>",
    "```<iframe src=javascript:alert(5)>```",
    "[click](javascript:alert(6)) *<b onclick=alert(7)>*",
    "the last of them",
];

#[derive(Debug, Deserialize)]
struct Seen {
    foreign: Vec<String>,
    violations: Vec<String>,
    errors: Vec<String>,
    dialogs: Vec<String>,
    forbidden: u32,
    #[serde(default)]
    hostile: Vec<String>,
    #[serde(default)]
    thread: Vec<String>,
    width: Option<u32>,
}

struct Bot<'a> {
    slack: &'a SlackSimulator,
    http: reqwest::Client,
}

impl Bot<'_> {
    async fn call(&self, method: &str, body: Value) -> Value {
        let url = format!("{}{method}", self.slack.api_url());
        let request = self.http.post(url).bearer_auth("xoxb-simulated-demo").json(&body);
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer
    }

    /// As the product does: something at once, then the answer in its place.
    async fn answers(&self) {
        let asked = self.slack.wait_until(PATIENCE, |slack| slack.transcript(TEAM, "CGENERAL", None).pop());
        let thread = asked.await.expect("a question").ts;
        let place = json!({ "channel": "CGENERAL", "thread_ts": thread, "text": "_One moment_" });
        let posted = self.call("chat.postMessage", place).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let text = "*Yes*, it is.\n• really\n> quoted `code`";
        let button = json!({ "type": "button", "action_id": "a", "value": "v", "text": { "type": "plain_text", "text": "Show" } });
        let blocks = json!([
            { "type": "header", "text": { "type": "plain_text", "text": "The answer" } },
            { "type": "section", "text": { "type": "mrkdwn", "text": text } },
            { "type": "actions", "block_id": "b", "elements": [button] },
            { "type": "image", "image_url": "https://pictures.example/a.png", "alt_text": "a picture" },
            { "type": "card", "title": "not known to the page" },
        ]);
        let update = json!({ "channel": "CGENERAL", "ts": posted["ts"], "text": text, "blocks": blocks });
        self.call("chat.update", update).await;
        let status = json!({ "channel_id": "CGENERAL", "thread_ts": thread, "status": "is thinking …" });
        self.call("assistant.threads.setStatus", status).await;
    }
}

#[tokio::test]
async fn a_person_chats_on_the_simulators_page() {
    let any = "127.0.0.1:0".parse().expect("an address");
    let slack = SlackSimulator::start(any, SlackOptions::default()).await.expect("a free port");
    for text in HOSTILE {
        slack.say(Say::new(TEAM, "CHOSTILE", "UADA", text));
    }
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&pictures).expect("a folder for pictures");
    let run = node("page.js")
        .env("PORTAL", Path::new(env!("CARGO_MANIFEST_DIR")).join("../portal"))
        .env("PAGE_URL", format!("http://{}", slack.addr))
        .env("PICTURES", &pictures)
        .output();
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let bot = Bot { slack: &slack, http };
    let both = async { tokio::join!(run, bot.answers()) };
    let (output, ()) = tokio::time::timeout(PATIENCE * 2, both).await.expect("it ends in time");
    let output = output.expect("node starts");
    let seen: Seen = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));

    assert_eq!(seen.errors, [""; 0]);
    assert_eq!((&seen.foreign, &seen.violations, &seen.dialogs), (&vec![], &vec![], &vec![]));
    assert_eq!((seen.forbidden, seen.hostile.len()), (0, HOSTILE.len()), "{:?}", seen.hostile);
    assert_eq!(seen.hostile[1], "<script>alert(2)</script>");
    assert!(seen.width.is_some_and(|width| width <= WIDTH_MAX), "{:?} px wide", seen.width);
    let answer = seen.thread.last().expect("the answer");
    for part in ["The answer", "Yes, it is.", "Show", "a picture", "card block"] {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }

    let written: Vec<TranscriptEntry> = slack.transcript(TEAM, "CGENERAL", None);
    let by_people = written.iter().filter(|entry| entry.author_kind == AuthorKind::Person);
    let texts: Vec<&str> = by_people.map(|entry| entry.text.as_str()).collect();
    let question = "<@UBOTDEMO> is 1 &lt; 2 &amp; 3? <#CGENERAL|general>";
    assert_eq!(texts, [question, "thanks a million"], "as Slack's own client writes it; one edited, one deleted");
}
