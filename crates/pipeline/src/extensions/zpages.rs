//! `zpages`: what runs in this process, for a person who looks.

mod html;
mod page;

use std::fmt::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flow::config::{Finding, Node};
use flow::{BuildError, Ctx, Extension, Factory, Make};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::engine::live::Sources;
use crate::net::serve::{Answer, HttpServer, Site, text, typed};
use page::{Refresh, STYLE};

pub static FACTORY: Factory =
    Factory { name: "zpages", aliases: &[], signals: &[], check, make: Make::Extension(make) };

/// The collector's, all of the one page.
const PATHS: [&str; 5] =
    ["/debug/servicez", "/debug/pipelinez", "/debug/extensionz", "/debug/featurez", "/debug/tracez"];
const JSON: &str = "/debug/pipelinez.json";

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
    let sources = Sources::new(ctx);
    let policy = policy();
    let answer = move |head: Parts| std::future::ready(answer(&sources, &policy, &head));
    Ok(Arc::new(Site::asked(ctx, &own.endpoint, server, answer)))
}

fn answer(sources: &Sources, policy: &HeaderValue, head: &Parts) -> Answer {
    let path = head.uri.path();
    let mut answer = match path {
        JSON => {
            let json = serde_json::to_string_pretty(&sources.live()).unwrap_or_default();
            typed(StatusCode::OK, "application/json", json + "\n")
        }
        path if PATHS.contains(&path.trim_end_matches('/')) => {
            let refresh = Refresh::of(path, head.uri.query());
            typed(StatusCode::OK, "text/html; charset=utf-8", page::page(&sources.live(), refresh))
        }
        _ => {
            let mut there = String::new();
            for path in PATHS.iter().chain([&JSON]) {
                // Writing to a string cannot fail.
                writeln!(there, "{path}").unwrap_or_default();
            }
            text(StatusCode::NOT_FOUND, format!("there are\n{there}"))
        }
    };
    guard(answer.headers_mut(), policy);
    answer
}

/// What is shown comes from outside in part: nothing of it may run, and no other page may hold or keep it.
fn guard(headers: &mut HeaderMap, policy: &HeaderValue) {
    headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// No scripts, nothing from elsewhere, one style.
fn policy() -> HeaderValue {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests;
