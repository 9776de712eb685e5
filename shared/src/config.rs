//! The environment, read once at start. The only place that touches `std::env`.
//!
//! Variables that are unset are looked up in `.local/env` of the working directory or one of its ancestors: that is what
//! `make up` writes, so that `konstruct doctor` works in a checkout without exports. Production never reads that file. What a
//! vault has written into files is read by `files`.

mod checkpoints;
mod encrypted;
mod files;
mod later;
mod oidc;
mod storage;
mod stripe;
mod transcription;
mod whatsapp;

use std::{collections::HashMap, net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{channels::slack_oauth::SlackClient, crash, crypto::Keyring, network::Network};

pub use checkpoints::{CheckpointConfig, CheckpointKey};
pub use oidc::OidcConfig;
pub use storage::StorageConfig;
pub use stripe::{Price, StripeConfig};
pub use transcription::TranscriptionConfig;
pub use whatsapp::{WhatsAppApp, WhatsAppConfig};

const DEVELOPMENT_FILE: &str = ".local/env";

/// A sentence that names the variable and says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    Development,
    Production,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Clone, Debug)]
pub struct Config {
    pub environment: Environment,
    pub bind: SocketAddr,
    pub public_url: Url,
    /// Strangers may make themselves an account and a tenant.
    pub signup: bool,
    /// Whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<Network>,
    /// Unset: 9090 for the gateway (and `all`), 9091 for the orchestrator, 9092 for the worker.
    pub metrics_bind: Option<SocketAddr>,
    pub port_offset: u16,
    pub database_url: SecretString,
    pub database_owner_url: Option<SecretString>,
    pub database_system_url: SecretString,
    pub redis_url: SecretString,
    pub master_keys: Keyring,
    pub slack: SlackConfig,
    pub whatsapp: WhatsAppConfig,
    /// What is sold, if anything is.
    pub stripe: Option<StripeConfig>,
    /// Where people may sign in instead of by a password, if anywhere.
    pub oidc: Option<OidcConfig>,
    pub llm: LlmConfig,
    pub mail: MailConfig,
    pub transcription: Option<TranscriptionConfig>,
    /// How long nobody writes in a conversation before facts are drawn from it; `None`: none are.
    pub facts_after: Option<Duration>,
    /// What waited longer is asked about instead of answered; `None`: everything is answered.
    pub answer_within: Option<Duration>,
    /// Letters beyond its window that a conversation is summed up for; `None`: it never is.
    pub summary_after: Option<usize>,
    pub storage: StorageConfig,
    /// Where heads of audit logs are kept outside of the database, if anywhere.
    pub checkpoints: Option<CheckpointConfig>,
    /// Private networks in which tenants may name addresses.
    pub egress_allow: Vec<Network>,
    /// This program, to be started once more for what may die.
    pub executable: PathBuf,
    pub embedding_model_dir: Option<PathBuf>,
    pub onnx_runtime: Option<PathBuf>,
    pub log: LogConfig,
    /// Where a test build aborts on purpose.
    pub crash: crash::Plan,
}

#[derive(Clone, Debug)]
pub struct SlackConfig {
    pub signing_secret: SecretString,
    pub api_url: Url,
    /// The platform's app as an OAuth client. Unset: workspaces are connected by hand, or with the customer's own app.
    pub client: Option<SlackClient>,
}

#[derive(Clone, Debug)]
pub struct LlmConfig {
    pub base_url: Url,
    pub api_key: SecretString,
    pub model: String,
    pub fallback_model: Option<String>,
    /// Models are shown pictures.
    pub vision: bool,
}

#[derive(Clone, Debug)]
pub struct MailConfig {
    /// Unset: mails are written into the folder.
    pub smtp_url: Option<SecretString>,
    pub from: String,
    pub folder: PathBuf,
}

#[derive(Clone, Debug)]
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: String,
    pub otlp_endpoint: Option<String>,
}

/// The variables as text: the process's own, then the development file's.
#[derive(Clone, Default)]
pub struct Variables(HashMap<String, String>);

impl Variables {
    pub fn read() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let mut variables: HashMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let production = variables.get("KONSTRUCT_ENV").is_some_and(|value| value == "production");
        if let Some(path) = (!production).then(development_file).flatten() {
            let lines = dotenvy::from_path_iter(&path)
                .map_err(|error| ConfigError(format!("{} can't be read: {error}.", path.display())))?;
            for line in lines {
                let (name, value) =
                    line.map_err(|error| ConfigError(format!("{} has a bad line: {error}.", path.display())))?;
                variables.entry(name).or_insert(value);
            }
        }
        files::read(&mut variables)?;
        Ok(Self(variables))
    }

    /// For tests: exactly these.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str, what: &str) -> Result<&str, ConfigError> {
        self.get(name).ok_or_else(|| {
            ConfigError(format!(
                "{name} is missing or blank: set it to {what}, or run `make up` for a development set-up."
            ))
        })
    }

    fn secret(&self, name: &str, what: &str) -> Result<SecretString, ConfigError> {
        Ok(SecretString::from(self.required(name, what)?.to_owned()))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str, default: T, what: &str) -> Result<T, ConfigError> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| ConfigError(format!("{name} must be {what}; it is `{text}`."))),
        }
    }
}

