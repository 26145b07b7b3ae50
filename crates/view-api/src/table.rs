//! Interactions as a table for spreadsheets.

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use store_api::time::rfc3339;
use store_api::{Page, Stage, Summary};

const NEXT: HeaderName = HeaderName::from_static("throughline-next-cursor");
const COLUMNS: &str = "id,start,duration_s,running,direction,channel,region,queues,agents,outcome,waited_s,worked_s,\
                       spans,errors,services";

pub(crate) fn answer(page: Page, now_ns: u64) -> Response {
    let mut headers = HeaderMap::new();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::CONTENT_TYPE, "text/csv; charset=utf-8");
    say(header::CONTENT_DISPOSITION, "attachment; filename=\"interactions.csv\"");
    say(header::CACHE_CONTROL, "no-store");
    if let Some(next) = page.next.as_ref().and_then(|next| next.to_string().parse().ok()) {
        headers.insert(NEXT, next);
    }
    (headers, written(page, now_ns)).into_response()
}

fn written(page: Page, now_ns: u64) -> String {
    let mut out = COLUMNS.to_owned();
    for stage in Stage::ALL {
        write!(out, ",{stage}_s").ok();
    }
    out.push_str("\r\n");
    for one in page.interactions {
        line(&mut out, &one.as_of(now_ns));
    }
    out
}

fn line(out: &mut String, one: &Summary) {
    let named = |id: &String| one.names.get(id).unwrap_or(id).clone();
    let agents: Vec<_> = one.agents.iter().map(named).collect();
    text(out, &one.id);
    write!(out, ",{},{},{}", rfc3339(one.start_ns), seconds(one.duration_ns()), one.running()).ok();
    for value in [&one.direction, &one.channel, &one.region] {
        next(out, value.as_deref().unwrap_or_default());
    }
    next(out, &one.queues.join("; "));
    next(out, &agents.join("; "));
    next(out, one.outcome.as_deref().unwrap_or_default());
    write!(out, ",{},{}", seconds(one.waited_ns()), seconds(one.worked_ns())).ok();
    write!(out, ",{},{}", one.span_count, one.error_count).ok();
    next(out, &one.services.join("; "));
    for stage in Stage::ALL {
        let time = one.stages.iter().find(|(of, _)| *of == stage);
        write!(out, ",{}", time.map(|(_, ns)| seconds(*ns)).unwrap_or_default()).ok();
    }
    out.push_str("\r\n");
}

fn next(out: &mut String, value: &str) {
    out.push(',');
    text(out, value);
}

/// As RFC 4180 has it. What a spreadsheet would take for a formula stands behind an apostrophe.
fn text(out: &mut String, value: &str) {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let apostrophe = if formula { "'" } else { "" };
    if value.contains([',', '"', '\r', '\n']) {
        write!(out, "\"{apostrophe}{}\"", value.replace('"', "\"\"")).ok();
    } else {
        out.push_str(apostrophe);
        out.push_str(value);
    }
}

fn seconds(ns: u64) -> String {
    format!("{:.3}", ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_neither_a_column_nor_a_formula() {
        let cases = [
            ("billing", "billing"),
            ("a, b", "\"a, b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("-2", "'-2"),
        ];
        for (value, wanted) in cases {
            let mut out = String::new();
            text(&mut out, value);
            assert_eq!(out, wanted);
        }
    }
}
