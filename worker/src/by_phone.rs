//! What is written to a person on WhatsApp outside of a turn: a colleague's reply, and what only they are told.

use secrecy::SecretString;
use shared::{
    channels::{
        CallError,
        whatsapp::{Line, Outgoing},
        whatsapp_text,
    },
    db::{DbError, TenantDb, TenantTx, deliveries, numbers},
    ids::{ConnectionId, OutboxId},
};

use crate::Worker;

/// One person's chat with a number of the tenant's.
pub struct Chat<'a> {
    pub db: &'a TenantDb,
    pub token: &'a SecretString,
    pub phone_number_id: String,
    /// The person's user id or phone number.
    pub person: &'a str,
}

/// The number of a connection; `None` if it is no WhatsApp number.
pub async fn number(tx: &mut TenantTx, connection: ConnectionId) -> Result<Option<String>, DbError> {
    Ok(numbers::sending(tx, connection).await?.map(|sending| sending.phone_number_id))
}

impl Chat<'_> {
    /// Sends Markdown, perhaps with a button that shares the person's number, tagged with its outbox row; returns the
    /// platform's id. `again`: an earlier attempt may have brought
    /// it there, which a status would tell.
    pub async fn send(
        &self,
        worker: &Worker,
        (markdown, asks_for_number): (&str, bool),
        id: OutboxId,
        again: bool,
    ) -> Result<String, CallError> {
        if again
            && let Some(found) = self.find(id).await.map_err(|error| CallError::Unreachable(error.to_string()))?
        {
            return Ok(found);
        }
        let line = Line { number: &self.phone_number_id, person: self.person };
        let text = whatsapp_text::from_markdown(markdown);
        let outgoing = if asks_for_number { Outgoing::AskForNumber(&text) } else { Outgoing::Text(&text) };
        worker.whatsapp.send(self.token, line, &outgoing, None, id).await
    }

    async fn find(&self, id: OutboxId) -> Result<Option<String>, DbError> {
        let mut tx = self.db.begin().await?;
        let found = deliveries::find(&mut tx, id).await?;
        tx.close().await?;
        Ok(found.map(|(external_id, _)| external_id))
    }
}
