//! `pprof`: accepted as users write it; there are no profiles yet, and it says so.

use std::sync::Arc;

use flow::config::{Finding, Node};
use flow::{BuildError, Ctx, Extension, Factory, Make};
use http::StatusCode;
use serde::Deserialize;

use crate::net::serve::{HttpServer, Site, check_listener, text};

pub static FACTORY: Factory =
    Factory { name: "pprof", aliases: &[], signals: &[], check, make: Make::Extension(make) };

const NOT_YET: &str = "501: this program writes no profiles yet.\n\
                       On Linux, `perf record -g -p PID` takes one from outside.\n";

#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    endpoint: String,
    block_profile_fraction: i64,
    mutex_profile_fraction: i64,
    save_to_file: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: "localhost:1777".to_owned(),
            block_profile_fraction: 0,
            mutex_profile_fraction: 0,
            save_to_file: String::new(),
        }
    }
}

fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    findings.extend(check_listener(section, &settings.endpoint, "tcp", None));
    let at = section.get("save_to_file").filter(|_| !settings.save_to_file.is_empty()).unwrap_or(section);
    findings.push(
        Finding::advice(at, "this program writes no profiles yet; its address answers 501")
            .help("take the extension out, or use `perf record`"),
    );
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let page = |_: &str| text(StatusCode::NOT_IMPLEMENTED, NOT_YET);
    Ok(Arc::new(Site::new(ctx, &settings.endpoint, HttpServer::default(), page)))
}
