//! One trace, in protobuf or in JSON as protobuf is written in it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flow::wire::{put_len, put_varint_field};
use serde_json::{Value, json};
use store_api::span::{Kind, StatusCode};
use store_api::to_otlp::to_otlp;
use store_api::{Questions, Span, Trace};

use super::{Wrong, wants_protobuf};
use crate::api::{Api, text};
use crate::asked::trace_id;
use crate::error::ApiError;
use crate::otlp;
use crate::query::LIMITS;

/// `PartialStatus`.
const PARTIAL: u64 = 1;
const CUT: &str = "the trace has more spans than fit into an answer";

/// First generation: the spans alone. The times that Grafana sends with it are not needed to find a trace.
pub(crate) async fn trace(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let protobuf = wants_protobuf(&headers);
    let answer = found(&api, &id, move |trace| {
        if protobuf {
            return Ok(bytes(to_otlp(&trace.spans)));
        }
        let mut spans = document(&trace.spans)?;
        let batches = spans.get_mut("resourceSpans").map(Value::take);
        json_text(&json!({"batches": batches.unwrap_or_else(|| json!([]))}))
    });
    answer.await.into_response()
}

/// Second generation: says where the trace was cut.
pub(super) async fn trace_v2(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let protobuf = wants_protobuf(&headers);
    let answer = found(&api, &id, move |trace| {
        if protobuf {
            let mut out = Vec::new();
            put_len(&mut out, 1, &to_otlp(&trace.spans));
            if trace.truncated {
                put_varint_field(&mut out, 3, PARTIAL);
                put_len(&mut out, 4, CUT.as_bytes());
            }
            return Ok(bytes(out));
        }
        let mut answer = json!({"trace": document(&trace.spans)?});
        if trace.truncated
            && let Some(answer) = answer.as_object_mut()
        {
            answer.insert("status".to_owned(), "PARTIAL".into());
            answer.insert("message".to_owned(), CUT.into());
        }
        json_text(&answer)
    });
    answer.await.into_response()
}

async fn found(
    api: &Api,
    id: &str,
    write: impl FnOnce(&Trace) -> Result<Response, ApiError> + Send + 'static,
) -> Result<Response, Wrong> {
    let id = trace_id(id)?;
    let asked = api.ask(async {
        let missing = || ApiError::not_found("trace not found", "spans are kept as long as `retention` says");
        let trace = api.store().trace(id, LIMITS).await?.ok_or_else(missing)?;
        let answer = tokio::task::spawn_blocking(move || write(&trace)).await;
        answer.map_err(|error| ApiError::internal(error.to_string()))?
    });
    Ok(asked.await?)
}

fn bytes(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/protobuf")], bytes).into_response()
}

fn json_text(value: &Value) -> Result<Response, ApiError> {
    Ok(([(header::CONTENT_TYPE, "application/json")], text(value)?).into_response())
}

/// OTLP/JSON with ids in base64 and enums by name, as Tempo writes protobuf.
fn document(spans: &[Arc<Span>]) -> Result<Value, ApiError> {
    let written = otlp::json(spans)?;
    let mut document: Value =
        serde_json::from_str(&written).map_err(|error| ApiError::internal(error.to_string()))?;
    for span in children(&mut document, &["resourceSpans", "scopeSpans", "spans"]) {
        for id in ["traceId", "spanId", "parentSpanId"] {
            rewrite(span, id, base64_of);
        }
        rewrite(span, "kind", |kind| {
            let kind = Kind::from_otlp(i32::try_from(kind.as_i64()?).ok()?);
            Some(format!("SPAN_KIND_{}", kind.name().to_uppercase()).into())
        });
        if let Some(status) = span.get_mut("status") {
            rewrite(status, "code", |code| {
                let code = StatusCode::from_otlp(i32::try_from(code.as_i64()?).ok()?);
                Some(format!("STATUS_CODE_{}", code.name().to_uppercase()).into())
            });
        }
        for link in children(span, &["links"]) {
            for id in ["traceId", "spanId"] {
                rewrite(link, id, base64_of);
            }
        }
    }
    Ok(document)
}

/// What lies below a path of lists.
fn children<'a>(value: &'a mut Value, path: &[&str]) -> Vec<&'a mut Value> {
    path.iter().fold(vec![value], |values, name| {
        let lists = values.into_iter().filter_map(|value| value.get_mut(*name)?.as_array_mut());
        lists.flatten().collect()
    })
}

fn rewrite(of: &mut Value, name: &str, new: impl FnOnce(&Value) -> Option<Value>) {
    if let Some(value) = of.get_mut(name)
        && let Some(new) = new(value)
    {
        *value = new;
    }
}

fn base64_of(id: &Value) -> Option<Value> {
    let digits = id.as_str()?.as_bytes();
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = digits.chunks_exact(2).map(|pair| match pair {
        [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
        _ => None,
    });
    Some(BASE64_STANDARD.encode(pairs.collect::<Option<Vec<u8>>>()?).into())
}
