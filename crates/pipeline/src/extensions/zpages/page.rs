//! Plain HTML, without scripts.

use std::fmt::{Display, Write};
use std::sync::Arc;

use flow::Memory;
use http::StatusCode;

use crate::engine::account::Accounts;
use crate::engine::exchange::Exchange;
use crate::net::addresses::Addresses;
use crate::net::serve::{Answer, text, typed};
use crate::plan::Outline;

const PATHS: &str = "/debug/servicez, /debug/pipelinez, /debug/extensionz, /debug/featurez, /debug/tracez";
const STYLE: &str = "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}\
                     th,td{border:1px solid #999;padding:.3em .6em;text-align:left}\
                     td.n{text-align:right;font-variant-numeric:tabular-nums}";

/// Where the pages look.
pub(super) struct Pages {
    pub(super) outline: Arc<Exchange<Outline>>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) addresses: Arc<Addresses>,
    pub(super) memory: Arc<Memory>,
}

impl Pages {
    pub(super) fn page(&self, path: &str) -> Answer {
        let html = match path.trim_end_matches('/') {
            "/debug/servicez" => self.service(),
            "/debug/pipelinez" => self.pipelines(),
            "/debug/extensionz" => {
                let outline = self.outline.get();
                let rows = outline.extensions.iter().map(|id| vec![text_cell(id)]);
                page("Extensions", &[table(&["extension"], rows)])
            }
            "/debug/featurez" => page("Feature gates", &["<p>There are none.</p>".to_owned()]),
            "/debug/tracez" => {
                page("Traces", &["<p>This program records no spans of its own work.</p>".to_owned()])
            }
            _ => return text(StatusCode::NOT_FOUND, format!("there are {PATHS}\n")),
        };
        typed(StatusCode::OK, "text/html; charset=utf-8", html)
    }

    fn service(&self) -> String {
        let facts = [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("process", std::process::id().to_string()),
            ("telemetry held, bytes", self.memory.held().to_string()),
        ];
        let facts = facts.map(|(name, value)| vec![text_cell(name), text_cell(value)]);
        let listening = self.addresses.all();
        let listening = listening
            .iter()
            .map(|(id, what, address)| vec![text_cell(id), text_cell(what), text_cell(address)]);
        page("Service", &[table(&["", ""], facts), table(&["listens", "for", "address"], listening)])
    }

    fn pipelines(&self) -> String {
        let outline = self.outline.get();
        let pipelines = outline.pipelines.iter().map(|pipeline| {
            let list = |ids: &[String]| text_cell(ids.join(", "));
            vec![
                text_cell(&pipeline.name),
                list(&pipeline.receivers),
                list(&pipeline.processors),
                list(&pipeline.exporters),
            ]
        });
        let balances = self.accounts.balances();
        let balances = balances.iter().map(|balance| {
            let numbers = [
                balance.received,
                balance.exported,
                balance.dropped,
                balance.refused,
                balance.lost,
                balance.in_flight,
                balance.difference(),
            ];
            let mut row = vec![text_cell(&balance.pipeline), text_cell(&balance.exporter)];
            row.extend(numbers.map(|number| format!("<td class=n>{number}</td>")));
            row
        });
        let terms = ["received", "exported", "dropped", "refused", "lost", "in flight", "unaccounted"];
        page(
            "Pipelines",
            &[
                table(&["pipeline", "receivers", "processors", "exporters"], pipelines),
                "<p>Items, since the start. Unaccounted is received less all the others, and 0 whenever nothing \
                 moves.</p>"
                    .to_owned(),
                table(&[&["pipeline", "exporter"], &terms[..]].concat(), balances),
            ],
        )
    }
}

fn page(title: &str, parts: &[String]) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title} – Throughline</title><style>{STYLE}</style>\
         <h1>{title}</h1>{}</html>\n",
        parts.concat()
    )
}

fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut html = "<table><tr>".to_owned();
    heads.iter().for_each(|head| html.extend(["<th>", head, "</th>"]));
    html.push_str("</tr>\n");
    for row in rows {
        html.extend(["<tr>", &row.concat(), "</tr>\n"]);
    }
    html + "</table>"
}

/// Ids come from a file that anybody may have written.
fn text_cell(text: impl Display) -> String {
    let mut cell = "<td>".to_owned();
    let mut escaped = String::new();
    // Writing to a string cannot fail.
    write!(escaped, "{text}").unwrap_or_default();
    for c in escaped.chars() {
        match c {
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '"' => cell.push_str("&quot;"),
            c => cell.push(c),
        }
    }
    cell + "</td>"
}
