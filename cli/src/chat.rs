//! `konstruct chat`: a person's message through the running webhooks, and the reply as it appears.
//!
//! It speaks through the Slack simulator, because only Slack itself can write as one of its users; see `phone` for WhatsApp.

use std::{
    borrow::Cow,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    config::Config,
    db::{Db, connections},
    egress,
    ids::{ConnectionId, TenantId},
};
use url::Url;

use crate::{
    phone::{self, Phone},
    story,
    ticket::Desk,
};

const REPLY_TIMEOUT: Duration = Duration::from_secs(150);
const LOOK_INTERVAL: Duration = Duration::from_millis(30);
/// No more changes for this long after a final text: the reply is complete.
const QUIET: Duration = Duration::from_millis(600);
const DEMO_FILE: &str = ".local/demo.json";

#[derive(Args)]
pub struct Chat {
    /// What to say.
    #[arg(required_unless_present = "story")]
    text: Option<String>,
    #[arg(long, default_value = "slack", value_parser = ["slack", "whatsapp"])]
    channel: String,
    /// The tenant to speak to; the demo tenant by default.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Who speaks: a Slack user id, or a phone number in digits.
    #[arg(long, default_value = "UADA")]
    user: String,
    /// Where: a channel `C…`, a private one `G…`, or a direct message `D…`.
    #[arg(long = "in", default_value = "CGENERAL")]
    place: String,
    /// Go on in the thread of this message (its `ts`); a new thread otherwise.
    #[arg(long)]
    thread: Option<String>,
    /// Hold a short conversation and print it as a transcript with timings.
    #[arg(long)]
    story: bool,
}

/// What a person writes, and where.
#[derive(Clone, Copy, Default)]
pub struct Words<'a> {
    pub channel: &'a str,
    pub user: &'a str,
    pub thread: Option<&'a str>,
    pub text: &'a str,
    /// Name and content of a text file that comes along.
    pub file: Option<(&'a str, &'a str)>,
    /// Presses Stop as soon as the answer's first words are there.
    pub stops: bool,
}

/// What one exchange looked like from the channel.
pub struct Exchange {
    pub thread: String,
    pub reply: String,
    /// Until the first sign of the agent, until the first words of its answer, and until the final text.
    pub first_sign: Duration,
    pub first_words: Duration,
    pub complete: Duration,
}

#[derive(Deserialize)]
struct Said {
    ts: String,
    thread_ts: String,
}

impl Chat {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        if self.channel == "whatsapp" {
            return self.by_phone(config, as_json).await;
        }
        let person = Speaker::find(config, self.tenant).await?;
        if self.story {
            let tenant = self.tenant.map_or_else(demo_tenant, Ok)?;
            let db = Db::connect(&config.database_url, &config.database_system_url)?.tenant(tenant);
            let desk = Desk::new(config)?;
            return story::tell(&person, Phone::find(config, tenant).await, &db, &desk).await;
        }
        let text = self.text.as_deref().unwrap_or_default();
        if text.trim().is_empty() {
            bail!("There is nothing to say: give the text in quotes.");
        }
        let mut shown = String::new();
        let follow = |now: &str| {
            if !as_json {
                print!("{}", following(&shown, now));
                // A terminal that is gone shows nothing.
                let _ = std::io::stdout().flush();
            }
            now.clone_into(&mut shown);
        };
        let (channel, user, thread) = (self.place.as_str(), self.user.as_str(), self.thread.as_deref());
        let exchange = person.say(Words { channel, user, thread, text, ..Words::default() }, follow).await?;
        if as_json {
            let times = json!({
                "first_sign_ms": exchange.first_sign.as_millis(),
                "first_words_ms": exchange.first_words.as_millis(),
                "complete_ms": exchange.complete.as_millis(),
            });
            println!("{}", json!({ "thread": exchange.thread, "reply": exchange.reply, "timings": times }));
        } else {
            println!("\n(thread {}, {} ms)", exchange.thread, exchange.complete.as_millis());
        }
        Ok(())
    }
}

