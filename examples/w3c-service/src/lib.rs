//! A service that calls others and passes its trace on.
//!
//! In:       `POST /test` with `[{"url": "...", "arguments": [...]}, ...]`.
//! Out:      for each element a `POST` of its arguments to its URL, with the headers of the trace.
//! Core:     `routes`: `ServerLayer` on the way in, a client span and `inject` on the way out.
//! Must not: know anything about contexts itself.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use serde::Deserialize;
use serde_json::{Value, json};
use throughline_sdk::{ServerLayer, inject};

type Calls = Client<HttpConnector, Full<Bytes>>;

/// One call to make.
#[derive(Deserialize)]
pub struct Call {
    url: String,
    arguments: Value,
}

/// The routes of the service. Everybody who can reach it is believed.
pub fn routes() -> Router {
    let calls: Calls = Client::builder(TokioExecutor::new()).build_http();
    let layer = ServerLayer::internal().route(|_| Some("/test".to_owned()));
    Router::new().route("/test", post(test)).layer(layer).with_state(calls)
}

async fn test(State(calls): State<Calls>, Json(list): Json<Vec<Call>>) -> (StatusCode, Json<Value>) {
    for call in list {
        if let Err(error) = forward(&calls, &call).await {
            return (StatusCode::BAD_GATEWAY, Json(json!({ "url": call.url, "error": error.to_string() })));
        }
    }
    (StatusCode::OK, Json(json!({})))
}

/// Each call has a span of its own, so that no two of them name the same parent.
async fn forward(calls: &Calls, call: &Call) -> anyhow::Result<()> {
    let tracer = global::tracer("w3c-service");
    let method = KeyValue::new("http.request.method", "POST");
    let span =
        tracer.span_builder("POST").with_kind(SpanKind::Client).with_attributes([method]).start(&tracer);
    let cx = Context::current_with_span(span);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&call.url)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(serde_json::to_vec(&call.arguments)?))?;
    {
        let _guard = cx.clone().attach();
        inject(request.headers_mut());
    }
    let answer = calls.request(request).await;
    let span = cx.span();
    match &answer {
        Ok(answer) => span
            .set_attribute(KeyValue::new("http.response.status_code", i64::from(answer.status().as_u16()))),
        Err(error) => span.set_status(Status::error(error.to_string())),
    }
    span.end();
    answer?;
    Ok(())
}