fn development_file() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(DEVELOPMENT_FILE)).find(|path| path.is_file())
}

impl Config {
    pub fn load() -> Result<Self, ConfigError> {
        Self::from_variables(&Variables::read()?)
    }

    pub fn from_variables(variables: &Variables) -> Result<Self, ConfigError> {
        let environment = match variables.get("KONSTRUCT_ENV") {
            None | Some("development") => Environment::Development,
            Some("production") => Environment::Production,
            Some(other) => {
                return Err(ConfigError(format!(
                    "KONSTRUCT_ENV must be `development` or `production`; it is `{other}`."
                )));
            }
        };
        let port_offset = variables.parsed("KONSTRUCT_PORT_OFFSET", 0_u16, "a number")?;
        let bind = SocketAddr::from(([127, 0, 0, 1], 8000 + port_offset));
        let bind = variables.parsed("KONSTRUCT_BIND", bind, "an address such as 127.0.0.1:8000")?;
        let config = Self {
            environment,
            bind,
            public_url: url(variables, "KONSTRUCT_PUBLIC_URL", Some(&format!("http://{bind}")))?,
            signup: switch(variables, "KONSTRUCT_SIGNUP", true)?,
            trusted_proxies: networks(variables, "KONSTRUCT_TRUSTED_PROXIES")?,
            metrics_bind: match variables.get("KONSTRUCT_METRICS_BIND") {
                None => None,
                Some(_) => {
                    Some(variables.parsed("KONSTRUCT_METRICS_BIND", bind, "an address such as 127.0.0.1:9090")?)
                }
            },
            port_offset,
            database_url: variables
                .secret("DATABASE_URL", "the address of PostgreSQL for the role konstruct_app")?,
            database_owner_url: variables
                .get("DATABASE_OWNER_URL")
                .map(|text| SecretString::from(text.to_owned())),
            database_system_url: variables
                .secret("DATABASE_SYSTEM_URL", "the address of PostgreSQL for the role konstruct_system")?,
            redis_url: variables.secret("REDIS_URL", "the address of Redis")?,
            master_keys: master_keys(variables, environment)?,
            slack: slack(variables)?,
            whatsapp: whatsapp::whatsapp(variables, environment)?,
            stripe: stripe::stripe(variables, environment)?,
            oidc: oidc::oidc(variables, environment)?,
            llm: llm(variables)?,
            mail: mail(variables)?,
            transcription: transcription::transcription(variables)?,
            facts_after: later::facts(variables)?,
            summary_after: later::summary(variables)?,
            answer_within: later::answer(variables)?,
            storage: storage::storage(variables)?,
            checkpoints: checkpoints::checkpoints(variables)?,
            egress_allow: networks(variables, "KONSTRUCT_EGRESS_ALLOW")?,
            executable: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("konstruct")),
            embedding_model_dir: variables.get("EMBEDDING_MODEL_DIR").map(PathBuf::from),
            onnx_runtime: variables.get("ORT_DYLIB_PATH").map(PathBuf::from),
            log: log(variables)?,
            crash: crash_plan(variables, environment)?,
        };
        refuse_simulators_in_production(&config, variables)?;
        encrypted::check(variables, environment)?;
        Ok(config)
    }
}

fn switch(variables: &Variables, name: &str, default: bool) -> Result<bool, ConfigError> {
    match variables.get(name) {
        None => Ok(default),
        Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(ConfigError(format!("{name} must be `on` or `off`; it is `{other}`."))),
    }
}

fn networks(variables: &Variables, name: &str) -> Result<Vec<Network>, ConfigError> {
    let given = variables.get(name).unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty());
    given
        .map(|text| {
            text.parse().map_err(|()| {
                ConfigError(format!(
                    "{name} must hold addresses or networks such as 10.0.0.0/8; `{text}` is none."
                ))
            })
        })
        .collect()
}

fn master_keys(variables: &Variables, environment: Environment) -> Result<Keyring, ConfigError> {
    let text = variables.required("KONSTRUCT_MASTER_KEYS", "`id:base64 of 32 random bytes`")?;
    let keys = Keyring::parse(text).map_err(ConfigError)?;
    if environment == Environment::Production && keys.is_generated() {
        return Err(ConfigError(
            "KONSTRUCT_MASTER_KEYS holds a key that was generated for development (`dev-…`): production needs one of \
             your own, for example `prod-1:$(openssl rand -base64 32)`."
                .into(),
        ));
    }
    Ok(keys)
}

