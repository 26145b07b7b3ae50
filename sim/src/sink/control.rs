//! A small endpoint to read the counts and change the behaviour from outside the process.
//!
//! `GET /` answers the counts and the behaviour as JSON, `PUT /` takes a behaviour.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::reply::{Body, plain, respond};
use super::{Behaviour, Shared};

const MAX_BODY: usize = 64 << 10;

/// Answers until the task is dropped.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let shared = shared.clone();
                let service = service_fn(move |request| {
                    let shared = shared.clone();
                    async move { Ok::<_, Infallible>(answer(&shared, request).await) }
                });
                open.spawn(async move {
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    match *request.method() {
        Method::GET => status(shared),
        Method::PUT => match change(shared, request).await {
            Ok(()) => status(shared),
            Err(reason) => respond(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", plain(&reason)),
        },
        _ => respond(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", plain("use GET or PUT")),
    }
}

fn status(shared: &Shared) -> Response<Body> {
    let counts = shared.counts.borrow().clone();
    let behaviour = shared.behaviour.borrow().clone();
    let text = json!({ "counts": counts, "behaviour": behaviour }).to_string();
    respond(StatusCode::OK, "application/json", plain(&text))
}

async fn change(shared: &Shared, request: Request<Incoming>) -> Result<(), String> {
    let body =
        Limited::new(request.into_body(), MAX_BODY).collect().await.map_err(|error| error.to_string())?;
    let behaviour: Behaviour = serde_json::from_slice(&body.to_bytes()).map_err(|error| error.to_string())?;
    shared.behaviour.send_replace(behaviour);
    Ok(())
}
