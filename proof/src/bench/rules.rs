//! rules: how long it takes to hold a rule against 10,000 past conversations, through the API.

use std::{net::SocketAddr, time::Instant};

use serde_json::{Value, json};
use shared::{
    clock::Clock,
    crypto::{new_token, token_hash},
    db::{api_keys, people},
    ids::{ConversationId, PersonId},
    testing::TestDb,
};
use sqlx::PgConnection;
use tokio::net::TcpListener;

use super::{
    bulk::{self, Firm},
    report::{Figure, Report},
    sample::Dice,
};

const CONVERSATIONS: usize = 10_000;
const CHUNK: usize = 1_000;
/// Messages of a conversation, every other one the agent's.
const MESSAGES: i32 = 12;
const BAR_S: f64 = 10.0;
/// What a message says, what was said before, and what the agent answered.
const RULES: [&str; 3] = [
    "asks_for_human or keyword in (order*, refund)",
    "sentiment = negative or order4* and failed_attempts > 2 and language = en",
    "confidence = low and not keyword in (hello)",
];

pub async fn run() -> anyhow::Result<Report> {
    let test = TestDb::new().await;
    let firm = bulk::firm(&test, "past").await?;
    let mut dice = Dice::new(7);
    let mut system = test.system().await;
    let mut tx = firm.db.begin().await?;
    let person = people::meet(&mut tx, firm.connection, "U1").await?;
    tx.commit().await?;
    for _ in 0..CONVERSATIONS / CHUNK {
        talk(&firm, person, &mut system, &mut dice).await?;
    }
    let gateway = gateway::Gateway::new(&test.config, &test.db, Clock::system()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // Ends with the process.
    tokio::spawn(gateway::serve(listener, gateway::router(gateway), std::future::pending()));
    let key = new_token("kst_");
    let mut tx = firm.db.begin().await?;
    api_keys::create(&mut tx, &token_hash(&key), "bench", "customer_admin", None).await?;
    tx.commit().await?;
    let mut report = Report::new("rules");
    for rule in RULES {
        let (seconds, told) = simulated(address, &key, rule).await?;
        let number = |name: &str| told[name].as_f64().unwrap_or(0.0);
        report.add(Figure::new(format!("`{rule}`"), seconds, "s").at_most(BAR_S));
        let looked_at = Figure::new("  conversations looked at", number("conversations"), "");
        report.add(looked_at.at_least(CONVERSATIONS as f64));
        report.add(Figure::new("  of them handed over", number("escalated"), ""));
    }
    report.note(format!(
        "{CONVERSATIONS} conversations of {MESSAGES} messages, half of them people's; `POST /api/v1/escalation-rules/simulate`, each once."
    ));
    Ok(report)
}

/// A thousand conversations, and that the agent was asked in them.
async fn talk(firm: &Firm, person: PersonId, system: &mut PgConnection, dice: &mut Dice) -> anyhow::Result<()> {
    let talks: Vec<ConversationId> = (0..CHUNK).map(|_| ConversationId::new()).collect();
    let words: Vec<String> = (0..200).map(|_| bulk::sentence(dice, 5, 30)).collect();
    let mut tx = firm.db.begin().await?;
    sqlx::query(
        "with place as (
             insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id, kind)
             select $1, id, $2, 'C1', id::text, 'public' from unnest($3::uuid[]) as t (id)
         )
         insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
         select $1, new_id(), id, n::text, case when n % 2 = 1 then 'person' else 'agent' end,
                case when n % 2 = 1 then $6::uuid end, ($4::text[])[1 + (k * 31 + n) % 200], now() - make_interval(mins => 100 - n)
           from unnest($3) with ordinality as t (id, k), generate_series(1, $5) as n",
    )
    .bind(firm.tenant)
    .bind(firm.connection)
    .bind(&talks)
    .bind(words)
    .bind(MESSAGES)
    .bind(person)
    .execute(tx.conn())
    .await?;
    tx.commit().await?;
    sqlx::query(
        "with lane as (
             insert into lanes (tenant_id, conversation_id, connection_id, last_seq)
             select $1, id, $2, $4 from unnest($3::uuid[]) as t (id)
         )
         insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized, state)
         select $1, id, n, $2, true, '', jsonb_build_object('external_id', n::text), 'replied'
           from unnest($3) as t (id), generate_series(1, $4, 2) as n",
    )
    .bind(firm.tenant)
    .bind(firm.connection)
    .bind(&talks)
    .bind(MESSAGES)
    .execute(system)
    .await?;
    Ok(())
}

async fn simulated(address: SocketAddr, key: &str, rule: &str) -> anyhow::Result<(f64, Value)> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{address}/api/v1/escalation-rules/simulate");
    let began = Instant::now();
    let answer = http.post(url).bearer_auth(key).json(&json!({ "condition": rule })).send().await?;
    let told = answer.error_for_status()?.json().await?;
    Ok((began.elapsed().as_secs_f64(), told))
}