impl Chat {
    async fn by_phone(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let phone = Phone::find(config, self.tenant.map_or_else(demo_tenant, Ok)?).await?;
        let text = self.text.as_deref().filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| anyhow!("There is nothing to say: give the text in quotes."))?;
        let is_number = self.user.bytes().all(|byte| byte.is_ascii_digit());
        let person = if is_number { self.user.as_str() } else { phone::ADA };
        let shown = |text: &str| {
            if !as_json {
                println!("{text}");
            }
        };
        let exchange = phone.say(person, text, shown).await?;
        let (first, complete) = (exchange.first_sign.as_millis(), exchange.complete.as_millis());
        if as_json {
            let times = json!({ "first_sign_ms": first, "complete_ms": complete });
            println!("{}", json!({ "reply": exchange.reply, "timings": times }));
        } else {
            println!("({complete} ms)");
        }
        Ok(())
    }
}

/// The simulated workspace of one tenant.
pub struct Speaker {
    http: reqwest::Client,
    control: Url,
    /// The model's control API, if it is a simulated one.
    model: Url,
    team: String,
    pub connection: ConnectionId,
}

impl Speaker {
    async fn find(config: &Config, tenant: Option<TenantId>) -> anyhow::Result<Self> {
        let tenant = tenant.map_or_else(demo_tenant, Ok)?;
        let db = Db::connect(&config.database_url, &config.database_system_url)?.tenant(tenant);
        let mut tx = db.begin().await.context("PostgreSQL does not answer: run `make up`")?;
        let connections = connections::list(&mut tx).await?;
        tx.close().await?;
        let connection = connections
            .into_iter()
            // The simulation signs as the platform's app; an own app's connection would never hear it.
            .find(|connection| connection.channel == "slack" && connection.app_id.is_empty())
            .ok_or_else(|| {
                anyhow!(
                    "Tenant {tenant} has no Slack connection of the platform's app: use `konstruct connect slack`."
                )
            })?;
        let control = config.slack.api_url.join("/_sim/")?;
        let http = egress::provider_client(Some(Duration::from_secs(10)));
        let model = config.llm.base_url.join("/_sim/options")?;
        let speaker = Self { http, control, model, team: connection.external_id, connection: connection.id };
        speaker.transcript("CGENERAL", "0").await.map_err(|_| {
            anyhow!(
                "`konstruct chat` speaks through the Slack simulator, and {} is none or not running. In a real workspace, \
                 write to the agent in Slack.",
                config.slack.api_url
            )
        })?;
        Ok(speaker)
    }

