//! Own telemetry: what Prometheus pulls, with the collector's metric names.

mod process;

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::{Ctx, Extension};
use http::StatusCode;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, TEXT_FORMAT, TextEncoder};

use super::account::Accounts;
use crate::net::serve::{Answer, HttpServer, Site, text, typed};
use crate::plan::OwnTelemetry;
use process::Process;

/// Everything that is told at a scrape.
pub struct Exposition {
    ctx: Ctx,
    accounts: Arc<Accounts>,
    process: Process,
    resource: BTreeMap<String, String>,
}

impl Exposition {
    pub fn new(ctx: &Ctx, accounts: Arc<Accounts>, resource: &BTreeMap<String, String>) -> Self {
        let known = [("service.name", "throughline"), ("service.version", env!("CARGO_PKG_VERSION"))];
        let mut attributes: BTreeMap<_, _> =
            known.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        attributes.extend(resource.clone());
        attributes.retain(|_, value| !value.is_empty());
        Self { ctx: ctx.clone(), accounts, process: Process::default(), resource: attributes }
    }

    /// In Prometheus's text format.
    pub fn text(&self) -> String {
        // Sets the gauges of the accounts.
        self.accounts.balances();
        let mut families = self.ctx.telemetry.registry().gather();
        families.extend(self.process.families(self.ctx.memory.held()));
        families.extend(process::target_info(&self.resource));
        families.sort_by(|a, b| a.name().cmp(b.name()));
        encoded(&families)
    }
}

/// One server for each address of the configuration, all with the same metrics.
pub(super) fn servers(own: &OwnTelemetry, ctx: &Ctx, accounts: &Arc<Accounts>) -> Vec<Arc<dyn Extension>> {
    let ctx = ctx.named("service::telemetry::metrics");
    let exposition = Arc::new(Exposition::new(&ctx, Arc::clone(accounts), &own.resource));
    let server = |address: &String| {
        let exposition = Arc::clone(&exposition);
        let site = Site::new(&ctx, address, HttpServer::default(), move |path: &str| page(&exposition, path));
        Arc::new(site) as Arc<dyn Extension>
    };
    own.metrics.addresses.iter().map(server).collect()
}

fn page(exposition: &Exposition, path: &str) -> Answer {
    match path {
        "/metrics" => typed(StatusCode::OK, TEXT_FORMAT, exposition.text()),
        _ => text(StatusCode::NOT_FOUND, "the metrics are at /metrics\n"),
    }
}

fn encoded(families: &[MetricFamily]) -> String {
    let mut out = Vec::new();
    if let Err(error) = TextEncoder::new().encode(families, &mut out) {
        tracing::error!(%error, "metrics cannot be written");
    }
    String::from_utf8_lossy(&out).into_owned()
}
