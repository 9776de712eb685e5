//! Mails on their way out: by the configured SMTP server, or without one as `.eml` files that the portal can show.

use std::{path::PathBuf, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp,
};
use secrecy::ExposeSecret;
use shared::{
    config::MailConfig,
    ids::MailId,
    providers::{self, Provider},
    queue::JobError,
};

use crate::letters::Letter;

const SMTP_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl Mailer {
    /// The error is a sentence for whoever wrote the variables.
    pub fn new(config: &MailConfig) -> Result<Self, String> {
        let from = config.from.parse().map_err(|_| {
            format!(
                "EMAIL_FROM must be a mail address such as `Konstruct <konstruct@example.com>`; it is `{}`.",
                config.from
            )
        })?;
        let way = match &config.smtp_url {
            Some(url) => Way::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
                    .map_err(|error| {
                        format!("SMTP_URL can't be used: {error}. Write `smtps://user:password@host:465`.")
                    })?
                    .timeout(Some(SMTP_TIMEOUT))
                    .build(),
            ),
            None => Way::Folder(config.folder.clone()),
        };
        Ok(Self { from, way })
    }

    pub async fn post(&self, letter: &Letter) -> Result<(), JobError> {
        let message = self.message(letter).map_err(JobError::Fail)?;
        match &self.way {
            Way::Smtp(server) => match noted(server.send(message).await) {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => {
                    Err(JobError::Fail(format!("the mail server refused: {error}")))
                }
                Err(error) => Err(JobError::Retry(format!("the mail server did not take it: {error}"))),
            },
            Way::Folder(folder) => write(folder, letter.id, message.formatted())
                .await
                .map_err(|error| JobError::Retry(format!("{} can't be written: {error}", folder.display()))),
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, String> {
        let to: Mailbox = letter.to.parse().map_err(|_| "the recipient is no mail address".to_owned())?;
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&letter.subject)
            .message_id(Some(format!("<{}@konstruct>", letter.id)))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|error| error.to_string())
    }
}

/// A server that refuses a mail has answered.
fn noted<T>(sent: Result<T, smtp::Error>) -> Result<T, smtp::Error> {
    providers::note(Provider::Mail, sent.as_ref().err().is_none_or(smtp::Error::is_permanent));
    sent
}

/// Whole or not at all: who lists the folder meanwhile must not find half a mail.
async fn write(folder: &std::path::Path, id: MailId, bytes: Vec<u8>) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let (whole, part) = (folder.join(format!("{id}.eml")), folder.join(format!("{id}.part")));
    tokio::fs::write(&part, bytes).await?;
    tokio::fs::rename(&part, &whole).await
}
