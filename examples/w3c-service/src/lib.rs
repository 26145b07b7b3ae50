//! A service that calls others and passes its trace on.
//!
//! In:       `POST /test` with `[{"url": "...", "arguments": [...]}, ...]`.
//! Out:      for each element a `POST` of its arguments to its URL, with the headers of the trace.
//! Core:     `routes`: `ServerLayer` on the way in, `ClientMiddleware` on the way out.
//! Must not: know anything about contexts itself.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde::Deserialize;
use serde_json::{Value, json};
use throughline_sdk::{ClientMiddleware, ServerLayer};

/// One call to make.
#[derive(Deserialize)]
pub struct Call {
    url: String,
    arguments: Value,
}

/// The routes of the service. Everybody who can reach it is believed.
pub fn routes() -> anyhow::Result<Router> {
    // Built together with crates that use TLS, reqwest asks for a provider; one that is there already is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let client = ClientBuilder::new(client).with(ClientMiddleware::default()).build();
    let layer = ServerLayer::internal().route(|_| Some("/test".to_owned()));
    Ok(Router::new().route("/test", post(test)).layer(layer).with_state(client))
}

async fn test(
    State(client): State<ClientWithMiddleware>,
    Json(list): Json<Vec<Call>>,
) -> (StatusCode, Json<Value>) {
    for Call { url, arguments } in list {
        let call =
            client.post(&url).header(header::CONTENT_TYPE, "application/json").body(arguments.to_string());
        if let Err(error) = call.send().await {
            return (StatusCode::BAD_GATEWAY, Json(json!({ "url": url, "error": error.to_string() })));
        }
    }
    (StatusCode::OK, Json(json!({})))
}
