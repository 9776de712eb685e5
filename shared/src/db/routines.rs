//! Routines: what an agent does again and again. A time of one is claimed once, whoever sees first that it is due; times that
//! were missed while nothing ran are made up for by one.

use serde_json::{Value, json};
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    DbError, SystemDb, TenantTx,
    audit::{self, Actor},
    office_hours,
};
use crate::{
    hours::{Hours, Schedule},
    ids::{AgentId, ConnectionId, ConversationId, RoutineId, RoutineRunId, TenantId},
    jobs::Job,
    message::ChannelKind,
    queue,
};

/// Routines of one tenant.
pub const ROUTINES_MAX: i64 = 50;
pub const NAME_MAX: usize = 80;
pub const INSTRUCTION_MAX: usize = 2_000;
/// Times of it that somebody may ask for in an hour, besides its own.
pub const NOW_MAX: i64 = 10;

#[derive(Clone, Debug)]
pub struct Routine {
    pub id: RoutineId,
    pub name: String,
    pub agent: AgentId,
    pub connection: ConnectionId,
    pub channel: String,
    pub instruction: String,
    pub schedule: String,
    pub business_hours: bool,
    pub enabled: bool,
    pub next_at: Option<OffsetDateTime>,
    /// When it was begun last.
    pub last_at: Option<OffsetDateTime>,
    pub created_by: String,
    pub created_at: OffsetDateTime,
}

/// What the gateway has checked.
#[derive(Clone, Debug)]
pub struct Shape<'a> {
    pub name: &'a str,
    pub agent: AgentId,
    pub connection: ConnectionId,
    pub channel: &'a str,
    pub instruction: &'a str,
    pub schedule: &'a str,
    pub business_hours: bool,
    pub enabled: bool,
    pub next_at: Option<OffsetDateTime>,
}

/// One time of a routine, as its turn needs it.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: RoutineRunId,
    pub routine: RoutineId,
    pub name: String,
    pub agent: AgentId,
    pub instruction: String,
    pub connection: ConnectionId,
    pub channel: String,
    pub conversation: ConversationId,
    /// It was switched off or deleted meanwhile.
    pub over: bool,
}

const LIST: &str = "
select r.routine_id, r.name, r.agent_id, r.connection_id, r.channel_external_id, r.instruction, r.schedule,
       r.business_hours, r.enabled, r.next_at, r.created_by, r.created_at,
       (select max(n.begun_at) from routine_runs n where n.tenant_id = $1 and n.routine_id = r.routine_id) as last_at
  from routines r
 where r.tenant_id = $1 and r.deleted_at is null and ($2::uuid is null or r.routine_id = $2)
 order by r.routine_id limit 50";

/// The routines, oldest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Routine>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(LIST).bind(tenant).bind(None::<RoutineId>).fetch_all(tx.conn()).await?;
    rows.iter().map(routine).collect()
}

pub async fn find(tx: &mut TenantTx, id: RoutineId) -> Result<Option<Routine>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(LIST).bind(tenant).bind(id).fetch_optional(tx.conn()).await?;
    row.as_ref().map(routine).transpose()
}

fn routine(row: &PgRow) -> Result<Routine, DbError> {
    Ok(Routine {
        id: row.try_get("routine_id")?,
        name: row.try_get("name")?,
        agent: row.try_get("agent_id")?,
        connection: row.try_get("connection_id")?,
        channel: row.try_get("channel_external_id")?,
        instruction: row.try_get("instruction")?,
        schedule: row.try_get("schedule")?,
        business_hours: row.try_get("business_hours")?,
        enabled: row.try_get("enabled")?,
        next_at: row.try_get("next_at")?,
        last_at: row.try_get("last_at")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
    })
}

/// [`DbError::NotFound`]: no such agent, or no such workspace: routines write to Slack.
pub async fn create(tx: &mut TenantTx, actor: &Actor, shape: &Shape<'_>) -> Result<Routine, DbError> {
    let (tenant, id) = (tx.tenant(), RoutineId::new());
    let count: i64 =
        sqlx::query_scalar("select count(*) from routines where tenant_id = $1 and deleted_at is null")
            .bind(tenant)
            .fetch_one(tx.conn())
            .await?;
    if count >= ROUTINES_MAX {
        return Err(DbError::Conflict("There are 50 routines already: delete one first."));
    }
    let stored = sqlx::query(
        "insert into routines (tenant_id, routine_id, agent_id, connection_id, channel_external_id, conversation_id, name,
                               instruction, schedule, business_hours, enabled, next_at, created_by)
         select $1, $2, a.agent_id, c.connection_id, $5, $6, $7, $8, $9, $10, $11, $12, $13
           from agents a, channel_connections c
          where a.tenant_id = $1 and a.agent_id = $3 and c.tenant_id = $1 and c.connection_id = $4 and c.channel = 'slack'",
    )
    .bind(tenant)
    .bind(id)
    .bind(shape.agent)
    .bind(shape.connection)
    .bind(shape.channel)
    .bind(ConversationId::new())
    .bind(shape.name)
    .bind(shape.instruction)
    .bind(shape.schedule)
    .bind(shape.business_hours)
    .bind(shape.enabled)
    .bind(shape.next_at.filter(|_| shape.enabled))
    .bind(actor.id())
    .execute(tx.conn())
    .await
    .map_err(same_name)?;
    if stored.rows_affected() == 0 {
        return Err(DbError::NotFound);
    }
    audit::append(tx, actor, "routine.create", ("routine", &id.to_string()), detail(shape)).await?;
    find(tx, id).await?.ok_or(DbError::NotFound)
}

