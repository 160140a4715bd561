//! What a run tells an OpenTelemetry collector: its spans while it runs, its figures at the end; over OTLP/HTTP, and only
//! where the standard environment variables name an endpoint.

use std::{
    env,
    error::Error,
    pin::Pin,
    sync::{Arc, mpsc},
    time::Duration,
};

use bytes::Bytes;
use opentelemetry::{KeyValue, metrics::MeterProvider, trace::TracerProvider};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    metrics::{SdkMeterProvider, Temporality},
    trace::SdkTracerProvider,
};
use tokio::runtime::Handle;
use tracing_subscriber::layer::Layer;

use crate::{
    log::{self, Listener},
    metrics::{Family, Of},
    tls,
};

/// A collector that is away must not keep a run from ending.
const LONGEST_FLUSH: Duration = Duration::from_secs(3);
const SERVICE: &str = "ticketlake";

/// The ways to a collector.
#[derive(Debug, Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

/// Opens the ways that the environment names, and gives what listens to spans; an error says why there are none. What it
/// says never holds the headers, which are secrets.
pub fn start(runtime: &Handle) -> Result<(Telemetry, Option<Listener>), String> {
    let mut telemetry = Telemetry::default();
    if !wanted("TRACES") && !wanted("METRICS") {
        return Ok((telemetry, None));
    }
    let client = Client { http: client()?, runtime: runtime.clone() };
    let client: Arc<dyn HttpClient> = Arc::new(client);
    let why = |error: &dyn Error| {
        format!("OpenTelemetry is off: {error}; check the OTEL_EXPORTER_OTLP_… variables")
    };
    if wanted("TRACES") {
        let exporter =
            SpanExporter::builder().with_http().with_shared_http_client(Arc::clone(&client)).build();
        let exporter = exporter.map_err(|error| why(&error))?;
        let provider = SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter);
        telemetry.traces = Some(provider.build());
    }
    if wanted("METRICS") {
        let exporter = MetricExporter::builder().with_http().with_shared_http_client(client);
        // A run is a process: each counts from nothing.
        let exporter =
            exporter.with_temporality(Temporality::Cumulative).build().map_err(|error| why(&error))?;
        let provider = SdkMeterProvider::builder().with_resource(resource()).with_periodic_exporter(exporter);
        telemetry.metrics = Some(provider.build());
    }
    let listener = telemetry.traces.as_ref().map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer(SERVICE));
        layer.with_location(false).with_threads(false).with_filter(log::own_spans()).boxed()
    });
    Ok((telemetry, listener))
}

impl Telemetry {
    /// Hands over the figures of the run and waits until everything is sent, but not for long. An error says what was
    /// not sent.
    pub fn finish(self, families: &[Family]) -> Result<(), String> {
        if let Some(metrics) = &self.metrics {
            record(metrics, families);
        }
        if self.traces.is_none() && self.metrics.is_none() {
            return Ok(());
        }
        let (tell, told) = mpsc::channel();
        // The library waits longer than a run may.
        std::thread::spawn(move || {
            let traces = self.traces.map(|traces| traces.shutdown_with_timeout(LONGEST_FLUSH));
            let metrics = self.metrics.map(|metrics| metrics.shutdown_with_timeout(LONGEST_FLUSH));
            let sent = traces.into_iter().chain(metrics).all(|sent| sent.is_ok());
            // Nobody may be waiting any more.
            let _ = tell.send(sent);
        });
        match told.recv_timeout(LONGEST_FLUSH + Duration::from_secs(1)) {
            Ok(true) => Ok(()),
            _ => Err("the OpenTelemetry collector did not take everything; check that it runs at \
                      OTEL_EXPORTER_OTLP_ENDPOINT. The run itself is not touched by that"
                .to_owned()),
        }
    }
}

/// Whether the environment names an endpoint for a signal, and nothing turns it off.
fn wanted(signal: &str) -> bool {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let is = |name: &str, word: &str| set(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(word));
    let endpoint =
        set("OTEL_EXPORTER_OTLP_ENDPOINT").or_else(|| set(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")));
    endpoint.is_some() && !is("OTEL_SDK_DISABLED", "true") && !is(&format!("OTEL_{signal}_EXPORTER"), "none")
}

fn resource() -> Resource {
    let named = ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"].map(env::var);
    let [name, attributes] = named.map(Result::unwrap_or_default);
    let builder =
        Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if name.is_empty() && !attributes.contains("service.name=") {
        return builder.with_service_name(SERVICE).build();
    }
    builder.build()
}

fn record(provider: &SdkMeterProvider, families: &[Family]) {
    let meter = provider.meter(SERVICE);
    for family in families {
        let labels = |labels: &[(&'static str, String)]| -> Vec<KeyValue> {
            labels.iter().map(|(key, value)| KeyValue::new(*key, value.clone())).collect()
        };
        match family.of {
            Of::Count => {
                // Whoever turns this into Prometheus' form adds the suffix.
                let name = family.name.trim_end_matches("_total");
                let counter = meter.f64_counter(name).with_description(family.help).build();
                family.samples.iter().for_each(|sample| counter.add(sample.value, &labels(&sample.labels)));
            }
            Of::State => {
                let gauge = meter.f64_gauge(family.name).with_description(family.help).build();
                family.samples.iter().for_each(|sample| gauge.record(sample.value, &labels(&sample.labels)));
            }
        }
    }
}

fn client() -> Result<reqwest::Client, String> {
    tls::provide();
    // The headers that go along are a secret.
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let built = builder.timeout(Duration::from_secs(10)).build();
    built
        .map_err(|error| format!("OpenTelemetry is off: no HTTP client can be made: {}", error.without_url()))
}

/// The library exports on threads of its own, where no runtime is.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
}

impl HttpClient for Client {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move { http.send_bytes(request).await });
        Box::pin(async move { sent.await.map_err(HttpError::from)? })
    }
}
