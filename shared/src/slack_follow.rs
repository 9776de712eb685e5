//! Follows an edit or a deletion of a Slack message to its end, whoever heard of it: a webhook, or a look at what was missed.

use std::{sync::Arc, time::Duration};

use crate::{
    channels::slack_change::Changed,
    crypto::FingerprintKey,
    db::{
        DbError, TenantDb,
        changes::{self, Change, Followed},
        inbox::{Accepted, Arrival, Ingest},
        system::Route,
    },
};

/// What following needs.
pub struct Follower<'a> {
    pub db: &'a TenantDb,
    pub route: &'a Route,
    pub ingest: &'a Ingest,
    pub fingerprints: &'a FingerprintKey,
    /// How long what may have overtaken its thread's first message waits for it, look by look.
    pub hold_back: &'a [Duration],
}

impl Follower<'_> {
    pub async fn follow(
        &self,
        mut changed: Changed,
        (raw, trace): (Vec<u8>, Option<String>),
    ) -> Result<Followed, DbError> {
        let change = changed.change(self.fingerprints, self.route);
        let asks = changed.message.take();
        let asks = asks.map(|kept| Arc::new(kept.into_arrival(self.fingerprints, self.route, raw, trace)));
        let mut followed = self.carry_out(&change).await?;
        // What begins the thread may be a moment behind.
        for pause in self.hold_back {
            if !changed.follows_closely || followed != Followed::NotKept {
                break;
            }
            tokio::time::sleep(*pause).await;
            followed = self.carry_out(&change).await?;
        }
        if let (Followed::Waits { .. }, Some(arrival)) = (followed, &asks) {
            // Nobody has stored the message: as it reads now, it asks the agent.
            self.ingest.accept(arrival.clone()).await?;
            followed = self.carry_out(&change).await?;
        } else if followed == (Followed::Waits { lane_known: false }) {
            // Had the message been stored between the look and the commit, nobody would see the change.
            followed = self.carry_out(&change).await?;
        }
        match (followed, asks) {
            // Only overheard so far, and named the agent now: it waits for an answer once more.
            (Followed::Applied { pending: false, answered: false }, Some(arrival)) => {
                self.address(arrival).await?;
            }
            // Whatever else says that it names the agent, it is answered no second time.
            (Followed::Applied { .. }, Some(_)) | (Followed::Gone, _) => {
                let key = changed.message_key(self.fingerprints, self.route);
                self.ingest.settle(self.route.tenant, key).await?;
            }
            _ => {}
        }
        Ok(followed)
    }

    async fn carry_out(&self, change: &Change) -> Result<Followed, DbError> {
        let mut tx = self.db.begin_for_all_audiences().await?;
        let followed = changes::follow(&mut tx, change).await?;
        tx.commit().await?;
        Ok(followed)
    }

    async fn address(&self, arrival: Arc<Arrival>) -> Result<(), DbError> {
        if let Accepted::Duplicate { settled: false } = self.ingest.accept(arrival.clone()).await? {
            self.ingest.readdress(arrival).await?;
        }
        Ok(())
    }
}
