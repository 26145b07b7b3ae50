//! Each pipeline as a path, and the account of what took it.

use std::collections::BTreeMap;

use super::super::html::{Count, Html};
use flow::status::{Account, Live, Pipeline};

pub(super) fn put(html: &mut Html, live: &Live) {
    html.markup("<h1 id=\"pipelines\">Pipelines</h1>\n");
    for (nth, pipeline) in live.pipelines.iter().enumerate() {
        html.within("<section class=\"card\" id=\"p", nth, "\">\n");
        html.within("<h2>", &pipeline.name, "</h2>").within(
            " <span class=\"mute\">",
            items(pipeline),
            "</span>\n",
        );
        path(html, pipeline, live);
        accounts(html, pipeline);
        html.markup("</section>\n");
    }
}

fn path(html: &mut Html, pipeline: &Pipeline, live: &Live) {
    html.markup("<ol class=\"path\">\n<li>");
    for receiver in &pipeline.receivers {
        html.within("<div class=\"node in\">", receiver, "</div>");
    }
    html.within("<span class=\"mute\">", Count::of(pipeline.received), " received");
    if pipeline.refused > 0 {
        html.within(", ", Count::of(pipeline.refused), " refused");
    }
    html.markup("</span></li>\n");
    for processor in &pipeline.processors {
        html.within("<li><div class=\"node\">", &processor.processor, "</div>");
        html.within("<span class=\"mute\">", Count::of(processor.incoming), " in, ");
        html.text(Count::of(processor.outgoing)).markup(" out</span></li>\n");
    }
    html.markup("<li>");
    for target in &pipeline.exporters {
        html.within("<div class=\"node out\">", &target.exporter, "");
        for next in &target.pipelines {
            let place = live.pipelines.iter().position(|other| other.name == *next);
            match place {
                Some(nth) => html.within(" <a href=\"#p", nth, "\">→ ").within("", next, "</a>"),
                None => html.within(" → ", next, ""),
            };
        }
        html.markup("</div>");
    }
    html.markup("</li>\n</ol>\n");
}

fn accounts(html: &mut Html, pipeline: &Pipeline) {
    html.markup("<div class=\"wide\"><table>\n<tr><th>to</th><th class=\"n\">received</th><th class=\"n\">exported</th>");
    html.markup("<th class=\"n\">dropped</th><th class=\"n\">refused</th><th class=\"n\">lost</th>");
    html.markup("<th class=\"n\">in flight</th><th class=\"n\">unaccounted</th><th>reasons</th></tr>\n");
    for account in &pipeline.accounts {
        html.within("<tr><td>", &account.exporter, "</td>");
        for number in [account.received, account.exported, account.dropped, account.refused] {
            html.within("<td class=\"n\">", Count(number), "</td>");
        }
        toned(html, account.lost, "<td class=\"n bad\">");
        html.within("<td class=\"n\">", Count(account.in_flight), "</td>");
        toned(html, account.unaccounted, "<td class=\"n warn\">");
        html.markup("<td>");
        reasons(html, account);
        html.markup("</td></tr>\n");
    }
    html.markup("</table></div>\n");
}

fn toned(html: &mut Html, number: i64, marked: &'static str) {
    let open = if number == 0 { "<td class=\"n\">" } else { marked };
    html.within(open, Count(number), "</td>");
}

fn reasons(html: &mut Html, account: &Account) {
    let mut list = |what: &'static str, by: &BTreeMap<String, u64>| {
        for (reason, items) in by {
            html.within("<div>", what, " ").within("", reason, ": ").within("", Count::of(*items), "</div>");
        }
    };
    list("dropped,", &account.dropped_by);
    list("lost,", &account.lost_by);
}

/// What one item is, in words.
fn items(pipeline: &Pipeline) -> String {
    pipeline.items.replace('_', " ")
}
