//! Stripe's variables. Without them nothing is sold here: plans are given out by who looks after the platform.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{ConfigError, Environment, Variables, url};

const SECRET_MIN: usize = 16;

#[derive(Clone, Debug)]
pub struct StripeConfig {
    pub api_url: Url,
    pub secret_key: SecretString,
    /// Several while one replaces the other.
    pub webhook_secrets: Vec<SecretString>,
    /// Plan by price.
    pub prices: Vec<Price>,
    /// A price by usage that is part of every subscription.
    pub usage_price: Option<String>,
    /// The meter's event that counts answers.
    pub meter_event: Option<String>,
}

/// What is sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub plan: &'static str,
    /// Stripe's id.
    pub id: String,
}

impl StripeConfig {
    /// Whether events of the real world are ours, or those of Stripe's test mode.
    pub fn is_live(&self) -> bool {
        let key = self.secret_key.expose_secret();
        key.starts_with("sk_live_") || key.starts_with("rk_live_")
    }

    pub fn plan_of(&self, price: &str) -> Option<&'static str> {
        self.prices.iter().find(|known| known.id == price).map(|known| known.plan)
    }

    pub fn price_of(&self, plan: &str) -> Option<&str> {
        self.prices.iter().find(|known| known.plan == plan).map(|known| known.id.as_str())
    }
}

pub(super) fn stripe(
    variables: &Variables,
    environment: Environment,
) -> Result<Option<StripeConfig>, ConfigError> {
    let names = ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"];
    if names.iter().all(|name| variables.get(name).is_none()) {
        return Ok(None);
    }
    let secret_key = variables.secret(names[0], "a secret key of your Stripe account (`sk_…`)")?;
    let given =
        variables.required(names[1], "the signing secret of your webhook endpoint at Stripe (`whsec_…`)")?;
    let webhook_secrets: Vec<SecretString> = given
        .split(',')
        .map(str::trim)
        .filter(|secret| !secret.is_empty())
        .map(|secret| SecretString::from(secret.to_owned()))
        .collect();
    let is_short = |secret: &SecretString| secret.expose_secret().len() < SECRET_MIN;
    let weak = webhook_secrets.is_empty() || webhook_secrets.iter().any(is_short);
    if weak && environment == Environment::Production {
        return Err(ConfigError(format!(
            "{} holds a secret that is shorter than {SECRET_MIN} characters: production refuses it.",
            names[1]
        )));
    }
    let price = |plan: &'static str, name: &str| variables.get(name).map(|id| Price { plan, id: id.to_owned() });
    let prices: Vec<Price> = [price("starter", "STRIPE_PRICE_STARTER"), price("pro", "STRIPE_PRICE_PRO")]
        .into_iter()
        .flatten()
        .collect();
    if prices.is_empty() {
        return Err(ConfigError(
            "STRIPE_PRICE_STARTER or STRIPE_PRICE_PRO is missing: with Stripe there must be something to sell. Set one \
             to the id of a recurring price (`price_…`)."
                .into(),
        ));
    }
    Ok(Some(StripeConfig {
        api_url: url(variables, "STRIPE_API_URL", Some("https://api.stripe.com"))?,
        secret_key,
        webhook_secrets,
        prices,
        usage_price: variables.get("STRIPE_PRICE_USAGE").map(str::to_owned),
        meter_event: variables.get("STRIPE_METER_EVENT").map(str::to_owned),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<StripeConfig>, String> {
        stripe(&Variables::of(pairs), Environment::Production).map_err(|error| error.to_string())
    }

    const KEY: (&str, &str) = ("STRIPE_SECRET_KEY", "sk_live_0123456789");
    const SECRET: (&str, &str) = ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789ab, whsec_ba9876543210");
    const PRICE: (&str, &str) = ("STRIPE_PRICE_PRO", "price_pro");

    #[test]
    fn attack_37_half_of_stripe_stops_the_start() {
        assert!(read(&[]).unwrap().is_none());
        for (given, missing) in [(KEY, SECRET.0), (SECRET, KEY.0)] {
            let sentence = read(&[given, PRICE]).unwrap_err();
            assert!(sentence.starts_with(&format!("{missing} is missing or blank")), "{sentence}");
        }
        let sentence = read(&[KEY, ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789ab,short"), PRICE]).unwrap_err();
        assert!(sentence.contains("production refuses it"), "{sentence}");
        assert!(read(&[KEY, ("STRIPE_WEBHOOK_SECRET", " , "), PRICE]).is_err());
        assert!(read(&[KEY, SECRET]).unwrap_err().contains("something to sell"));
    }

    #[test]
    fn prices_stand_for_plans_and_the_key_for_its_world() {
        let config = read(&[KEY, SECRET, PRICE]).unwrap().unwrap();
        assert_eq!((config.plan_of("price_pro"), config.plan_of("price_other")), (Some("pro"), None));
        assert_eq!((config.price_of("pro"), config.price_of("starter")), (Some("price_pro"), None));
        assert!(config.is_live() && config.webhook_secrets.len() == 2);
        let test = read(&[("STRIPE_SECRET_KEY", "sk_test_1"), SECRET, PRICE]).unwrap().unwrap();
        assert!(!test.is_live());
    }
}
