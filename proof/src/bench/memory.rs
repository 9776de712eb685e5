//! memory: what all roles in one process occupy, idle and while a backlog of long messages is embedded.

use std::time::{Duration, Instant};

use shared::{
    clock::Clock,
    db::messages::{self, Place},
    ids::ConversationId,
    message::{ChannelKind, InboundMessage},
    testing::TestDb,
};

use super::{
    bulk::{self, Firm},
    house,
    process::{Memory, Role},
    report::{Figure, Report},
    sample::Dice,
};

const BACKLOG: usize = 500;
/// One statement of the write path takes a turn's messages, at most twenty.
const TOGETHER: usize = 20;
/// About 250 tokens of the embedding model, which reads at most 256.
const WORDS: usize = 150;
/// The model is loaded in the background after the role is ready.
const WARM: Duration = Duration::from_secs(3);
const ALL_BAR_MB: f64 = 450.0;

pub async fn run() -> anyhow::Result<Report> {
    let test = TestDb::new().await;
    let mut report = Report::new("memory");
    all(&test, &mut report).await?;
    report.note(format!(
        "Resident memory from /proc, {} s after the role was ready. Backlog: {BACKLOG} messages of about 250 tokens, \
         stored by the product's own write path while `konstruct all` runs.",
        WARM.as_secs()
    ));
    Ok(report)
}

/// All roles in one process, first idle, then with the backlog.
async fn all(test: &TestDb, report: &mut Report) -> anyhow::Result<()> {
    let role = Role::start("all", test).await?;
    tokio::time::sleep(WARM).await;
    report.add(Figure::new("all, idle", role.memory()?.now, "MB"));
    let firm = bulk::firm(test, "Memory").await?;
    let began = Instant::now();
    store_backlog(&firm).await?;
    house::embedded(test).await?;
    let seconds = began.elapsed().as_secs_f64();
    let Memory { now, peak } = role.memory()?;
    report.add(Figure::new("all, after the backlog", now, "MB").at_most(ALL_BAR_MB));
    report.add(Figure::new("all, peak", peak, "MB").at_most(ALL_BAR_MB));
    report.add(Figure::new("backlog, embedded", BACKLOG as f64 / seconds, "/s"));
    role.end().await
}

async fn store_backlog(firm: &Firm) -> anyhow::Result<()> {
    let (mut dice, now) = (Dice::new(BACKLOG as u64), Clock::system().now());
    let mut said: Vec<InboundMessage> = Vec::with_capacity(BACKLOG);
    for n in 0..BACKLOG {
        said.push(InboundMessage {
            external_id: format!("1760000000.{n:06}"),
            channel: "C1".into(),
            thread: Some("1760000000.000000".into()),
            channel_kind: ChannelKind::Public,
            author: format!("U{}", n % 10),
            text: bulk::sentence(&mut dice, WORDS, WORDS),
            mentions_others: false,
            with_outsiders: false,
            profile: None,
            outsider: false,
            by_bot: false,
            attachments: Vec::new(),
            sent_at: now,
        });
    }
    for messages in said.chunks(TOGETHER) {
        let place = Place {
            conversation: ConversationId::new(),
            connection: firm.connection,
            kind: ChannelKind::Public,
            messages,
        };
        let mut tx = firm.db.begin_for_all_audiences().await?;
        messages::store(&mut tx, &place).await?;
        tx.commit().await?;
    }
    Ok(())
}
