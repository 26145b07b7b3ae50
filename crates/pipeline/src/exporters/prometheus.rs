//! `prometheus`: keeps the newest points of every series, for Prometheus to fetch.

mod settings;
mod units;
mod names;
mod labels;
mod sample;
mod store;
mod text;

use std::sync::{Arc, Mutex, PoisonError};

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Hold, Made, Make, Signal};
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use prometheus::IntGauge;
use tokio::time::Instant;

use crate::net::listener::Listener;
use crate::net::serve::{Answer, HttpServer, serve_requests, text as plain, typed};
use settings::Settings;
use store::Store;
use text::Format;

pub static FACTORY: Factory = Factory {
    name: "prometheus",
    aliases: &[],
    signals: &[Signal::Metrics],
    check: settings::check,
    make: Make::Exporter(make),
};

fn make(section: &Node, ctx: &Ctx) -> Made<dyn Exporter> {
    let Settings(server, own) =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let series = ctx.telemetry.gauge(
        "throughline_prometheus_series",
        "Series that the exporter shows.",
        &["exporter"],
    );
    let timestamps = own.send_timestamps;
    Ok(Arc::new(Prometheus {
        ctx: ctx.clone(),
        endpoint: own.endpoint.clone(),
        open_metrics: own.enable_open_metrics,
        server,
        shown: Arc::new(Shown {
            state: Mutex::new((Store::new(own), ctx.memory.hold(0))),
            series: series.with_label_values(&[&ctx.id]),
            timestamps,
        }),
        listener: tokio::sync::Mutex::default(),
    }))
}

struct Prometheus {
    ctx: Ctx,
    endpoint: String,
    open_metrics: bool,
    server: HttpServer,
    shown: Arc<Shown>,
    listener: tokio::sync::Mutex<Option<Listener>>,
}

struct Shown {
    state: Mutex<(Store, Hold)>,
    series: IntGauge,
    timestamps: bool,
}

impl Shown {
    fn take(&self, batch: &Batch) -> Result<(), ExportError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (store, hold) = &mut *state;
        let mut rejected = store::Rejected::default();
        for chunk in batch.payload.chunks() {
            store.take(chunk, Instant::now(), &mut rejected);
        }
        self.measure(store, hold);
        match rejected.why {
            Some(why) => Err(ExportError::Partial { rejected: rejected.points, why }),
            None => Ok(()),
        }
    }

    fn page(&self, format: Format) -> Answer {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (store, hold) = &mut *state;
        store.expire(Instant::now());
        self.measure(store, hold);
        let body = text::of(store.families(), format, self.timestamps);
        typed(StatusCode::OK, format.media_type(), body)
    }

    fn measure(&self, store: &Store, hold: &mut Hold) {
        self.series.set(store.series() as i64);
        hold.resize(store.bytes());
    }
}

impl Exporter for Prometheus {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            let (shown, open_metrics) = (Arc::clone(&self.shown), self.open_metrics);
            let listener =
                serve_requests(&self.ctx, &self.endpoint, &self.server, move |path, headers| match path {
                    "/metrics" => shown.page(format(headers, open_metrics)),
                    _ => plain(StatusCode::NOT_FOUND, "the metrics are at /metrics\n"),
                });
            *self.listener.lock().await = Some(listener.await?);
            Ok(())
        })
    }

    fn may_overlap(&self) -> bool {
        false
    }

    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(std::future::ready(self.shown.take(batch)))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(listener) = self.listener.lock().await.take() {
                listener.stop().await;
            }
        })
    }
}

/// OpenMetrics for whoever asks for it, where it is switched on.
fn format(headers: &HeaderMap, open_metrics: bool) -> Format {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let asked = accepts.into_iter().any(|accept| accept.contains("application/openmetrics-text"));
    if open_metrics && asked { Format::OpenMetrics } else { Format::Text }
}

#[cfg(test)]
pub(crate) mod tests;
