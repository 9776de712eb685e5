//! races: humans take conversations over while agents answer in them, in both channels; what is said after that is counted.

use std::time::Duration;

use anyhow::Context;
use shared::{
    db::{audit::Actor, takeovers},
    ids::ConversationId,
};
use simulators::{AuthorKind, ModelOptions, Say, WhatsAppSay};
use sqlx::Row;
use tokio::time::{Instant, sleep};

use super::{
    report::{Figure, Report},
    sample::Dice,
    street::Street,
};

const RACES: usize = 10_000;
/// Messages: more than agents can answer meanwhile would only wait.
const A_SECOND: u32 = 45;
/// Threads of a channel.
const THREADS: u32 = 50;
const WORD: &str = "kiwi";
const WORDS: usize = 40;
const TOKEN_DELAY_MS: u64 = 15;
/// What was on its way may still become visible for so long.
const IN_FLIGHT: Duration = Duration::from_secs(1);
const LOOK_INTERVAL: Duration = Duration::from_millis(15);
/// Until whatever is under way has ended.
const SETTLE: Duration = Duration::from_secs(10);

/// A conversation that was taken over.
struct Race {
    conversation: ConversationId,
    place: Place,
    /// What had been committed to be sent when the takeover's commit had returned: rows, and pieces of streams.
    committed: (i64, i64),
    at: Instant,
    /// Words that were visible then, and a second later.
    visible: usize,
    later: Option<usize>,
}

#[derive(Clone)]
enum Place {
    Slack { channel: String, thread: Option<String> },
    Phone(String),
}

pub async fn run() -> anyhow::Result<Report> {
    let street = Street::open().await?;
    let answer = Some(format!("{WORD} ").repeat(WORDS));
    street.model.set_options(ModelOptions { token_delay_ms: TOKEN_DELAY_MS, answer, ..ModelOptions::default() });
    let mut races: Vec<Race> = Vec::with_capacity(RACES);
    let (began, mut said, mut looked_at, mut dice) = (Instant::now(), 0, 0, Dice::new(1));
    while looked_at < RACES {
        while races.len() < RACES && Duration::from_secs(1) * said / A_SECOND < began.elapsed() {
            speak(&street, said);
            said += 1;
        }
        for conversation in under_way(&street).await? {
            // Some at their beginning, some in mid-answer.
            if dice.below(3) == 0 && races.len() < RACES {
                races.extend(take(&street, conversation).await?);
            }
        }
        while let Some(race) = races.get_mut(looked_at).filter(|race| race.at.elapsed() >= IN_FLIGHT) {
            race.later = Some(visible(&street, &race.place));
            looked_at += 1;
        }
        sleep(LOOK_INTERVAL).await;
    }
    sleep(SETTLE).await;
    let report = judge(&street, &races).await?;
    street.close().await?;
    Ok(report)
}

fn speak(street: &Street, n: u32) {
    if n.is_multiple_of(2) {
        let (channel, user) = (format!("CRACE{}", n / 2 / THREADS), format!("U{n}"));
        street.slack.say(Say::new(&street.team, &channel, &user, "what did we decide?").mentioning());
    } else {
        street.whatsapp.say(WhatsAppSay::new(&street.number, format!("49151{n:08}"), "what did we decide?"));
    }
}

/// Conversations in which an agent is at work.
async fn under_way(street: &Street) -> anyhow::Result<Vec<ConversationId>> {
    let mut tx = street.db.begin().await?;
    let running = sqlx::query_scalar(
        "select r.conversation_id from runs r
           join lanes l on l.tenant_id = $1 and l.conversation_id = r.conversation_id and not l.by_human
          where r.tenant_id = $1 and r.state = 'running'",
    )
    .bind(street.db.id())
    .fetch_all(tx.conn())
    .await?;
    tx.close().await?;
    Ok(running)
}

