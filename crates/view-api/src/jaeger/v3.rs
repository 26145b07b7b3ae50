//! The HTTP API of Jaeger's UI from 2.20 on: spans are OTLP.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use store_api::find::{Calls, Operations};
use store_api::span::Kind;
use store_api::{Questions, Range, Span};

use super::answer::{Gathered, Summary, cut};
use super::question::{self, TraceQuery};
use crate::api::{Api, now_ns, text, written};
use crate::asked::{Asked, trace_id};
use crate::error::ApiError;
use crate::otlp;
use crate::query::LIMITS;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", get(traces))
        .route("/api/v3/traces/{trace_id}", get(trace))
        .route("/api/v3/trace-summaries", get(summaries))
        .route("/api/v3/dependencies", get(dependencies))
}

struct Wrong(ApiError);

impl From<ApiError> for Wrong {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let body = json!({"error": {"httpCode": self.0.status().as_u16(), "message": self.0.sentence()}});
        self.0.shaped(Json(body))
    }
}

/// Of addresses below the name of Jaeger.
pub(crate) async fn unknown() -> Response {
    Wrong(ApiError::not_found("there is nothing at this address", "docs/grafana.md has what there is"))
        .into_response()
}

async fn services(State(api): State<Api>) -> Result<Response, Wrong> {
    let asked = api.ask(async {
        let (services, extent) = api.store().services(Range::ALL, LIMITS).await?;
        let answer = written(move || text(&json!({"services": services.0}))).await?;
        Ok(otlp::marked(answer, &extent))
    });
    Ok(asked.await?)
}

async fn operations(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let service = asked.get(&["service"]).ok_or_else(|| {
        ApiError::bad_request("parameter service is required", "name one of /api/v3/services")
    })?;
    let find = question::operations(service, asked.get(&["spanKind", "span_kind"]).unwrap_or_default());
    let asked = api.ask(async {
        let (found, extent) = api.store().find(find, Operations::default(), Operations::add).await?;
        let operation = |(name, kind): &(String, Kind)| json!({"name": name, "spanKind": kind_name(*kind)});
        let operations: Vec<_> = found.0.iter().map(operation).collect();
        let answer = written(move || text(&json!({"operations": operations}))).await?;
        Ok(otlp::marked(answer, &extent))
    });
    Ok(asked.await?)
}

/// Jaeger knows no span without a kind.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    if kind == Kind::Unspecified { Kind::Internal.name() } else { kind.name() }
}

async fn trace(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Wrong> {
    let id = trace_id(&id)?;
    let asked = api.ask(async {
        let found = api.store().trace(id, LIMITS).await?.ok_or_else(missing)?;
        spans(found.spans).await
    });
    Ok(asked.await?)
}

async fn traces(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let query = TraceQuery::v3(&asked)?;
    let (find, depth) = (query.find()?, query.depth());
    let asked = api.ask(async {
        let taken = api.store().find(find, Gathered::default(), move |taken, hit| taken.add(hit, depth));
        let (gathered, extent) = taken.await?;
        if gathered.traces.is_empty() {
            return Err(missing());
        }
        let answer = spans(gathered.traces.into_iter().flat_map(|trace| trace.spans).collect()).await?;
        Ok(otlp::marked(answer, &extent))
    });
    Ok(asked.await?)
}

fn missing() -> ApiError {
    ApiError::not_found(
        "No traces found",
        "spans are kept as long as `retention` of the `lake` exporter says",
    )
}

async fn spans(spans: Vec<Arc<Span>>) -> Result<Response, ApiError> {
    written(move || Ok(format!("{{\"result\":{}}}", otlp::json(&spans)?))).await
}

async fn summaries(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let query = TraceQuery::v3(&asked)?;
    let (find, depth) = (query.find()?, query.depth());
    let asked = api.ask(async {
        let taken = api.store().find(find, Vec::new(), move |taken, hit| {
            taken.push(Summary::of(hit.trace_id, hit.tree));
            if taken.len() < depth { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let (summaries, extent) = taken.await?;
        let answer = written(move || text(&json!({"summaries": summaries}))).await?;
        Ok(otlp::marked(answer, &extent))
    });
    Ok(asked.await?)
}

async fn dependencies(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let from = asked.time(&["startTime", "start_time"])?.unwrap_or(0);
    let to = asked.time(&["endTime", "end_time"])?.unwrap_or_else(now_ns);
    let find = question::dependencies(Range { from, to });
    let asked = api.ask(async {
        let (calls, extent) = api.store().find(find, Calls::default(), Calls::add).await?;
        let link = |((parent, child), count): (&(String, String), &u64)| {
            json!({"parent": parent, "child": child, "callCount": count.to_string()})
        };
        let links: Vec<_> = calls.0.iter().map(link).collect();
        if extent.truncated {
            tracing::debug!("{}", cut(&extent));
        }
        let answer = written(move || text(&json!({"dependencies": links}))).await?;
        Ok(otlp::marked(answer, &extent))
    });
    Ok(asked.await?)
}
