//! The variables of a provider that people sign in by. Without them everybody uses a password of ours.

use secrecy::SecretString;

use super::{ConfigError, Environment, Variables, switch, url};

const NAMES: [&str; 3] = ["OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"];
/// Longest name on a button, in characters.
const NAME_MAX: usize = 40;

/// A provider of OpenID Connect, and us as its client.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// Exactly as the provider writes it: tokens are compared with it letter by letter.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// What people call it; stands on the button.
    pub name: String,
    /// Where it says that it asked for a second factor, ours isn't asked for.
    pub trusts_second_factor: bool,
}

pub(super) fn oidc(variables: &Variables, environment: Environment) -> Result<Option<OidcConfig>, ConfigError> {
    if NAMES.iter().all(|name| variables.get(name).is_none()) {
        return Ok(None);
    }
    let issuer =
        variables.required(NAMES[0], "the issuer of your OpenID Connect provider, as its documents write it")?;
    let parsed = url(variables, NAMES[0], None)?;
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(ConfigError(format!(
            "{} must be an address without `?` and `#`; it is `{issuer}`.",
            NAMES[0]
        )));
    }
    if environment == Environment::Production && parsed.scheme() != "https" {
        return Err(ConfigError(format!(
            "{} must begin with https:// in production: whoever can change its answers can sign in as anybody.",
            NAMES[0]
        )));
    }
    let host = parsed.host_str().unwrap_or_default();
    let name = variables.get("OIDC_NAME").unwrap_or(host);
    if name.chars().count() > NAME_MAX {
        return Err(ConfigError(format!("OIDC_NAME must have at most {NAME_MAX} characters.")));
    }
    Ok(Some(OidcConfig {
        issuer: issuer.to_owned(),
        client_id: variables.required(NAMES[1], "the client id that your provider gave to Konstruct")?.to_owned(),
        client_secret: variables.secret(NAMES[2], "the client secret that your provider gave to Konstruct")?,
        name: name.to_owned(),
        trusts_second_factor: switch(variables, "OIDC_TRUST_SECOND_FACTOR", false)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: (&str, &str) = ("OIDC_ISSUER", "https://id.example.com/realms/acme");
    const ID: (&str, &str) = ("OIDC_CLIENT_ID", "konstruct");
    const SECRET: (&str, &str) = ("OIDC_CLIENT_SECRET", "a secret of theirs");

    fn read(pairs: &[(&str, &str)]) -> Result<Option<OidcConfig>, String> {
        oidc(&Variables::of(pairs), Environment::Production).map_err(|error| error.to_string())
    }

    #[test]
    fn attack_37_half_of_a_provider_stops_the_start() {
        assert!(read(&[]).unwrap().is_none());
        for (given, missing) in [([ID, SECRET], ISSUER.0), ([ISSUER, SECRET], ID.0), ([ISSUER, ID], SECRET.0)] {
            let sentence = read(&given).unwrap_err();
            assert!(sentence.starts_with(&format!("{missing} is missing or blank")), "{sentence}");
        }
        let sentence = read(&[("OIDC_ISSUER", "http://id.example.com"), ID, SECRET]).unwrap_err();
        assert!(sentence.contains("https://"), "{sentence}");
        assert!(read(&[("OIDC_ISSUER", "https://id.example.com/?a=b"), ID, SECRET]).is_err());
    }

    #[test]
    fn a_provider_is_called_by_its_host_unless_it_has_a_name() {
        let config = read(&[ISSUER, ID, SECRET]).unwrap().unwrap();
        assert_eq!((config.name.as_str(), config.trusts_second_factor), ("id.example.com", false));
        assert_eq!(config.issuer, ISSUER.1);
        let named = [ISSUER, ID, SECRET, ("OIDC_NAME", "Acme"), ("OIDC_TRUST_SECOND_FACTOR", "on")];
        let config = read(&named).unwrap().unwrap();
        assert_eq!((config.name.as_str(), config.trusts_second_factor), ("Acme", true));
    }
}
