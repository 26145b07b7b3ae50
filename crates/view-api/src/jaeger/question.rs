//! Jaeger's questions as ours.

use std::collections::BTreeMap;

use store_api::comparison::Bound;
use store_api::find::{Condition, Field, Find, Scope, Spans};
use store_api::{Range, Test};

use crate::asked::Asked;
use crate::error::ApiError;
use crate::query::LIMITS;

/// Traces of an answer, unless asked for others, and at most.
const DEPTH: usize = 100;
const DEEPEST: usize = 1500;

/// Traces with a span of which all of this holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct TraceQuery {
    pub(super) service: String,
    pub(super) operation: String,
    pub(super) tags: BTreeMap<String, String>,
    /// Nanoseconds since 1970, and 0 for no bound.
    pub(super) from: u64,
    pub(super) to: u64,
    /// Nanoseconds, and 0 for no bound.
    pub(super) shortest: u64,
    pub(super) longest: u64,
    /// 0 for as many as are usual.
    pub(super) depth: usize,
}

impl TraceQuery {
    /// The parameters of the legacy search; `tags` is a map in JSON, `tag` is `key:value`.
    pub(super) fn legacy(asked: &Asked) -> Result<Self, ApiError> {
        let mut tags = tags(asked, &["tags"])?;
        for tag in asked.all("tag") {
            let (key, value) = tag.split_once(':').ok_or_else(|| {
                ApiError::bad_request(
                    format!("`tag` is `{tag}`"),
                    "write a key and a value, as in `error:true`",
                )
            })?;
            tags.insert(key.to_owned(), value.to_owned());
        }
        let text = |name| asked.get(&[name]).unwrap_or_default().to_owned();
        Ok(Self {
            service: text("service"),
            operation: text("operation"),
            tags,
            from: asked.time(&["start"])?.unwrap_or(0),
            to: asked.time(&["end"])?.unwrap_or(0),
            shortest: asked.duration(&["minDuration"])?.unwrap_or(0),
            longest: asked.duration(&["maxDuration"])?.unwrap_or(0),
            depth: asked.count(&["limit"])?.unwrap_or(0),
        })
    }

    /// The parameters of the third generation, in the two ways they are written.
    pub(super) fn v3(asked: &Asked) -> Result<Self, ApiError> {
        let text = |names: &[&str]| asked.get(names).unwrap_or_default().to_owned();
        if asked.get(&["query.filter"]).is_some() {
            let help = "ask with `query.attributes`, or at /api/v1/interactions";
            return Err(ApiError::bad_request("`query.filter` is not supported", help));
        }
        let required = |names: &[&str]| {
            asked.time(names)?.ok_or_else(|| {
                let missing = "query.startTimeMin and query.startTimeMax are required";
                ApiError::bad_request(missing, "write them as in `2026-11-20T09:00:00Z`")
            })
        };
        Ok(Self {
            service: text(&["query.serviceName", "query.service_name"]),
            operation: text(&["query.operationName", "query.operation_name"]),
            tags: tags(asked, &["query.attributes"])?,
            from: required(&["query.startTimeMin", "query.start_time_min"])?,
            to: required(&["query.startTimeMax", "query.start_time_max"])?,
            shortest: asked.duration(&["query.durationMin", "query.duration_min"])?.unwrap_or(0),
            longest: asked.duration(&["query.durationMax", "query.duration_max"])?.unwrap_or(0),
            depth: asked
                .count(&["query.searchDepth", "query.search_depth", "query.num_traces"])?
                .unwrap_or(0),
        })
    }

    pub(super) fn find(&self) -> Result<Find, ApiError> {
        let range = Range { from: self.from, to: if self.to == 0 { u64::MAX } else { self.to } };
        if range.from > range.to {
            return Err(ApiError::bad_request("the start is later than the end", "exchange them"));
        }
        Ok(Find { range, spans: Spans::Where(self.condition()), limits: LIMITS, ..Find::default() })
    }

    pub(super) fn depth(&self) -> usize {
        if self.depth == 0 { DEPTH } else { self.depth.min(DEEPEST) }
    }

    fn condition(&self) -> Condition {
        let mut parts = Vec::new();
        let named = [(Field::Service, &self.service), (Field::Name, &self.operation)];
        let named = named.into_iter().filter(|(_, text)| !text.is_empty());
        parts.extend(named.map(|(field, text)| Condition::is(field, text.as_str())));
        if self.shortest > 0 || self.longest > 0 {
            let longest = if self.longest == 0 { Bound::Open } else { Bound::Included(self.longest as f64) };
            parts.push(Condition::Is(
                Field::Duration,
                Test::Within(Bound::Included(self.shortest as f64), longest),
            ));
        }
        parts.extend(self.tags.iter().map(|(key, value)| tag(key, value)));
        Condition::All(parts)
    }
}

