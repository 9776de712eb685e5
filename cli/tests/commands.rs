//! The `konstruct` binary from outside: what it refuses, and with which sentence.
//!
//! As an integration test it also makes cargo build the binary, which the story suite starts and kills.

use std::process::{Command, Output};

/// A command with only these variables, away from any checkout.
fn konstruct(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_konstruct"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(std::env::temp_dir())
        .output()
        .expect("the binary starts")
}

fn refusal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = konstruct(arguments, variables);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let sentence = String::from_utf8(output.stderr).expect("text");
    assert_eq!(sentence.lines().count(), 1, "one sentence: {sentence}");
    sentence
}

fn complete() -> Vec<(&'static str, &'static str)> {
    vec![
        ("DATABASE_URL", "postgres://konstruct_app@127.0.0.1:1/none"),
        ("DATABASE_SYSTEM_URL", "postgres://konstruct_system@127.0.0.1:1/none"),
        ("REDIS_URL", "redis://127.0.0.1:1"),
        ("KONSTRUCT_MASTER_KEYS", "dev-1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
        ("SLACK_SIGNING_SECRET", "0123456789abcdef0123456789abcdef"),
        ("LLM_API_KEY", "key"),
        ("LLM_MODEL", "model"),
        ("RUST_LOG", "off"),
    ]
}

#[test]
fn attack_37_no_role_starts_with_a_blank_secret() {
    for role in ["gateway", "orchestrator", "worker", "all"] {
        let mut variables = complete();
        variables.retain(|(name, _)| *name != "SLACK_SIGNING_SECRET");
        variables.push(("SLACK_SIGNING_SECRET", "  "));
        assert!(refusal(&[role], &variables).contains("SLACK_SIGNING_SECRET is missing or blank"), "{role}");
    }
}

#[test]
fn production_refuses_a_generated_master_key_and_the_simulators() {
    let mut variables = complete();
    variables.push(("KONSTRUCT_ENV", "production"));
    assert!(refusal(&["gateway"], &variables).contains("generated for development"));
}

#[test]
fn a_database_that_is_away_is_said_in_one_sentence() {
    assert!(refusal(&["worker"], &complete()).contains("PostgreSQL can't be used"));
}

#[test]
fn help_names_every_command() {
    let output = konstruct(&["--help"], &[]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).expect("text");
    for command in [
        "gateway",
        "orchestrator",
        "worker",
        "all",
        "migrate",
        "simulators",
        "doctor",
        "chat",
        "tenant",
        "connect",
        "user",
        "slack",
    ] {
        assert!(help.contains(command), "{command}");
    }
}

#[test]
fn the_slack_manifest_is_printed_before_anything_is_configured() {
    let output = konstruct(&["slack", "manifest", "--public-url", "https://konstruct.example.com"], &[]);
    assert!(output.status.success(), "{output:?}");
    let manifest: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(manifest["oauth_config"]["redirect_urls"][0], "https://konstruct.example.com/oauth/slack/callback");
    assert!(manifest["features"]["agent_view"]["agent_description"].is_string());
    assert_eq!(manifest["settings"]["token_rotation_enabled"], true);
    let from_environment = [("KONSTRUCT_PUBLIC_URL", "https://konstruct.example.com")];
    assert_eq!(konstruct(&["slack", "manifest"], &from_environment).stdout, output.stdout);
    assert!(refusal(&["slack", "manifest"], &[]).contains("--public-url"));
    assert!(
        refusal(&["slack", "manifest", "--public-url", "http://127.0.0.1:8000"], &[])
            .contains("https addresses only")
    );
}
