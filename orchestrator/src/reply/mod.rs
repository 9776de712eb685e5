//! Sending: each call ends in a clear yes, a clear no, or is reconciled before it is made again.
//!
//! The outbox row exists before the call. A post without a clear answer waits, then the thread is searched for the row's
//! id; only if it is not there is it posted once more. An update may simply be repeated.

pub mod files;
mod outlet;
pub mod pieces;
mod slack_work;
pub mod stream;
mod streamed;
mod whatsapp;
pub mod words;

use std::time::Duration;

use shared::{
    channels::CallError,
    db::{
        DbError, TenantDb,
        dead_connections::EXPIRED,
        lanes::Lease,
        outbox::{self, Operation, Part},
    },
    ids::OutboxId,
    storage::Storage,
};

#[cfg(feature = "testing")]
pub use outlet::slack_parts;
pub use outlet::{Outlet, SlackPlace};
pub use whatsapp::WhatsAppPlace;

const TRIES_MAX: u32 = 5;

/// How long a sender waits, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After an unclear answer: for the platform to make a message visible.
    pub settle: Duration,
    /// A platform that asks to wait longer gets its message from a later attempt.
    pub wait_max: Duration,
    /// Before the second try; before each later one longer.
    pub retry_base: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(5),
            wait_max: Duration::from_secs(60),
            retry_base: Duration::from_millis(500),
        }
    }
}

/// What became of a part.
#[derive(Debug)]
pub struct Delivery {
    pub id: OutboxId,
    pub state: State,
    /// The platform's id of the visible message.
    pub external_id: Option<String>,
    pub error: Option<String>,
}

impl Delivery {
    /// It is not there, and won't be.
    pub fn is_refused(&self) -> bool {
        matches!(self.state, State::Dead | State::ConnectionDead { .. })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Sent,
    /// Definitely not sent, and won't be.
    Dead,
    /// It may be there, and nobody can tell any more: a person must look.
    Unknown,
    /// The platform no longer accepts the connection's token. `unclear`: an earlier call may have brought it there.
    ConnectionDead {
        unclear: bool,
    },
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Dead | Self::ConnectionDead { unclear: false } => "dead",
            Self::Unknown | Self::ConnectionDead { unclear: true } => "unknown",
        }
    }
}

/// What looking for a message came to.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    There(String),
    NotThere,
    /// The platform does not say. What follows is one more post at most.
    Hidden,
}

/// Sends what a turn has to say, to one place.
pub struct Sender<'a> {
    pub outlet: &'a Outlet,
    pub db: &'a TenantDb,
    pub lease: &'a Lease,
    pub pace: Pace,
    /// Where the bytes of files lie.
    pub storage: &'a Storage,
}

