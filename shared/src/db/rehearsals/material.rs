//! What a rehearsal shows a model: the talk as the run found it, and the memories that it was reminded of, as they read today.

use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    super::{
        DbError, TenantTx,
        agents::{self, Agent},
        billing::{Access, access_of},
        languages,
        memories::{Kind, Recalled},
        messages::{AuthorKind, Line},
        summaries::{self, Summary},
    },
    Claimed, forks,
};
use crate::{
    conditions::Language,
    ids::{ConnectionId, ConversationId, ForkId, MemoryId, MessageId, PersonId},
    message::ChannelKind,
};

/// Needs an all-audiences transaction: the memories are those that the run's own place was shown.
#[derive(Clone, Debug)]
pub struct Material {
    pub tenant_name: String,
    /// As in a turn's opening.
    pub languages: Option<Vec<Language>>,
    pub agent: Agent,
    /// The tenant has model keys of its own, or its agents name their models.
    pub own_models: bool,
    /// Some budget of the tenant has a limit.
    pub budgeted: bool,
    /// What the state of its subscription lets the tenant do.
    pub access: Access,
    /// When the run began, or the fork was asked.
    pub at: OffsetDateTime,
    /// Oldest first.
    pub window: Vec<Line>,
    pub summaries: Vec<Summary>,
    /// Of a replay, best first.
    pub memories: Vec<Recalled>,
    /// Of a fork: where memory is to be asked.
    pub place: Option<Place>,
}

/// Where a conversation is, and who spoke in it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub connection: ConnectionId,
    pub channel: String,
    pub kind: ChannelKind,
    /// People of other companies read along.
    pub shared: bool,
    pub person: PersonId,
    /// They are not one of the tenant's own people.
    pub outside: bool,
}

const SETTING: &str = concat!(
    "
select t.name as tenant_name, t.languages, a.agent_id, a.name, a.role, a.tone, a.instructions, a.model, a.temperature,
       a.answer_tokens, a.is_default,
       exists (select from llm_keys k where k.tenant_id = $1)
         or exists (select from agent_models n where n.tenant_id = $1) as own_models,
       exists (select from budgets b where b.tenant_id = $1 and b.limit_micro is not null) as budgeted, ",
    access_of!(),
    " as access, r.started_at, r.recalled, r.recall_scores, last.sent_at as last_at, last.message_id as last_id
  from agents a
  join tenants t on t.tenant_id = a.tenant_id
  left join runs r on r.tenant_id = $1 and r.run_id = $2
  -- The last of what it answered; once that is no longer known, the last of what was there.
  left join lateral (
    select m.sent_at, m.message_id
      from messages m
     where m.tenant_id = $1 and m.conversation_id = r.conversation_id and m.author_kind = 'person'
       and (m.sent_at <= r.started_at
            or m.external_id in (select i.normalized ->> 'external_id' from inbox i
                                  where i.tenant_id = $1 and i.conversation_id = r.conversation_id
                                    and i.seq between r.from_seq and r.to_seq))
     order by m.sent_at desc, m.message_id desc limit 1
  ) last on true
 where a.tenant_id = $1 and a.agent_id = $3"
);

/// `None`: the agent is not there.
pub async fn material(tx: &mut TenantTx, claimed: &Claimed) -> Result<Option<Material>, DbError> {
    let tenant = tx.tenant();
    let row =
        sqlx::query(SETTING).bind(tenant).bind(claimed.run).bind(claimed.agent).fetch_optional(tx.conn()).await?;
    let Some(row) = row else { return Ok(None) };
    let last: Option<(OffsetDateTime, Uuid)> = match claimed.fork {
        Some(fork) => forked_at(tx, fork).await?,
        None => {
            row.try_get::<Option<OffsetDateTime>, _>("last_at")?.zip(row.try_get::<Option<Uuid>, _>("last_id")?)
        }
    };
    let (mut window, mut earlier, mut place, mut known) = (Vec::new(), Vec::new(), None, Vec::new());
    if let (Some(conversation), Some(last)) = (claimed.conversation, last) {
        window = self::window(tx, conversation, last).await?;
        earlier = summaries::newest(tx, conversation, Some(last.0)).await?;
        if claimed.with_memory && claimed.fork.is_some() {
            place = self::place(tx, conversation, last).await?;
        } else if claimed.with_memory {
            known = memories(tx, &(row.try_get("recalled")?, row.try_get("recall_scores")?)).await?;
        }
    }
    match (claimed.fork, &claimed.question) {
        (Some(fork), _) => window.extend(side(tx, fork, claimed).await?),
        (None, Some(question)) => window.push(line(AuthorKind::Operator, question.clone(), claimed.asked_at)),
        (None, None) => {}
    }
    let started_at: Option<OffsetDateTime> = row.try_get("started_at")?;
    Ok(Some(Material {
        tenant_name: row.try_get("tenant_name")?,
        languages: languages::read(row.try_get("languages")?),
        agent: agents::agent(&row)?,
        own_models: row.try_get("own_models")?,
        budgeted: row.try_get("budgeted")?,
        access: Access::read(&row)?,
        at: started_at.filter(|_| claimed.fork.is_none()).unwrap_or(claimed.asked_at),
        window,
        summaries: earlier,
        memories: known,
        place,
    }))
}

/// `None`: the message was deleted since.
async fn forked_at(tx: &mut TenantTx, fork: ForkId) -> Result<Option<(OffsetDateTime, Uuid)>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as(
        "select m.sent_at, m.message_id
           from forks f join messages m on m.tenant_id = f.tenant_id and m.message_id = f.message_id
          where f.tenant_id = $1 and f.fork_id = $2 and m.deleted_at is null",
    )
    .bind(tenant)
    .bind(fork)
    .fetch_optional(tx.conn())
    .await?)
}

