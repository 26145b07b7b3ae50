//! The questions over HTTP.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::alerts::Alerts;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use flow::State as Kept;
use flow::state::StateError;
use serde::Serialize;
use store_api::analysis::Objectives;
use store_api::{Questions, TraceStore};
use throughline_context::{SpanId, TraceId};
use tokio::sync::Semaphore;

use crate::about::{self, Retention};
use crate::alerts;
use crate::analysis;
use crate::attributes;
use crate::audit::{self, Audit};
use crate::auth::gate::{self, Gate};
use crate::auth::{self, Doors};
use crate::error::{ApiError, ErrorBody};
use crate::json::{Hops, InteractionSpans, Interactions, SameId, TraceSpans};
use crate::kept::Keeping;
use crate::links::{self, Links};
use crate::live::Live;
use crate::mask::Masked;
use crate::openapi;
use crate::others;
use crate::patient::Place;
use crate::query::{self, DetailParameters, Format, HopParameters, LIMITS, OUTLINE_LIMITS, Parameters};
use crate::settings::Settings;
use crate::sql;
use crate::status;
use crate::table;

/// Questions answered at the same time; others wait.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(30);
/// Questions in SQL at the same time: each may keep every core busy.
const SQL_AT_ONCE: usize = 2;

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) store: Arc<dyn TraceStore>,
    pub(crate) objectives: Arc<Objectives>,
    pub(crate) live: Arc<Live>,
    pub(crate) alerts: Arc<Alerts>,
    /// What runs beside the page, where that can be told.
    pub(crate) process: Option<Arc<flow::Status>>,
    pub(crate) kept: Arc<Keeping>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) links: Arc<Links>,
    pub(crate) doors: Arc<Doors>,
    pub(crate) retention: Retention,
    /// Answers are masked unless somebody asks otherwise.
    pub(crate) masking: bool,
    places: Arc<Semaphore>,
    sql_places: Arc<Semaphore>,
}

/// What the page tells of besides the store.
pub(crate) struct Around {
    pub(crate) retention: Retention,
    pub(crate) kept: Keeping,
    pub(crate) alerts: Arc<Alerts>,
    /// What runs, where that can be told.
    pub(crate) process: Option<Arc<flow::Status>>,
}

impl Api {
    /// Waits for the disk.
    pub(crate) fn new(
        store: Arc<dyn TraceStore>,
        state: Arc<dyn Kept>,
        settings: &Settings,
        around: Around,
    ) -> Result<Self, StateError> {
        let Around { retention, kept, alerts, process } = around;
        let live = Live::new(Arc::clone(&store));
        let places = |count| Arc::new(Semaphore::new(count));
        Ok(Self {
            audit: Arc::new(Audit::open(Arc::clone(&state))?),
            links: Arc::new(Links::open(state)?),
            doors: Arc::new(settings.doors()),
            retention,
            masking: settings.display_masking,
            store,
            objectives: Arc::new(settings.stages()),
            live,
            alerts,
            process,
            kept: Arc::new(kept),
            places: places(AT_ONCE),
            sql_places: places(SQL_AT_ONCE),
        })
    }

    /// The same on a store whose answers hide what is personal.
    fn masked(&self) -> Self {
        let store: Arc<dyn TraceStore> = Arc::new(Masked(Arc::clone(&self.store)));
        Self { live: Live::new(Arc::clone(&store)), store, ..self.clone() }
    }

    /// All addresses, with the gate before them, and what goes on in them.
    pub(crate) fn gated(self) -> (Router, Vec<Arc<Live>>) {
        let (shown, lives) = match self.masking.then(|| self.masked()) {
            Some(masked) => (masked.clone(), vec![masked.live, Arc::clone(&self.live)]),
            None => (self.clone(), vec![Arc::clone(&self.live)]),
        };
        let (doors, audit) = (Arc::clone(&self.doors), Arc::clone(&self.audit));
        let gate = Gate { doors, audit, masking: self.masking, plain: self.addresses() };
        let router = shown
            .addresses()
            .layer(middleware::from_fn_with_state(Arc::new(gate), gate::gate))
            .layer(middleware::from_fn(gate::in_time));
        (router, lives)
    }

