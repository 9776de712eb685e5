//! How often strangers may try what.

use std::time::Duration;

use shared::limits::Limit;

use crate::{Gateway, client::Client, error::ApiError};

const LOGIN_HERE: Limit = Limit { name: "login-here", burst: 10, every: Duration::from_secs(30) };
const LOGIN_ACCOUNT: Limit = Limit { name: "login-account", burst: 50, every: Duration::from_secs(15) };
const LOGIN_LINE: Limit = Limit { name: "login-line", burst: 100, every: Duration::from_millis(500) };
const TOKEN_LINE: Limit = Limit { name: "token-line", burst: 10, every: Duration::from_secs(1) };
const NOTED: Limit = Limit { name: "noted", burst: 5, every: Duration::from_secs(720) };
const VISIT_LINE: Limit = Limit { name: "visit-line", burst: 60, every: Duration::from_millis(500) };
const MAIL_ACCOUNT: Limit = Limit { name: "mail-account", burst: 3, every: Duration::from_secs(600) };
const MAIL_LINE: Limit = Limit { name: "mail-line", burst: 20, every: Duration::from_secs(60) };

/// A password is tried. From one line few times for one account; an account as a whole more often, so that nobody locks
/// its owner out from elsewhere; a line as a whole, for one password on many accounts.
pub async fn password(gateway: &Gateway, client: &Client, mail: &str) -> Result<(), ApiError> {
    let line = client.line();
    take(gateway, &LOGIN_LINE, &[&line]).await?;
    take(gateway, &LOGIN_HERE, &[&line, mail]).await?;
    take(gateway, &LOGIN_ACCOUNT, &[mail]).await
}

/// A token out of a mail is tried.
pub async fn token(gateway: &Gateway, client: &Client) -> Result<(), ApiError> {
    take(gateway, &TOKEN_LINE, &[&client.line()]).await
}

/// The sign-in provider is gone to, or come back from. What a visit ends in can't be guessed: this is for its rows and calls.
pub async fn visit(gateway: &Gateway, client: &Client) -> Result<(), ApiError> {
    take(gateway, &VISIT_LINE, &[&client.line()]).await
}

/// Something is to be mailed to an address, which may not be the sender's.
pub async fn mail(gateway: &Gateway, client: &Client, mail: &str) -> Result<(), ApiError> {
    take(gateway, &MAIL_LINE, &[&client.line()]).await?;
    take(gateway, &MAIL_ACCOUNT, &[mail]).await
}

/// Whether one more failure of this account goes into audit logs: five at once, then five an hour, whatever is tried.
pub async fn may_note(gateway: &Gateway, account: &str) -> bool {
    take(gateway, &NOTED, &[account]).await.is_ok()
}

/// Addresses are counted by a keyed hash: Redis learns none.
async fn take(gateway: &Gateway, limit: &Limit, who: &[&str]) -> Result<(), ApiError> {
    let bucket = gateway.fingerprints.fingerprint(&[&[limit.name], who].concat());
    gateway.limiter.take(limit, bucket).await.map_err(ApiError::too_many)
}
