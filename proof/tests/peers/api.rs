//! Schemathesis makes up requests from the API's description, thousands of them, and holds every answer against it: no server
//! error, no status that is not described, and no body of another shape.

use std::time::Duration;

use crate::{house::House, python_program};

/// Minutes on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(900);
/// Requests it makes up for each operation, besides those that its coverage of the description asks for.
const EXAMPLES: &str = "5";

#[tokio::test(flavor = "multi_thread")]
async fn no_request_that_somebody_makes_up_gets_an_answer_that_is_not_described() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let description = format!("{}/api/openapi.json", house.address);
    let key = format!("Authorization: Bearer {}", acme.key);
    // That a provider does not answer is described, and no error of ours: what is called by name here is nowhere.
    let ours = "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\", 502]\n";
    std::fs::write(folder.path().join("schemathesis.toml"), ours).expect("it can be written");
    let mut run = python_program("api", "from schemathesis.cli import schemathesis; schemathesis()");
    run.current_dir(folder.path())
        .args(["run", &description, "--header", &key, "--seed", "1", "--no-color"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        // A key may ask a hundred times a second.
        .args(["--rate-limit", "90/s"])
        // A stream that never ends.
        .args(["--exclude-path", "/api/v1/events"])
        .args(["--request-timeout", "20", "--continue-on-failure"]);
    let output =
        tokio::time::timeout(PATIENCE, run.output()).await.expect("it ends in time").expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