    fn addresses(self) -> Router {
        others::router(self.clone())
            .merge(self.router())
            .method_not_allowed_fallback(async || ApiError::method_not_allowed())
    }

    pub(crate) fn store(&self) -> &dyn TraceStore {
        self.store.as_ref()
    }

    pub(crate) fn sql_places(&self) -> &Arc<Semaphore> {
        &self.sql_places
    }

    #[cfg(test)]
    pub(crate) fn places(&self) -> &Semaphore {
        &self.places
    }

    fn router(self) -> Router {
        Router::new()
            .route("/api/v1/interactions", get(interactions))
            .route("/api/v1/interactions/{id}", get(interaction))
            .route("/api/v1/traces/{trace_id}", get(trace))
            .route("/api/v1/traces/{trace_id}/spans/{span_id}", get(span))
            .route("/api/v1/hops", get(hops))
            .merge(analysis::router())
            .merge(attributes::router())
            .merge(alerts::router())
            .merge(status::router())
            .merge(links::router())
            .merge(auth::routes::router())
            .merge(about::router())
            .merge(audit::router())
            .route("/api/v1/sql", get(sql::asked).post(sql::posted))
            .route("/api/openapi.json", get(async || json(openapi::document().to_owned())))
            .route("/api/{*rest}", get(unknown))
            .route("/api", get(unknown))
            .with_state(self)
    }

    /// Runs one question, when there is a place for it, and not for ever. The place is free again when the answer
    /// is sent, since until then it is in memory.
    pub(crate) async fn ask(
        &self,
        question: impl Future<Output = Result<Response, ApiError>>,
    ) -> Result<Response, ApiError> {
        let asked = tokio::time::timeout(PATIENCE, async {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place: Place = Arc::new(place.map_err(|_| ApiError::internal("no more questions"))?);
            let mut answer = question.await?;
            answer.extensions_mut().insert(place);
            Ok(answer)
        });
        asked.await.unwrap_or_else(|_| Err(ApiError::busy("the answer took longer than 30 seconds")))
    }
}