    /// Says something and waits for the whole reply, telling `show` all of it whenever more becomes visible.
    pub async fn say(&self, words: Words<'_>, mut show: impl FnMut(&str)) -> anyhow::Result<Exchange> {
        let started = Instant::now();
        let said: Said = serde_json::from_value(self.tell("say", &words.body(&self.team)).await?)?;
        let (mut first_sign, mut first_words) = (None, None);
        let (mut seen, mut changed) = (Vec::<String>::new(), Instant::now());
        loop {
            if started.elapsed() > REPLY_TIMEOUT {
                bail!("No reply within {} s: `make logs` shows why.", REPLY_TIMEOUT.as_secs());
            }
            let (replies, grows) = self.replies(words.channel, &said).await?;
            if replies != seen {
                first_sign = first_sign.or(Some(started.elapsed()));
                changed = Instant::now();
                show(&replies.join("\n"));
                seen = replies;
            }
            let answered = seen.iter().any(|reply| !is_placeholder(reply));
            if answered {
                if first_words.is_none() && words.stops {
                    self.stop(&words, &said).await?;
                }
                first_words = first_words.or(Some(started.elapsed()));
            }
            if answered && !grows && changed.elapsed() > QUIET {
                break;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        Ok(Exchange {
            thread: said.thread_ts,
            reply: seen.join("\n"),
            first_sign: first_sign.unwrap_or_default(),
            first_words: first_words.unwrap_or_default(),
            complete: changed.duration_since(started),
        })
    }

    /// Says something in a thread without naming the agent, and waits for nothing.
    pub async fn remark(&self, user: &str, channel: &str, thread: &str, text: &str) -> anyhow::Result<()> {
        let body =
            json!({ "team": self.team, "channel": channel, "user": user, "text": text, "thread_ts": thread });
        self.tell("say", &body).await?;
        Ok(())
    }

    /// The person edits a message of theirs: `from` in its text becomes `to`.
    pub async fn edit(&self, channel: &str, ts: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let entries = self.transcript(channel, ts).await?;
        let entry =
            entries.iter().find(|entry| entry["ts"] == ts).context("The message is not there any more.")?;
        let text = entry["text"].as_str().unwrap_or_default().replace(from, to);
        self.tell("edit", &json!({ "team": self.team, "channel": channel, "ts": ts, "text": text })).await?;
        Ok(())
    }

    /// Makes the simulated model take its time, as real ones do by themselves.
    pub async fn slow_model(&self, pause: Duration) {
        let body = json!({ "token_delay_ms": pause.as_millis() });
        // A real model knows no such address.
        let _ = self.http.post(self.model.clone()).json(&body).send().await;
    }

    /// Lets calls of the simulated model go wrong. `false`: it is a real one.
    pub async fn break_model(&self, rule: &Value) -> bool {
        let Ok(faults) = self.model.join("faults") else { return false };
        let answer = self.http.post(faults).json(rule).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Somebody presses a button under a message.
    pub async fn press(&self, user: &str, channel: &str, ts: &str, button: &str) -> anyhow::Result<()> {
        let click = json!({ "team": self.team, "user": user, "channel": channel, "ts": ts, "action_id": button });
        self.tell("click", &click).await?;
        Ok(())
    }

    /// Whether something answers there.
    pub async fn reaches(&self, address: &Url) -> bool {
        let answer = self.http.get(address.clone()).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    async fn stop(&self, words: &Words<'_>, said: &Said) -> anyhow::Result<()> {
        let place = json!({
            "team": self.team, "channel": words.channel, "thread_ts": said.thread_ts, "user": words.user,
        });
        self.tell("stop", &place).await?;
        Ok(())
    }

    async fn tell(&self, what: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.http.post(self.control.join(what)?).json(body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// The agent's visible texts after the person's message, and whether one of them is still being streamed.
    async fn replies(&self, channel: &str, said: &Said) -> anyhow::Result<(Vec<String>, bool)> {
        let mut entries = self.transcript(channel, &said.thread_ts).await?;
        entries.retain(|entry| entry["author_kind"] == "bot" && entry["ts"].as_str() > Some(said.ts.as_str()));
        let grows = entries.iter().any(|entry| entry["streaming"] == "in_progress");
        Ok((entries.iter().filter_map(|entry| entry["text"].as_str().map(str::to_owned)).collect(), grows))
    }

    pub async fn transcript(&self, channel: &str, thread: &str) -> anyhow::Result<Vec<Value>> {
        let mut url = self.control.join("transcript")?;
        url.query_pairs_mut()
            .append_pair("team", &self.team)
            .append_pair("channel", channel)
            .append_pair("thread_ts", thread);
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }
}

impl Words<'_> {
    fn body(&self, team: &str) -> Value {
        let Self { channel, user, thread, text, .. } = self;
        let files: Vec<Value> = self
            .file
            .iter()
            .map(|(name, content)| json!({ "name": name, "mimetype": "text/plain", "text": content }))
            .collect();
        json!({
            "team": team, "channel": channel, "user": user, "text": text, "thread_ts": thread,
            "mention": !channel.starts_with('D'), "files": files,
        })
    }
}

/// What to print after `shown`, so that `now` stands there: only what was added, or all of it on a line of its own.
fn following<'a>(shown: &str, now: &'a str) -> Cow<'a, str> {
    match now.strip_prefix(shown) {
        Some(added) => Cow::Borrowed(added),
        None => Cow::Owned(format!("\n{now}")),
    }
}

fn is_placeholder(text: &str) -> bool {
    text.starts_with("_Thinking")
}

fn demo_tenant() -> anyhow::Result<TenantId> {
    #[derive(Deserialize)]
    struct Demo {
        tenant_id: TenantId,
    }
    let text = std::fs::read_to_string(DEMO_FILE)
        .map_err(|_| anyhow!("Name a tenant with --tenant, or run `make up`, which sets up a demo tenant."))?;
    let demo: Demo = serde_json::from_str(&text).with_context(|| format!("{DEMO_FILE} is damaged"))?;
    Ok(demo.tenant_id)
}

#[cfg(test)]
mod tests {
    use super::following;

    #[test]
    fn a_growing_reply_is_printed_once() {
        assert_eq!(following("", "_Thinking …_"), "_Thinking …_");
        assert_eq!(following("_Thinking …_", "We open"), "\nWe open");
        assert_eq!(following("We open", "We open at nine."), " at nine.");
        assert_eq!(following("We open at nine.", "We open at nine."), "");
    }
}