async fn take(street: &Street, conversation: ConversationId) -> anyhow::Result<Option<Race>> {
    let mut tx = street.db.begin().await?;
    let silenced = takeovers::take(&mut tx, conversation, &Actor::CommandLine).await?;
    tx.commit().await?;
    if !silenced {
        return Ok(None);
    }
    let at = Instant::now();
    let committed = committed(street, conversation).await?;
    let place = place(street, conversation).await?;
    let visible = visible(street, &place);
    Ok(Some(Race { conversation, place, committed, at, visible, later: None }))
}

/// Rows of an answer that may be sent, and pieces of those that are streamed.
async fn committed(street: &Street, conversation: ConversationId) -> anyhow::Result<(i64, i64)> {
    let mut tx = street.db.begin().await?;
    let counted = sqlx::query_as(
        "select count(distinct o.outbox_id), count(p.outbox_id)
           from outbox o left join outbox_parts p on p.tenant_id = $1 and p.outbox_id = o.outbox_id
          where o.tenant_id = $1 and o.conversation_id = $2 and o.kind in ('answer', 'apology', 'file')",
    )
    .bind(street.db.id())
    .bind(conversation)
    .fetch_one(tx.conn())
    .await?;
    tx.close().await?;
    Ok(counted)
}

async fn place(street: &Street, conversation: ConversationId) -> anyhow::Result<Place> {
    let mut tx = street.db.begin().await?;
    let row = sqlx::query(
        "select c.channel_external_id, c.thread_external_id, n.channel from conversations c
           join channel_connections n on n.tenant_id = $1 and n.connection_id = c.connection_id
          where c.tenant_id = $1 and c.conversation_id = $2",
    )
    .bind(street.db.id())
    .bind(conversation)
    .fetch_one(tx.conn())
    .await?;
    tx.close().await?;
    let channel: String = row.try_get("channel_external_id")?;
    let is_slack = row.try_get::<String, _>("channel")? == "slack";
    let thread = row.try_get("thread_external_id")?;
    Ok(if is_slack { Place::Slack { channel, thread } } else { Place::Phone(channel) })
}

/// Words of the answer that people see.
fn visible(street: &Street, place: &Place) -> usize {
    let words = |text: &str| text.matches(WORD).count();
    match place {
        Place::Slack { channel, thread } => {
            let entries = street.slack.transcript(&street.team, channel, thread.as_deref());
            let by_agent = entries.iter().filter(|entry| matches!(entry.author_kind, AuthorKind::Bot));
            by_agent.map(|entry| words(&entry.text)).sum()
        }
        Place::Phone(person) => {
            let entries = street.whatsapp.phone(&street.number, person);
            entries.iter().filter(|entry| entry.incoming).map(|entry| words(&entry.text)).sum()
        }
    }
}

async fn judge(street: &Street, races: &[Race]) -> anyhow::Result<Report> {
    let (mut committed_after, mut late, mut in_flight, mut begun, mut streamed) = (0, 0, 0, 0, 0);
    for race in races {
        let later = race.later.context("it was looked at")?;
        committed_after += usize::from(committed(street, race.conversation).await? != race.committed);
        late += usize::from(visible(street, &race.place) > later);
        in_flight += usize::from(later > race.visible);
        begun += usize::from(race.committed.0 > 0);
        streamed += usize::from(race.committed.1 > 0);
    }
    let mut report = Report::new("races");
    report.add(Figure::new("takeovers while an agent answers", races.len() as f64, ""));
    report.add(Figure::new("of them with a part of the answer committed before", begun as f64, ""));
    report.add(Figure::new("of them streamed", streamed as f64, ""));
    report.add(
        Figure::new("answers that something was committed to after the takeover", committed_after as f64, "")
            .at_most(0.0),
    );
    report.add(Figure::new("with words on their way that were seen within a second", in_flight as f64, ""));
    report.add(Figure::new("with words that were seen later than that", late as f64, "").at_most(0.0));
    report.note(format!(
        "{A_SECOND} messages a second, each in a conversation of its own, half of them in Slack, where answers stream, half in \
         WhatsApp; answers of {WORDS} words, one every {TOKEN_DELAY_MS} ms; three processes. A human takes over while a run is under \
         way, and what is committed to be sent is counted when the takeover's commit has returned, and when all is quiet."
    ));
    Ok(report)
}
