//! Data Actions: the calls that the IVR and the agent's desktop make to the middleware, over real HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde_json::json;
use throughline_context::Traceparent;
use tokio::time::timeout;

use super::script::Script;
use crate::attribute::{attribute, text};

/// Longer than the middleware waits for the CRM, so that its answer is seen.
const DEADLINE: Duration = Duration::from_secs(8);
/// Shorter than Node keeps an idle connection, so that none is used while it is being closed.
const IDLE: Duration = Duration::from_secs(2);
const MAX_ANSWER: usize = 64 << 10;

pub(super) struct Actions {
    client: Client<HttpConnector, Full<Bytes>>,
    service: SocketAddr,
}

/// One Data Action, ready to be called.
pub(super) struct Action {
    pub(super) name: &'static str,
    path: &'static str,
    body: serde_json::Value,
}

/// How a Data Action went.
pub(super) struct Answer {
    status: Result<u16, &'static str>,
    pub(super) body: serde_json::Value,
}

impl Action {
    pub(super) fn lookup(script: &Script) -> Self {
        let body = json!({ "phone": script.phone, "campaign_id": script.campaign });
        Self { name: "Data Action: customer lookup", path: "/v2/lookup", body }
    }

    pub(super) fn schedule(customer: u64, slot: &str) -> Self {
        let body = json!({ "customer_id": customer, "slot": slot });
        Self { name: "Data Action: schedule technician", path: "/v2/schedule", body }
    }

    pub(super) fn attributes(&self, service: SocketAddr) -> Vec<KeyValue> {
        vec![
            text("http.request.method", "POST"),
            text("url.full", &format!("http://{service}{}", self.path)),
            text("server.address", &service.ip().to_string()),
            attribute("server.port", Value::IntValue(service.port().into())),
        ]
    }
}

impl Answer {
    pub(super) fn failed(&self) -> bool {
        !matches!(self.status, Ok(200..400))
    }

    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        match self.status {
            Ok(status) => {
                let mut attributes =
                    vec![attribute("http.response.status_code", Value::IntValue(status.into()))];
                if self.failed() {
                    attributes.push(text("error.type", &status.to_string()));
                }
                attributes
            }
            Err(kind) => vec![text("error.type", kind)],
        }
    }

    /// What the service said was wrong.
    pub(super) fn message(&self) -> String {
        let message = self.body.pointer("/error/message").and_then(|message| message.as_str());
        message.unwrap_or_default().to_owned()
    }
}

impl Actions {
    pub(super) fn new(service: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build_http();
        Self { client, service }
    }

    pub(super) fn service(&self) -> SocketAddr {
        self.service
    }

    /// Calls it with the context that the service's spans join.
    pub(super) async fn call(&self, action: &Action, context: Traceparent, conversation: &str) -> Answer {
        match timeout(DEADLINE, self.exchange(action, context, conversation)).await {
            Ok(Ok((status, body))) => Answer { status: Ok(status), body },
            Ok(Err(_)) => Answer { status: Err("connection_error"), body: serde_json::Value::Null },
            Err(_) => Answer { status: Err("timeout"), body: serde_json::Value::Null },
        }
    }

    async fn exchange(
        &self,
        action: &Action,
        context: Traceparent,
        conversation: &str,
    ) -> anyhow::Result<(u16, serde_json::Value)> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}{}", self.service, action.path))
            .header("content-type", "application/json")
            .header("traceparent", context.to_string())
            .header("baggage", format!("interaction.id={conversation}"))
            .body(Full::from(action.body.to_string()))?;
        let (head, body) = self.client.request(request).await?.into_parts();
        let body =
            Limited::new(body, MAX_ANSWER).collect().await.map_err(anyhow::Error::from_boxed)?.to_bytes();
        Ok((head.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default()))
    }
}