/// Spans of one service, and of one kind where it is named.
pub(super) fn operations(service: &str, kind: &str) -> Find {
    let mut parts = vec![Condition::is(Field::Service, service)];
    if !kind.is_empty() {
        parts.push(Condition::is(Field::Kind, kind.to_ascii_lowercase().as_str()));
    }
    Find { spans: Spans::Where(Condition::All(parts)), look_at: 200_000, limits: LIMITS, ..Find::default() }
}

/// Calls between services in a time range.
pub(super) fn dependencies(range: Range) -> Find {
    Find { range, limits: LIMITS, ..Find::default() }
}

/// An attribute of the span, its resource or one of its events, or what Jaeger writes as one.
fn tag(key: &str, value: &str) -> Condition {
    let is = |field| Condition::Is(field, Test::Written(value.to_owned()));
    let of = |scope| is(Field::Attribute(scope, key.to_owned()));
    let attribute = || Condition::Any(vec![of(Scope::Either), of(Scope::Event)]);
    match key {
        "error" => {
            let failed = Condition::is(Field::Status, "error");
            match value {
                "true" => Condition::Any(vec![failed, attribute()]),
                "false" => Condition::Any(vec![Condition::Not(Box::new(failed)), attribute()]),
                _ => attribute(),
            }
        }
        "span.kind" => Condition::is(Field::Kind, value),
        "otel.status_code" => Condition::is(Field::Status, value.to_ascii_lowercase().as_str()),
        "otel.status_description" => is(Field::StatusMessage),
        "otel.scope.name" | "otel.library.name" => is(Field::ScopeName),
        "otel.scope.version" | "otel.library.version" => is(Field::ScopeVersion),
        _ => attribute(),
    }
}

/// A map of texts in JSON; numbers and truths are taken as they are written.
fn tags(asked: &Asked, names: &[&str]) -> Result<BTreeMap<String, String>, ApiError> {
    let read = |text: &str| {
        let map: BTreeMap<String, serde_json::Value> = serde_json::from_str(text).ok()?;
        let text = |value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        Some(map.into_iter().map(|(key, value)| (key, text(value))).collect())
    };
    Ok(asked.read(names, read, "a map in JSON, as in `{\"error\":\"true\"}`")?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_ask_the_same() {
        let legacy = Asked::of(&[
            ("service", "crm"),
            ("operation", "GET /customer"),
            ("tags", r#"{"error":"true","rows":3}"#),
            ("tag", "region:eu:1"),
            ("start", "1795165200000000"),
            ("end", "1795168800000000"),
            ("minDuration", "1.5s"),
            ("maxDuration", "200000us"),
            ("limit", "20"),
            ("lookback", "custom"),
        ]);
        let v3 = Asked::of(&[
            ("query.service_name", "crm"),
            ("query.operationName", "GET /customer"),
            ("query.attributes", r#"{"error":"true","rows":"3","region":"eu:1"}"#),
            ("query.startTimeMin", "2026-11-20T09:00:00Z"),
            ("query.start_time_max", "2026-11-20T10:00:00.000Z"),
            ("query.durationMin", "1.5s"),
            ("query.durationMax", "200ms"),
            ("query.num_traces", "20"),
        ]);
        let (legacy, v3) = (TraceQuery::legacy(&legacy).unwrap(), TraceQuery::v3(&v3).unwrap());
        assert_eq!(legacy, v3);
        assert_eq!((legacy.depth(), legacy.find().unwrap().range.from), (20, 1_795_165_200_000_000_000));
        assert_eq!(TraceQuery { depth: 9999, ..legacy }.depth(), DEEPEST);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for pairs in [
            &[("tags", "error=true")][..],
            &[("tag", "error")],
            &[("start", "yesterday")],
            &[("minDuration", "long")],
            &[("limit", "-1")],
        ] {
            assert!(TraceQuery::legacy(&Asked::of(pairs)).is_err(), "{pairs:?}");
        }
        let times = [("query.startTimeMin", "1795165200"), ("query.startTimeMax", "1795168800")];
        assert!(TraceQuery::v3(&Asked::of(&times)).is_ok());
        assert!(TraceQuery::v3(&Asked::of(times.get(..1).unwrap())).is_err());
        let [from, to] = times;
        assert!(TraceQuery::v3(&Asked::of(&[from, to, ("query.filter", "{}")])).is_err());
    }
}
