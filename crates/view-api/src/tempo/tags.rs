//! What can be asked for: names of attributes and their values.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value as Json, json};
use store_api::attr_keys::{AttrKey, Level};
use store_api::find::{Extent, Field, Find, Keys, Scope, Spans, Values};
use store_api::span::Kind;
use store_api::{Questions, Value};

use super::Wrong;
use crate::api::{Api, text, written};
use crate::asked::Asked;
use crate::error::ApiError;
use crate::otlp;
use crate::query::LIMITS;
use crate::traceql::{self, INTRINSICS, Query};

/// Names or values of an answer, unless asked for fewer.
const MOST: usize = 5000;
/// Spans looked at: a picker in an editor is no reason to read all that is kept.
const LOOK_AT: usize = 200_000;

/// Whose names, in the order of the answer.
const SCOPES: [(&str, Scope); 5] = [
    ("event", Scope::Event),
    ("instrumentation", Scope::Instrumentation),
    ("link", Scope::Link),
    ("resource", Scope::Resource),
    ("span", Scope::Span),
];

pub(super) async fn names(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let limit = limit(&asked)?;
    let (keys, extent) = keys(&api, &asked).await?;
    let mut all: BTreeSet<String> = keys.of.into_values().flatten().collect();
    all.extend(["duration", "kind", "name", "status"].map(str::to_owned));
    let names: Vec<String> = all.into_iter().take(limit).collect();
    answer(json!({"tagNames": names}), &extent).await
}

pub(super) async fn names_v2(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let limit = limit(&asked)?;
    let wanted = asked.get(&["scope"]).filter(|scope| *scope != "none");
    if let Some(scope) = wanted
        && !SCOPES.iter().any(|(name, _)| *name == scope)
        && !matches!(scope, "intrinsic" | "trace")
    {
        let known: Vec<&str> = SCOPES.iter().map(|(name, _)| *name).chain(["intrinsic"]).collect();
        let help = format!("there are {}", known.join(", "));
        return Err(ApiError::bad_request(format!("invalid scope: {scope}"), help).into());
    }
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted == name);
    let (mut keys, extent) = keys(&api, &asked).await?;
    let mut scopes = Vec::new();
    for (name, scope) in SCOPES.into_iter().filter(|(name, _)| is_wanted(name)) {
        let names: Vec<String> = keys.of.remove(&scope).unwrap_or_default().into_iter().take(limit).collect();
        if !names.is_empty() {
            scopes.push(json!({"name": name, "tags": names}));
        }
    }
    if is_wanted("intrinsic") {
        let names: Vec<&str> = INTRINSICS.iter().map(|(name, _)| *name).collect();
        scopes.push(json!({"name": "intrinsic", "tags": names}));
    }
    answer(json!({"scopes": scopes}), &extent).await
}

pub(super) async fn values(
    State(api): State<Api>,
    Path(tag): Path<String>,
    asked: Asked,
) -> Result<Response, Wrong> {
    // Without a scope, as the names of the first generation are.
    let named = Query::field(&tag).or_else(|| Query::field(&format!(".{tag}")));
    let (values, extent) = found(&api, &asked, named.map(|named| named.field), &tag).await?;
    let values: Vec<String> = values.into_iter().map(|(text, _)| text).collect();
    answer(json!({"tagValues": values}), &extent).await
}

pub(super) async fn values_v2(
    State(api): State<Api>,
    Path(tag): Path<String>,
    asked: Asked,
) -> Result<Response, Wrong> {
    let named = Query::field(&tag);
    let (values, extent) = found(&api, &asked, named.map(|named| named.field), &tag).await?;
    let values: Vec<Json> =
        values.into_iter().map(|(text, kind)| json!({"type": kind, "value": text})).collect();
    answer(json!({"tagValues": values}), &extent).await
}

/// What the store tells at once of all spans; of some of them it has to look.
async fn keys(api: &Api, asked: &Asked) -> Result<(Keys, Extent), ApiError> {
    let find = find(asked)?;
    if find.spans != Spans::ALL {
        return held(api, async { Ok(api.store().find(find, Keys::default(), Keys::add).await?) }).await;
    }
    let told = held(api, async { Ok(api.store().attr_keys(find.range, LIMITS).await?) }).await?;
    let extent = Extent { truncated: told.truncated, complete_from: find.range.from, ..Extent::default() };
    let mut keys = Keys::default();
    for AttrKey { level, key, .. } in told.keys {
        let scope = match level {
            Level::Span => Scope::Span,
            Level::Resource => Scope::Resource,
            Level::Scope => Scope::Instrumentation,
            Level::Event => Scope::Event,
            Level::Link => Scope::Link,
        };
        keys.of.entry(scope).or_default().insert(key);
    }
    Ok((keys, extent))
}

/// Values as they are written, with their types.
async fn found(
    api: &Api,
    asked: &Asked,
    field: Option<Field>,
    tag: &str,
) -> Result<(Vec<(String, &'static str)>, Extent), ApiError> {
    let field = field.ok_or_else(|| {
        let help = "write it with its scope, as in `resource.service.name`, `span.http.method` or `.a`";
        ApiError::bad_request(format!("`{tag}` is not the name of a tag"), help)
    })?;
    let keywords =
        |words: &[&str]| words.iter().map(|word| ((*word).to_owned(), "keyword")).collect::<Vec<_>>();
    match field {
        Field::Status => return Ok((keywords(&["error", "ok", "unset"]), Extent::default())),
        Field::Kind => return Ok((keywords(&Kind::ALL.map(Kind::name)), Extent::default())),
        // Numbers without end, and ids, are no choice for a list.
        Field::Duration
        | Field::TraceDuration
        | Field::EventSinceStart
        | Field::TraceId
        | Field::SpanId
        | Field::ParentId
        | Field::NestedLeft
        | Field::NestedRight
        | Field::NestedParent => {
            return Ok((Vec::new(), Extent::default()));
        }
        _ => {}
    }
    let (find, values) = (find(asked)?, Values::new(field, limit(asked)?));
    let (values, extent) =
        held(api, async { Ok(api.store().find(find, values, Values::add).await?) }).await?;
    let kind = |value: &Value| match value {
        Value::Int(_) => "int",
        Value::Double(_) => "float",
        Value::Bool(_) => "bool",
        _ => "string",
    };
    Ok((values.found.iter().map(|(text, value)| (text.clone(), kind(value))).collect(), extent))
}

/// A look within the limits of all questions.
async fn held<T: Send + 'static>(
    api: &Api,
    look: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let mut found = None;
    api.ask(async {
        found = Some(look.await?);
        Ok(Response::default())
    })
    .await?;
    found.ok_or_else(|| ApiError::internal("the look found no end"))
}

/// An unfinished query, such as editors send, asks for everything.
fn find(asked: &Asked) -> Result<Find, ApiError> {
    let spans =
        asked.get(&["q"]).and_then(|q| traceql::parse(q).ok()).map_or(Spans::ALL, |query| query.spans);
    Ok(Find { range: asked.range(&["start"], &["end"])?, spans, look_at: LOOK_AT, limits: LIMITS })
}

fn limit(asked: &Asked) -> Result<usize, ApiError> {
    Ok(asked.count(&["limit"])?.filter(|limit| *limit > 0).unwrap_or(MOST).min(MOST))
}

async fn answer(body: Json, extent: &Extent) -> Result<Response, Wrong> {
    let answer = written(move || text(&body)).await?;
    Ok(otlp::marked(answer, extent))
}
