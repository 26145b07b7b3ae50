//! The Data Actions of flows, really called: with the headers and the body of `examples/data-action`.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use throughline_context::{TraceId, Traceparent};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::chance::Chance;
use crate::genesys::serve::Simulator;
use crate::genesys::service::ActionCall;

/// Longer than the middleware waits for the CRM, so that its answer is seen.
const DEADLINE: Duration = Duration::from_secs(8);
/// Shorter than Node keeps an idle connection, so that none is used while it is being closed.
const IDLE: Duration = Duration::from_secs(2);
const MAX_ANSWER: usize = 64 << 10;
const AT_ONCE: usize = 64;
/// The participant data in which a flow keeps whom it has found.
const CUSTOMER: &str = "customer.id";
const SEGMENT: &str = "customer.segment";

/// Those that are being called, and the account of those that were.
pub(super) struct Actions {
    client: Client<HttpConnector, Full<Bytes>>,
    service: SocketAddr,
    calls: mpsc::Receiver<ActionCall>,
    open: JoinSet<Answered>,
    pub(super) called: u64,
    pub(super) failed: u64,
}

/// What a Data Action has told its flow.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answered {
    conversation: String,
    succeeded: bool,
    learned: Vec<(&'static str, String)>,
}

impl Actions {
    pub(super) fn of(calls: mpsc::Receiver<ActionCall>, service: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build_http();
        Self { client, service, calls, open: JoinSet::new(), called: 0, failed: 0 }
    }

    /// Calls what flows ask for, until one has answered. Nothing is lost where this is dropped before.
    pub(super) async fn next(&mut self) -> Answered {
        loop {
            tokio::select! {
                Some(call) = self.calls.recv(), if self.open.len() < AT_ONCE => self.call(&call),
                Some(done) = self.open.join_next() => return self.count(done.unwrap_or_default()),
                else => return pending().await,
            }
        }
    }

    /// Waits for the answers to what was called.
    pub(super) async fn finish(&mut self) {
        while let Some(done) = self.open.join_next().await {
            self.count(done.unwrap_or_default());
        }
    }

    fn call(&mut self, call: &ActionCall) {
        let Some(request) = request(call, self.service) else { return };
        self.called += 1;
        let (client, conversation) = (self.client.clone(), call.conversation_id.clone());
        self.open.spawn(async move {
            let answer = timeout(DEADLINE, exchange(&client, request)).await;
            let body = answer.ok().and_then(Result::ok);
            let succeeded = body.is_some();
            Answered { conversation, succeeded, learned: learned(&body.unwrap_or_default()) }
        });
    }

    fn count(&mut self, answered: Answered) -> Answered {
        self.failed += u64::from(!answered.succeeded);
        answered
    }
}

impl Answered {
    /// The flow keeps it as participant data.
    pub(super) fn tell(self, simulator: &Simulator) {
        simulator.with(|service| {
            self.learned.iter().for_each(|(key, value)| service.learn(&self.conversation, key, value));
        });
    }
}

/// The request of a Data Action; none where the flow does not know enough to call it.
fn request(call: &ActionCall, service: SocketAddr) -> Option<Request<Full<Bytes>>> {
    let data = |key: &str| call.data.get(key).and_then(Value::as_str);
    let (path, body) = match call.name.as_str() {
        "Look up customer" => ("/v2/lookup", json!({ "phone": call.customer.trim_start_matches("tel:") })),
        "Book technician" => {
            let customer: u64 = data(CUSTOMER)?.parse().ok()?;
            ("/v2/schedule", json!({ "customer_id": customer, "slot": slot(&call.conversation_id) }))
        }
        _ => return None,
    };
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{service}{path}"))
        .header("content-type", "application/json")
        .header("x-conversation-id", &call.conversation_id);
    // Where nobody has left a context in the participant data, the flow builds it from the conversation's id.
    let built = || Traceparent::from_conversation(&call.conversation_id).map(|context| context.to_string());
    if let Some(context) = data("traceparent").map(str::to_owned).or_else(built) {
        request = request.header("traceparent", context);
    }
    if let Some(state) = data("tracestate") {
        request = request.header("tracestate", state);
    }
    request.body(Full::from(body.to_string())).ok()
}

/// Half past ten in three days' time is `3d10:30`: what the caller of this conversation chooses.
fn slot(conversation: &str) -> String {
    let mut chance = Chance::new(TraceId::from_uuid(conversation).map_or(0, |id| id.randomness()));
    let (days, half_hours) = (chance.below(60), chance.below(20));
    format!("{days}d{:02}:{:02}", 8 + half_hours / 2, half_hours % 2 * 30)
}

/// The body of an answer that is a success.
async fn exchange(
    client: &Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Value> {
    let (head, body) = client.request(request).await?.into_parts();
    anyhow::ensure!(head.status.is_success(), "{}", head.status);
    let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(anyhow::Error::from_boxed)?;
    Ok(serde_json::from_slice(&body.to_bytes())?)
}

fn learned(answer: &Value) -> Vec<(&'static str, String)> {
    let customer = answer.get("customer_id").and_then(Value::as_u64).map(|id| (CUSTOMER, id.to_string()));
    let segment = answer.get("segment").and_then(Value::as_str).map(|segment| (SEGMENT, segment.to_owned()));
    customer.into_iter().chain(segment).collect()
}

#[cfg(test)]
mod tests;
