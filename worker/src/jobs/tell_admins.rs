//! Writes to a tenant's admins, or to the member it is meant for, what a notice says, once, with a link that renews the connection it is about.

use std::time::Duration;

use shared::{
    crypto::{new_token, token_hash},
    db::{
        DbError, TenantDb, TenantTx,
        audit::Actor,
        connections,
        install_links::{self, NewLink},
        mails::{self, Mail},
        notices::{self, Kind},
    },
    ids::{ConnectionId, ConversationId, NoticeId, UserId},
    queue::JobError,
};
use url::Url;

use crate::Worker;

/// A mail is read when somebody has time.
const LINK_LIVES: Duration = Duration::from_secs(7 * 24 * 3_600);

pub async fn run(worker: &Worker, db: &TenantDb, id: NoticeId, member: Option<UserId>) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(notice) = notices::take_unmailed(&mut tx, id).await? else { return Ok(tx.close().await?) };
    let subject = match Kind::of(&notice.kind) {
        Some(Kind::ConnectionDead) => "Your AI employee is cut off",
        Some(Kind::Escalation) => "A conversation waits for a human",
        Some(Kind::TokenRefused) => "Your AI employee will soon be cut off",
        Some(Kind::EventsHeldBack) => "Your AI employee may miss messages",
        Some(Kind::BudgetAlert) => "Your AI employee has used much of its budget",
        Some(Kind::BudgetExhausted) => "Your AI employee has no budget left",
        Some(Kind::PaymentDue) => "An invoice for your AI employee waits for its payment",
        Some(Kind::AccessChanged) => "What your subscription allows has changed",
        Some(Kind::AnswersUsedUp) => "Your AI employee has no answers left this month",
        Some(Kind::MemoriesRest) => "Your AI employee is no longer reminded of older messages",
        Some(Kind::SendFailed) => "A message of your AI employee did not arrive",
        Some(Kind::SendUnclear) => "A message of your AI employee may not have arrived",
        Some(Kind::WebhookFailing) => "A system of yours is not told what happens here",
        Some(Kind::WorkspaceRemoved) | None => "Something changed about your AI employee",
    };
    let mends = Kind::of(&notice.kind).is_some_and(Kind::is_mended_by_connecting);
    let body = match notice.conversation {
        Some(conversation) => format!("{}\n\n{}", notice.body, inbox(&worker.public_url, conversation)),
        None => notice.body.clone(),
    };
    for to in notices::readers(&mut tx, member).await? {
        // A link for each: who gets it is in the audit log by what they do with it.
        let link = match notice.connection.filter(|_| mends) {
            Some(connection) => install_link(worker, &mut tx, connection).await?,
            None => None,
        };
        let mail = Mail::Notice { subject: subject.to_owned(), body: body.clone(), link };
        mails::enqueue(&mut tx, &worker.keys, &to, &mail).await?;
    }
    Ok(tx.commit().await?)
}

/// Where the conversation is read and answered.
fn inbox(public_url: &Url, conversation: ConversationId) -> String {
    let mut address = public_url.clone();
    address.set_path("/inbox");
    address.query_pairs_mut().append_pair("conversation", &conversation.to_string());
    address.into()
}

/// A link that renews this connection and no other; `None` where it has to be done by hand.
async fn install_link(worker: &Worker, tx: &mut TenantTx, id: ConnectionId) -> Result<Option<String>, DbError> {
    let connection = connections::find(tx, id).await?.filter(|connection| connection.channel == "slack");
    let Some(connection) = connection else { return Ok(None) };
    let own = connections::client(tx, &worker.keys, id).await?.is_some();
    if !own && (!connection.app_id.is_empty() || !worker.has_slack_client) {
        return Ok(None);
    }
    let token = new_token("");
    let new = NewLink { actor: &Actor::System, renews: Some(id), own_app: None, lives: LINK_LIVES };
    match install_links::create(tx, &worker.keys, &token_hash(&token), &new).await {
        Ok(_) => Ok(Some(install_links::url(&worker.public_url, tx.tenant(), &token))),
        // Too many are open: the mail says what happened all the same.
        Err(DbError::Conflict(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