/// Replaces what a routine is. A place of its own it keeps only where it stays in its channel.
pub async fn change(
    tx: &mut TenantTx,
    actor: &Actor,
    id: RoutineId,
    shape: &Shape<'_>,
) -> Result<Routine, DbError> {
    let tenant = tx.tenant();
    let changed = sqlx::query(
        "update routines r
            set agent_id = a.agent_id, connection_id = c.connection_id, channel_external_id = $5,
                conversation_id = case when (r.connection_id, r.channel_external_id) = (c.connection_id, $5)
                                       then r.conversation_id else $6 end,
                name = $7, instruction = $8, schedule = $9, business_hours = $10, enabled = $11, next_at = $12,
                changed_at = clock_timestamp()
           from agents a, channel_connections c
          where r.tenant_id = $1 and r.routine_id = $2 and r.deleted_at is null
            and a.tenant_id = $1 and a.agent_id = $3 and c.tenant_id = $1 and c.connection_id = $4 and c.channel = 'slack'",
    )
    .bind(tenant)
    .bind(id)
    .bind(shape.agent)
    .bind(shape.connection)
    .bind(shape.channel)
    .bind(ConversationId::new())
    .bind(shape.name)
    .bind(shape.instruction)
    .bind(shape.schedule)
    .bind(shape.business_hours)
    .bind(shape.enabled)
    .bind(shape.next_at.filter(|_| shape.enabled))
    .execute(tx.conn())
    .await
    .map_err(same_name)?;
    if changed.rows_affected() == 0 {
        return Err(DbError::NotFound);
    }
    audit::append(tx, actor, "routine.change", ("routine", &id.to_string()), detail(shape)).await?;
    find(tx, id).await?.ok_or(DbError::NotFound)
}

fn same_name(error: sqlx::Error) -> DbError {
    DbError::from(error).on_constraint("routines_by_name", "There is a routine of this name already.")
}

/// For the log: where and when, not what it says.
fn detail(shape: &Shape<'_>) -> Value {
    json!({ "name": shape.name, "agent": shape.agent, "connection": shape.connection, "channel": shape.channel,
            "schedule": shape.schedule, "business_hours": shape.business_hours, "enabled": shape.enabled })
}

/// Deletes a routine. What it did stays on record.
pub async fn remove(tx: &mut TenantTx, actor: &Actor, id: RoutineId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let removed = sqlx::query(
        "update routines set deleted_at = clock_timestamp(), enabled = false, next_at = null
          where tenant_id = $1 and routine_id = $2 and deleted_at is null",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    if removed.rows_affected() == 0 {
        return Err(DbError::NotFound);
    }
    audit::append(tx, actor, "routine.delete", ("routine", &id.to_string()), json!({})).await
}

/// Routines that are due, at most 100.
///
/// Reason: the schedule asks whose turn it is; what is begun is written under each tenant.
pub async fn due(db: &SystemDb) -> Result<Vec<(TenantId, RoutineId)>, DbError> {
    let rows = sqlx::query(
        "select tenant_id, routine_id from routines where next_at <= now() order by next_at limit 100",
    )
    .fetch_all(db.read())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("tenant_id")?, row.try_get("routine_id")?))).collect()
}

/// Begins a routine that is due, and plans its next time: from now on, so that a pause is made up for once. `None`: somebody
/// was faster, or it is due no more.
pub async fn take_due(
    tx: &mut TenantTx,
    id: RoutineId,
    now: OffsetDateTime,
) -> Result<Option<RoutineRunId>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select schedule, business_hours, next_at from routines
          where tenant_id = $1 and routine_id = $2 and next_at <= clock_timestamp() for no key update skip locked",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (schedule, open): (String, bool) = (row.try_get("schedule")?, row.try_get("business_hours")?);
    let due: OffsetDateTime = row.try_get("next_at")?;
    let hours = office_hours::get(tx).await?;
    // One that can't be read would stand in front of everybody else's, sweep after sweep: it runs once more, and then rests.
    let next = next(&schedule, &hours, now.max(due), open).unwrap_or_else(|error| {
        tracing::error!(routine.id = %id, %error, "A routine rests: its schedule can't be read");
        None
    });
    sqlx::query("update routines set next_at = $3 where tenant_id = $1 and routine_id = $2")
        .bind(tenant)
        .bind(id)
        .bind(next)
        .execute(tx.conn())
        .await?;
    begin(tx, id, due, &Actor::System).await
}

