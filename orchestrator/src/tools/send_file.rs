//! `send_file`: the bytes are kept and the outbox row written while the turn goes on; it is sent below the answer.

use serde_json::Value;
use shared::{
    db::{
        DbError,
        sent_files::{self, New},
        tool_calls::State,
    },
    ids::OutboxId,
    jobs::Job,
    message::clean_text,
    queue,
    tools::file::{self, File, KEPT, PER_TURN_MAX},
};

use super::{
    CALLS_MAX, Progress, Work,
    act::{At, count},
    registry::Admitted,
};

const SAID: &str = "The file goes out below your answer. Say in your answer what is in it; don't repeat it.";

impl Work<'_> {
    pub(super) async fn send_file(
        &self,
        at: &At<'_>,
        admitted: &Admitted<'_>,
        progress: &mut Progress,
    ) -> Result<String, DbError> {
        let text =
            |name: &str| clean_text(admitted.arguments.get(name).and_then(Value::as_str).unwrap_or_default());
        let file = match file::read(&text("name"), &text("content")) {
            Ok(file) if progress.files < PER_TURN_MAX => file,
            Ok(_) => {
                let sentence = format!("Only {PER_TURN_MAX} files can be sent at once.");
                return self.note(at, admitted, State::Failed, sentence).await;
            }
            Err(sentence) => return self.note(at, admitted, State::Failed, sentence).await,
        };
        // Which of the run's files it is follows from the call: a run that goes on after a crash makes the same one.
        let calls = i32::try_from(CALLS_MAX).unwrap_or(i32::MAX);
        let part = at.step.saturating_mul(calls).saturating_add(at.position);
        let bytes = file.content.clone().into_bytes();
        if let Err(error) =
            self.orchestrator.storage.put_file(self.lease.tenant, (self.turn.run, part), bytes).await
        {
            tracing::warn!(%error, "A file that an agent made could not be kept");
            return self.note(at, admitted, State::Failed, "The file can't be kept right now.".into()).await;
        }
        self.prepare(at, admitted, &file, part).await?;
        progress.files += 1;
        count(State::Done.as_str());
        Ok(SAID.into())
    }

    /// The entry, the row and the job that tidies up are one transaction.
    async fn prepare(&self, at: &At<'_>, admitted: &Admitted<'_>, file: &File, part: i32) -> Result<(), DbError> {
        let (id, line) = (OutboxId::new(), file::line(&file.name));
        let new = New {
            id,
            run: self.turn.run,
            part,
            name: &file.name,
            content_type: file.content_type,
            size: i64::try_from(file.content.len()).unwrap_or(i64::MAX),
            line: &line,
        };
        let mut tx = self.db.begin().await?;
        self.write(&mut tx, at, admitted, State::Done, Some(SAID)).await?;
        if !sent_files::prepare(&mut tx, self.lease, &new).await? {
            return Err(DbError::Fenced);
        }
        queue::enqueue_after(&mut tx, &Job::EraseFile { outbox: id }, KEPT).await?;
        tx.commit().await
    }
}
