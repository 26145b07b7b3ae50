//! What is set: objectives, how long data is kept, who may come in.

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use serde::Serialize;
use store_api::Stage;
use store_api::analysis::Objectives;
use utoipa::{OpenApi, ToSchema};

use crate::api::{Api, text, written};
use crate::auth::routes::Person;
use crate::auth::{Role, Who};
use crate::json::Ns;

#[derive(OpenApi)]
#[openapi(paths(settings))]
pub(crate) struct Description;

pub(crate) fn router() -> Router<Api> {
    Router::new().route("/api/v1/settings", get(settings))
}

/// How long the store keeps what, in nanoseconds.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Retention {
    pub(crate) spans_ns: u64,
    pub(crate) interactions_ns: u64,
}

impl From<&store_api::door::Settings> for Retention {
    fn from(store: &store_api::door::Settings) -> Self {
        let ns = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self { spans_ns: ns(store.retention.get()), interactions_ns: ns(store.interactions_retention()) }
    }
}

/// What is set in the configuration, as far as the page shows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct InForce {
    /// In the order of stages.
    stages: Vec<StageSettings>,
    retention_ns: Ns,
    interactions_retention_ns: Ns,
    masking: bool,
    /// Who may come in; null for all but admins.
    #[schema(required)]
    people: Option<Vec<Person>>,
}

#[derive(Serialize, ToSchema)]
struct StageSettings {
    stage: &'static str,
    /// What p95 should not exceed.
    #[schema(required)]
    objective_ns: Option<Ns>,
    /// The threshold of the service level.
    #[schema(required)]
    service_level_ns: Option<Ns>,
}

/// Objectives, service levels, retention, and for admins who may come in.
#[utoipa::path(get, path = "/api/v1/settings", tag = "settings", responses((status = 200, body = InForce)))]
pub(crate) async fn settings(
    State(api): State<Api>,
    Extension(who): Extension<Who>,
) -> Result<Response, crate::error::ApiError> {
    let people = (who.role >= Role::Admin).then(|| api.doors.known().into_iter().map(Person::from).collect());
    let in_force = InForce {
        stages: stages(&api.objectives),
        retention_ns: Ns(api.retention.spans_ns),
        interactions_retention_ns: Ns(api.retention.interactions_ns),
        masking: api.masking,
        people,
    };
    written(move || text(&in_force)).await
}

fn stages(objectives: &Objectives) -> Vec<StageSettings> {
    let of = |stage: Stage| StageSettings {
        stage: stage.name(),
        objective_ns: objectives.p95(stage).map(Ns),
        service_level_ns: objectives.threshold(stage).map(Ns),
    };
    let all = Stage::ALL.into_iter().map(of);
    all.filter(|stage| stage.objective_ns.is_some() || stage.service_level_ns.is_some()).collect()
}