fn slack(variables: &Variables) -> Result<SlackConfig, ConfigError> {
    Ok(SlackConfig {
        signing_secret: variables.secret("SLACK_SIGNING_SECRET", "the signing secret of your Slack app")?,
        api_url: url(variables, "SLACK_API_URL", Some("https://slack.com/api/"))?,
        client: slack_client(variables)?,
    })
}

fn slack_client(variables: &Variables) -> Result<Option<SlackClient>, ConfigError> {
    match (variables.get("SLACK_CLIENT_ID"), variables.get("SLACK_CLIENT_SECRET")) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some(SlackClient { id: id.to_owned(), secret: secret.to_owned().into() })),
        (Some(_), None) => Err(ConfigError(
            "SLACK_CLIENT_SECRET is missing or blank: copy it from your Slack app's Basic Information page, or unset SLACK_CLIENT_ID."
                .into(),
        )),
        (None, Some(_)) => Err(ConfigError(
            "SLACK_CLIENT_ID is missing or blank: copy it from your Slack app's Basic Information page, or unset SLACK_CLIENT_SECRET."
                .into(),
        )),
    }
}

fn llm(variables: &Variables) -> Result<LlmConfig, ConfigError> {
    Ok(LlmConfig {
        base_url: url(variables, "LLM_BASE_URL", Some("https://api.openai.com/v1"))?,
        api_key: variables.secret("LLM_API_KEY", "the key of your OpenAI-compatible model provider")?,
        model: variables.required("LLM_MODEL", "the name of the model to answer with")?.to_owned(),
        fallback_model: variables.get("LLM_FALLBACK_MODEL").map(str::to_owned),
        vision: variables.parsed("LLM_VISION", true, "`true` or `false`")?,
    })
}

fn mail(variables: &Variables) -> Result<MailConfig, ConfigError> {
    let smtp_url = variables.get("SMTP_URL").map(|text| SecretString::from(text.to_owned()));
    let from = match (variables.get("EMAIL_FROM"), &smtp_url) {
        (Some(from), _) => from,
        (None, None) => "Konstruct <konstruct@localhost>",
        (None, Some(_)) => {
            return Err(ConfigError(
                "EMAIL_FROM is missing or blank: SMTP_URL needs a sender, such as `Konstruct <konstruct@example.com>`."
                    .into(),
            ));
        }
    };
    // Beside what is stored; object storage is no place for a folder.
    let storage = variables.get("STORAGE_URL").and_then(|text| Url::parse(text).ok());
    let storage = storage.and_then(|url| url.to_file_path().ok());
    let folder = storage.unwrap_or_else(|| PathBuf::from(".local/storage")).join("mail");
    Ok(MailConfig { smtp_url, from: from.to_owned(), folder })
}

fn log(variables: &Variables) -> Result<LogConfig, ConfigError> {
    let format = match variables.get("LOG_FORMAT") {
        None | Some("pretty") => LogFormat::Pretty,
        Some("json") => LogFormat::Json,
        Some(other) => {
            return Err(ConfigError(format!("LOG_FORMAT must be `pretty` or `json`; it is `{other}`.")));
        }
    };
    Ok(LogConfig {
        format,
        filter: variables.get("RUST_LOG").unwrap_or("info").to_owned(),
        otlp_endpoint: variables.get("OTEL_EXPORTER_OTLP_ENDPOINT").map(str::to_owned),
    })
}

fn crash_plan(variables: &Variables, environment: Environment) -> Result<crash::Plan, ConfigError> {
    let (at, on_text) = (variables.get("KONSTRUCT_CRASH_AT"), variables.get("KONSTRUCT_CRASH_ON_TEXT"));
    let plan = crash::Plan::parse(at, on_text).map_err(ConfigError)?;
    if !plan.is_empty() && (environment == Environment::Production || !cfg!(feature = "testing")) {
        return Err(ConfigError(
            "KONSTRUCT_CRASH_AT and KONSTRUCT_CRASH_ON_TEXT are for test builds only, never for production."
                .into(),
        ));
    }
    Ok(plan)
}

fn url(variables: &Variables, name: &str, default: Option<&str>) -> Result<Url, ConfigError> {
    let text = variables.get(name).or(default).unwrap_or_default();
    let url: Url = text.parse().map_err(|_| ConfigError(format!("{name} must be a URL; it is `{text}`.")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ConfigError(format!("{name} must be an http or https URL; it is `{text}`.")));
    }
    Ok(url)
}

fn refuse_simulators_in_production(config: &Config, variables: &Variables) -> Result<(), ConfigError> {
    if config.environment != Environment::Production {
        return Ok(());
    }
    if variables.get("KONSTRUCT_SIMULATORS") == Some("1") {
        return Err(ConfigError("KONSTRUCT_SIMULATORS is set: the simulators are off in production.".into()));
    }
    for (name, secret) in [("SLACK_SIGNING_SECRET", &config.slack.signing_secret)] {
        if secret.expose_secret().len() < 16 {
            return Err(ConfigError(format!("{name} is shorter than 16 characters: production refuses it.")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
