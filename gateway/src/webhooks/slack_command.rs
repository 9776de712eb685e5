//! `POST /webhooks/slack/commands`: `/konstruct help | status | forget me | human | <question>`.
//!
//! Whatever is said in answer, only the person who asked sees.

use axum::{
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use shared::{
    channels::slack::blocks::{self, QUESTION_MAX},
    db::{
        DbError, TenantDb, TenantTx, conversations, escalations,
        home::{self, Status},
        interactions::{self, Detail, New, State as Progress},
        people, suspensions,
        system::Route,
    },
    ids::InteractionId,
    jobs::Job,
    message::clean_text,
    queue, telemetry,
};
use tracing::Instrument;

use super::{
    Addressee,
    slack::{ANSWER_TIMEOUT, Claim, Refusal, Signature, Signer, read_body, sample, verify},
    slack_acts::SUSPENDED,
    slack_form::{self, Command},
    slack_interaction::{Answer, IDENTITY, is_form, route_of},
};
use crate::Gateway;

/// What a command asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish<'a> {
    Help,
    Status,
    ForgetMe,
    Human,
    Question(&'a str),
}

impl<'a> Wish<'a> {
    fn read(text: &'a str) -> Self {
        let words = text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
        match words.as_str() {
            "" | "help" | "hilfe" | "?" => Self::Help,
            "status" => Self::Status,
            "forget me" | "vergiss mich" => Self::ForgetMe,
            "human" | "mensch" => Self::Human,
            _ => Self::Question(text),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Help => "command_help",
            Self::Status => "command_status",
            Self::ForgetMe => "command_forget_me",
            Self::Human => "command_human",
            Self::Question(_) => "command_question",
        }
    }
}

pub async fn receive(
    State(gateway): State<Gateway>,
    addressee: Result<Query<Addressee>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let span = tracing::info_span!("slack_command", tenant.id = tracing::field::Empty);
    telemetry::continue_trace(&span, headers.get("traceparent").and_then(|value| value.to_str().ok()));
    let answering = async {
        let signature = Signature::read(&headers, gateway.clock.now().unix_timestamp())?;
        let raw = read_body(&headers, body).await?;
        let answer = accept(&gateway, addressee.ok().map(|Query(named)| named), &headers, &signature, raw);
        tokio::time::timeout(ANSWER_TIMEOUT, answer).await.unwrap_or(Err(Refusal::Unavailable))
    };
    answering.instrument(span).await.unwrap_or_else(IntoResponse::into_response)
}

/// Slack looks at the certificate by `GET …?ssl_check=1`: it wants 200 and nothing else.
pub async fn certificate_check() -> StatusCode {
    StatusCode::OK
}

async fn accept(
    gateway: &Gateway,
    addressee: Option<Addressee>,
    headers: &HeaderMap,
    signature: &Signature,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let parsed = slack_form::command(&raw);
    let checks = slack_form::is_certificate_check(&raw);
    let claim = parsed.as_ref().ok().map(|command| Claim {
        app: command.app_id(),
        installation: command.installation(),
        checks_address: checks,
    });
    let signer = verify(gateway, addressee, signature, &raw, claim).await?;
    if !is_form(headers) {
        return Err(Refusal::Malformed("The content type must be application/x-www-form-urlencoded."));
    }
    if checks || matches!(signer, Signer::Checker) {
        return Ok(StatusCode::OK.into_response());
    }
    let command = parsed.map_err(|why| Refusal::Malformed(why.0))?;
    let Some(team) = command.installation().map(str::to_owned) else {
        return sample(gateway, "", "a command that names no workspace", raw).await;
    };
    let Some(route) = route_of(gateway, signer, &team).await? else {
        return sample(gateway, &team, "no tenant has connected this workspace", raw).await;
    };
    let (Some(user), Some(channel)) = (command.user(), command.channel()) else {
        return Err(Refusal::Malformed("The command names no person or no channel."));
    };
    let asked =
        Asked { gateway, db: gateway.db.tenant(route.tenant), route, command: &command, user, channel, raw: &raw };
    let answer = asked.answer().await?;
    metrics::counter!("konstruct_interactions_total", "outcome" => "command").increment(1);
    Ok(answer.into_response())
}

struct Asked<'a> {
    gateway: &'a Gateway,
    db: TenantDb,
    route: Route,
    command: &'a Command,
    user: &'a str,
    channel: &'a str,
    raw: &'a [u8],
}