/// What was said in the fork, and what is said in it now.
async fn side(tx: &mut TenantTx, fork: ForkId, claimed: &Claimed) -> Result<Vec<Line>, DbError> {
    let mut lines = Vec::new();
    for exchange in forks::exchanges(tx, fork).await? {
        let at = exchange.answer.created_at;
        lines.extend(exchange.question.map(|question| line(AuthorKind::Operator, question, at)));
        lines.extend(exchange.answer.answer.map(|answer| line(AuthorKind::Agent, answer, at)));
        if exchange.answer.id == claimed.id {
            break;
        }
    }
    Ok(lines)
}

fn line(author_kind: AuthorKind, body: String, sent_at: OffsetDateTime) -> Line {
    Line {
        id: MessageId::new(),
        external_id: None,
        author_kind,
        author: "A colleague".into(),
        body,
        sent_at,
        outside: false,
    }
}

const PLACE: &str = "
select c.connection_id, c.channel_external_id, c.kind, coalesce(k.shared, false) as shared, last.person_id, last.outside
  from conversations c
  left join channels k on k.tenant_id = c.tenant_id and k.connection_id = c.connection_id
                      and k.external_id = c.channel_external_id
  join lateral (
    select m.person_id, p.standing in ('bot', 'guest', 'outsider') as outside
      from messages m join people p on p.tenant_id = $1 and p.person_id = m.person_id
     where m.tenant_id = $1 and m.conversation_id = $2 and (m.sent_at, m.message_id) <= ($3, $4)
     order by m.sent_at desc, m.message_id desc limit 1
  ) last on true
 where c.tenant_id = $1 and c.conversation_id = $2";

/// `None`: no person has spoken.
async fn place(
    tx: &mut TenantTx,
    conversation: ConversationId,
    (at, message): (OffsetDateTime, Uuid),
) -> Result<Option<Place>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(PLACE)
        .bind(tenant)
        .bind(conversation)
        .bind(at)
        .bind(message)
        .fetch_optional(tx.conn())
        .await?;
    row.map(|row| {
        Ok(Place {
            connection: row.try_get("connection_id")?,
            channel: row.try_get("channel_external_id")?,
            kind: ChannelKind::parse(row.try_get("kind")?),
            shared: row.try_get("shared")?,
            person: row.try_get("person_id")?,
            outside: row.try_get("outside")?,
        })
    })
    .transpose()
}

/// The newest lines up to this one, as a turn's window has them.
async fn window(
    tx: &mut TenantTx,
    conversation: ConversationId,
    (at, message): (OffsetDateTime, Uuid),
) -> Result<Vec<Line>, DbError> {
    let tenant = tx.tenant();
    let lines: Option<Json<Vec<Line>>> = sqlx::query_scalar(
        "select jsonb_agg(jsonb_build_object('id', m.message_id, 'external_id', m.external_id, 'author_kind', m.author_kind,
                                             'author', m.author, 'body', m.body, 'sent_at', m.sent_at,
                                             'outside', m.outside)
                          order by m.sent_at, m.message_id)
           from (select m.*, coalesce(p.display_name, b.name, m.operator_name, 'a colleague') as author,
                        coalesce(p.standing in ('bot', 'guest', 'outsider'), false) as outside
                   from messages m
                   left join people p on p.tenant_id = m.tenant_id and p.person_id = m.person_id
                   left join agents b on b.tenant_id = m.tenant_id and b.agent_id = m.agent_id
                  where m.tenant_id = $1 and m.conversation_id = $2 and m.deleted_at is null
                    and coalesce(left(m.external_id, 4), '') not in ('apr_', 'fup_', 'rtr_') and (m.sent_at, m.message_id) <= ($3, $4)
                  order by m.sent_at desc, m.message_id desc limit 40) m",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(at)
    .bind(message)
    .fetch_one(tx.conn())
    .await?;
    Ok(lines.map(|Json(lines)| lines).unwrap_or_default())
}

async fn memories(tx: &mut TenantTx, (ids, scores): &(Vec<MemoryId>, Vec<f64>)) -> Result<Vec<Recalled>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select m.memory_id, m.kind, m.message_id, m.conversation_id, m.said_at, m.body, m.valid_until, g.score,
                coalesce(p.display_name, case when m.corrected_by is null then 'someone' else 'Your employer' end) as author,
                coalesce(d.title, '') as title
           from unnest($2::uuid[], $3::float8[]) with ordinality as g (memory_id, score, n)
           join memories m on m.tenant_id = $1 and m.memory_id = g.memory_id
           left join people p on p.tenant_id = $1 and p.person_id = m.person_id
           left join documents d on d.tenant_id = $1 and d.document_id = m.document_id
          order by g.n",
    )
    .bind(tenant)
    .bind(ids)
    .bind(scores)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(recalled).collect()
}

fn recalled(row: &PgRow) -> Result<Recalled, DbError> {
    let kind = match row.try_get("kind")? {
        "fact" => Kind::Fact { until: row.try_get("valid_until")? },
        "passage" => Kind::Passage { title: row.try_get("title")? },
        _ => Kind::Message { outdated_at: None },
    };
    Ok(Recalled {
        id: row.try_get("memory_id")?,
        kind,
        message: row.try_get("message_id")?,
        conversation: row.try_get("conversation_id")?,
        author: row.try_get("author")?,
        said_at: row.try_get("said_at")?,
        body: row.try_get("body")?,
        score: row.try_get("score")?,
    })
}
