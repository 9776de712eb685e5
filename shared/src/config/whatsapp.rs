//! WhatsApp's variables. Without an app of the platform's own, only customers' own apps are heard.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{ConfigError, Environment, Variables, url};

const SECRET_MIN: usize = 16;

#[derive(Clone, Debug)]
pub struct WhatsAppConfig {
    pub app: Option<WhatsAppApp>,
    pub graph_url: Url,
    /// Such as `v26.0`.
    pub graph_version: String,
}

/// The platform's own Meta app.
#[derive(Clone, Debug)]
pub struct WhatsAppApp {
    /// With `config_id`: numbers can be connected by Embedded Signup.
    pub app_id: Option<String>,
    pub config_id: Option<String>,
    /// Signs webhooks.
    pub secret: SecretString,
    /// Repeated by Meta when the webhook is registered.
    pub verify_token: SecretString,
}

pub(super) fn whatsapp(variables: &Variables, environment: Environment) -> Result<WhatsAppConfig, ConfigError> {
    let version = variables.get("WHATSAPP_GRAPH_VERSION").unwrap_or("v26.0");
    let digits = version.strip_prefix('v').unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(ConfigError(format!("WHATSAPP_GRAPH_VERSION must be such as `v26.0`; it is `{version}`.")));
    }
    Ok(WhatsAppConfig {
        app: app(variables, environment)?,
        graph_url: url(variables, "WHATSAPP_GRAPH_URL", Some("https://graph.facebook.com"))?,
        graph_version: version.to_owned(),
    })
}

/// Both or neither: with one of them alone the channel would be half on.
fn app(variables: &Variables, environment: Environment) -> Result<Option<WhatsAppApp>, ConfigError> {
    let names = ["WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN"];
    if names.iter().all(|name| variables.get(name).is_none()) {
        return Ok(None);
    }
    let app = WhatsAppApp {
        app_id: variables.get("WHATSAPP_APP_ID").map(str::to_owned),
        config_id: variables.get("WHATSAPP_CONFIG_ID").map(str::to_owned),
        secret: variables.secret(names[0], "the app secret of your Meta app")?,
        verify_token: variables.secret(names[1], "the verify token that you enter at Meta's webhook settings")?,
    };
    for (name, secret) in names.into_iter().zip([&app.secret, &app.verify_token]) {
        if environment == Environment::Production && secret.expose_secret().len() < SECRET_MIN {
            return Err(ConfigError(format!(
                "{name} is shorter than {SECRET_MIN} characters: production refuses it."
            )));
        }
    }
    Ok(Some(app))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)], environment: Environment) -> Result<WhatsAppConfig, String> {
        whatsapp(&Variables::of(pairs), environment).map_err(|error| error.to_string())
    }

    #[test]
    fn attack_37_half_a_whatsapp_app_stops_the_start() {
        let development = Environment::Development;
        assert!(read(&[], development).unwrap().app.is_none());
        for (given, missing) in
            [("WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN"), ("WHATSAPP_VERIFY_TOKEN", "WHATSAPP_APP_SECRET")]
        {
            for blank in ["", "  "] {
                let sentence = read(&[(given, "0123456789abcdef"), (missing, blank)], development).unwrap_err();
                assert!(sentence.starts_with(&format!("{missing} is missing or blank")), "{sentence}");
            }
        }
        let short = [("WHATSAPP_APP_SECRET", "0123456789abcdef"), ("WHATSAPP_VERIFY_TOKEN", "short")];
        assert!(read(&short, development).unwrap().app.is_some());
        assert!(read(&short, Environment::Production).unwrap_err().contains("production refuses it"));
        let version = read(&[("WHATSAPP_GRAPH_VERSION", "v26.0/../me")], development).unwrap_err();
        assert!(version.starts_with("WHATSAPP_GRAPH_VERSION must be"), "{version}");
    }
}
