//! Logs, traces and metrics, set up once in `main`.
//!
//! A message carries its W3C `traceparent` in the inbox row, so one trace runs from webhook to reply across processes.
//! Log lines carry tenant, conversation and run ids, never message text.

use std::{collections::HashMap, future::Future, sync::Arc};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::{
    propagation::TextMapPropagator,
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    propagation::TraceContextPropagator,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tokio::runtime::Handle;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat};

/// Libraries that quote what they could not read: a model's answer has no place in a log.
const SILENCED: &str = "async_openai=off";

/// Keeps the exporters alive; dropping it flushes what is left.
pub struct Telemetry {
    traces: SdkTracerProvider,
    pub metrics: PrometheusHandle,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // The process is ending: there is nobody left to tell about a failed flush.
        let _ = self.traces.shutdown();
    }
}

/// Sets up the process. `role` names the service in traces and logs.
pub fn start(role: &'static str, config: &LogConfig) -> Result<Telemetry, String> {
    let traces = tracer(role, config)?;
    let filter = EnvFilter::try_new(format!("{},{SILENCED}", config.filter))
        .map_err(|error| format!("RUST_LOG is not a filter: {error}."))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        LogFormat::Pretty => lines.compact().boxed(),
    };
    // Place in the code, thread and idle time would be gathered for every span, and say little.
    let spans = tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_tracer(traces.tracer("konstruct"))
        .with_filter(EnvFilter::new("info"));
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(spans)
        .try_init()
        .map_err(|error| format!("Logging can't be set up: {error}."))?;
    let metrics = PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| format!("Metrics can't be set up: {error}."))?;
    log_panics();
    Ok(Telemetry { traces, metrics })
}

fn tracer(role: &'static str, config: &LogConfig) -> Result<SdkTracerProvider, String> {
    let resource = Resource::builder().with_service_name(format!("konstruct-{role}")).build();
    let mut provider = SdkTracerProvider::builder().with_resource(resource);
    if let Some(endpoint) = &config.otlp_endpoint {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(crate::egress::provider_client(Some(std::time::Duration::from_secs(10))))
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|error| format!("OTEL_EXPORTER_OTLP_ENDPOINT can't be used: {error}."))?;
        let runtime = Handle::try_current().map_err(|_| "Traces need a running runtime to be sent.".to_owned())?;
        provider = provider.with_batch_exporter(OnRuntime { exporter: Arc::new(exporter), runtime });
    }
    Ok(provider.build())
}

/// Sends on the process's runtime: the library exports from a thread of its own, where an HTTP client finds no reactor and
/// panics, and every trace is lost.
#[derive(Debug)]
struct OnRuntime {
    exporter: Arc<opentelemetry_otlp::SpanExporter>,
    runtime: Handle,
}

impl SpanExporter for OnRuntime {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let exporter = self.exporter.clone();
        let sending = self.runtime.spawn(async move { exporter.export(batch).await });
        async move { sending.await.map_err(|error| OTelSdkError::InternalFailure(error.to_string()))? }
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Called once, before the first export: nobody else holds it.
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}

/// A panic becomes a log line with its place, and a count; its text may hold content, so it is left out.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        metrics::counter!("konstruct_panics_total").increment(1);
        tracing::error!(panic.place = %place, "A task panicked");
    }));
}

/// The current span as a W3C `traceparent`, to be stored with what continues it.
pub fn traceparent() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove("traceparent")
}

/// Makes `span` a child of a stored `traceparent`; anything unreadable starts a trace of its own.
pub fn continue_trace(span: &Span, traceparent: Option<&str>) {
    let Some(traceparent) = traceparent else { return };
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&carrier);
    if parent.span().span_context().is_valid() {
        // Fails only where no tracing is set up, as in tests.
        let _ = span.set_parent(parent);
    }
}

/// The trace id in a `traceparent`, for log lines and `runs.trace`.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let hex = |id: &&str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    traceparent.split('-').nth(1).filter(hex)
}
