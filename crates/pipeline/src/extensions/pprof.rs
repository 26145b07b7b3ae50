//! `pprof`: where the time of this process goes, and its memory, for whoever asks.

mod index;
mod query;
mod turn;
mod memory;
#[cfg(feature = "profile")]
mod cpu;
#[cfg(feature = "profile")]
mod proto;
#[cfg(not(feature = "profile"))]
#[path = "pprof/no_cpu.rs"]
mod cpu;
#[cfg(feature = "heap-profile")]
mod heap;
#[cfg(not(feature = "heap-profile"))]
#[path = "pprof/no_heap.rs"]
mod heap;

use std::sync::Arc;
use std::time::Duration;

use flow::config::{Finding, Node};
use flow::{BoxFuture, BuildError, Ctx, Extension, Factory, Make};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use tokio::sync::watch;

use crate::net::serve::{Answer, HttpServer, Site, check_listener, text, typed, whole_seconds};
use turn::Turn;

/// The allocator of a program that wants heap profiles: jemalloc, which remembers who asked for memory.
#[cfg(feature = "heap-profile")]
pub use tikv_jemallocator::Jemalloc as Allocator;

pub static FACTORY: Factory =
    Factory { name: "pprof", aliases: &[], signals: &[], check, make: Make::Extension(make) };

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
    let without_effect = [
        ("block_profile_fraction", settings.block_profile_fraction > 0, "this is a part of Go's runtime"),
        ("mutex_profile_fraction", settings.mutex_profile_fraction > 0, "this is a part of Go's runtime"),
        ("save_to_file", !settings.save_to_file.is_empty(), "profiles are taken on request alone"),
    ];
    for (key, _, why) in without_effect.into_iter().filter(|(_, set, _)| *set) {
        let advice = Finding::advice(section.get(key).unwrap_or(section), format!("{why}; it has no effect"));
        findings.push(advice.help("take it out, and ask /debug/pprof/profile for a CPU profile"));
    }
    if let Some(why) = cpu::MISSING {
        findings.push(Finding::advice(section, why).help(cpu::MEND));
    }
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let (stop, stopped) = watch::channel(false);
    let asked = ctx.clone();
    let answer = move |head: Parts| answer(asked.clone(), stopped.clone(), head);
    let site = Site::asked(ctx, &settings.endpoint, HttpServer::default(), answer);
    Ok(Arc::new(Pprof { site, stop }))
}

struct Pprof {
    site: Site,
    /// Ends a profile that is being taken, so that nobody waits for it at the end.
    stop: watch::Sender<bool>,
}

impl Extension for Pprof {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        self.site.start()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        self.stop.send_replace(true);
        self.site.stop()
    }
}

async fn answer(ctx: Ctx, stopped: watch::Receiver<bool>, head: Parts) -> Answer {
    let mut answer = match head.uri.path() {
        "/debug/pprof" | "/debug/pprof/" => text(StatusCode::OK, index::INDEX),
        "/debug/pprof/heap" if query::as_text(head.uri.query()) => {
            text(StatusCode::OK, memory::figures(&ctx))
        }
        "/debug/pprof/heap" => match heap::profile().await {
            Some(Ok(gzip)) => download("heap.pb.gz", gzip),
            Some(Err(why)) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("no profile: {why}\n")),
            None => text(StatusCode::OK, memory::figures(&ctx)),
        },
        "/debug/pprof/profile" => match query::seconds(head.uri.query()) {
            Ok(length) => profile(length, stopped).await,
            Err(why) => text(StatusCode::BAD_REQUEST, why),
        },
        _ => text(StatusCode::NOT_FOUND, index::NOT_FOUND),
    };
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// Takes a profile for so long, or until the process stops; dropping the future ends it too.
async fn profile(length: Duration, mut stopped: watch::Receiver<bool>) -> Answer {
    if let Some(why) = cpu::MISSING {
        return text(StatusCode::NOT_IMPLEMENTED, format!("{why}\n{}\n", cpu::MEND));
    }
    let turn = match Turn::take(length) {
        Ok(turn) => turn,
        Err(left) => {
            let mut answer = text(StatusCode::TOO_MANY_REQUESTS, "another profile is being taken\n");
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(left)));
            return answer;
        }
    };
    let profile = async {
        let taking = cpu::Taking::start(turn).await?;
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        taking.finish().await
    };
    match profile.await {
        Ok(gzip) => download("profile.pb.gz", gzip),
        Err(why) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("no profile: {why}\n")),
    }
}

fn download(name: &str, gzip: Vec<u8>) -> Answer {
    let mut answer = typed(StatusCode::OK, "application/octet-stream", gzip);
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    answer.headers_mut().extend(disposition.ok().map(|disposition| (CONTENT_DISPOSITION, disposition)));
    answer
}

#[cfg(test)]
mod tests;
