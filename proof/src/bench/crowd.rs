//! A database with tenants by the thousand: each with its workspace, an agent, a person and memories.
//!
//! Loaded by the owner with row-level security lifted and then forced again, whole columns at a time: through the product's
//! own door, a million memories would take hours. One statement writes one message of every tenant, so that a tenant's rows
//! lie scattered over the table, as they would after months of use.

use pgvector::HalfVector;
use shared::{
    crypto::Place,
    embedding,
    ids::{AgentId, ConnectionId, PersonId, TenantId},
    testing::TestDb,
};
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::{bulk, sample::Dice};

pub const PERSON: &str = "UADA";
pub const CHANNEL: &str = "C0CROWD";
/// Statements a load takes; a tenant's memories are spread over them.
const TURNS: usize = 100;
/// Different texts and vectors; a tenant's memories are chosen from them.
const POOL: usize = 20_000;
/// Rows of the pool per statement.
const CHUNK: usize = 2_000;
const WORDS_MIN: usize = 5;
const WORDS_MAX: usize = 30;
/// Messages of one conversation.
const TALK: usize = 25;

/// One tenant, before it is loaded.
pub struct Member {
    pub tenant: TenantId,
    pub connection: ConnectionId,
    pub team: String,
    token: String,
    memories: usize,
}

impl Member {
    fn new(n: usize, memories: usize) -> Self {
        let token = format!("xoxb-simulated-crowd{n}");
        let team = simulators::team_of(&token).unwrap_or_default();
        Self { tenant: TenantId::new(), connection: ConnectionId::new(), team, token, memories }
    }
}

pub struct Crowd {
    pub test: TestDb,
    /// Those of equal size.
    pub members: Vec<Member>,
    /// Those of a size of their own, in the order asked for.
    pub special: Vec<Member>,
}

impl Crowd {
    /// `tenants` with `memories` each, and one more for each size in `special`. Sizes are multiples of a hundred.
    pub async fn load(tenants: usize, memories: usize, special: &[usize]) -> anyhow::Result<Self> {
        Self::load_by(REMEMBER, tenants, memories, special).await
    }

    /// `tenants` who said as much and are reminded of nothing, which is loaded in a fraction of the time.
    pub async fn of_talkers(tenants: usize, messages: usize) -> anyhow::Result<Self> {
        Self::load_by(SAY, tenants, messages, &[]).await
    }

    async fn load_by(
        turn: &'static str,
        tenants: usize,
        memories: usize,
        special: &[usize],
    ) -> anyhow::Result<Self> {
        let test = TestDb::new().await;
        let members: Vec<Member> = (0..tenants).map(|n| Member::new(n, memories)).collect();
        let special: Vec<Member> =
            special.iter().enumerate().map(|(n, size)| Member::new(tenants + n, *size)).collect();
        let crowd = Self { test, members, special };
        let mut owner = crowd.test.owner().await;
        let tables = lift(&mut owner).await?;
        crowd.move_in(&mut owner).await?;
        fill_pool(&mut owner).await?;
        crowd.talk(&mut owner, turn).await?;
        force(&mut owner, &tables).await?;
        // As autovacuum leaves it.
        owner.execute("drop table bench_tenants, bench_pool").await?;
        owner.execute("vacuum (analyze)").await?;
        Ok(crowd)
    }

    pub fn memories(&self) -> usize {
        self.all().map(|member| member.memories).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().chain(&self.special)
    }

    async fn move_in(&self, owner: &mut PgConnection) -> anyhow::Result<()> {
        let seal = |member: &Member| {
            let place = Place {
                tenant: Some(member.tenant),
                table: "channel_connections",
                column: "access_token",
                row: member.connection.uuid(),
            };
            self.test.config.master_keys.seal(&place, member.token.as_bytes())
        };
        owner.execute(TENANTS_TABLE).await?;
        sqlx::query(
            "insert into bench_tenants select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::uuid[],
                                                            $6::uuid[], $7::int[]) with ordinality",
        )
        .bind(self.all().map(|member| member.tenant.uuid()).collect::<Vec<_>>())
        .bind(self.all().map(|member| member.connection.uuid()).collect::<Vec<_>>())
        .bind(self.all().map(|member| member.team.clone()).collect::<Vec<_>>())
        .bind(self.all().map(seal).collect::<Vec<_>>())
        .bind(self.all().map(|_| PersonId::new().uuid()).collect::<Vec<_>>())
        .bind(self.all().map(|_| AgentId::new().uuid()).collect::<Vec<_>>())
        .bind(self.all().map(|member| (member.memories / TURNS) as i32).collect::<Vec<_>>())
        .execute(&mut *owner)
        .await?;
        for statement in MOVE_IN {
            owner.execute(statement).await?;
        }
        Ok(())
    }

    async fn talk(&self, owner: &mut PgConnection, each_turn: &'static str) -> anyhow::Result<()> {
        for statement in CONVERSATIONS {
            owner.execute(statement).await?;
        }
        owner.execute("analyze bench_tenants").await?;
        for turn in 0..TURNS {
            sqlx::query(each_turn)
                .bind(turn as i64)
                .bind(POOL as i64)
                .bind(TALK as i64)
                .bind(embedding::MODEL)
                .execute(&mut *owner)
                .await?;
        }
        Ok(())
    }
}