fn next(schedule: &str, hours: &Hours, at: OffsetDateTime, open: bool) -> Result<Option<OffsetDateTime>, DbError> {
    Ok(Schedule::parse(schedule).map_err(DbError::Damaged)?.after(hours, at, open))
}

/// Begins a routine out of its turn. [`DbError::Limit`] is not meant for that: it is a conflict that passes.
pub async fn run_now(
    tx: &mut TenantTx,
    id: RoutineId,
    now: OffsetDateTime,
    actor: &Actor,
) -> Result<RoutineRunId, DbError> {
    let tenant = tx.tenant();
    let recent: Option<i64> = sqlx::query_scalar(
        "select (select count(*) from routine_runs n
                  where n.tenant_id = $1 and n.routine_id = r.routine_id and n.begun_at > now() - interval '1 hour')
           from routines r
          where r.tenant_id = $1 and r.routine_id = $2 and r.deleted_at is null for no key update",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    match recent {
        None => Err(DbError::NotFound),
        Some(count) if count >= NOW_MAX => {
            Err(DbError::Conflict("It was begun 10 times in the last hour: try again later."))
        }
        Some(_) => begin(tx, id, now, actor).await?.ok_or(DbError::Conflict("It was begun a moment ago.")),
    }
}

async fn begin(
    tx: &mut TenantTx,
    id: RoutineId,
    due: OffsetDateTime,
    actor: &Actor,
) -> Result<Option<RoutineRunId>, DbError> {
    let (tenant, run) = (tx.tenant(), RoutineRunId::new());
    let begun = sqlx::query(
        "insert into routine_runs (tenant_id, routine_run_id, routine_id, due_at, agent_id, instruction, begun_by)
         select $1, $3, r.routine_id, $4, r.agent_id, r.instruction, $5 from routines r
          where r.tenant_id = $1 and r.routine_id = $2 and r.deleted_at is null
         on conflict (tenant_id, routine_id, due_at) do nothing",
    )
    .bind(tenant)
    .bind(id)
    .bind(run)
    .bind(due)
    .bind(actor.id())
    .execute(tx.conn())
    .await?;
    if begun.rows_affected() == 0 {
        return Ok(None);
    }
    queue::enqueue(tx, &Job::BeginRoutine { run }).await?;
    let detail = json!({ "run": run, "due_at": due.unix_timestamp() });
    audit::append(tx, actor, "routine.begin", ("routine", &id.to_string()), detail).await?;
    Ok(Some(run))
}

/// Plans everything anew: the tenant's clock or hours have changed.
pub async fn plan_again(tx: &mut TenantTx, now: OffsetDateTime) -> Result<(), DbError> {
    let (tenant, hours) = (tx.tenant(), office_hours::get(tx).await?);
    for routine in list(tx).await?.into_iter().filter(|routine| routine.enabled) {
        let next = next(&routine.schedule, &hours, now, routine.business_hours)?;
        sqlx::query("update routines set next_at = $3 where tenant_id = $1 and routine_id = $2 and enabled")
            .bind(tenant)
            .bind(routine.id)
            .bind(next)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

pub async fn find_run(tx: &mut TenantTx, id: RoutineRunId) -> Result<Option<Run>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select n.routine_run_id, n.routine_id, r.name, n.agent_id, n.instruction, r.connection_id, r.channel_external_id,
                r.conversation_id, r.deleted_at is not null as over
           from routine_runs n join routines r on r.tenant_id = $1 and r.routine_id = n.routine_id
          where n.tenant_id = $1 and n.routine_run_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Run {
            id: row.try_get("routine_run_id")?,
            routine: row.try_get("routine_id")?,
            name: row.try_get("name")?,
            agent: row.try_get("agent_id")?,
            instruction: row.try_get("instruction")?,
            connection: row.try_get("connection_id")?,
            channel: row.try_get("channel_external_id")?,
            conversation: row.try_get("conversation_id")?,
            over: row.try_get("over")?,
        })
    })
    .transpose()
}

/// What is known of a channel that a routine writes to.
pub async fn kind_of(tx: &mut TenantTx, run: &Run) -> Result<ChannelKind, DbError> {
    let tenant = tx.tenant();
    let kind: Option<String> = sqlx::query_scalar(
        "select kind from channels where tenant_id = $1 and connection_id = $2 and external_id = $3",
    )
    .bind(tenant)
    .bind(run.connection)
    .bind(&run.channel)
    .fetch_optional(tx.conn())
    .await?;
    Ok(kind.map_or(ChannelKind::Unknown, |kind| ChannelKind::parse(&kind)))
}
