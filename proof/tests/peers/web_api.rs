//! `@slack/web-api` calls every method that our simulator answers. The cases are in `peers/slack/cases.js`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use regex::Regex;
use serde::Deserialize;
use simulators::{Say, SlackOptions, SlackSimulator};

use crate::{PATIENCE, node};

#[derive(Debug, Deserialize)]
struct Report {
    cases: usize,
    called: BTreeMap<String, usize>,
    misfits: Vec<String>,
}

/// The methods that the simulator's dispatch names.
fn implemented() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulators/src/slack");
    let arm = Regex::new(r#"(?m)^\s*(?:\| )?"([a-z]+(?:\.[a-zA-Z0-9]+)+)"(?: \|| =>)"#).expect("a pattern");
    let mut methods = BTreeSet::new();
    let files = fs::read_dir(folder).expect("the simulator's source").map(|file| file.expect("a file").path());
    for file in files.filter(|path| path.extension().is_some_and(|kind| kind == "rs")) {
        let text = fs::read_to_string(file).expect("a readable file");
        methods.extend(arm.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    methods
}

#[tokio::test]
async fn slacks_own_client_is_content_with_the_simulator() {
    let any = "127.0.0.1:0".parse().expect("an address");
    let slack = SlackSimulator::start(any, SlackOptions::default()).await.expect("a free port");
    let implemented = implemented();
    let said = slack.say(Say::new("TDEMO", "CGENERAL", "UADA", "a person's words"));
    let run = node("web_api.js")
        .env("SLACK_API_URL", slack.api_url())
        .env("SLACK_TOKEN", "xoxb-simulated-demo")
        .env("PERSONS_TS", &said.ts)
        .env("IMPLEMENTED", implemented.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
        .output();
    let output = tokio::time::timeout(PATIENCE, run).await.expect("it ends in time").expect("node starts");
    let report: Report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert!(report.misfits.is_empty(), "{:#?}", report.misfits);
    assert_eq!(report.cases, report.called.values().sum::<usize>());

    assert!(implemented.contains("chat.postMessage"), "the dispatch is read: {implemented:?}");
    let untried: Vec<&String> = implemented.iter().filter(|method| !report.called.contains_key(*method)).collect();
    assert!(untried.is_empty(), "peers/slack/cases.js has no case for {untried:?}");
}
