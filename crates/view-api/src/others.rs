//! Where the addresses of other products lie: below a name of their own, and at the root for clients that cannot be
//! told of one. At the root only the address of one trace means two things, and what it is asked for tells which.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;

use crate::api::Api;
use crate::{flight, jaeger, tempo};

const TRACE: &str = "/api/traces/{trace_id}";

pub(crate) fn router(api: Api) -> Router {
    Router::new()
        .nest("/jaeger", jaeger::routes().route(TRACE, get(jaeger::trace)).fallback(jaeger::unknown))
        .nest(
            "/tempo",
            tempo::routes()
                .route(TRACE, get(tempo::trace))
                .route("/ready", get("ready"))
                .fallback(tempo::unknown),
        )
        .merge(jaeger::routes())
        .merge(jaeger::grpc())
        .merge(flight::routes())
        .merge(tempo::routes())
        .route(TRACE, get(trace))
        .with_state(api)
}

/// Grafana's Tempo asks for protobuf, and nobody asks Jaeger for that.
async fn trace(api: State<Api>, id: Path<String>, headers: HeaderMap) -> Response {
    if tempo::wants_protobuf(&headers) {
        tempo::trace(api, id, headers).await
    } else {
        jaeger::trace(api, id).await
    }
}
