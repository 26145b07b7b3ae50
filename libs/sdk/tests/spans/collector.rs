//! A collector that keeps what it receives.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use opentelemetry_sdk::trace::BatchConfigBuilder;
use prost::Message;
use throughline_sdk::{Builder, builder};
use tokio::net::TcpListener;

pub(crate) struct Collector {
    url: String,
    received: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let received: Arc<Mutex<Vec<_>>> = Arc::default();
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let kept = Arc::clone(&kept);
                let answer = service_fn(move |request| keep(request, Arc::clone(&kept)));
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { url, received }
    }

    /// An SDK that sends here, of a test's own.
    pub(crate) fn sdk(&self) -> Builder {
        let batch = BatchConfigBuilder::default()
            .with_max_queue_size(1 << 18)
            .with_max_export_batch_size(1 << 12)
            .build();
        builder().service_name("crm").endpoint(&self.url).batch(batch).global(false)
    }

    /// Each request that was received.
    pub(crate) fn requests(&self) -> Vec<Vec<ResourceSpans>> {
        let received = self.received.lock().unwrap();
        received.iter().map(|request| request.resource_spans.clone()).collect()
    }

    /// Each span, with the attributes of its resource.
    pub(crate) fn spans(&self) -> Vec<(Vec<KeyValue>, Span)> {
        let parts = self.requests().into_iter().flatten();
        parts
            .flat_map(|part| {
                let resource = part.resource.unwrap().attributes;
                let spans = part.scope_spans.into_iter().flat_map(|scope| scope.spans);
                spans.map(move |span| (resource.clone(), span))
            })
            .collect()
    }
}

/// The values of a key; more than one is a mistake.
pub(crate) fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found: Vec<_> = attributes.iter().filter(|attribute| attribute.key == key).collect();
    assert!(found.len() <= 1, "{key} comes {} times", found.len());
    match found.first()?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        other => panic!("{key}: {other:?}"),
    }
}

async fn keep(
    request: Request<Incoming>,
    kept: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    kept.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
    Ok(Response::new(Full::default()))
}
