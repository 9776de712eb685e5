//! Slack tokens that can be used now: those that run out are renewed, ahead of time or when a call says so.
//!
//! The pair that a refresh token is exchanged for exists only in the memory of the process that asked, until it is stored.
//! So it is stored at once, again and again if the database is away. If the process dies in between, the refresh token in
//! the row is spent: the access token works on until it expires, the admins are told to install again before that, and
//! the old refresh token is tried once more every few minutes, should the platform never have seen it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    channels::{
        CallError,
        slack::SlackApi,
        slack_oauth::{Refreshed, SlackClient},
    },
    config::SlackConfig,
    crypto::{Keyring, token_hash},
    db::{
        DbError, TenantDb, connections,
        dead_connections::{self, EXPIRED},
        notices::{self, Kind},
        rotations::{self, Held, Lease},
    },
    ids::ConnectionId,
};

/// While another process renews the same token.
const BUSY_PAUSE: Duration = Duration::from_millis(300);
const BUSY_LOOKS: u32 = 20;
/// Attempts to store a new pair: 0.25 s apart, then 0.5 s, 1 s … about a minute in all.
const STORE_ATTEMPTS: u32 = 9;
const STORE_PAUSE: Duration = Duration::from_millis(250);

/// What renewing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewal {
    Done,
    /// It lives long enough, or it is not one that runs out.
    NotNeeded,
    /// Another process is at it.
    Busy,
    /// Not now; the schedule tries again.
    PutOff(String),
    /// The platform takes neither token any more: the connection is dead.
    Over,
}

#[derive(Clone)]
pub struct SlackTokens {
    slack: SlackApi,
    keys: Keyring,
    platform: Option<SlackClient>,
}

impl SlackTokens {
    pub fn new(config: &SlackConfig, keys: &Keyring) -> Self {
        Self { slack: SlackApi::new(&config.api_url), keys: keys.clone(), platform: config.client.clone() }
    }

    /// Calls with the connection's token. One that ran out is renewed and the call made once more; one that is dead is
    /// recorded as such.
    pub async fn call<T, Calling: Future<Output = Result<T, CallError>>>(
        &self,
        db: &TenantDb,
        id: ConnectionId,
        call: impl Fn(SecretString) -> Calling,
    ) -> Result<Result<T, CallError>, DbError> {
        let token = self.usable(db, id).await?;
        let mut outcome = call(token.clone()).await;
        if outcome.as_ref().is_err_and(ran_out)
            && let Some(renewed) = self.after(db, id, &token).await?
        {
            outcome = call(renewed).await;
        }
        if let Err(CallError::Dead(reason)) = &outcome {
            let mut tx = db.begin().await?;
            dead_connections::bury(&mut tx, id, reason, None).await?;
            tx.commit().await?;
        }
        Ok(outcome)
    }

    /// The connection's token, renewed first if it runs out within a minute.
    pub async fn usable(&self, db: &TenantDb, id: ConnectionId) -> Result<SecretString, DbError> {
        let mut tx = db.begin().await?;
        let token = connections::token(&mut tx, &self.keys, id).await?;
        let runs_out = rotations::standing(&mut tx, id).await?.is_some_and(|standing| standing.expired);
        tx.close().await?;
        if !runs_out {
            return Ok(token);
        }
        Ok(self.after(db, id, &token).await?.unwrap_or(token))
    }

