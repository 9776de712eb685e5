//! What the installation is like, for who looks after the platform.

use axum::{
    Json,
    extract::{Query, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use shared::{
    db::installation::{self, Load, Process, ProviderHealth, ProviderSample, Sample},
    providers::Provider,
};
use utoipa::{IntoParams, ToSchema};

use super::conversations::written;
use crate::{
    auth::PlatformAdmin,
    error::{ApiError, Problem},
};

const HOURS_MAX: i32 = 720;
/// Samples of one answer, about.
const SAMPLES: i32 = 240;

#[derive(Serialize, ToSchema)]
pub struct StatusBody {
    /// Of the gateway that answers.
    version: &'static str,
    /// Those that were alive within a day, the newest first.
    processes: Vec<ProcessBody>,
    load: LoadBody,
    /// All that this version calls, called or not.
    providers: Vec<ProviderHealthBody>,
}

/// How a provider answers all tenants together.
#[derive(Serialize, ToSchema)]
pub struct ProviderHealthBody {
    /// `model` (the platform's), `own_model` (by keys of tenants), `slack`, `whatsapp`, `stripe` or `mail`.
    #[schema(example = "slack")]
    provider: String,
    /// Calls of the last hour that were answered, refusals among them.
    answered: i64,
    /// Calls of the last hour that reached nobody, broke off or met a fault of the provider's. Of models: whatever brought no answer.
    failed: i64,
    /// Within the last thirty days; `null`: never.
    last_answered_at: Option<String>,
    last_failed_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ProcessBody {
    #[schema(example = "worker-kite-4711-0a1b2c3d4e5f")]
    name: String,
    /// `gateway`, `orchestrator` or `worker`.
    role: String,
    version: String,
    started_at: String,
    beat_at: String,
    /// It beat within the last minute. One that ends in order is not listed any more: one that is not alive was killed, hangs or
    /// can't reach the database.
    alive: bool,
}

#[derive(Serialize, ToSchema)]
pub struct LoadBody {
    /// Conversations whose turn nobody has begun.
    lanes_waiting: i64,
    /// How long the first of them has waited.
    oldest_lane_seconds: f64,
    jobs_waiting: i64,
    oldest_job_seconds: f64,
    /// Given up, and not put aside: `/api/v1/dead-letters` lists them.
    jobs_dead: i64,
}

#[derive(Serialize, ToSchema)]
pub struct SampleBody {
    /// When the stretch begins.
    at: String,
    /// The fewest that were alive in it.
    gateways: i32,
    orchestrators: i32,
    workers: i32,
    /// The most that waited in it.
    load: LoadBody,
}

#[derive(Serialize, ToSchema)]
pub struct History {
    /// Minutes of each stretch.
    minutes: i32,
    /// Oldest first. A stretch that is not there had no worker.
    items: Vec<SampleBody>,
    /// Oldest first. A provider that was not called in a stretch is not there.
    providers: Vec<ProviderSampleBody>,
}

#[derive(Serialize, ToSchema)]
pub struct ProviderSampleBody {
    /// When the stretch begins.
    at: String,
    provider: String,
    answered: i64,
    failed: i64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryAsked {
    /// 1 to 720; 24 by default.
    hours: Option<i32>,
}

/// Which processes are alive, what waits, and how providers answer.
#[utoipa::path(get, path = "/api/v1/status",
    responses((status = 200, body = StatusBody), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn show(admin: PlatformAdmin) -> Result<Json<StatusBody>, ApiError> {
    let processes = installation::processes(&admin.db).await?;
    let load = installation::load(&admin.db).await?;
    let called = installation::providers(&admin.db).await?;
    let health = |provider: Provider| {
        let known = called.iter().find(|health| health.provider == provider).cloned();
        known.map_or_else(|| ProviderHealthBody::uncalled(provider), ProviderHealthBody::from)
    };
    Ok(Json(StatusBody {
        version: env!("CARGO_PKG_VERSION"),
        processes: processes.into_iter().map(ProcessBody::from).collect(),
        load: load.into(),
        providers: Provider::ALL.into_iter().map(health).collect(),
    }))
}

/// The last hours of that.
#[utoipa::path(get, path = "/api/v1/status/history", params(HistoryAsked),
    responses((status = 200, body = History), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn history(
    admin: PlatformAdmin,
    asked: Result<Query<HistoryAsked>, QueryRejection>,
) -> Result<Json<History>, ApiError> {
    let refused = || ApiError::invalid(format!("The query may have `hours`, 1 to {HOURS_MAX}, and nothing else."));
    let Query(asked) = asked.map_err(|_| refused())?;
    let hours = asked.hours.unwrap_or(24);
    if !(1..=HOURS_MAX).contains(&hours) {
        return Err(refused());
    }
    let minutes = (hours * 60 / SAMPLES).max(1);
    let items = installation::history(&admin.db, hours, minutes).await?;
    let providers = installation::provider_history(&admin.db, hours, minutes).await?;
    Ok(Json(History {
        minutes,
        items: items.into_iter().map(SampleBody::from).collect(),
        providers: providers.into_iter().map(ProviderSampleBody::from).collect(),
    }))
}

impl From<Process> for ProcessBody {
    fn from(process: Process) -> Self {
        Self {
            name: process.name,
            role: process.role,
            version: process.version,
            started_at: written(process.started_at),
            beat_at: written(process.beat_at),
            alive: process.alive,
        }
    }
}

impl From<Load> for LoadBody {
    fn from(load: Load) -> Self {
        Self {
            lanes_waiting: load.lanes_waiting,
            oldest_lane_seconds: load.oldest_lane_seconds,
            jobs_waiting: load.jobs_waiting,
            oldest_job_seconds: load.oldest_job_seconds,
            jobs_dead: load.jobs_dead,
        }
    }
}

impl ProviderHealthBody {
    fn uncalled(provider: Provider) -> Self {
        let provider = provider.as_str().to_owned();
        Self { provider, answered: 0, failed: 0, last_answered_at: None, last_failed_at: None }
    }
}

impl From<ProviderHealth> for ProviderHealthBody {
    fn from(health: ProviderHealth) -> Self {
        Self {
            provider: health.provider.as_str().to_owned(),
            answered: health.answered,
            failed: health.failed,
            last_answered_at: health.last_answered_at.map(written),
            last_failed_at: health.last_failed_at.map(written),
        }
    }
}

impl From<ProviderSample> for ProviderSampleBody {
    fn from(sample: ProviderSample) -> Self {
        Self {
            at: written(sample.at),
            provider: sample.provider,
            answered: sample.answered,
            failed: sample.failed,
        }
    }
}

impl From<Sample> for SampleBody {
    fn from(sample: Sample) -> Self {
        Self {
            at: written(sample.at),
            gateways: sample.gateways,
            orchestrators: sample.orchestrators,
            workers: sample.workers,
            load: sample.load.into(),
        }
    }
}