const TENANTS_TABLE: &str = "
create unlogged table bench_tenants (
    tenant_id uuid primary key, connection_id uuid, team text, token bytea, person_id uuid, agent_id uuid, per_turn int,
    n bigint, talks uuid[]
)";

const MOVE_IN: [&str; 6] = [
    "insert into tenants (tenant_id, name) select tenant_id, 'Tenant ' || n from bench_tenants",
    "insert into channel_connections (tenant_id, connection_id, channel, external_id, bot_user_id, bot_id, display_name,
                                      access_token)
     select tenant_id, connection_id, 'slack', team, 'UBOT' || substr(team, 2), 'BBOT' || substr(team, 2), team, token
       from bench_tenants",
    "insert into connection_routes (channel, app_id, external_id, tenant_id, connection_id, bot_user_id, bot_id)
     select 'slack', '', team, tenant_id, connection_id, 'UBOT' || substr(team, 2), 'BBOT' || substr(team, 2)
       from bench_tenants",
    "insert into agents (tenant_id, agent_id, name, is_default) select tenant_id, agent_id, 'Kona', true
       from bench_tenants",
    "insert into people (tenant_id, person_id, connection_id, external_id, display_name, profile_fetched_at)
     select tenant_id, person_id, connection_id, 'UADA', 'Ada Lovelace', now() from bench_tenants",
    "insert into channels (tenant_id, connection_id, external_id, kind)
     select tenant_id, connection_id, 'C0CROWD', 'public' from bench_tenants",
];

/// Of 25 messages each, a tenant's in an array beside it. Their ids are random, as the product's keyed hashes are.
const CONVERSATIONS: [&str; 2] = [
    "update bench_tenants
        set talks = (select array_agg(gen_random_uuid()) from generate_series(1, ceil(per_turn * 100 / 25.0)))",
    "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id, kind)
     select tenant_id, id, connection_id, 'C0CROWD', id::text, 'public' from bench_tenants, unnest(talks) as id",
];

/// One turn: as many messages of each tenant as it has per turn.
macro_rules! said {
    () => {
        "with given as materialized (
            select t.tenant_id, t.person_id, gen_random_uuid() as message_id, p.body, p.vector,
                   t.talks[1 + place / $3] as conversation_id, place % $3 as position,
                   now() - make_interval(mins => place::int) as said_at
              from bench_tenants t
              cross join lateral (select $1 * t.per_turn + k as place from generate_series(0, t.per_turn - 1) k) s
              join bench_pool p on p.n = (t.n * 7919 + place * 104729) % $2
        ), said as (
            insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
            select tenant_id, message_id, conversation_id, message_id::text, 'person', person_id, body, said_at from given
        )"
    };
}

/// Each remembered.
const REMEMBER: &str = concat!(
    said!(),
    "insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at, audience,
                           body, embedding, model)
     select tenant_id, gen_random_uuid(), message_id, conversation_id, 0, position, person_id, said_at, 'tenant', body, vector, $4
       from given"
);
/// And no more. A statement takes what the other one takes.
const SAY: &str = concat!(said!(), "select $4::text");

async fn fill_pool(owner: &mut PgConnection) -> anyhow::Result<()> {
    owner
        .execute("create unlogged table bench_pool (n bigint primary key, body text, vector halfvec(384))")
        .await?;
    let mut dice = Dice::new(POOL as u64);
    for first in (0..POOL).step_by(CHUNK) {
        let bodies: Vec<String> = (0..CHUNK).map(|_| bulk::sentence(&mut dice, WORDS_MIN, WORDS_MAX)).collect();
        let vectors: Vec<HalfVector> =
            (0..CHUNK).map(|_| HalfVector::from_f32_slice(&bulk::vector(&mut dice))).collect();
        sqlx::query(
            "insert into bench_pool select $1 + n - 1, body, vector
               from unnest($2::text[], $3::halfvec[]) with ordinality as p (body, vector, n)",
        )
        .bind(first as i64)
        .bind(bodies)
        .bind(vectors)
        .execute(&mut *owner)
        .await?;
    }
    owner.execute("analyze bench_pool").await?;
    Ok(())
}

/// Lets the owner write all tenants' rows; returns the tables it was done to.
pub(super) async fn lift(owner: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    let tables: Vec<String> =
        sqlx::query_scalar("select oid::regclass::text from pg_class where relforcerowsecurity")
            .fetch_all(&mut *owner)
            .await?;
    for table in &tables {
        owner.execute(AssertSqlSafe(format!("alter table {table} no force row level security"))).await?;
    }
    Ok(tables)
}

pub(super) async fn force(owner: &mut PgConnection, tables: &[String]) -> anyhow::Result<()> {
    for table in tables {
        owner.execute(AssertSqlSafe(format!("alter table {table} force row level security"))).await?;
    }
    Ok(())
}
