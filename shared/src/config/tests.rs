//! Tests of [`super`].

use super::*;

const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

fn variables(changes: &[(&str, &str)]) -> Variables {
    let key = format!("own-1:{KEY}");
    let mut all = Variables::of(&[
        ("DATABASE_URL", "postgres://konstruct_app@127.0.0.1/konstruct"),
        ("DATABASE_SYSTEM_URL", "postgres://konstruct_system@127.0.0.1/konstruct"),
        ("REDIS_URL", "redis://127.0.0.1"),
        ("KONSTRUCT_MASTER_KEYS", &key),
        ("SLACK_SIGNING_SECRET", "0123456789abcdef"),
        ("LLM_API_KEY", "k"),
        ("LLM_MODEL", "m"),
    ]);
    for (name, value) in changes {
        all.0.insert((*name).to_owned(), (*value).to_owned());
    }
    all
}

fn refusal(changes: &[(&str, &str)]) -> String {
    Config::from_variables(&variables(changes)).expect_err("refused").to_string()
}

#[test]
fn attack_37_a_blank_secret_stops_the_start_and_is_named() {
    for name in ["SLACK_SIGNING_SECRET", "KONSTRUCT_MASTER_KEYS", "LLM_API_KEY", "DATABASE_URL", "REDIS_URL"] {
        for blank in ["", "  "] {
            let sentence = refusal(&[(name, blank)]);
            assert!(sentence.starts_with(&format!("{name} is missing or blank")), "{sentence}");
        }
    }
}

#[test]
fn a_mail_server_needs_a_sender_and_without_one_mails_lie_beside_what_is_stored() {
    assert!(refusal(&[("SMTP_URL", "smtp://127.0.0.1")]).starts_with("EMAIL_FROM is missing"));
    let config = Config::from_variables(&variables(&[("STORAGE_URL", "file:///var/lib/konstruct")])).unwrap();
    assert_eq!(config.mail.folder, PathBuf::from("/var/lib/konstruct/mail"));
    assert!(config.mail.smtp_url.is_none() && config.mail.from.contains("konstruct@localhost"));
}

#[test]
fn half_a_slack_client_stops_the_start_and_the_missing_half_is_named() {
    assert!(refusal(&[("SLACK_CLIENT_ID", "1.2")]).starts_with("SLACK_CLIENT_SECRET is missing"));
    assert!(refusal(&[("SLACK_CLIENT_SECRET", "s")]).starts_with("SLACK_CLIENT_ID is missing"));
    let both = variables(&[("SLACK_CLIENT_ID", "1.2"), ("SLACK_CLIENT_SECRET", "very secret")]);
    let config = Config::from_variables(&both).unwrap();
    assert!(!format!("{config:?}").contains("very secret"));
    assert_eq!(config.slack.client.map(|client| client.id).as_deref(), Some("1.2"));
}

#[test]
fn production_refuses_generated_and_short_keys() {
    let production = ("KONSTRUCT_ENV", "production");
    let generated = format!("dev-1:{KEY}");
    assert!(refusal(&[production, ("KONSTRUCT_MASTER_KEYS", &generated)]).contains("generated for development"));
    assert!(refusal(&[production, ("KONSTRUCT_MASTER_KEYS", "own-1:c2hvcnQ=")]).contains("it needs 32"));
    assert!(refusal(&[production, ("SLACK_SIGNING_SECRET", "short")]).contains("production refuses it"));
    assert!(Config::from_variables(&variables(&[production])).is_ok());
}

#[test]
fn production_refuses_to_crash_on_purpose() {
    for variable in ["KONSTRUCT_CRASH_AT", "KONSTRUCT_CRASH_ON_TEXT"] {
        let crash = (variable, "orchestrator.answered");
        assert!(refusal(&[("KONSTRUCT_ENV", "production"), crash]).contains("for test builds only"));
        let accepted = Config::from_variables(&variables(&[crash]));
        assert_eq!(accepted.is_ok(), cfg!(feature = "testing"));
    }
}

#[test]
fn switches_and_proxies_are_refused_with_a_sentence() {
    assert!(refusal(&[("KONSTRUCT_TRUSTED_PROXIES", "10.0.0.0/33")]).contains("`10.0.0.0/33` is none"));
    assert!(refusal(&[("KONSTRUCT_SIGNUP", "maybe")]).contains("must be `on` or `off`"));
}

#[test]
fn a_port_offset_moves_the_default_address() {
    let config = Config::from_variables(&variables(&[("KONSTRUCT_PORT_OFFSET", "200")])).unwrap();
    assert_eq!(config.bind.port(), 8200);
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8200/");
}

#[test]
fn no_secret_is_printed() {
    let printed = format!("{:?}", Config::from_variables(&variables(&[])).unwrap());
    for secret in ["0123456789abcdef", KEY, "konstruct_app@"] {
        assert!(!printed.contains(secret), "{secret}");
    }
}