/// Interactions that started in a time range, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/interactions",
    tag = "interactions",
    params(Parameters),
    responses(
        (status = 200, content((Interactions = "application/json"), (String = "text/csv"))),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn interactions(
    State(api): State<Api>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let (question, format) = query::question(query::read(parameters)?)?;
    api.ask(async {
        let page = api.store.recent(question).await?;
        match format {
            Format::Json => written(move || text(&Interactions::of(page, now_ns()))).await,
            Format::Csv => Ok(table::answer(page, now_ns())),
        }
    })
    .await
}

/// One interaction with all spans of all its traces.
#[utoipa::path(
    get,
    path = "/api/v1/interactions/{id}",
    tag = "interactions",
    params(("id" = String, Path, description = "`interaction.id`"), DetailParameters),
    responses(
        (status = 200, body = InteractionSpans<'static>),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 404, description = "No span carries the id", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn interaction(
    State(api): State<Api>,
    Path(id): Path<String>,
    parameters: Result<Query<DetailParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let outline = query::read(parameters)?.outline_above()?;
    api.ask(async {
        let limits = if outline.is_some() { OUTLINE_LIMITS } else { LIMITS };
        let mut found = api.store.interaction(&id, limits).await?.ok_or_else(|| unknown_interaction(&id))?;
        // Whole spans are never more than one answer may hold.
        if outline.is_some_and(|most| found.spans.len() <= most) && found.spans.len() > LIMITS.spans {
            found.spans.truncate(LIMITS.spans);
            found.truncated = true;
        }
        let objectives = Arc::clone(&api.objectives);
        written(move || text(&InteractionSpans::of(&found, &objectives, outline, now_ns()))).await
    })
    .await
}

/// One trace with all its spans.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{trace_id}",
    tag = "traces",
    params(("trace_id" = String, Path, description = "32 hexadecimal digits")),
    responses(
        (status = 200, body = TraceSpans<'static>),
        (status = 400, description = "Not a trace id", body = ErrorBody),
        (status = 404, description = "No span of the trace is kept", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn trace(
    State(api): State<Api>,
    Path(trace_id): Path<String>,
) -> Result<Response, ApiError> {
    let id: TraceId = read_id(&trace_id)?;
    api.ask(async {
        let found = api.store.trace(id, LIMITS).await?.ok_or_else(|| unknown_trace(id))?;
        written(move || text(&TraceSpans::of(&found, now_ns()))).await
    })
    .await
}

/// One span with everything on it.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{trace_id}/spans/{span_id}",
    tag = "traces",
    params(
        ("trace_id" = String, Path, description = "32 hexadecimal digits"),
        ("span_id" = String, Path, description = "16 hexadecimal digits"),
    ),
    responses(
        (status = 200, body = SameId<'static>),
        (status = 400, description = "Not an id", body = ErrorBody),
        (status = 404, description = "The span is not kept", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn span(
    State(api): State<Api>,
    Path((trace_id, span_id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (trace, id): (TraceId, SpanId) = (read_id(&trace_id)?, read_id(&span_id)?);
    api.ask(async {
        let found = api.store.trace(trace, OUTLINE_LIMITS).await?.ok_or_else(|| unknown_trace(trace))?;
        if !found.spans.iter().any(|span| span.span_id == id) {
            let help = "the trace is here: ask for it without the span";
            return Err(ApiError::not_found(format!("no span {id} is kept of the trace {trace}"), help));
        }
        written(move || {
            let same = found.spans.iter().filter(|span| span.span_id == id);
            text(&SameId::of(same.map(AsRef::as_ref), now_ns()))
        })
        .await
    })
    .await
}

/// Where trace contexts get lost between services, since when, and what to do about it.
#[utoipa::path(
    get,
    path = "/api/v1/hops",
    tag = "hops",
    params(HopParameters),
    responses(
        (status = 200, body = Hops),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn hops(
    State(api): State<Api>,
    parameters: Result<Query<HopParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let question = query::hops(query::read(parameters)?)?;
    api.ask(async {
        let found = api.store.hops(question).await?;
        written(move || text(&Hops::from(found))).await
    })
    .await
}

fn read_id<I: FromStr<Err: Display>>(text: &str) -> Result<I, ApiError> {
    text.to_lowercase().parse().map_err(|error| {
        ApiError::bad_request(format!("`{text}`: {error}"), "copy the id as a trace context has it")
    })
}

fn unknown_trace(id: TraceId) -> ApiError {
    let help = "spans are kept as long as `retention` of the `lake` exporter says";
    ApiError::not_found(format!("no span of the trace {id} is kept"), help)
}

pub(crate) fn unknown_interaction(id: &str) -> ApiError {
    let help = "spans are kept as long as `retention` of the `lake` exporter says; a trace id is asked for at \
                /api/v1/traces";
    ApiError::not_found(format!("no span has the `interaction.id` `{id}`"), help)
}

pub(crate) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

async fn unknown() -> ApiError {
    ApiError::not_found(
        "there is nothing at this address",
        "the addresses are described at /api/openapi.json",
    )
}

/// Large answers take a while to write.
pub(crate) async fn written(
    write: impl FnOnce() -> Result<String, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let text =
        tokio::task::spawn_blocking(write).await.map_err(|error| ApiError::internal(error.to_string()))?;
    text.map(json)
}

pub(crate) fn text(answer: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(answer).map_err(|error| ApiError::internal(error.to_string()))
}

fn json(text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, text).into_response()
}
