//! `konstruct eval recall`: how well memory is searched, measured on anybody's questions.
//!
//! What was said is stored as the product stores it, each talk as one tenant's memory, and every question goes the way of a
//! person's: rewritten, embedded, and searched by the product's statement under row-level security. Run it on a database of
//! its own: the tenants stay. Nothing is read from the answers but to score.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use orchestrator::recall::{self, Asked};
use secrecy::SecretString;
use serde_json::json;
use shared::{
    config::Config,
    crypto::{new_token, token_hash},
    db::{
        Audience, Db, TenantDb,
        agents::{self, AgentShape},
        connections::{self, NewSlackConnection},
        memories,
        messages::{self, Place},
        system,
    },
    embedding::Embedder,
    ids::{ApiKeyId, ConnectionId, ConversationId, MessageId, PersonId, TenantId},
    message::{ChannelKind, InboundMessage},
};

use crate::{
    recall_file::{Data, Question, Said},
    recall_score::{self, Table},
};

/// Sayings stored by one statement.
const STORED_AT_ONCE: usize = 40;
const CHANNEL: &str = "CEVAL";

#[derive(Subcommand)]
pub enum Eval {
    /// Store talks, ask questions, and say how many of the sayings that answer them were found (docs/memory.md has the format).
    Recall(Recall),
}

#[derive(Args)]
pub struct Recall {
    /// One file with sayings and questions, a JSON object a line.
    #[arg(long, conflicts_with = "data", required_unless_present = "data")]
    file: Option<PathBuf>,
    /// A folder with turns.jsonl and questions.jsonl.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Writes what was found: the ids of the sayings for each question, best first.
    #[arg(long)]
    out: Option<PathBuf>,
    /// How many are found for each question.
    #[arg(long, default_value_t = 50)]
    k: i64,
}

impl Eval {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let Self::Recall(asked) = self;
        asked.run(config, as_json).await
    }
}

/// One talk in its tenant.
struct Stored {
    db: TenantDb,
    /// The id in the file of each message.
    names: HashMap<MessageId, String>,
}

impl Recall {
    async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        if self.k < 1 || self.k > 1_000 {
            bail!("--k must be 1 to 1000.");
        }
        let data = match (&self.file, &self.data) {
            (Some(file), _) => Data::file(file)?,
            (None, Some(folder)) => Data::folder(folder)?,
            (None, None) => bail!("Say what to ask with --file or --data."),
        };
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        let embedder = Embedder::new(config);
        let mut stored = BTreeMap::new();
        for (talk, said) in &data.talks {
            progress(&format!("{talk}: {} sayings", said.len()));
            stored.insert(talk.clone(), store(config, &db, &embedder, talk, said).await?);
        }
        while worker::embed::embed_waiting(&db, &embedder).await? > 0 {}
        let mut found = BTreeMap::new();
        for (n, question) in data.questions.iter().enumerate() {
            if n % 200 == 0 {
                progress(&format!("{n} of {} questions", data.questions.len()));
            }
            let talk = stored.get(&question.talk).with_context(|| {
                format!("question {} is about `{}`, where nobody said anything", question.id, question.talk)
            })?;
            found.insert(question.id.clone(), ask(talk, &embedder, question, self.k).await?);
        }
        db.close().await;
        if let Some(path) = &self.out {
            std::fs::write(path, serde_json::to_vec(&found)?)
                .with_context(|| format!("{} can't be written", path.display()))?;
        }
        let table = recall_score::score(&data.questions, &found);
        show(&table, data.talks.values().map(Vec::len).sum(), as_json);
        Ok(())
    }
}

async fn store(
    config: &Config,
    db: &Db,
    embedder: &Embedder,
    talk: &str,
    said: &[Said],
) -> anyhow::Result<Stored> {
    let tenant = TenantId::new();
    let hash = token_hash(&new_token("kst_"));
    system::create_tenant(&db.system(), tenant, &format!("eval: {talk}"), "enterprise", ApiKeyId::new(), &hash)
        .await?;
    let db = db.tenant(tenant);
    let mut tx = db.begin().await?;
    let new = NewSlackConnection {
        team_id: format!("TEVAL{}", tenant.uuid().simple()),
        team_name: talk.to_owned(),
        bot_user_id: "UEVAL".into(),
        bot_id: "BEVAL".into(),
        bot_token: SecretString::from("none"),
        ..NewSlackConnection::default()
    };
    let connection = connections::connect_slack(&mut tx, &config.master_keys, &new).await?.id;
    agents::shape(&mut tx, "Eval", &AgentShape::default()).await?;
    tx.commit().await?;
    let conversation = ConversationId::new();
    let mut names = HashMap::new();
    for some in said.chunks(STORED_AT_ONCE) {
        names.extend(store_some(&db, connection, conversation, some).await?);
    }
    // Warms the model before the first question.
    embedder.embed(vec!["warm".into()]).await?;
    Ok(Stored { db, names })
}

async fn store_some(
    db: &TenantDb,
    connection: ConnectionId,
    conversation: ConversationId,
    said: &[Said],
) -> anyhow::Result<Vec<(MessageId, String)>> {
    let messages: Vec<InboundMessage> = said.iter().map(inbound).collect();
    let place = Place { conversation, connection, kind: ChannelKind::Public, messages: &messages };
    // Stores memories for the whole tenant; none is read.
    let mut tx = db.begin_for_all_audiences().await?;
    let authors = messages::store(&mut tx, &place).await?;
    tx.commit().await?;
    Ok(authors.iter().zip(said).map(|(author, said)| (author.message, said.id.clone())).collect())
}

fn inbound(said: &Said) -> InboundMessage {
    InboundMessage {
        external_id: said.id.clone(),
        channel: CHANNEL.into(),
        thread: Some("eval".into()),
        channel_kind: ChannelKind::Public,
        author: said.speaker.clone(),
        text: said.text.clone(),
        mentions_others: false,
        with_outsiders: false,
        outsider: false,
        by_bot: false,
        profile: None,
        attachments: Vec::new(),
        sent_at: said.at,
    }
}

async fn ask(talk: &Stored, embedder: &Embedder, question: &Question, k: i64) -> anyhow::Result<Vec<String>> {
    let audiences = [Audience::Tenant, Audience::Agents];
    // Whoever asks said nothing themselves.
    let asked = Asked { audiences: &audiences, asker: PersonId::new(), except: &[] };
    let found = recall::ask(&talk.db, embedder, &question.text, &asked, k).await?;
    let name = |memory: &memories::Recalled| memory.message.and_then(|message| talk.names.get(&message)).cloned();
    Ok(found.iter().filter_map(name).collect())
}

fn show(table: &Table, sayings: usize, as_json: bool) {
    if as_json {
        println!("{}", json!({ "sayings": sayings, "groups": table.groups }));
        return;
    }
    println!("{:<14}{:>10}{:>8}{:>8}{:>8}{:>8}", "", "questions", "R@5", "R@10", "R@25", "MRR");
    for group in &table.groups {
        println!(
            "{:<14}{:>10}{:>8.3}{:>8.3}{:>8.3}{:>8.3}",
            group.name, group.questions, group.r5, group.r10, group.r25, group.mrr
        );
    }
    println!(
        "\n{sayings} sayings. R@k: the share of the sayings that answer a question among the first k found, over questions."
    );
}

fn progress(line: &str) {
    #[expect(clippy::print_stderr, reason = "progress is no output")]
    {
        eprintln!("{line}");
    }
}
