//! Mails on their way out. Whoever has something to say enqueues it with the change that makes it necessary.
//!
//! What a mail says may let its reader in (a link to reset a password), so it is stored sealed, bound to its row, and
//! removed once the mail has left.

use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::{DbError, TenantTx, data_keys};
use crate::{
    crypto::{Keyring, Place},
    ids::{MailId, TenantId},
    jobs::Job,
    queue,
};

/// What is said. Links are complete addresses of the portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mail {
    /// Somebody signed up with this address; the link proves that it is theirs.
    VerifyAddress {
        link: String,
    },
    /// Somebody signed up with an address that has an account already.
    AccountExists {
        link: String,
    },
    /// Somebody who may be the owner of the account forgot its password.
    ResetPassword {
        link: String,
    },
    Invitation {
        tenant: String,
        link: String,
    },
    /// A token that was replaced came back: the device it belongs to was signed out.
    SessionStolen {
        device: String,
    },
    /// An account can be entered by way of a provider now.
    ProviderConnected {
        provider: String,
    },
    /// Something that an admin should know; the link renews the connection it is about.
    Notice {
        subject: String,
        body: String,
        link: Option<String>,
    },
}

impl Mail {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::VerifyAddress { .. } => "verify_address",
            Self::AccountExists { .. } => "account_exists",
            Self::ResetPassword { .. } => "reset_password",
            Self::Invitation { .. } => "invitation",
            Self::SessionStolen { .. } => "session_stolen",
            Self::ProviderConnected { .. } => "provider_connected",
            Self::Notice { .. } => "notice",
        }
    }
}

/// A mail that has not been sent.
#[derive(Debug)]
pub struct Waiting {
    pub to: String,
    pub mail: Mail,
}

fn place(tenant: TenantId, id: MailId) -> Place {
    Place { tenant: Some(tenant), table: "mails", column: "content", row: id.uuid() }
}

/// Stores the mail, and the job that sends it, with the caller's other changes.
pub async fn enqueue(tx: &mut TenantTx, keys: &Keyring, to: &str, mail: &Mail) -> Result<MailId, DbError> {
    let (tenant, id) = (tx.tenant(), MailId::new());
    let content = serde_json::to_vec(mail).map_err(|error| DbError::Damaged(error.to_string()))?;
    let key = data_keys::sealing(tx, keys).await?;
    sqlx::query("insert into mails (tenant_id, mail_id, recipient, kind, content) values ($1, $2, $3, $4, $5)")
        .bind(tenant)
        .bind(id)
        .bind(to)
        .bind(mail.kind())
        .bind(key.seal(&place(tenant, id), &content))
        .execute(tx.conn())
        .await?;
    queue::enqueue(tx, &Job::SendEmail { mail: id }).await?;
    Ok(id)
}

/// The mail, if it still waits to be sent.
pub async fn waiting(tx: &mut TenantTx, keys: &Keyring, id: MailId) -> Result<Option<Waiting>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select recipient, content from mails
          where tenant_id = $1 and mail_id = $2 and state = 'queued' and content is not null",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let sealed: Vec<u8> = row.try_get("content")?;
    let content = data_keys::open(tx, keys, &place(tenant, id), &sealed).await?;
    let mail = serde_json::from_slice(&content).map_err(|error| DbError::Damaged(format!("a mail: {error}")))?;
    Ok(Some(Waiting { to: row.try_get("recipient")?, mail }))
}

/// How a mail ended: `sent` (or written as a file, where there is no mail server) or, with an error, `failed`. What it said
/// is gone.
pub async fn end(tx: &mut TenantTx, id: MailId, state: &str, error: Option<&str>) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update mails set state = $3, error = $4, content = null, ended_at = clock_timestamp()
          where tenant_id = $1 and mail_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(state)
    .bind(error)
    .execute(tx.conn())
    .await?;
    Ok(())
}
