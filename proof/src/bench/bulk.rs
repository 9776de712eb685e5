//! What benchmarks are set up with: a firm with its workspace, and memories by the thousand.

use pgvector::HalfVector;
use secrecy::SecretString;
use shared::{
    db::{
        TenantDb, TenantTx,
        agents::{self, AgentShape},
        connections::{self, NewSlackConnection},
    },
    embedding,
    ids::{ConnectionId, ConversationId, MemoryId, MessageId, PersonId, TenantId},
    testing::TestDb,
};

use super::sample::Dice;

/// Rows per statement: well below the role's time limit for one.
const CHUNK: usize = 1_000;
const PEOPLE: usize = 24;
/// Messages of one conversation.
const TALK: usize = 25;
const WORDS_MIN: usize = 5;
const WORDS_MAX: usize = 30;

/// A tenant with an agent and a connected workspace.
pub struct Firm {
    pub tenant: TenantId,
    pub db: TenantDb,
    pub team: String,
    pub connection: ConnectionId,
}

pub async fn firm(test: &TestDb, name: &str) -> anyhow::Result<Firm> {
    let (tenant, _) = test.tenant(name).await;
    let db = test.db.tenant(tenant);
    let new = NewSlackConnection {
        team_id: format!("T{}", name.to_uppercase()),
        team_name: name.to_owned(),
        bot_user_id: "UBOT".into(),
        bot_id: "BBOT".into(),
        bot_token: SecretString::from("xoxb-simulated-bench"),
        ..NewSlackConnection::default()
    };
    let mut tx = db.begin().await?;
    let connection = connections::connect_slack(&mut tx, &test.config.master_keys, &new).await?;
    agents::shape(&mut tx, "Ada", &AgentShape::default()).await?;
    tx.commit().await?;
    Ok(Firm { tenant, db, team: new.team_id, connection: connection.id })
}

/// Fills a tenant's memory by its own role: `count` messages in conversations of 25, with their vectors.
pub async fn remember(firm: &Firm, count: usize) -> anyhow::Result<()> {
    remember_more(firm, count, 0).await
}

/// As [`remember`], for a tenant that remembers `already` so many.
pub async fn remember_more(firm: &Firm, count: usize, already: usize) -> anyhow::Result<()> {
    let mut dice = Dice::new((already + count) as u64);
    let people: Vec<PersonId> = (0..PEOPLE).map(|_| PersonId::new()).collect();
    let conversations: Vec<ConversationId> = (0..count.div_ceil(TALK)).map(|_| ConversationId::new()).collect();
    let mut tx = firm.db.begin_for_all_audiences().await?;
    meet(&mut tx, firm, &people, already).await?;
    tx.commit().await?;
    for (index, talks) in conversations.chunks(CHUNK / TALK).enumerate() {
        let first = index * CHUNK;
        let rows = CHUNK.min(count - first);
        let mut tx = firm.db.begin_for_all_audiences().await?;
        talk(&mut tx, firm, talks, &people, rows, &mut dice).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn meet(tx: &mut TenantTx, firm: &Firm, people: &[PersonId], already: usize) -> anyhow::Result<()> {
    sqlx::query(
        "insert into people (tenant_id, person_id, connection_id, external_id, display_name, profile_fetched_at)
         select $1, id, $2, 'U' || n + $4, 'Person ' || n + $4, now() from unnest($3::uuid[]) with ordinality as p (id, n)",
    )
    .bind(firm.tenant)
    .bind(firm.connection)
    .bind(people)
    .bind(i64::try_from(already)?)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// One statement for conversations, messages and memories of a chunk.
const TALK_SQL: &str = "
with given as (
    select * from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::halfvec[])
         with ordinality as g (conversation_id, message_id, memory_id, person_id, body, vector, n)
), place as (
    insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id, kind)
    select distinct $1::uuid, conversation_id, $2::uuid, 'C1', conversation_id::text, 'public' from given
), said as (
    insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
    select $1, message_id, conversation_id, message_id::text, 'person', person_id, body,
           now() - make_interval(mins => n::int)
      from given
)
insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at, audience,
                      body, embedding, model)
select $1, memory_id, message_id, conversation_id, 0, n, person_id, now() - make_interval(mins => n::int), 'tenant',
       body, vector, $9
  from given";

async fn talk(
    tx: &mut TenantTx,
    firm: &Firm,
    talks: &[ConversationId],
    people: &[PersonId],
    rows: usize,
    dice: &mut Dice,
) -> anyhow::Result<()> {
    let vectors: Vec<HalfVector> = (0..rows).map(|_| HalfVector::from_f32_slice(&vector(dice))).collect();
    sqlx::query(TALK_SQL)
        .bind(firm.tenant)
        .bind(firm.connection)
        .bind((0..rows).map(|row| talks[row / TALK]).collect::<Vec<_>>())
        .bind((0..rows).map(|_| MessageId::new()).collect::<Vec<_>>())
        .bind((0..rows).map(|_| MemoryId::new()).collect::<Vec<_>>())
        .bind((0..rows).map(|_| people[dice.below(people.len())]).collect::<Vec<_>>())
        .bind((0..rows).map(|_| sentence(dice, WORDS_MIN, WORDS_MAX)).collect::<Vec<_>>())
        .bind(vectors)
        .bind(embedding::MODEL)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A unit vector near one of 300 subjects, as embeddings of chat are.
pub fn vector(dice: &mut Dice) -> Vec<f32> {
    let mut subject = Dice::new(1 + dice.below(300) as u64 * 31);
    let values: Vec<f32> =
        (0..embedding::DIMENSIONS).map(|_| 0.6 * subject.noise() + 0.6 * dice.noise()).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.into_iter().map(|value| value / length).collect()
}

/// Everyday words, some of them rare.
pub fn sentence(dice: &mut Dice, words_min: usize, words_max: usize) -> String {
    let count = words_min + dice.below(words_max - words_min + 1);
    let mut words: Vec<String> = Vec::with_capacity(count);
    for _ in 0..count {
        // A third of the words from a long tail: numbers of orders, rooms, tickets.
        let word = if dice.below(3) == 0 {
            format!("{}{}", WORDS[dice.below(WORDS.len())], dice.below(400))
        } else {
            WORDS[dice.below(WORDS.len())].to_owned()
        };
        words.push(word);
    }
    words.join(" ")
}

const WORDS: [&str; 64] = [
    "order",
    "customer",
    "meeting",
    "invoice",
    "the",
    "we",
    "should",
    "ship",
    "before",
    "friday",
    "budget",
    "team",
    "launch",
    "design",
    "review",
    "server",
    "restart",
    "password",
    "printer",
    "coffee",
    "train",
    "ticket",
    "delay",
    "contract",
    "signed",
    "draft",
    "price",
    "offer",
    "discount",
    "supplier",
    "warehouse",
    "box",
    "label",
    "return",
    "refund",
    "holiday",
    "plan",
    "school",
    "garden",
    "dinner",
    "doctor",
    "appointment",
    "and",
    "with",
    "after",
    "report",
    "numbers",
    "growth",
    "question",
    "answer",
    "office",
    "window",
    "chair",
    "screen",
    "cable",
    "keyboard",
    "update",
    "release",
    "test",
    "bug",
    "fixed",
    "tomorrow",
    "next",
    "week",
];