impl Asked<'_> {
    async fn answer(&self) -> Result<Answer, Refusal> {
        let wish = Wish::read(self.command.text());
        // Who wants to be forgotten is, all the same.
        if !matches!(wish, Wish::ForgetMe) && self.is_silent(&wish).await? {
            return Ok(Answer::Taken);
        }
        let blocks = match &wish {
            Wish::Help => vec![blocks::section(&self.help())],
            Wish::Status => vec![blocks::section(&status_text(&self.status().await?))],
            Wish::ForgetMe => vec![blocks::section(FORGET), blocks::forget_button()],
            Wish::Human => vec![blocks::section(self.ask_for_human(&wish).await?)],
            Wish::Question(question) => vec![blocks::section(&self.ask(&wish, question).await?)],
        };
        if matches!(wish, Wish::Help | Wish::Status | Wish::ForgetMe) {
            let mut tx = self.db.begin().await?;
            self.store(&mut tx, &wish, &Detail::default(), Progress::Done).await?;
            tx.commit().await?;
        }
        Ok(Answer::Shown(whisper(&blocks)))
    }

    /// The tenant is suspended: what was asked is kept, and nobody is answered.
    async fn is_silent(&self, wish: &Wish<'_>) -> Result<bool, DbError> {
        let mut tx = self.db.begin().await?;
        let suspended = suspensions::is_suspended(&mut tx).await?;
        if suspended {
            self.store(&mut tx, wish, &Detail::default(), Progress::Refused(SUSPENDED)).await?;
            tx.commit().await?;
        }
        Ok(suspended)
    }

    fn help(&self) -> String {
        let name =
            blocks::escaped(if self.command.name().is_empty() { "/konstruct" } else { self.command.name() });
        [
            format!("`{name} <question>` asks me, here in the channel."),
            format!("`{name} status` says who answers, and what is remembered of you."),
            format!("`{name} human` hands our last conversation here to a colleague."),
            format!("`{name} forget me` erases what I remember of you."),
            "You can also mention me in a channel, or write to me directly.".to_owned(),
        ]
        .join("\n")
    }

    async fn status(&self) -> Result<Status, DbError> {
        // Counts memories of any audience; none is read.
        let mut tx = self.db.begin_for_all_audiences().await?;
        let status = home::status(&mut tx, self.route.connection, self.user).await?;
        tx.close().await?;
        Ok(status)
    }

    /// Commands can't be used in threads: the conversation meant is the last one here in which the person spoke.
    async fn ask_for_human(&self, wish: &Wish<'_>) -> Result<&'static str, Refusal> {
        let mut tx = self.db.begin().await?;
        let found = conversations::latest_of(&mut tx, self.route.connection, self.channel, self.user).await?;
        let stored = self.store(&mut tx, wish, &Detail::default(), Progress::Done).await?;
        let (Some(conversation), Some(_)) = (found, stored) else {
            tx.commit().await?;
            return Ok(if found.is_none() { NO_CONVERSATION } else { HUMAN_ASKED });
        };
        let person = people::meet(&mut tx, self.route.connection, self.user).await?;
        let asked = escalations::New {
            conversation,
            person,
            message: None,
            cause: escalations::Cause::Asked,
            reason: escalations::ASKED,
        };
        let is_news = escalations::open(&mut tx, &asked).await?.is_some();
        tx.commit().await?;
        self.gateway.waker.wake();
        Ok(if is_news { HUMAN_ASKED } else { HUMAN_THERE })
    }

    async fn ask(&self, wish: &Wish<'_>, question: &str) -> Result<String, Refusal> {
        let question = clean_text(question);
        if question.chars().count() > QUESTION_MAX {
            return Ok(format!("That is longer than {QUESTION_MAX} characters: please write it as a message."));
        }
        let response_url = Some(self.command.response_url().to_owned()).filter(|url| !url.is_empty());
        let detail = Detail { question: Some(question), response_url, ..Detail::default() };
        let mut tx = self.db.begin().await?;
        if let Some(interaction) = self.store(&mut tx, wish, &detail, Progress::Pending).await? {
            queue::enqueue(&mut tx, &Job::AskForPerson { interaction }).await?;
        }
        tx.commit().await?;
        Ok("I am on it: question and answer appear here in a moment.".to_owned())
    }

    async fn store(
        &self,
        tx: &mut TenantTx,
        wish: &Wish<'_>,
        detail: &Detail,
        state: Progress,
    ) -> Result<Option<InteractionId>, DbError> {
        let (connection, [about, channel]) = (self.route.connection.to_string(), IDENTITY);
        let bytes = String::from_utf8_lossy(self.raw);
        let id = self.command.trigger().unwrap_or(&bytes);
        let new = New {
            connection: self.route.connection,
            identity: self.gateway.fingerprints.fingerprint(&[about, channel, &connection, "command", id]),
            act: wish.name(),
            user: self.user,
            channel: self.channel,
            raw: self.raw,
            detail,
        };
        interactions::store(tx, &new, state).await
    }
}

const FORGET: &str =
    "I would erase all I remember of you, and the text of your messages to me. This can't be undone.";
const HUMAN_ASKED: &str =
    "A colleague has been asked to take over; I stay silent in that conversation until then.";
const HUMAN_THERE: &str = "A colleague already has that conversation.";
const NO_CONVERSATION: &str = "We have no conversation here yet that a colleague could take over. Write to me first, or ask a \
                               colleague directly.";

fn status_text(status: &Status) -> String {
    let agent = status.agent.as_deref().map(blocks::escaped);
    let agent = agent
        .map_or_else(|| "Nobody answers yet: no agent is set up.".into(), |name| format!("*{name}* answers."));
    let connection =
        if status.connection_active { "connected" } else { "no longer connected: an admin must renew it" };
    format!(
        "{agent}\n{} is {connection}.\nConversations of yours that wait for a human: {}\nI remember {} of your messages.",
        blocks::escaped(&status.workspace),
        status.waiting,
        status.memories
    )
}

/// A line that only the asker sees. The text is what a notification shows.
fn whisper(blocks: &[Value]) -> Value {
    let text = blocks.iter().filter_map(|block| block["text"]["text"].as_str()).collect::<Vec<_>>().join("\n");
    json!({ "response_type": "ephemeral", "text": text, "blocks": blocks })
}

#[cfg(test)]
mod tests {
    use super::Wish;

    #[test]
    fn words_are_commands_and_everything_else_is_a_question() {
        let cases = [
            ("", Wish::Help),
            ("HELP", Wish::Help),
            ("status", Wish::Status),
            ("forget  me", Wish::ForgetMe),
            ("Vergiss mich", Wish::ForgetMe),
            ("Mensch", Wish::Human),
            ("human rights, what are they?", Wish::Question("human rights, what are they?")),
            ("forget me not", Wish::Question("forget me not")),
        ];
        for (text, wish) in cases {
            assert_eq!(Wish::read(text), wish, "{text}");
        }
    }
}
