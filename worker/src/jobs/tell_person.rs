//! Tells a person what only they see: in the thread it is about, or directly. Twice is better than never.

use shared::{
    channels::slack::Target,
    db::{TenantDb, connections, conversations, people},
    ids::{OutboxId, PersonId},
    jobs::{ApprovalRefusal, Notice},
    queue::JobError,
};

use crate::{
    Worker,
    by_phone::{self, Chat},
    jobs::judge,
};

pub async fn run(worker: &Worker, db: &TenantDb, id: PersonId, notice: &Notice) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(person) = people::find(&mut tx, id).await? else {
        return Ok(tx.close().await?);
    };
    let token = connections::token(&mut tx, &worker.keys, person.connection).await?;
    let place = match notice {
        Notice::FeedbackTaken { conversation }
        | Notice::HumanAsked { conversation }
        | Notice::ApprovalRefused { conversation, .. } => conversations::place(&mut tx, *conversation).await?,
        Notice::Forgotten { .. } => None,
    };
    let number = by_phone::number(&mut tx, person.connection).await?;
    tx.close().await?;
    if let Some(phone_number_id) = number {
        let chat = Chat { db, token: &token, phone_number_id, person: &person.external_id };
        return chat
            .send(worker, (&sentence(notice), false), OutboxId::new(), false)
            .await
            .map(|_| ())
            .map_err(judge);
    }
    let (channel, thread) = match place {
        Some(place) => place,
        None => (worker.slack.open_direct(&token, &person.external_id).await.map_err(judge)?, None),
    };
    let target = Target { channel: &channel, thread: thread.as_deref() };
    worker.slack.whisper(&token, target, &person.external_id, &sentence(notice)).await.map_err(judge)
}

fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::FeedbackTaken { .. } => "Thank you: that helps.".into(),
        Notice::HumanAsked { .. } => {
            "A colleague has been asked to take over. I stay silent here until the conversation is given back to me.".into()
        }
        Notice::ApprovalRefused { why: ApprovalRefusal::Own, .. } => {
            "You asked for this yourself. Somebody else has to approve it.".into()
        }
        Notice::ApprovalRefused { why: ApprovalRefusal::NoMember, .. } => {
            "Only full members of this workspace can decide about this. If you are one, try again in a moment: I have asked \
             Slack about you."
                .into()
        }
        Notice::ApprovalRefused { why: ApprovalRefusal::Over, .. } => {
            "This is decided already, or it is too late.".into()
        }
        Notice::Forgotten { memories, messages } => format!(
            "Done: I have erased {memories} memories of you and the text of {messages} of your messages. Slack keeps its own \
             copy of what you wrote."
        ),
    }
}
