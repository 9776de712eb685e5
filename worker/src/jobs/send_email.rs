//! Brings a mail to its reader. A mail keeps its Message-ID: who gets it twice after a crash is shown it once.

use shared::{
    db::{TenantDb, mails},
    ids::MailId,
    queue::JobError,
};

use crate::{Worker, letters};

pub async fn run(worker: &Worker, db: &TenantDb, id: MailId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let waiting = mails::waiting(&mut tx, &worker.keys, id).await?;
    tx.close().await?;
    let Some(waiting) = waiting else { return Ok(()) };
    let posted = worker.mailer.post(&letters::write(id, &waiting)).await;
    let (state, error) = match &posted {
        Ok(()) => ("sent", None),
        Err(error @ JobError::Retry(_)) => return Err(JobError::Retry(error.to_string())),
        Err(error) => ("failed", Some(error.to_string())),
    };
    let mut tx = db.begin().await?;
    mails::end(&mut tx, id, state, error.as_deref()).await?;
    tx.commit().await?;
    posted
}
