//! Routines: what an agent does again and again in a channel, by the tenant's clock.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        TenantTx, office_hours,
        routines::{self, INSTRUCTION_MAX, NAME_MAX, Routine, Shape},
    },
    hours::Schedule,
    ids::{AgentId, RoutineId},
};
use utoipa::ToSchema;

use super::{bindings, conversations::written};
use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

#[derive(Serialize, ToSchema)]
pub struct RoutineBody {
    #[schema(example = "rou_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    agent: String,
    connection: String,
    channel: String,
    instruction: String,
    schedule: String,
    business_hours: bool,
    enabled: bool,
    /// `null`: it is switched off, or never due again.
    next_at: Option<String>,
    last_at: Option<String>,
    created_by: String,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct RoutineList {
    /// Oldest first.
    items: Vec<RoutineBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoutine {
    #[schema(example = "Open tickets")]
    name: String,
    #[schema(example = "agt_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    agent: String,
    /// A connection with Slack.
    #[schema(example = "con_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    connection: String,
    /// Slack's id of the channel.
    #[schema(example = "C024BE91L")]
    channel: String,
    #[schema(example = "Post the open tickets, oldest first.")]
    instruction: String,
    /// The five fields of cron, by the clock of `/api/v1/office-hours`; times 15 minutes apart or more.
    #[schema(example = "0 9 * * 1")]
    schedule: String,
    /// Only while somebody is there.
    #[serde(default)]
    business_hours: bool,
    enabled: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRoutine {
    name: Option<String>,
    agent: Option<String>,
    connection: Option<String>,
    channel: Option<String>,
    instruction: Option<String>,
    schedule: Option<String>,
    business_hours: Option<bool>,
    enabled: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct Begun {
    #[schema(example = "rtr_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    run: String,
}

/// The tenant's routines.
#[utoipa::path(get, path = "/api/v1/routines",
    responses((status = 200, body = RoutineList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<RoutineList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = routines::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(RoutineList { items: items.into_iter().map(RoutineBody::from).collect() }))
}

/// Makes a routine.
#[utoipa::path(post, path = "/api/v1/routines", request_body = NewRoutine, params(OnceKey),
    responses((status = 201, body = RoutineBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    once: Once,
    body: Result<Json<NewRoutine>, JsonRejection>,
) -> Result<(StatusCode, Json<RoutineBody>), ApiError> {
    let Json(body) = body?;
    let given = Given {
        name: &body.name,
        agent: &body.agent,
        connection: &body.connection,
        channel: &body.channel,
        instruction: &body.instruction,
        schedule: &body.schedule,
        business_hours: body.business_hours,
        enabled: body.enabled.unwrap_or(true),
    };
    let mut tx = admin.db.begin().await?;
    let shape = given.check(&mut tx, &gateway).await?;
    let routine = routines::create(&mut tx, &admin.actor, &shape).await?;
    once.commit(tx, StatusCode::CREATED, routine.into()).await
}

/// Changes a routine. Its next time is planned anew.
#[utoipa::path(patch, path = "/api/v1/routines/{routine_id}", params(("routine_id" = String, Path)),
    request_body = ChangeRoutine,
    responses((status = 200, body = RoutineBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn change(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    PathId(id): PathId<RoutineId>,
    body: Result<Json<ChangeRoutine>, JsonRejection>,
) -> Result<Json<RoutineBody>, ApiError> {
    let Json(body) = body?;
    let mut tx = admin.db.begin().await?;
    let known = routines::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    let (agent, connection) = (known.agent.to_string(), known.connection.to_string());
    let given = Given {
        name: body.name.as_deref().unwrap_or(&known.name),
        agent: body.agent.as_deref().unwrap_or(&agent),
        connection: body.connection.as_deref().unwrap_or(&connection),
        channel: body.channel.as_deref().unwrap_or(&known.channel),
        instruction: body.instruction.as_deref().unwrap_or(&known.instruction),
        schedule: body.schedule.as_deref().unwrap_or(&known.schedule),
        business_hours: body.business_hours.unwrap_or(known.business_hours),
        enabled: body.enabled.unwrap_or(known.enabled),
    };
    let shape = given.check(&mut tx, &gateway).await?;
    let routine = routines::change(&mut tx, &admin.actor, id, &shape).await?;
    tx.commit().await?;
    Ok(Json(routine.into()))
}

/// Deletes a routine. What it did stays on record.
#[utoipa::path(delete, path = "/api/v1/routines/{routine_id}", params(("routine_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn remove(Admin(admin): Admin, PathId(id): PathId<RoutineId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    routines::remove(&mut tx, &admin.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins a routine now, besides its own times; 10 times an hour at most.
#[utoipa::path(post, path = "/api/v1/routines/{routine_id}/run", params(("routine_id" = String, Path), OnceKey),
    responses((status = 202, body = Begun), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn run(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    once: Once,
    PathId(id): PathId<RoutineId>,
) -> Result<(StatusCode, Json<Begun>), ApiError> {
    let mut tx = admin.db.begin().await?;
    let run = routines::run_now(&mut tx, id, gateway.clock.now(), &admin.actor).await?;
    once.commit(tx, StatusCode::ACCEPTED, Begun { run: run.to_string() }).await
}

/// A routine as it is about to be.
struct Given<'a> {
    name: &'a str,
    agent: &'a str,
    connection: &'a str,
    channel: &'a str,
    instruction: &'a str,
    schedule: &'a str,
    business_hours: bool,
    enabled: bool,
}

impl<'a> Given<'a> {
    async fn check(&self, tx: &mut TenantTx, gateway: &Gateway) -> Result<Shape<'a>, ApiError> {
        let (name, instruction) = (self.name.trim(), self.instruction.trim());
        if !(1..=NAME_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(ApiError::invalid(format!("`name` must have 1 to {NAME_MAX} characters.")));
        }
        let control = |letter: char| letter.is_control() && letter != '\n';
        if !(1..=INSTRUCTION_MAX).contains(&instruction.chars().count()) || instruction.chars().any(control) {
            return Err(ApiError::invalid(format!("`instruction` must have 1 to {INSTRUCTION_MAX} characters.")));
        }
        let agent =
            self.agent.parse::<AgentId>().map_err(|error| ApiError::invalid(format!("`agent`: {error}.")))?;
        let schedule = Schedule::parse(self.schedule).map_err(ApiError::invalid)?;
        let hours = office_hours::get(tx).await?;
        Ok(Shape {
            name,
            agent,
            connection: bindings::connection(self.connection)?,
            channel: bindings::channel(self.channel)?,
            instruction,
            schedule: self.schedule,
            business_hours: self.business_hours,
            enabled: self.enabled,
            next_at: schedule.after(&hours, gateway.clock.now(), self.business_hours),
        })
    }
}

impl From<Routine> for RoutineBody {
    fn from(routine: Routine) -> Self {
        Self {
            id: routine.id.to_string(),
            name: routine.name,
            agent: routine.agent.to_string(),
            connection: routine.connection.to_string(),
            channel: routine.channel,
            instruction: routine.instruction,
            schedule: routine.schedule,
            business_hours: routine.business_hours,
            enabled: routine.enabled,
            next_at: routine.next_at.map(written),
            last_at: routine.last_at.map(written),
            created_by: routine.created_by,
            created_at: written(routine.created_at),
        }
    }
}
