//! What Jaeger's query service answers, so that its UI, Grafana's data source and clients of its gRPC work here.
//!
//! Two generations of HTTP (`legacy`, `v3`) and of gRPC (`grpc`) ask the same questions (`question`).

mod question;
mod answer;
mod legacy;
mod v3;
mod grpc;

use axum::Router;

use crate::api::Api;

pub(crate) use legacy::trace;
pub(crate) use v3::unknown;

/// All but the legacy address of one trace, which is Tempo's, too.
pub(crate) fn routes() -> Router<Api> {
    legacy::routes().merge(v3::routes())
}

/// Both generations.
pub(crate) fn grpc() -> Router<Api> {
    grpc::routes()
}