impl Sender<'_> {
    /// Brings one part to the platform. `resumed`: an earlier process may have sent it already.
    pub async fn deliver(&self, part: &Part, resumed: bool) -> Result<Delivery, DbError> {
        let delivery = match (part.operation, &part.target) {
            (Operation::Update | Operation::Stream, Some(ts)) => self.update(part, ts, resumed).await?,
            _ => self.post(part, resumed).await?,
        };
        if files::is_one(part) && delivery.state == State::Dead {
            self.excuse(part).await;
        }
        let outcome = delivery.state.as_str();
        metrics::counter!("konstruct_sends_total", "kind" => part.kind.clone(), "outcome" => outcome).increment(1);
        Ok(delivery)
    }

    async fn send(&self, part: &Part) -> Result<String, CallError> {
        if files::is_one(part) {
            return self.send_file(part).await;
        }
        match part.operation {
            Operation::Stream => self.outlet.post_streamed(&part.whole(), part.id).await,
            Operation::Post | Operation::Update => self.outlet.post(&part.body, part.id).await,
        }
    }

    /// A stream that still runs can't be replaced: it is ended first.
    async fn replace(&self, message: &str, part: &Part) -> Result<String, CallError> {
        if part.operation != Operation::Stream {
            return self.outlet.update(message, &part.body, part.id).await;
        }
        match self.outlet.update_streamed(message, &part.whole(), part.id).await {
            Err(CallError::Refused(reason)) if reason == "streaming_state_conflict" => {
                self.outlet.stop_stream(message, ("", ""), part.id).await?;
                self.outlet.update_streamed(message, &part.whole(), part.id).await
            }
            answered => answered,
        }
    }

    async fn post(&self, part: &Part, resumed: bool) -> Result<Delivery, DbError> {
        if resumed {
            match self.find_settled(part.id, files::is_one(part)).await {
                Seen::There(found) => return Ok(done(part.id, State::Sent, Some(found), None)),
                // Perhaps it is there. A second placeholder helps nobody; the answer is posted below.
                Seen::Hidden if part.kind == "placeholder" => {
                    let why = "an earlier process may have sent it, and it can't be looked up";
                    return Ok(done(part.id, State::Unknown, None, Some(why.into())));
                }
                Seen::Hidden | Seen::NotThere => {}
            }
        }
        let mut unclear = part.attempts > 1 && resumed;
        // Who died may have been heard all the same.
        let mut doubt = resumed;
        for attempt in 1.. {
            if attempt > 1 || resumed {
                self.count_attempt(part.id).await?;
            }
            let error = match self.send(part).await {
                Ok(ts) => return Ok(done(part.id, State::Sent, Some(ts), None)),
                Err(error) => error,
            };
            match &error {
                CallError::Ambiguous(_) => {
                    tokio::time::sleep(self.pace.settle).await;
                    let seen = self.find(part.id, files::is_one(part)).await;
                    if let Seen::There(found) = seen {
                        return Ok(done(part.id, State::Sent, Some(found), None));
                    }
                    // A second placeholder nobody needs: the answer is posted below the first.
                    if unclear || (seen == Seen::Hidden && part.kind == "placeholder") {
                        return Ok(done(part.id, State::Unknown, None, Some(error.to_string())));
                    }
                    (unclear, doubt) = (true, true);
                }
                error => {
                    if let Some(end) = self.wait_or_end(part.id, error, attempt).await {
                        return Ok(if doubt { in_doubt(end) } else { end });
                    }
                }
            }
        }
        unreachable!("the loop above has no end but its returns")
    }

    async fn update(&self, part: &Part, ts: &str, resumed: bool) -> Result<Delivery, DbError> {
        let mut doubt = resumed;
        for attempt in 1.. {
            if attempt > 1 || resumed {
                self.count_attempt(part.id).await?;
            }
            let call = self.replace(ts, part).await;
            match call {
                Ok(ts) => return Ok(done(part.id, State::Sent, Some(ts), None)),
                // Someone deleted the placeholder: the answer still goes out.
                Err(CallError::Refused(reason))
                    if matches!(
                        reason.as_str(),
                        "message_not_found" | "cant_update_message" | "edit_window_closed"
                    ) =>
                {
                    let end = self.post(part, resumed).await?;
                    return Ok(if doubt { in_doubt(end) } else { end });
                }
                Err(CallError::Ambiguous(reason)) if attempt >= TRIES_MAX => {
                    return Ok(done(part.id, State::Unknown, Some(ts.to_owned()), Some(reason)));
                }
                Err(CallError::Ambiguous(_)) => {
                    doubt = true;
                    tokio::time::sleep(self.pace.retry_base * attempt).await;
                }
                Err(error) => {
                    if let Some(end) = self.wait_or_end(part.id, &error, attempt).await {
                        return Ok(if doubt { in_doubt(end) } else { end });
                    }
                }
            }
        }
        unreachable!("the loop above has no end but its returns")
    }

    /// For a clear no: waits if trying again makes sense, otherwise says how it ends.
    async fn wait_or_end(&self, id: OutboxId, error: &CallError, attempt: u32) -> Option<Delivery> {
        match error {
            CallError::RateLimited(wait) if attempt < TRIES_MAX * 2 => {
                tokio::time::sleep((*wait).min(self.pace.wait_max)).await;
                None
            }
            CallError::Unreachable(_) if attempt < TRIES_MAX => {
                tokio::time::sleep(self.pace.retry_base * (1 << attempt)).await;
                None
            }
            CallError::Dead(_) => {
                Some(done(id, State::ConnectionDead { unclear: false }, None, Some(error.to_string())))
            }
            _ => Some(done(id, State::Dead, None, Some(error.to_string()))),
        }
    }

    /// Where a stream is that nobody knows to have begun, if it is anywhere.
    pub async fn stray_stream(&self, after: &str) -> Result<Option<String>, &'static str> {
        tokio::time::sleep(self.pace.retry_base).await;
        match self.look(|| self.outlet.find_stream(after)).await {
            Seen::There(found) => Ok(Some(found)),
            Seen::NotThere => Ok(None),
            Seen::Hidden => Err("whether it was shown can't be looked up"),
        }
    }

    /// Takes away what the answer took the place of. What can't be removed stays: it says nothing wrong, only too much.
    pub async fn take_away(&self, message: &str) {
        for attempt in 0..TRIES_MAX {
            let pause = match self.outlet.delete(message).await {
                Ok(()) => return,
                Err(CallError::RateLimited(wait)) => wait.min(self.pace.settle),
                Err(CallError::Ambiguous(_) | CallError::Unreachable(_)) => self.pace.retry_base * (1 << attempt),
                Err(CallError::Refused(_) | CallError::Dead(_)) => break,
            };
            tokio::time::sleep(pause).await;
        }
        tracing::warn!("A placeholder could not be taken away");
    }

    /// Where a row's message is, if it is anywhere; a sentence if nobody can tell.
    pub async fn whereabouts(&self, id: OutboxId) -> Result<Option<String>, &'static str> {
        match self.find_settled(id, false).await {
            Seen::There(found) => Ok(Some(found)),
            Seen::NotThere => Ok(None),
            Seen::Hidden => Err("whether it was shown can't be looked up"),
        }
    }

    /// What an earlier process sent a moment ago may not be visible yet.
    async fn find_settled(&self, id: OutboxId, is_file: bool) -> Seen {
        match self.find(id, is_file).await {
            Seen::NotThere => {
                tokio::time::sleep(self.pace.settle).await;
                self.find(id, is_file).await
            }
            seen => seen,
        }
    }

    async fn find(&self, id: OutboxId, is_file: bool) -> Seen {
        if is_file {
            return self.look(|| self.find_file(id)).await;
        }
        self.look(|| self.outlet.find(id)).await
    }

    /// A look-up without an answer is made again, for a while: whatever cut off the post often cuts off the look-up, too.
    async fn look<F>(&self, ask: impl Fn() -> F) -> Seen
    where
        F: Future<Output = Result<Option<String>, CallError>>,
    {
        let looking = async {
            for attempt in 0..TRIES_MAX {
                let error = match ask().await {
                    Ok(found) => return found.map_or(Seen::NotThere, Seen::There),
                    Err(error) => error,
                };
                tracing::warn!(%error, "A message could not be looked up");
                let pause = match error {
                    CallError::RateLimited(wait) => wait,
                    CallError::Ambiguous(_) | CallError::Unreachable(_) => self.pace.retry_base * (1 << attempt),
                    CallError::Refused(_) | CallError::Dead(_) => return Seen::Hidden,
                };
                tokio::time::sleep(pause).await;
            }
            Seen::Hidden
        };
        tokio::time::timeout(self.pace.wait_max, looking).await.unwrap_or(Seen::Hidden)
    }

    async fn count_attempt(&self, id: OutboxId) -> Result<(), DbError> {
        let mut tx = self.db.begin().await?;
        outbox::count_attempt(&mut tx, self.lease, id).await?;
        tx.commit().await
    }
}

/// The token lived its time: with the next one, the same could still be sent.
pub fn ran_out(shown: &Delivery) -> bool {
    let expired = shown.error.as_deref().is_some_and(|error| error.ends_with(EXPIRED));
    expired && shown.state == State::ConnectionDead { unclear: false }
}

/// A clear no to the last call says nothing about an unclear one before it.
fn in_doubt(end: Delivery) -> Delivery {
    let state = match end.state {
        State::Dead => State::Unknown,
        State::ConnectionDead { .. } => State::ConnectionDead { unclear: true },
        state => state,
    };
    Delivery { state, ..end }
}

fn done(id: OutboxId, state: State, external_id: Option<String>, error: Option<String>) -> Delivery {
    Delivery { id, state, external_id, error }
}
