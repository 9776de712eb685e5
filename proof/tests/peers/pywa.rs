//! pywa, somebody else's client of WhatsApp: it reads our simulator's webhooks, checks their signature, and calls its Graph
//! API. What it does is in `peers/whatsapp/client.py`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use serde_json::json;
use simulators::{WhatsAppOptions, WhatsAppSimulator, account_of, number_of, whatsapp_signature};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::PATIENCE;

const TOKEN: &str = "EAAsimulateddemo";
const SECRET: &str = "5f0d3a2b1c4e6f708192a3b4c5d6e7f8";

#[derive(Debug, Deserialize)]
struct Report {
    read: Vec<String>,
    done: Vec<String>,
    misfits: Vec<String>,
}

fn python() -> Command {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/peers/whatsapp");
    assert!(installed.join("installed").is_file(), "the peer is missing: run scripts/peers.sh whatsapp");
    let mut command = Command::new("python3");
    command
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/whatsapp/client.py"))
        .env("PYTHONPATH", installed)
        .env("NO_PROXY", "127.0.0.1,localhost")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn somebody_elses_client_is_content_with_the_simulated_meta() {
    let any = "127.0.0.1:0".parse().expect("an address");
    // Nobody takes its webhooks; the client reads them in the history.
    let options = WhatsAppOptions::new("http://127.0.0.1:9/", SECRET);
    let meta = WhatsAppSimulator::start(any, options).await.expect("a free port");
    let number = number_of(TOKEN).expect("a simulated token");
    let message = json!({ "from": "4915", "from_user_id": "DE.1", "id": "wamid.1", "timestamp": "1767000000", "type": "text",
                          "text": { "body": "signed" } });
    let value = json!({ "messaging_product": "whatsapp", "messages": [message],
                        "metadata": { "display_phone_number": "4930", "phone_number_id": number },
                        "contacts": [{ "profile": { "name": "Ada" }, "wa_id": "4915", "user_id": "DE.1" }] });
    let entry = json!([{ "id": "1", "changes": [{ "field": "messages", "value": value }] }]);
    let body = json!({ "object": "whatsapp_business_account", "entry": entry }).to_string();
    let signed = json!({ "body": body, "signature": whatsapp_signature(SECRET, body.as_bytes()) });
    let mut client = python()
        .env("GRAPH_URL", meta.graph_url())
        .env("TOKEN", TOKEN)
        .env("NUMBER", &number)
        .env("ACCOUNT", account_of(&number))
        .env("APP_SECRET", SECRET)
        .spawn()
        .expect("python starts");
    let mut input = client.stdin.take().expect("it is piped");
    input.write_all(format!("{signed}\n").as_bytes()).await.expect("it reads");
    drop(input);
    let output =
        tokio::time::timeout(PATIENCE, client.wait_with_output()).await.expect("it ends in time").expect("an end");
    let report: Report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert!(report.misfits.is_empty(), "{:#?}", report.misfits);
    assert_eq!(report.done.len(), 17, "{:?}", report.done);
    assert_eq!(report.read[..6], ["text", "image", "audio", "location", "button human", "selection r1"]);
    let statuses = |word: &str| report.read.iter().filter(|line| **line == format!("status {word}")).count();
    assert!(statuses("sent") == 4 && statuses("delivered") == 4 && statuses("read") == 4, "{:?}", report.read);
}
