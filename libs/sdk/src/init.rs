//! The one call at the entry point.

use std::env;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfig, BatchSpanProcessor, SdkTracer, SdkTracerProvider};
use throughline_context::UnknownFormat;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::early;
use crate::interaction::Stamp;
use crate::otlp::Client;
use crate::propagator::Propagator;

/// The name of spans' instrumentation scope.
const SCOPE: &str = "throughline-sdk";
/// The longest that one export may take, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Starts sending spans, as the environment variables of OpenTelemetry say, and installs a subscriber for the spans of
/// `tracing`, unless there is one already: with one of your own, take [`builder`] and [`Guard::layer`].
///
/// Call it first in `main`, before a listener is opened: spans of requests that were served earlier are lost. Keep
/// the guard until the end.
pub fn init() -> Result<Guard, InitError> {
    let guard = builder().open()?;
    if tracing_subscriber::registry().with(guard.layer()).try_init().is_err() {
        tracing::debug!("a subscriber is installed already");
    }
    guard.warn();
    Ok(guard)
}

/// Settings beside those of the environment.
pub fn builder() -> Builder {
    Builder::default()
}

/// Settings of [`builder`].
#[derive(Debug, Default)]
pub struct Builder {
    service_name: Option<String>,
    attributes: Vec<KeyValue>,
    endpoint: Option<String>,
    batch: Option<BatchConfig>,
    global: Option<bool>,
}

/// Sends what is left when it goes.
#[derive(Debug)]
#[must_use = "spans are sent as long as the guard lives"]
pub struct Guard {
    provider: SdkTracerProvider,
    early: u64,
}

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A protocol that this library does not speak.
    #[error("{variable} is `{value}`; only `http/protobuf` is spoken here: set it so, and the port to 4318")]
    Protocol {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// An endpoint with https, without the feature for it.
    #[error("the endpoint `{0}` wants https: build throughline-sdk with the feature `tls`, or use http")]
    Tls(String),
    /// A name in `OTEL_PROPAGATORS` that nobody knows.
    #[error("OTEL_PROPAGATORS: {0}")]
    Propagators(#[from] UnknownFormat),
    /// The thread that sends did not start, or the certificates of the system cannot be read.
    #[error("the client that sends spans did not start: {0}")]
    Client(#[from] std::io::Error),
    /// Other settings of the exporter.
    #[error("the OTLP exporter: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

impl Builder {
    /// The name of the service, where neither `OTEL_SERVICE_NAME` nor `OTEL_RESOURCE_ATTRIBUTES` says it.
    #[must_use]
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// An attribute of the resource.
    #[must_use]
    pub fn attribute(mut self, attribute: KeyValue) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// The whole URL that spans are posted to, in place of the environment's.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// How spans are gathered, in place of the environment's `OTEL_BSP_*`.
    #[must_use]
    pub fn batch(mut self, batch: BatchConfig) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Whether the provider and the propagator are installed for the whole process, as they are unless this says
    /// no.
    #[must_use]
    pub fn global(mut self, global: bool) -> Self {
        self.global = Some(global);
        self
    }

    /// Starts sending spans.
    pub fn start(self) -> Result<Guard, InitError> {
        let guard = self.open()?;
        guard.warn();
        Ok(guard)
    }

    fn open(self) -> Result<Guard, InitError> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let propagator = set("OTEL_PROPAGATORS").map_or(Ok(Propagator::default()), |names| names.parse())?;
        let resource = resource(self.service_name, self.attributes, &set);
        let mut provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(Stamp);
        let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if !disabled && set("OTEL_TRACES_EXPORTER").is_none_or(|name| name != "none") {
            let exporter = exporter(self.endpoint, &set)?;
            let batch = self.batch.unwrap_or_default();
            let sending = BatchSpanProcessor::builder(exporter).with_batch_config(batch).build();
            provider = provider.with_span_processor(sending);
        }
        let provider = provider.build();
        if disabled {
            provider.shutdown().unwrap_or_else(|error| tracing::debug!(%error, "shutting down"));
        }
        if self.global.unwrap_or(true) {
            global::set_text_map_propagator(propagator);
            global::set_tracer_provider(provider.clone());
        }
        Ok(Guard { provider, early: early::PROCESS.start() })
    }
}

impl Guard {
    /// The layer that makes spans of `tracing` into spans of OpenTelemetry, from level `INFO` on; add it to a
    /// subscriber of your own.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync>(&self) -> impl Layer<S> + use<S> {
        let layer: OpenTelemetryLayer<S, SdkTracer> =
            tracing_opentelemetry::layer().with_tracer(self.provider.tracer(SCOPE));
        layer.with_filter(LevelFilter::INFO)
    }

    /// The provider, for spans without `tracing`.
    pub fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }

    /// Requests that the layer served before this guard was made; their spans are lost.
    pub fn served_before(&self) -> u64 {
        self.early
    }

    /// Sends what has gathered.
    pub fn flush(&self) -> OTelSdkResult {
        self.provider.force_flush()
    }

    fn warn(&self) {
        if self.early > 0 {
            tracing::warn!(
                requests = self.early,
                "requests were served before throughline_sdk::init ran and their spans are lost: call it first in main",
            );
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

fn exporter(
    endpoint: Option<String>,
    set: &impl Fn(&str) -> Option<String>,
) -> Result<SpanExporter, InitError> {
    let first =
        |names: [&'static str; 2]| names.into_iter().find_map(|name| set(name).map(|value| (name, value)));
    if let Some((variable, value)) = first([OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, OTEL_EXPORTER_OTLP_PROTOCOL])
        && value != "http/protobuf"
    {
        return Err(InitError::Protocol { variable, value });
    }
    let from_environment = first(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let url = endpoint.clone().or(from_environment.map(|(_, url)| url)).unwrap_or_default();
    if !cfg!(feature = "tls") && url.starts_with("https:") {
        return Err(InitError::Tls(url));
    }
    let timeout = first([OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, OTEL_EXPORTER_OTLP_TIMEOUT])
        .and_then(|(_, value)| value.parse().ok())
        .map_or(TIMEOUT, Duration::from_millis);
    let builder = SpanExporter::builder().with_http().with_http_client(Client::new(timeout)?);
    let builder = match endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint),
        None => builder,
    };
    Ok(builder.build()?)
}

/// The name that the environment gives counts before that of the program.
fn resource(
    name: Option<String>,
    attributes: Vec<KeyValue>,
    set: &impl Fn(&str) -> Option<String>,
) -> Resource {
    let named = set("OTEL_SERVICE_NAME").is_some()
        || set("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|list| list.contains("service.name="));
    let builder = Resource::builder().with_attributes(attributes);
    match name {
        Some(name) if !named => builder.with_service_name(name).build(),
        _ => builder.build(),
    }
}
