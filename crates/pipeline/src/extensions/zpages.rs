//! `zpages`: what runs in this process, for a person who looks.

mod page;

use std::sync::Arc;

use flow::config::{Finding, Node};
use flow::{BuildError, Ctx, Extension, Factory, Make};
use serde::Deserialize;

use crate::engine::account::Accounts;
use crate::engine::exchange::Exchange;
use crate::net::addresses::Addresses;
use crate::net::serve::{HttpServer, Site};
use crate::plan::Outline;
use page::Pages;

pub static FACTORY: Factory =
    Factory { name: "zpages", aliases: &[], signals: &[], check, make: Make::Extension(make) };

#[derive(Default, Deserialize)]
struct Settings(HttpServer, Own);

#[derive(Deserialize)]
#[serde(default)]
struct Own {
    endpoint: String,
    expvar: Expvar,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Expvar {
    enabled: bool,
}

impl Default for Own {
    fn default() -> Self {
        Self { endpoint: "localhost:55679".to_owned(), expvar: Expvar::default() }
    }
}

fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(Settings(server, own)) = settings else { return findings };
    findings.extend(server.check(section, &own.endpoint));
    if own.expvar.enabled {
        let at = section.get("expvar").unwrap_or(section);
        let advice = Finding::advice(at, "expvar is a part of Go; this has no effect");
        findings.push(advice.help("the metrics are at the `prometheus` reader of `service::telemetry`"));
    }
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let Settings(server, own) =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let pages = Arc::new(Pages {
        outline: ctx.get::<Exchange<Outline>>().unwrap_or_default(),
        accounts: ctx.get::<Accounts>().unwrap_or_default(),
        addresses: ctx.get::<Addresses>().unwrap_or_default(),
        memory: Arc::clone(&ctx.memory),
    });
    Ok(Arc::new(Site::new(ctx, &own.endpoint, server, move |path: &str| pages.page(path))))
}
