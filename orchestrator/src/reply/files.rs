//! Files that tools of a turn made. They go out below its words, by the same rules: a clear yes, a clear no, or a look before
//! the one further try.
//!
//! Bringing the bytes to the platform shows nothing to anybody, so that a failure there is a clear no. Only the step that puts
//! them into the conversation can be unclear, and its file is known by then.

use shared::{
    channels::CallError,
    db::{
        DbError,
        outbox::Part,
        sent_files::{self, Outgoing},
        tools::Granted,
    },
    ids::OutboxId,
    tools::file::{BYTES_MAX, SEND_FILE},
};

use super::{Delivery, Outlet, Sender, State};
use crate::opening::Turn;

/// What the platform says of bytes it no longer has.
const GONE: [&str; 2] = ["file_not_found", "file_update_failed"];
const NO_ANSWER: &str = "there was no answer to send it with";

pub fn is_one(part: &Part) -> bool {
    part.kind == sent_files::KIND
}

/// What the turn's tools made. Only a turn that may make files is asked, or one of which an earlier life may have.
pub async fn made(sender: &Sender<'_>, turn: &Turn) -> Result<Vec<Part>, DbError> {
    let may = |granted: &Granted| matches!(granted, Granted::BuiltIn(name) if name == SEND_FILE);
    if !turn.resumes && !turn.tools.iter().any(may) {
        return Ok(Vec::new());
    }
    let mut tx = sender.db.begin().await?;
    let made = sent_files::unsent(&mut tx, turn.run).await?;
    tx.close().await?;
    Ok(made)
}

/// How files end whose turn has no answer, or none that could be sent.
pub fn without_answer(files: &[Part]) -> Vec<Delivery> {
    let end = |file: &Part| Delivery {
        id: file.id,
        state: State::Dead,
        external_id: None,
        error: Some(NO_ANSWER.to_owned()),
    };
    files.iter().map(end).collect()
}

impl Sender<'_> {
    /// The answer speaks of a file that will not come: whoever reads it is told, once. An operator sees why.
    pub(super) async fn excuse(&self, part: &Part) {
        let Ok(file) = self.file(part.id).await else { return };
        let sentence = format!("_(The file {} could not be sent here.)_", file.name);
        if let Err(error) = self.outlet.post(&sentence, part.id).await {
            tracing::warn!(%error, "That a file could not be sent could not be said either");
        }
    }

    /// Brings a file to the platform, once, and puts it into the conversation; returns the platform's id of it.
    pub(super) async fn send_file(&self, part: &Part) -> Result<String, CallError> {
        let file = self.file(part.id).await.map_err(away)?;
        let Some(known) = &file.upload else {
            let upload = self.upload(part.id, &file).await?;
            return self.outlet.show_file(&upload, &file.name, part.id).await;
        };
        match self.outlet.show_file(known, &file.name, part.id).await {
            // The platform did not keep them until now.
            Err(CallError::Refused(reason)) if GONE.contains(&reason.as_str()) => {
                let upload = self.upload(part.id, &file).await?;
                self.outlet.show_file(&upload, &file.name, part.id).await
            }
            answered => answered,
        }
    }

    /// Where a file is shown, if it is anywhere. One that was never brought to the platform is not.
    pub(super) async fn find_file(&self, id: OutboxId) -> Result<Option<String>, CallError> {
        let Some(upload) = self.file(id).await.map_err(away)?.upload else { return Ok(None) };
        self.outlet.find_file(&upload, id).await
    }

    async fn file(&self, id: OutboxId) -> Result<Outgoing, DbError> {
        let mut tx = self.db.begin().await?;
        let file = sent_files::find(&mut tx, id).await?;
        tx.close().await?;
        Ok(file)
    }

    async fn upload(&self, id: OutboxId, file: &Outgoing) -> Result<String, CallError> {
        let bytes = self.storage.get_file(self.db.id(), (file.run, file.part), BYTES_MAX).await;
        let bytes = bytes.map_err(|error| CallError::Unreachable(error.to_string()))?;
        let upload = self.outlet.upload(file, bytes).await.map_err(|error| match error {
            // Nobody has seen anything of it.
            CallError::Ambiguous(reason) => CallError::Unreachable(reason),
            error => error,
        })?;
        let noting = async {
            let mut tx = self.db.begin().await?;
            sent_files::note_upload(&mut tx, self.lease, id, &upload).await?;
            tx.commit().await
        };
        // A lost lease shows with the next attempt, which is counted under it.
        noting.await.map_err(away)?;
        Ok(upload)
    }
}

impl Outlet {
    /// Brings bytes to the platform, where nobody sees them yet; returns its id of them.
    async fn upload(&self, file: &Outgoing, bytes: Vec<u8>) -> Result<String, CallError> {
        match self {
            Self::Slack(place) => place.api.upload(&place.token, &file.name, bytes).await,
            Self::WhatsApp(place) => place.upload(&file.name, bytes).await,
        }
    }

    async fn show_file(&self, upload: &str, name: &str, id: OutboxId) -> Result<String, CallError> {
        match self {
            Self::Slack(place) => place.api.show_file(&place.token, place.target(), (upload, name)).await,
            Self::WhatsApp(place) => place.show_file(upload, name, id).await,
        }
    }

    async fn find_file(&self, upload: &str, id: OutboxId) -> Result<Option<String>, CallError> {
        match self {
            Self::Slack(place) => place.api.find_file(&place.token, &place.channel, upload).await,
            Self::WhatsApp(place) => place.find(id).await,
        }
    }
}

/// Our own database does not answer: nothing was sent.
fn away(error: DbError) -> CallError {
    CallError::Unreachable(error.to_string())
}
