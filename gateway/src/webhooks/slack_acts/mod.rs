//! What pressing, sending in and choosing does. [`perform`] lists every act: adding one is a line there.

mod approval;
mod ask;
mod desk;
mod feedback;
mod forget;

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use shared::{
    channels::slack::{
        approvals::{APPROVE, DENY},
        blocks::{ASK_ABOUT_MESSAGE, FEEDBACK, FEEDBACK_REASON, FORGET_ME},
        desk::DONE,
    },
    db::{
        DbError, TenantDb, TenantTx,
        interactions::{self, Detail, New, State},
        people, suspensions,
        system::Route,
    },
    ids::{ConnectionId, InteractionId},
    jobs::Job,
    queue,
};
use uuid::Uuid;

use super::{
    slack::Refusal,
    slack_form::Payload,
    slack_interaction::{Answer, IDENTITY},
};
use crate::Gateway;

/// Slack takes a dialog for three seconds after the click; what comes before costs a few milliseconds.
const VIEW_TIMEOUT: Duration = Duration::from_millis(1_800);
/// Longest name of an act that is kept, in characters.
const NAME_MAX: usize = 64;
/// Why nothing comes of what somebody did.
pub(super) const SUSPENDED: &str = "the account is suspended";

/// Does what the person asked for, if they may.
pub async fn perform(act: &Act<'_>) -> Result<Answer, Refusal> {
    let payload = act.payload;
    if payload.user().is_none() {
        return act.set_aside(State::Ignored("nobody is named")).await;
    }
    if payload.is_outsider() {
        return act.set_aside(State::Refused("not a member of the connected workspace")).await;
    }
    let forgets = (payload.kind.as_str(), payload.act()) == ("block_actions", FORGET_ME);
    if !forgets && act.is_suspended().await? {
        return act.set_aside(State::Refused(SUSPENDED)).await;
    }
    let outcome = match (payload.kind.as_str(), payload.act()) {
        ("block_actions", FEEDBACK) => feedback::give(act).await,
        ("view_submission", FEEDBACK_REASON) => feedback::explain(act).await,
        ("block_actions", FORGET_ME) => forget::confirm(act).await,
        ("block_actions", APPROVE) => approval::decide(act, true).await,
        ("block_actions", DENY) => approval::decide(act, false).await,
        ("block_actions", DONE) => desk::close(act).await,
        ("message_action", ASK_ABOUT_MESSAGE) => ask::open(act).await,
        ("view_submission", ASK_ABOUT_MESSAGE) => ask::submit(act).await,
        _ => act.set_aside(State::Ignored("not an act we know")).await,
    };
    let result = if outcome.is_ok() { "taken" } else { "failed" };
    metrics::counter!("konstruct_interactions_total", "outcome" => result).increment(1);
    outcome
}

/// Somebody looks at their home page: it is drawn anew. An event of Slack's, but nothing that is said.
pub async fn open_home(db: &TenantDb, connection: ConnectionId, user: &str) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    let person = people::meet(&mut tx, connection, user).await?;
    queue::enqueue(&mut tx, &Job::PublishHome { person }).await?;
    tx.commit().await
}

/// Somebody is about to write to the agent: what they could ask is shown.
pub async fn open_messages(db: &TenantDb, connection: ConnectionId, channel: &str) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    queue::enqueue(&mut tx, &Job::SuggestPrompts { connection, channel: channel.to_owned() }).await?;
    tx.commit().await
}

/// Something a person did, with where it leads.
pub struct Act<'a> {
    pub gateway: &'a Gateway,
    pub db: TenantDb,
    pub route: Route,
    pub payload: &'a Payload,
    raw: &'a [u8],
}

impl<'a> Act<'a> {
    pub fn new(gateway: &'a Gateway, route: Route, payload: &'a Payload, raw: &'a [u8]) -> Self {
        let db = gateway.db.tenant(route.tenant);
        Self { gateway, db, route, payload, raw }
    }

    async fn is_suspended(&self) -> Result<bool, DbError> {
        let mut tx = self.db.begin().await?;
        let suspended = suspensions::is_suspended(&mut tx).await?;
        tx.close().await?;
        Ok(suspended)
    }

    /// The platform's id of who did it; [`perform`] lets nobody else in.
    pub fn user(&self) -> &str {
        self.payload.user().unwrap_or_default()
    }

    /// Stores the act. `None`: this very request did its work before.
    pub async fn store(
        &self,
        tx: &mut TenantTx,
        detail: &Detail,
        state: State,
    ) -> Result<Option<InteractionId>, DbError> {
        self.store_in(tx, self.payload.channel(), detail, state).await
    }

    /// As [`Act::store`], for a dialog, which was opened elsewhere.
    pub async fn store_in(
        &self,
        tx: &mut TenantTx,
        channel: &str,
        detail: &Detail,
        state: State,
    ) -> Result<Option<InteractionId>, DbError> {
        let name: String =
            self.payload.act().chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect();
        let new = New {
            connection: self.route.connection,
            identity: self.identity(),
            act: &name,
            user: self.user(),
            channel,
            raw: self.raw,
            detail,
        };
        interactions::store(tx, &new, state).await
    }

    /// Stores what is refused or not known, so that somebody can see it; Slack is told 200.
    pub async fn set_aside(&self, state: State) -> Result<Answer, Refusal> {
        let mut tx = self.db.begin().await?;
        let stored = self.store(&mut tx, &Detail::default(), state).await?;
        tx.commit().await?;
        if stored.is_some() {
            tracing::info!(kind = self.payload.kind, ?state, "An interaction was set aside");
        }
        metrics::counter!("konstruct_interactions_total", "outcome" => "set_aside").increment(1);
        Ok(Answer::Taken)
    }

    /// Shows a dialog. It may fail without harm: the person can press again.
    pub async fn open_view(&self, token: &SecretString, view: Value) {
        let opening = self.gateway.slack.open_view(token, self.payload.trigger(), view);
        match tokio::time::timeout(VIEW_TIMEOUT, opening).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "A dialog could not be opened"),
            Err(_) => tracing::warn!("A dialog was not opened in time"),
        }
    }

    /// What Slack gives out once; without it the bytes tell one act from another.
    fn identity(&self) -> Uuid {
        let connection = self.route.connection.to_string();
        let [about, channel] = IDENTITY;
        match self.payload.identity() {
            Some([kind, id]) => self.gateway.fingerprints.fingerprint(&[about, channel, &connection, kind, id]),
            None => {
                let bytes = String::from_utf8_lossy(self.raw);
                self.gateway.fingerprints.fingerprint(&[about, channel, &connection, "bytes", &bytes])
            }
        }
    }
}
