//! Search: traces whose spans a query finds.

use std::ops::ControlFlow;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value as Json, json};
use store_api::comparison::Bound;
use store_api::find::{Condition, Field, Find, Hit, Scope, Spans};
use store_api::{Questions, Test};

use super::{Wrong, any};
use crate::api::{Api, text, written};
use crate::asked::{Asked, trace_id};
use crate::error::ApiError;
use crate::otlp;
use crate::query::LIMITS;
use crate::traceql::{self, Query, Set};

/// Traces of an answer and spans of a set, unless asked for others, and at most.
const TRACES: usize = 20;
const MOST_TRACES: usize = 1000;
const SPANS: usize = 3;
const MOST_SPANS: usize = 1000;
/// Sets of one trace.
const SETS: usize = 100;
/// What Tempo says of a trace without a root.
const NO_ROOT: &str = "<root span not yet received>";

/// What Tempo's parameters are beside those of the older search, which takes every other name for a tag.
const OURS: [&str; 9] = ["q", "tags", "limit", "spss", "start", "end", "minDuration", "maxDuration", "mode"];

pub(super) async fn search(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let query = match asked.get(&["q"]) {
        Some(_) if asked.get(&["tags"]).is_some() => {
            return Err(
                ApiError::bad_request("can't specify tags and q in the same query", "leave one out").into()
            );
        }
        Some(q) => named_by_id(q).map_or_else(|| traceql::parse(q), Ok)?,
        None => older(&asked)?,
    };
    if query.metric.is_some() {
        let help = "Grafana asks /api/metrics/query_range for them";
        return Err(ApiError::bad_request("the query asks for numbers over time", help).into());
    }
    let count = |names: &[&str], usual, most: usize| {
        Ok::<_, ApiError>(match asked.count(names)? {
            Some(0) => most,
            Some(count) => count.min(most),
            None => usual,
        })
    };
    let (limit, spans) = (count(&["limit"], TRACES, MOST_TRACES)?, count(&["spss"], SPANS, MOST_SPANS)?);
    let range = asked.range(&["start"], &["end"])?;
    let find = Find { range, spans: query.spans.clone(), limits: LIMITS, ..Find::default() };
    let asked = api.ask(async {
        let taken = api.store().find(find, Vec::new(), move |taken, hit| {
            taken.extend(shown(&query, hit, spans));
            if taken.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let (traces, extent) = taken.await?;
        let metrics = json!({"inspectedTraces": u32::try_from(extent.traces).unwrap_or(u32::MAX)});
        let answer = written(move || text(&json!({"traces": traces, "metrics": metrics}))).await?;
        Ok(otlp::marked(answer, &extent))
    });
    Ok(asked.await?)
}

/// An id alone, which people paste where a query belongs.
fn named_by_id(text: &str) -> Option<Query> {
    let id = trace_id(text).ok().filter(|_| text.trim().len() >= 16)?;
    let spans = Spans::Where(Condition::is(Field::TraceId, id.to_string().as_str()));
    Some(Query { spans, stages: Vec::new(), metric: None, fields: Vec::new() })
}

/// A trace in a line; nothing where the stages leave nothing of it.
fn shown(query: &Query, hit: &Hit<'_>, most: usize) -> Option<Json> {
    let sets = query.sets(hit.tree, hit.matched);
    let sets: Vec<Json> = sets.iter().take(SETS).map(|set| shown_set(query, hit, set, most)).collect();
    let first = sets.first()?.clone();
    let tree = hit.tree;
    let (service, name) =
        tree.root().map_or((NO_ROOT, NO_ROOT), |root| (root.resource.service(), root.name.as_str()));
    let start = tree.spans().first().map_or(0, |first| first.start_ns);
    let milliseconds = u32::try_from(tree.duration_ns() / 1_000_000).unwrap_or(u32::MAX);
    Some(json!({
        "traceID": hit.trace_id.to_string(),
        "rootServiceName": service,
        "rootTraceName": name,
        "startTimeUnixNano": start.to_string(),
        "durationMs": milliseconds,
        "spanSet": first,
        "spanSets": sets,
    }))
}

fn shown_set(query: &Query, hit: &Hit<'_>, set: &Set, most: usize) -> Json {
    let spans = set.spans.iter().take(most).filter_map(|at| {
        let span = hit.tree.span(*at)?;
        let attributes = query
            .fields
            .iter()
            .filter(|named| !has_a_place(&named.field))
            .filter_map(|named| Some(any::key_value(&named.name, &named.field.value(hit.tree, *at)?)));
        let mut shown = Map::new();
        shown.insert("spanID".to_owned(), span.span_id.to_string().into());
        shown.insert("name".to_owned(), span.name.as_str().into());
        shown.insert("startTimeUnixNano".to_owned(), span.start_ns.to_string().into());
        shown.insert("durationNanos".to_owned(), span.duration_ns.to_string().into());
        shown.insert("attributes".to_owned(), attributes.collect());
        Some(Json::Object(shown))
    });
    let attributes = set.attributes.iter().map(|(key, value)| any::key_value(key, value));
    json!({
        "spans": spans.collect::<Vec<_>>(),
        "matched": u32::try_from(set.spans.len()).unwrap_or(u32::MAX),
        "attributes": attributes.collect::<Vec<_>>(),
    })
}

/// In the answer anyway.
fn has_a_place(field: &Field) -> bool {
    use Field::{Duration, Name, RootName, RootService, SpanId, TraceDuration, TraceId};
    matches!(field, Duration | Name | RootName | RootService | SpanId | TraceDuration | TraceId)
}

/// The search from before TraceQL: `key=value` in any case and by parts, and how long the trace took.
fn older(asked: &Asked) -> Result<Query, ApiError> {
    let mut pairs = logfmt(asked.get(&["tags"]).unwrap_or_default())?;
    pairs.extend(asked.others(&OURS).map(|(key, value)| (key.to_owned(), value.to_owned())));
    let mut parts: Vec<Condition> = pairs.iter().map(|(key, value)| tag(key, value)).collect();
    let (shortest, longest) = (asked.duration(&["minDuration"])?, asked.duration(&["maxDuration"])?);
    if shortest.is_some() || longest.is_some() {
        let end = |ns: Option<u64>| ns.map_or(Bound::Open, |ns| Bound::Included(ns as f64));
        parts.push(Condition::Is(Field::TraceDuration, Test::Within(end(shortest), end(longest))));
    }
    Ok(Query {
        spans: Spans::Where(Condition::All(parts)),
        stages: Vec::new(),
        metric: None,
        fields: Vec::new(),
    })
}

fn tag(key: &str, value: &str) -> Condition {
    let has = |field| Condition::Is(field, Test::contains(value));
    match key {
        "name" => has(Field::Name),
        "root.name" => has(Field::RootName),
        "service.name" => has(Field::Service),
        "root.service.name" => has(Field::RootService),
        "status.code" | "status" => has(Field::Status),
        "error" if value == "true" => Condition::is(Field::Status, "error"),
        _ => has(Field::Attribute(Scope::Either, key.to_owned())),
    }
}

/// `key=value key="with blanks"`.
fn logfmt(text: &str) -> Result<Vec<(String, String)>, ApiError> {
    let wrong = |what: &str| {
        ApiError::bad_request(
            format!("`tags`: {what}"),
            "write it as in `service.name=crm http.route=\"/a b\"`",
        )
    };
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=').ok_or_else(|| wrong("a key without a value"))?;
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(wrong("a value without a key, or a key without a value"));
        }
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| wrong("a quote that is not closed"))?,
            None => behind.split_once(char::is_whitespace).unwrap_or((behind, "")),
        };
        pairs.push((key.to_owned(), value.to_owned()));
        rest = behind.trim_start();
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_logfmt() {
        let read = |text| {
            logfmt(text).ok().map(|pairs| pairs.iter().map(|(k, v)| format!("{k}:{v}")).collect::<Vec<_>>())
        };
        for (text, pairs) in [
            ("", Some(vec![])),
            (" a=1  b.c=\"x y\" d= e=é", Some(vec!["a:1", "b.c:x y", "d:", "e:é"])),
            ("a=\"\"", Some(vec!["a:"])),
            ("a=b=c", Some(vec!["a:b=c"])),
            ("a", None),
            ("=1", None),
            ("a b=1", None),
            ("a=\"1", None),
        ] {
            assert_eq!(
                read(text),
                pairs.map(|pairs| pairs.into_iter().map(str::to_owned).collect()),
                "{text}"
            );
        }
    }
}