    /// The token that follows `spent`; `None` if there is none.
    pub async fn after(
        &self,
        db: &TenantDb,
        id: ConnectionId,
        spent: &SecretString,
    ) -> Result<Option<SecretString>, DbError> {
        for _ in 0..BUSY_LOOKS {
            let mut tx = db.begin().await?;
            let token = connections::token(&mut tx, &self.keys, id).await?;
            tx.close().await?;
            if !same(&token, spent) {
                return Ok(Some(token));
            }
            match self.renew(db, id, true).await? {
                Renewal::Done => {}
                Renewal::Busy => tokio::time::sleep(BUSY_PAUSE).await,
                Renewal::NotNeeded | Renewal::PutOff(_) | Renewal::Over => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Renews the token if it runs out within two hours; `at_once`: in any case.
    pub async fn renew(&self, db: &TenantDb, id: ConnectionId, at_once: bool) -> Result<Renewal, DbError> {
        let mut tx = db.begin().await?;
        let lease = rotations::lease(&mut tx, &self.keys, id, at_once).await?;
        let own = connections::client(&mut tx, &self.keys, id).await?;
        tx.commit().await?;
        let held = match lease {
            Lease::Yours(held) => held,
            Lease::Busy => return Ok(Renewal::Busy),
            Lease::NotNeeded => return Ok(Renewal::NotNeeded),
        };
        let Some(client) = own.as_ref().or(self.platform.as_ref()) else {
            return put_off(db, id, &held, "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET are not set").await;
        };
        match self.slack.refresh(client, &held.refresh_token).await {
            Ok(new) => self.store(db, id, &held, &new).await,
            Err(CallError::Refused(reason) | CallError::Dead(reason)) if is_final(&reason) => {
                give_up(db, id, &held, &reason).await
            }
            Err(error) => put_off(db, id, &held, &error.to_string()).await,
        }
    }

    async fn store(
        &self,
        db: &TenantDb,
        id: ConnectionId,
        held: &Held,
        new: &Refreshed,
    ) -> Result<Renewal, DbError> {
        let mut attempt = 0;
        loop {
            let error = match self.try_to_store(db, id, held, new).await {
                Ok(true) => return Ok(Renewal::Done),
                // Installed anew meanwhile: that token is as good.
                Ok(false) => return Ok(Renewal::Done),
                Err(error) => error,
            };
            attempt += 1;
            if attempt >= STORE_ATTEMPTS {
                tracing::error!(%error, connection.id = %id, "A renewed token could not be stored; the workspace may have to be installed again");
                return Err(error);
            }
            tracing::warn!(%error, connection.id = %id, "A renewed token could not be stored yet");
            tokio::time::sleep(STORE_PAUSE * (1 << (attempt - 1))).await;
        }
    }

    async fn try_to_store(
        &self,
        db: &TenantDb,
        id: ConnectionId,
        held: &Held,
        new: &Refreshed,
    ) -> Result<bool, DbError> {
        let mut tx = db.begin().await?;
        let stored = rotations::store(&mut tx, &self.keys, id, held, new).await?;
        tx.commit().await?;
        Ok(stored)
    }
}

/// Both are ours, and neither comes from a stranger: there is no clock to listen to.
fn same(one: &SecretString, other: &SecretString) -> bool {
    token_hash(one.expose_secret()).eq(&token_hash(other.expose_secret()))
}

/// Whether a call failed because its token had lived its time.
pub fn ran_out(error: &CallError) -> bool {
    matches!(error, CallError::Dead(reason) if reason == EXPIRED)
}

/// Words after which a refresh token will never be taken again. Others may be our own mistake, such as a wrong client secret.
fn is_final(reason: &str) -> bool {
    matches!(reason, "invalid_refresh_token" | "token_revoked" | EXPIRED | "account_inactive")
}

async fn put_off(db: &TenantDb, id: ConnectionId, held: &Held, why: &str) -> Result<Renewal, DbError> {
    let mut tx = db.begin().await?;
    rotations::put_off(&mut tx, id, held, false).await?;
    tx.commit().await?;
    tracing::warn!(connection.id = %id, why, "A token could not be renewed yet");
    Ok(Renewal::PutOff(why.to_owned()))
}

/// The refresh token is spent or void. As long as the access token works, an admin has the time to install again.
async fn give_up(db: &TenantDb, id: ConnectionId, held: &Held, reason: &str) -> Result<Renewal, DbError> {
    let mut tx = db.begin().await?;
    let news = rotations::put_off(&mut tx, id, held, true).await?;
    let standing = rotations::standing(&mut tx, id).await?;
    let over = standing.as_ref().is_some_and(|standing| standing.expired);
    if over {
        dead_connections::bury(&mut tx, id, reason, None).await?;
    } else if let Some(standing) = standing.filter(|_| news) {
        let name =
            connections::find(&mut tx, id).await?.map(|connection| connection.display_name).unwrap_or_default();
        let until = standing.expires_at;
        let body = format!(
            "Slack does not renew the access to {name} any more ({reason}). It works until {:02}:{:02} UTC today or \
             tomorrow; install the app again before that, and nothing is interrupted.",
            until.hour(),
            until.minute(),
        );
        notices::tell(&mut tx, Kind::TokenRefused, Some(id), &body).await?;
    }
    tx.commit().await?;
    tracing::error!(connection.id = %id, reason, over, "Slack does not renew a token any more");
    Ok(if over { Renewal::Over } else { Renewal::PutOff(reason.to_owned()) })
}
