//! What stands below the pipelines: exporters, journal, attributes, the process.

use super::super::html::{Bytes, Count, Html, Span};
use flow::status::{Live, Outlet};

pub(super) fn put(html: &mut Html, live: &Live) {
    exporters(html, live);
    journal(html, live);
    sampling(html, live);
    attributes(html, live);
    process(html, live);
}

fn exporters(html: &mut Html, live: &Live) {
    html.markup("<h1 id=\"exporters\">Exporters</h1>\n<section class=\"card wide\"><table>\n<tr><th>exporter</th><th>state</th>");
    html.markup("<th class=\"n\">queued</th><th class=\"n\">capacity</th><th></th><th class=\"n\">on disk</th><th>why</th></tr>\n");
    for exporter in &live.exporters {
        html.within("<tr><td>", &exporter.exporter, "</td><td>");
        state(html, exporter);
        html.within("</td><td class=\"n\">", Count::of(exporter.queued), "</td>");
        html.within("<td class=\"n\">", Count::of(exporter.capacity), "</td><td>");
        meter(html, exporter.queued as u64, exporter.capacity as u64);
        html.within("</td><td class=\"n\">", Count::of(exporter.on_disk), "</td><td>");
        html.text(exporter.why.as_deref().unwrap_or_default()).markup("</td></tr>\n");
    }
    html.markup("</table></section>\n");
}

fn state(html: &mut Html, exporter: &Outlet) {
    match exporter.failing_for_seconds {
        Some(seconds) => html.within("<span class=\"chip bad\">failing for ", Span(seconds), "</span>"),
        None if !exporter.healthy => html.markup("<span class=\"chip warn\">queue full</span>"),
        None => html.markup("<span class=\"chip ok\">well</span>"),
    };
}

fn journal(html: &mut Html, live: &Live) {
    html.markup("<h1 id=\"journal\">Journal</h1>\n");
    if live.journals.is_empty() {
        html.markup("<p class=\"mute\">There is none: what is in flight is in memory alone.</p>\n");
        return;
    }
    html.markup("<section class=\"card wide\"><table>\n<tr><th>extension</th><th class=\"n\">used</th><th class=\"n\">of</th><th></th></tr>\n");
    for fill in &live.journals {
        html.within("<tr><td>", &fill.extension, "</td>");
        html.within("<td class=\"n\">", Bytes(fill.used_bytes), "</td><td class=\"n\">");
        match fill.limit_bytes {
            Some(limit) => html.text(Bytes(limit)).markup("</td><td>"),
            None => html.markup("no limit</td><td>"),
        };
        meter(html, fill.used_bytes, fill.limit_bytes.unwrap_or(0));
        html.markup("</td></tr>\n");
    }
    html.markup("</table>\n");
    if !live.logs.is_empty() {
        html.markup("<table>\n<tr><th>log</th><th class=\"n\">entries not settled</th><th></th></tr>\n");
        for log in &live.logs {
            html.within("<tr><td>", &log.log, "</td><td class=\"n\">").text(Count::of(log.entries));
            html.within(
                "</td><td class=\"bad\">",
                log.refuses.as_deref().unwrap_or_default(),
                "</td></tr>\n",
            );
        }
        html.markup("</table>\n");
    }
    html.markup("</section>\n");
}

/// Nothing where no trace was asked about.
fn sampling(html: &mut Html, live: &Live) {
    if live.sampling.is_empty() {
        return;
    }
    html.markup("<h1 id=\"sampling\">Sampling</h1>\n<section class=\"card wide\"><table>\n<tr><th>processor</th><th>policy</th>");
    html.markup("<th class=\"n\">traces kept</th><th class=\"n\">left out</th><th></th></tr>\n");
    for one in &live.sampling {
        html.within("<tr><td>", &one.processor, "</td>").within("<td>", &one.policy, "</td>");
        html.within("<td class=\"n\">", Count::of(one.kept), "</td>");
        html.within("<td class=\"n\">", Count::of(one.left_out), "</td><td>");
        meter(html, one.kept, one.kept.saturating_add(one.left_out));
        html.markup("</td></tr>\n");
    }
    html.markup("</table></section>\n");
}

fn attributes(html: &mut Html, live: &Live) {
    html.markup("<h1 id=\"attributes\">Attribute keys with most values</h1>\n");
    if live.cardinality.is_empty() {
        html.markup(
            "<p class=\"mute\">None are counted: no processor <code>cardinality</code> has seen any.</p>\n",
        );
        return;
    }
    html.markup("<section class=\"card wide\"><table>\n<tr><th>key</th><th>pipeline</th><th>processor</th><th class=\"n\">values, about</th>");
    html.markup(
        "<th class=\"n\">limit</th><th></th><th>action</th><th class=\"n\">attributes changed</th></tr>\n",
    );
    for key in &live.cardinality {
        html.within("<tr><td class=\"key\">", &key.key, "</td><td>").text(&key.pipeline);
        html.within("</td><td>", &key.processor, "</td>");
        let open = if key.over { "<td class=\"n bad\">" } else { "<td class=\"n\">" };
        html.within(open, Count::of(key.values), "</td>");
        html.within("<td class=\"n\">", Count::of(key.limit), "</td><td>");
        meter(html, key.values, key.limit);
        html.within("</td><td>", key.action, "</td>");
        html.within("<td class=\"n\">", Count::of(key.acted), "</td></tr>\n");
    }
    html.markup("</table></section>\n");
}

fn process(html: &mut Html, live: &Live) {
    html.markup("<h1 id=\"process\">Process</h1>\n<section class=\"card wide\"><table>\n<tr><th>listens</th><th>for</th><th>at</th></tr>\n");
    for listening in &live.listeners {
        html.within("<tr><td>", &listening.component, "</td><td>").text(listening.serves);
        html.within("</td><td>", &listening.address, "</td></tr>\n");
    }
    html.markup("</table>\n<p><span class=\"mute\">Extensions</span> ");
    for (nth, extension) in live.extensions.iter().enumerate() {
        html.markup(if nth > 0 { ", " } else { "" }).text(extension);
    }
    html.within("<br><span class=\"mute\">Process</span> ", live.process_id, "</p></section>\n");
}

/// Nothing where there is no limit.
fn meter(html: &mut Html, value: u64, limit: u64) {
    if limit > 0 {
        let high = limit.saturating_mul(4) / 5;
        html.within("<meter min=\"0\" max=\"", limit, "\"").within(" high=\"", high, "\"");
        html.within(" optimum=\"0\" value=\"", value.min(limit), "\"></meter>");
    }
}
