//! In production nothing leaves this machine unencrypted, unless the operator has named the host.
//!
//! Checked are the addresses that the environment names. Those of tenants are https always (`egress`).

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::{Host, Url};

use super::{ConfigError, Environment, Variables};

/// Hosts that may be spoken to in plain text, such as those of a network inside one machine.
const EXCEPTIONS: &str = "KONSTRUCT_PLAIN_HOSTS";
const POSTGRES: [&str; 3] = ["DATABASE_URL", "DATABASE_SYSTEM_URL", "DATABASE_OWNER_URL"];
/// The first one is for browsers, programs and providers.
const HTTP: [&str; 8] = [
    "KONSTRUCT_PUBLIC_URL",
    "LLM_BASE_URL",
    "TRANSCRIPTION_BASE_URL",
    "SLACK_API_URL",
    "WHATSAPP_GRAPH_URL",
    "STRIPE_API_URL",
    "AWS_ENDPOINT_URL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// Refuses the first address that is plain, and says what to write instead.
pub(super) fn check(variables: &Variables, environment: Environment) -> Result<(), ConfigError> {
    if environment != Environment::Production {
        return Ok(());
    }
    let exceptions = variables.get(EXCEPTIONS).unwrap_or_default();
    let exceptions: Vec<&str> = exceptions.split(',').map(str::trim).collect();
    let refuse = |name: &str, host: Option<String>, instead: &str| match host {
        Some(host) if !exceptions.contains(&host.as_str()) => Err(ConfigError(format!(
            "{name} would be unencrypted on its way to `{host}`, which production refuses: {instead}, or name the host in \
             {EXCEPTIONS} if the network between is yours alone."
        ))),
        _ => Ok(()),
    };
    for name in POSTGRES {
        refuse(
            name,
            variables.get(name).and_then(plain_postgres),
            "add `?sslmode=verify-full` (and `sslrootcert=FILE` for an authority of your own)",
        )?;
    }
    refuse(
        "REDIS_URL",
        url(variables, "REDIS_URL").and_then(plain_redis),
        "begin it with `rediss://` (and add `?sslrootcert=FILE` for an authority of your own)",
    )?;
    refuse(
        "SMTP_URL",
        url(variables, "SMTP_URL").and_then(plain_smtp),
        "begin it with `smtps://`, or add `?tls=required`",
    )?;
    for name in HTTP {
        let plain = url(variables, name).filter(|url| url.scheme() == "http").and_then(beyond);
        refuse(name, plain, "begin it with `https://`")?;
    }
    Ok(())
}

fn url(variables: &Variables, name: &str) -> Option<Url> {
    variables.get(name)?.parse().ok()
}

fn has(url: &Url, name: &str, value: &str) -> bool {
    url.query_pairs().any(|(given, with)| given == name && with == value)
}

/// The host, if it is not this machine.
fn beyond(url: Url) -> Option<String> {
    let is_here = match url.host()? {
        Host::Domain(name) => is_loopback(name),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    (!is_here).then(|| url.host_str().unwrap_or_default().to_owned())
}

/// Addresses of other schemes than http are not taken apart.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn plain_postgres(text: &str) -> Option<String> {
    let options: PgConnectOptions = text.parse().ok()?;
    let is_checked = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
    let is_here = options.get_socket().is_some() || is_loopback(options.get_host());
    (!is_checked && !is_here).then(|| options.get_host().to_owned())
}

fn plain_redis(url: Url) -> Option<String> {
    // `#insecure` would take any certificate.
    if url.scheme() == "rediss" && url.fragment().is_none() {
        return None;
    }
    beyond(url)
}

fn plain_smtp(url: Url) -> Option<String> {
    if url.scheme() == "smtps" || has(&url, "tls", "required") || has(&url, "tls", "wrapper") {
        return None;
    }
    beyond(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pairs: &[(&str, &str)]) -> Option<String> {
        check(&Variables::of(pairs), Environment::Production).err().map(|error| error.to_string())
    }

    #[test]
    fn production_refuses_plain_text_beyond_this_machine() {
        let plain = [
            ("KONSTRUCT_PUBLIC_URL", "http://konstruct.example.com"),
            ("DATABASE_URL", "postgres://konstruct_app:p@db.example.com/konstruct"),
            ("DATABASE_SYSTEM_URL", "postgres://konstruct_system:p@10.0.0.5/konstruct?sslmode=require"),
            ("DATABASE_OWNER_URL", "postgres://konstruct_owner:p@db/konstruct?sslmode=verify-ca"),
            ("REDIS_URL", "redis://10.0.0.6:6379"),
            ("REDIS_URL", "rediss://redis.example.com/#insecure"),
            ("SMTP_URL", "smtp://mail.example.com"),
            ("SMTP_URL", "smtp://mail.example.com?tls=opportunistic"),
            ("LLM_BASE_URL", "http://models.example.com/v1"),
            ("TRANSCRIPTION_BASE_URL", "http://192.0.2.7/v1"),
            ("SLACK_API_URL", "http://slack.example.com"),
            ("WHATSAPP_GRAPH_URL", "http://graph.example.com"),
            ("STRIPE_API_URL", "http://stripe.example.com"),
            ("AWS_ENDPOINT_URL", "http://bucket.example.com"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ];
        for (name, address) in plain {
            let sentence = refused(&[(name, address)]).unwrap_or_else(|| panic!("{address} is taken"));
            assert!(sentence.starts_with(name) && !sentence.contains(":p@"), "{sentence}");
            assert!(check(&Variables::of(&[(name, address)]), Environment::Development).is_ok(), "{address}");
        }
    }

    #[test]
    fn what_is_encrypted_or_stays_here_is_taken() {
        let fine = [
            ("KONSTRUCT_PUBLIC_URL", "https://konstruct.example.com"),
            ("KONSTRUCT_PUBLIC_URL", "http://127.0.0.1:8000"),
            ("DATABASE_URL", "postgres://konstruct_app:p@db.example.com/konstruct?sslmode=verify-full"),
            ("DATABASE_URL", "postgres://konstruct_app:p@[::1]/konstruct"),
            ("DATABASE_URL", "postgres:///konstruct?host=/run/postgresql"),
            ("REDIS_URL", "rediss://:p@redis.example.com"),
            ("REDIS_URL", "redis://localhost"),
            ("REDIS_URL", "redis+unix:///run/redis.sock"),
            ("SMTP_URL", "smtps://mail.example.com"),
            ("SMTP_URL", "smtp://mail.example.com:587?tls=required"),
            ("LLM_BASE_URL", "http://localhost:11434/v1"),
        ];
        for pair in fine {
            assert_eq!(refused(&[pair]), None, "{pair:?}");
        }
        let redis = ("REDIS_URL", "redis://redis:6379");
        assert!(refused(&[redis, (EXCEPTIONS, "postgres")]).is_some());
        assert_eq!(refused(&[redis, (EXCEPTIONS, "postgres, redis")]), None, "the operator says so");
    }
}
