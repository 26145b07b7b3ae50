//! Stands in front of the simulator, and answers some requests in its place.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use serde_json::Value;

/// What is answered to a request, given its body, in place of the simulator or of what the simulator said.
pub(crate) trait Answers: Send + 'static {
    /// The status and the body; none leaves it to the simulator.
    fn instead(&mut self, _asked: &Asked) -> Option<(u16, Value)> {
        None
    }

    /// Changes what the simulator said.
    fn change(&mut self, _asked: &Asked, _said: &mut Value) {}
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path, ids left out.
    pub(crate) what: String,
    pub(crate) body: Value,
}

pub(crate) struct Front {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

struct Shared {
    simulator: String,
    http: reqwest::Client,
    answers: Mutex<Box<dyn Answers>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Front {
    pub(crate) async fn start(simulator: String, answers: impl Answers) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::default();
        let http = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls()).build().unwrap();
        let answers: Mutex<Box<dyn Answers>> = Mutex::new(Box::new(answers));
        let shared = Shared { simulator, http, answers, asked: Arc::clone(&asked) };
        let router = Router::new().fallback(answer).with_state(Arc::new(shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    /// The requests whose name ends so.
    pub(crate) fn asked(&self, what: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.what.ends_with(what)).cloned().collect()
    }
}

fn tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    tls.unwrap().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    (method, uri): (Method, Uri),
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let parts = uri.path().split('/').map(|part| if part.len() == 36 { "ID" } else { part });
    let asked = Asked {
        what: format!("{method} {}", parts.collect::<Vec<_>>().join("/")),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    shared.asked.lock().unwrap().push(asked.clone());
    let instead = shared.answers.lock().unwrap().instead(&asked);
    if let Some((status, body)) = instead {
        return says(StatusCode::from_u16(status).unwrap(), body.to_string().into());
    }
    let request = shared.http.request(method, format!("{}{uri}", shared.simulator));
    let request = headers
        .iter()
        .filter(|(name, _)| *name != "host")
        .fold(request, |request, (name, value)| request.header(name, value));
    let answer = request.body(body).send().await.unwrap();
    let (status, said) = (answer.status(), answer.bytes().await.unwrap());
    let Ok(mut value) = serde_json::from_slice(&said) else { return says(status, said) };
    shared.answers.lock().unwrap().change(&asked, &mut value);
    says(status, value.to_string().into())
}

fn says(status: StatusCode, body: Bytes) -> Response<Body> {
    Response::builder().status(status).body(Body::from(body)).unwrap()
}
