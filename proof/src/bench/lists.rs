//! lists: what the API adds to the statements of its lists and details, at a thousand tenants and a million messages.
//!
//! The floor is the same statements by the same functions in the same transactions, without HTTP: who asks, BEGIN with what it
//! sets, the question, and the end.

use std::{net::SocketAddr, time::Instant};

use anyhow::{Context, ensure};
use shared::{
    clock::Clock,
    crypto::{new_token, token_hash},
    db::{
        TenantDb, TenantTx,
        analytics::{self, Span, events, journeys},
        api_keys, audit_pages,
        conversations::{self, Filter},
        members, system,
    },
    ids::ConversationId,
};
use time::Duration;
use tokio::net::TcpListener;

use super::{
    crowd::Crowd,
    report::{Figure, Report},
    sample::{Sample, timed},
};

const TENANTS: usize = 1_000;
const MESSAGES: usize = 1_000;
const ROUNDS: usize = 300;
const WARM_UP: usize = 30;
/// As the API by default, and one more to know of a further page.
const PAGE: i64 = 51;
const BAR: f64 = 2.0;

struct Asker {
    http: reqwest::Client,
    address: SocketAddr,
    crowd: Crowd,
    db: TenantDb,
    conversation: ConversationId,
}

pub async fn run(tenants_max: usize) -> anyhow::Result<Report> {
    let tenants = TENANTS.min(tenants_max);
    let began = Instant::now();
    let asker = Asker::open(tenants).await?;
    let loaded = began.elapsed().as_secs();
    let mut report = Report::new("lists");
    let conversation = asker.conversation;
    let clock = Clock::system();
    let today = clock.now().date();
    let span = Span { from: today - Duration::days(30), to: today };
    let one = format!("conversations/{conversation}");
    let said = format!("conversations/{conversation}/messages");
    asker
        .measure(&mut report, "conversations", "conversations", async |tx| {
            Ok(conversations::list(tx, &Filter::default(), None, PAGE).await?.len())
        })
        .await?;
    asker
        .measure(&mut report, "a conversation", &one, async |tx| {
            Ok(usize::from(conversations::find(tx, conversation).await?.is_some()))
        })
        .await?;
    asker
        .measure(&mut report, "its messages", &said, async |tx| {
            ensure!(conversations::exists(tx, conversation).await?, "it is there");
            Ok(conversations::messages(tx, conversation, None, PAGE).await?.len())
        })
        .await?;
    asker.measure(&mut report, "members", "members", async |tx| Ok(members::list(tx).await?.len())).await?;
    asker
        .measure(&mut report, "the audit log", "audit", async |tx| {
            Ok(audit_pages::list(tx, &audit_pages::Filter::default(), PAGE).await?.len())
        })
        .await?;
    asker
        .measure(&mut report, "events", "analytics/events", async |tx| {
            analytics::counted(tx).await?;
            Ok(events::list(tx, span, "UTC", &events::Wanted::default(), PAGE).await?.len())
        })
        .await?;
    asker
        .measure(&mut report, "journeys", "analytics/journeys", async |tx| {
            analytics::counted(tx).await?;
            Ok(journeys::list(tx, span, "UTC", journeys::Wanted::default(), PAGE).await?.len())
        })
        .await?;
    report.note(format!(
        "{tenants} tenants, {} messages, loaded in {loaded} s; medians of {ROUNDS} questions each, by turns with the floor: the same functions in the \
         same transactions, and the look for who asks.",
        tenants * MESSAGES
    ));
    Ok(report)
}

impl Asker {
    async fn open(tenants: usize) -> anyhow::Result<Self> {
        let crowd = Crowd::of_talkers(tenants, MESSAGES).await?;
        let gateway = gateway::Gateway::new(&crowd.test.config, &crowd.test.db, Clock::system()).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // Ends with the process.
        tokio::spawn(gateway::serve(listener, gateway::router(gateway), std::future::pending()));
        let member = crowd.members.get(tenants / 2).context("a member")?;
        let db = crowd.test.db.tenant(member.tenant);
        let mut tx = db.begin().await?;
        let listed = conversations::list(&mut tx, &Filter::default(), None, 1).await?;
        tx.close().await?;
        let conversation = listed.first().context("a conversation")?.id;
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, address, crowd, db, conversation })
    }

    async fn measure(
        &self,
        report: &mut Report,
        name: &str,
        resource: &str,
        ask: impl AsyncFn(&mut TenantTx) -> anyhow::Result<usize>,
    ) -> anyhow::Result<()> {
        let url = format!("http://{}/api/v1/{resource}", self.address);
        // One of its own: a key may not ask this often for long.
        let key = new_token("kst_");
        let mut tx = self.db.begin().await?;
        api_keys::create(&mut tx, &token_hash(&key), name, "customer_admin", None).await?;
        tx.commit().await?;
        let (mut api, mut floor) = (Sample::default(), Sample::default());
        for round in 0..ROUNDS + WARM_UP {
            let (answered, time) = timed(self.over_http(&url, &key)).await;
            answered?;
            let (asked, bare) = timed(self.bare(&key, &ask)).await;
            asked?;
            if round >= WARM_UP {
                api.push(time);
                floor.push(bare);
            }
        }
        report
            .add(Figure::new(format!("{name}, p50"), api.median(), "ms").floor(floor.median()).ratio_at_most(BAR));
        Ok(())
    }

    async fn over_http(&self, url: &str, key: &str) -> anyhow::Result<()> {
        let answer = self.http.get(url).bearer_auth(key).send().await?.error_for_status()?;
        answer.bytes().await?;
        Ok(())
    }

    async fn bare(
        &self,
        key: &str,
        ask: &impl AsyncFn(&mut TenantTx) -> anyhow::Result<usize>,
    ) -> anyhow::Result<usize> {
        system::find_api_key(&self.crowd.test.db.system(), &token_hash(key)).await?;
        let mut tx = self.db.begin().await?;
        let found = ask(&mut tx).await?;
        tx.close().await?;
        Ok(found)
    }
}
