//! The HTTP API that Jaeger's UI had up to 2.20 and Grafana's data source has.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::json;
use store_api::find::{Calls, Operations};
use store_api::{Questions, Range};

use super::answer::{Gathered, UiTrace, Whole, cut};
use super::question::{self, TraceQuery};
use crate::api::{Api, now_ns, text, written};
use crate::asked::{Asked, trace_id};
use crate::error::ApiError;
use crate::query::LIMITS;

/// How far a question for dependencies looks back, unless it says.
const WEEK: u64 = Duration::from_secs(7 * 86_400).as_nanos() as u64;
/// Traces asked for by their ids.
const MOST_IDS: usize = 100;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(operation_names))
        .route("/api/operations", get(operations))
        .route("/api/traces", get(traces))
        .route("/api/dependencies", get(dependencies))
}

/// `{"data": …}` with what Jaeger writes beside it.
#[derive(Serialize)]
struct Body<T> {
    data: T,
    total: usize,
    limit: usize,
    offset: usize,
    errors: Option<Vec<Said>>,
}

#[derive(Serialize)]
struct Said {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    msg: String,
    #[serde(rename = "traceID", skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

struct Wrong(ApiError);

impl From<ApiError> for Wrong {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let said = Said { code: Some(self.0.status().as_u16()), msg: self.0.sentence(), trace_id: None };
        let body = Body { data: None::<()>, total: 0, limit: 0, offset: 0, errors: Some(vec![said]) };
        self.0.shaped(Json(body))
    }
}

async fn services(State(api): State<Api>) -> Result<Response, Wrong> {
    let asked = api.ask(async {
        let (services, extent) = api.store().services(Range::ALL, LIMITS).await?;
        let total = services.0.len();
        answer(services.0, total, extent.truncated.then(|| cut(&extent))).await
    });
    Ok(asked.await?)
}

async fn operation_names(State(api): State<Api>, Path(service): Path<String>) -> Result<Response, Wrong> {
    let asked = api.ask(async {
        let (found, extent) = named(&api, &service, "").await?;
        let mut names: Vec<String> = found.0.into_iter().map(|(name, _)| name).collect();
        names.dedup();
        let total = names.len();
        answer(names, total, extent).await
    });
    Ok(asked.await?)
}

async fn operations(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let service = asked.get(&["service"]).ok_or_else(|| {
        ApiError::bad_request("parameter 'service' is required", "name one of /api/services")
    })?;
    let kind = asked.get(&["spanKind"]).unwrap_or_default();
    let asked = api.ask(async {
        let (found, extent) = named(&api, service, kind).await?;
        let total = found.0.len();
        let operation =
            |(name, kind): (String, store_api::span::Kind)| json!({"name": name, "spanKind": kind.name()});
        answer(found.0.into_iter().map(operation).collect::<Vec<_>>(), total, extent).await
    });
    Ok(asked.await?)
}

async fn named(api: &Api, service: &str, kind: &str) -> Result<(Operations, Option<String>), ApiError> {
    let find = question::operations(service, kind);
    let (found, extent) = api.store().find(find, Operations::default(), Operations::add).await?;
    Ok((found, extent.truncated.then(|| cut(&extent))))
}

async fn traces(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let ids: Vec<_> = asked.all("traceID").take(MOST_IDS).map(trace_id).collect::<Result<_, _>>()?;
    if !ids.is_empty() {
        let asked = api.ask(async {
            let (mut found, mut missing) = (Vec::new(), Vec::new());
            let mut spans = 0;
            for id in ids {
                match api.store().trace(id, LIMITS).await? {
                    Some(trace) if found.is_empty() || spans + trace.spans.len() <= LIMITS.spans => {
                        spans += trace.spans.len();
                        found.push(Whole { trace_id: id, spans: trace.spans, truncated: trace.truncated });
                    }
                    Some(_) => missing.push(said(id.to_string(), "the trace does not fit into the answer")),
                    None => missing.push(said(id.to_string(), "trace not found")),
                }
            }
            whole(found, missing).await
        });
        return Ok(asked.await?);
    }
    let query = TraceQuery::legacy(&asked)?;
    let (find, depth) = (query.find()?, query.depth());
    let asked = api.ask(async {
        let taken = api.store().find(find, Gathered::default(), move |taken, hit| taken.add(hit, depth));
        let (gathered, extent) = taken.await?;
        let cut = gathered.cut(&extent).map(|msg| Said { code: None, msg, trace_id: None });
        whole(gathered.traces, cut.into_iter().collect()).await
    });
    Ok(asked.await?)
}

/// One trace; the times that some clients send with it are not needed to find it.
pub(crate) async fn trace(State(api): State<Api>, Path(id): Path<String>) -> Response {
    let asked = async {
        let id = trace_id(&id)?;
        let asked = api.ask(async {
            let missing =
                || ApiError::not_found("trace not found", "spans are kept as long as `retention` says");
            let found = api.store().trace(id, LIMITS).await?.ok_or_else(missing)?;
            whole(vec![Whole { trace_id: id, spans: found.spans, truncated: found.truncated }], Vec::new())
                .await
        });
        asked.await
    };
    asked.await.map_err(Wrong).into_response()
}

async fn dependencies(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let to = asked.time(&["endTs"])?.unwrap_or_else(now_ns);
    let milliseconds = |text: &str| text.parse::<u64>().ok()?.checked_mul(1_000_000);
    let back = asked.read(&["lookback"], milliseconds, "milliseconds")?.unwrap_or(WEEK);
    let service = asked.get(&["service"]).map(str::to_owned);
    let range = Range { from: to.saturating_sub(back), to };
    let asked = api.ask(async {
        let (calls, extent) =
            api.store().find(question::dependencies(range), Calls::default(), Calls::add).await?;
        let about = |(parent, child): &(String, String)| {
            service.as_ref().is_none_or(|service| service == parent || service == child)
        };
        let links = calls.0.iter().filter(|(ends, _)| about(ends));
        let links: Vec<_> = links
            .map(|((parent, child), count)| json!({"parent": parent, "child": child, "callCount": count}))
            .collect();
        let total = links.len();
        answer(links, total, extent.truncated.then(|| cut(&extent))).await
    });
    Ok(asked.await?)
}

fn said(id: String, msg: &str) -> Said {
    Said { code: None, msg: msg.to_owned(), trace_id: Some(id) }
}

async fn whole(traces: Vec<Whole>, said: Vec<Said>) -> Result<Response, ApiError> {
    written(move || {
        let data: Vec<UiTrace<'_>> = traces.iter().map(UiTrace::of).collect();
        let errors = (!said.is_empty()).then_some(said);
        text(&Body { total: data.len(), data, limit: 0, offset: 0, errors })
    })
    .await
}

async fn answer<T: Serialize + Send + 'static>(
    data: T,
    total: usize,
    cut: Option<String>,
) -> Result<Response, ApiError> {
    let errors = cut.map(|msg| vec![Said { code: None, msg, trace_id: None }]);
    written(move || text(&Body { data, total, limit: 0, offset: 0, errors })).await
}
