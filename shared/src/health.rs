//! `/healthz`, `/readyz` and `/metrics`, the same in every role.

use std::{net::SocketAddr, time::Duration};

use axum::{Json, Router, http::StatusCode, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use crate::{db::Db, live};
use secrecy::SecretString;

const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// What a process depends on.
#[derive(Clone)]
pub struct Dependencies {
    pub db: Db,
    pub redis_url: SecretString,
}

/// One dependency's state. Redis only speeds things up: without it the process is ready, and says so.
#[derive(Debug, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ready: bool,
    pub required: bool,
    pub detail: String,
}

#[derive(Debug, Serialize)]
pub struct Readiness {
    pub ready: bool,
    pub checks: Vec<Check>,
}

impl Dependencies {
    pub async fn check(&self) -> Readiness {
        let (postgres, redis) =
            tokio::join!(tokio::time::timeout(CHECK_TIMEOUT, self.db.ping()), live::ping(&self.redis_url),);
        let postgres = match postgres {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                // Anyone may ask: what the server said stays in the log.
                tracing::warn!(%error, "PostgreSQL does not answer");
                Err("does not answer".to_owned())
            }
            Err(_) => Err("no answer within 2 s".to_owned()),
        };
        let redis = redis.map_err(|_| "does not answer".to_owned());
        let checks = vec![check("postgresql", true, postgres), check("redis", false, redis)];
        Readiness { ready: checks.iter().all(|check| check.ready || !check.required), checks }
    }
}

fn check(name: &'static str, required: bool, result: Result<(), String>) -> Check {
    let detail = match &result {
        Ok(()) => "ok".to_owned(),
        Err(reason) if required => reason.clone(),
        Err(reason) => format!("{reason}; working without it, slower"),
    };
    Check { name, ready: result.is_ok(), required, detail }
}

/// The two routes that face load balancers.
pub fn routes(dependencies: Dependencies) -> Router {
    let ready = get(move || {
        let dependencies = dependencies.clone();
        async move {
            let readiness = dependencies.check().await;
            let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, Json(readiness))
        }
    });
    Router::new()
        .route("/healthz", get(|| async { "alive" }))
        .route("/health", get(|| async { "alive" }))
        .route("/readyz", ready)
}

/// Serves the routes and `/metrics` until the process ends.
pub async fn serve(
    address: SocketAddr,
    dependencies: Dependencies,
    metrics: PrometheusHandle,
) -> Result<(), std::io::Error> {
    let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| {
        std::io::Error::new(error.kind(), format!("KONSTRUCT_METRICS_BIND {address} can't be used: {error}"))
    })?;
    let metrics = get(move || {
        let metrics = metrics.clone();
        async move {
            metrics.run_upkeep();
            metrics.render()
        }
    });
    axum::serve(listener, routes(dependencies).route("/metrics", metrics)).await
}
