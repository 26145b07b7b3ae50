//! The HTTP client of the exporter, on a thread of its own: it works in programs without a runtime, and spans leave
//! while the runtime of the application is busy, or stops.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
#[cfg(feature = "tls")]
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::runtime::{Builder, Runtime};

use super::regroup::regroup;

/// Most bytes of an answer.
const MOST: usize = 1 << 20;

#[cfg(feature = "tls")]
type Connector = HttpsConnector<HttpConnector>;
#[cfg(not(feature = "tls"))]
type Connector = HttpConnector;

/// Sends requests with the spans parted by interaction.
pub(crate) struct Client {
    inner: hyper_util::client::legacy::Client<Connector, Full<Bytes>>,
    timeout: Duration,
    /// Taken when the client goes: a runtime must not be dropped inside of another one.
    runtime: Option<Runtime>,
}

impl Client {
    pub(crate) fn new(timeout: Duration) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("throughline-otlp")
            .enable_all()
            .build()?;
        let inner = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector()?);
        Ok(Self { inner, timeout, runtime: Some(runtime) })
    }
}

#[cfg(feature = "tls")]
fn connector() -> std::io::Result<Connector> {
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?;
    Ok(builder.https_or_http().enable_http1().build())
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unnecessary_wraps, reason = "the other one reads certificates")]
fn connector() -> std::io::Result<Connector> {
    Ok(HttpConnector::new())
}

impl HttpClient for Client {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let runtime = self.runtime.as_ref().ok_or("the client is closed")?;
            let (client, timeout) = (self.inner.clone(), self.timeout);
            let exchange = async move {
                let (head, body) = client.request(parted(request)?).await?.into_parts();
                let body = Limited::new(body, MOST).collect().await?.to_bytes();
                Ok::<_, HttpError>(Response::from_parts(head, body))
            };
            runtime.spawn(async move { tokio::time::timeout(timeout, exchange).await? }).await?
        })
    }
}

fn parted(request: Request<Bytes>) -> Result<Request<Full<Bytes>>, HttpError> {
    let (mut head, body) = request.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    let spans = regroup(ExportTraceServiceRequest::decode(body)?);
    Ok(Request::from_parts(head, Full::new(spans.encode_to_vec().into())))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
