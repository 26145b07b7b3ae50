//! The page: what runs, as HTML without scripts.

mod pipelines;
mod tables;

use std::fmt::Display;

use super::html::{Bytes, Count, Html, Span};
use flow::status::Live;

pub(super) const STYLE: &str = include_str!("style.css");

const DEFAULT_SECONDS: u32 = 10;
const MOST_SECONDS: u32 = 3600;

/// How often the page is loaded again, and where it is.
pub(super) struct Refresh {
    path: String,
    /// 0 is never.
    seconds: u32,
}

impl Refresh {
    /// `refresh` in the query; what makes no sense is left out.
    pub(super) fn of(path: &str, query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let given = pairs.filter(|(name, _)| *name == "refresh").find_map(|(_, value)| value.parse().ok());
        let seconds = given.unwrap_or(DEFAULT_SECONDS).min(MOST_SECONDS);
        Self { path: path.to_owned(), seconds }
    }
}

pub(super) fn page(live: &Live, refresh: Refresh) -> String {
    let mut html = Html::default();
    html.markup("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    html.markup("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    if refresh.seconds > 0 {
        html.within("<meta http-equiv=\"refresh\" content=\"", refresh.seconds, "\">\n");
    }
    html.markup("<title>Pipelines – Throughline</title>\n<style>").markup(STYLE).markup("</style>\n");
    bar(&mut html, live, &refresh);
    html.markup("<main>\n");
    strip(&mut html, live);
    pipelines::put(&mut html, live);
    tables::put(&mut html, live);
    if live.left_out > 0 {
        html.within(
            "<p class=\"mute\">",
            Count::of(live.left_out),
            " rows are left out here; the metrics have them.</p>\n",
        );
    }
    html.markup("<p class=\"mute\" id=\"none\">There are no feature gates, and this program records no spans of its own work.</p>\n");
    html.markup("</main>\n</html>\n");
    html.finish()
}

fn bar(html: &mut Html, live: &Live, refresh: &Refresh) {
    html.markup("<header>\n<b>Throughline</b>").within(
        " <span class=\"mute\">",
        live.version,
        "</span>\n<nav>",
    );
    html.markup("<a href=\"#pipelines\">Pipelines</a><a href=\"#exporters\">Exporters</a>");
    html.markup("<a href=\"#journal\">Journal</a><a href=\"#attributes\">Attributes</a><a href=\"#process\">Process</a></nav>\n");
    html.markup("<span class=\"right\">");
    match refresh.seconds {
        0 => html.within("<a href=\"", &refresh.path, "?refresh=10\">Refresh every 10 s</a>"),
        seconds => {
            html.within("<span class=\"mute\">Every ", seconds, " s</span> ");
            html.within("<a href=\"", &refresh.path, "?refresh=0\">Stop</a>")
        }
    };
    html.markup(" <a href=\"/debug/pipelinez.json\">JSON</a></span>\n</header>\n");
}

/// The figures that one looks at first.
fn strip(html: &mut Html, live: &Live) {
    let accounts = || live.pipelines.iter().flat_map(|pipeline| &pipeline.accounts);
    let lost: i64 = accounts().map(|account| account.lost).sum();
    let unaccounted: i64 = accounts().map(|account| account.unaccounted.abs()).sum();
    let in_flight: i64 = accounts().map(|account| account.in_flight).sum();
    let failing = live.exporters.iter().filter(|exporter| exporter.failing_for_seconds.is_some()).count();
    html.markup("<dl class=\"strip\">\n");
    match live.ready {
        true => fact(html, "State", "ok", "ready", live.phase),
        false => fact(html, "State", "bad", "not ready", live.phase),
    }
    fact(html, "Uptime", "", Span(live.uptime_seconds), "");
    let of = |limit: Option<u64>| limit.map(|limit| format!("of {}", Bytes(limit))).unwrap_or_default();
    fact(html, "Telemetry held", "", Bytes(live.memory.held_bytes), of(live.memory.cap_bytes));
    if let Some(resident) = live.memory.resident_bytes {
        fact(html, "Memory", "", Bytes(resident), of(live.memory.limit_bytes));
    }
    fact(html, "In flight", "", Count(in_flight), "items");
    fact(html, "Lost", if lost > 0 { "bad" } else { "" }, Count(lost), "items");
    fact(html, "Unaccounted", if unaccounted > 0 { "warn" } else { "" }, Count(unaccounted), "0 when quiet");
    fact(html, "Failing", if failing > 0 { "bad" } else { "" }, failing, "exporters");
    html.markup("</dl>\n");
}

fn fact(html: &mut Html, name: &'static str, tone: &'static str, value: impl Display, more: impl Display) {
    html.within("<div><dt>", name, "</dt><dd class=\"").markup(tone).within("\">", value, "</dd>");
    html.within("<dd class=\"mute\">", more, "</dd></div>\n");
}
