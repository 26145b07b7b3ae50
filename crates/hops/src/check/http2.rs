//! HTTP/2 with prior knowledge or over TLS, and gRPC on it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::connect::Connector;
use crate::field::{Field, first, text};
use crate::http1::MAX_HEAD;
use crate::outcome::{Answer, Outcome};
use crate::probe::{AGENT, About, MARK, Mark, Probe, Protocol};

const MAX_ANSWER: usize = 1024 * 1024;
/// An empty message, uncompressed.
const EMPTY: &[u8] = &[0, 0, 0, 0, 0];

pub(super) async fn send(connector: &Connector<'_>, probe: &Probe, mark: Mark) -> Outcome {
    let request = match request(connector, probe, mark) {
        Ok(request) => request,
        Err(error) => return Outcome::NotSpoken(format!("the probe cannot be sent over HTTP/2: {error}")),
    };
    let stream = match connector.open(true).await {
        Ok(stream) => stream,
        Err(outcome) => return outcome,
    };
    // On the first probe an error means that nobody here speaks HTTP/2; later it means that this one was cut off.
    let failed = |error: hyper::Error| match probe.about {
        About::Bare => Outcome::NotSpoken("HTTP/2 is not spoken here".to_owned()),
        _ => Outcome::Cut(error.to_string()),
    };
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
    let (mut sender, connection) = match builder.handshake(TokioIo::new(stream)).await {
        Ok(pair) => pair,
        Err(error) => return failed(error),
    };
    let answered = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        read(response, probe, mark).await
    };
    tokio::select! {
        biased;
        outcome = answered => outcome.unwrap_or_else(|outcome| outcome),
        ended = connection => match ended {
            Ok(()) => Outcome::Cut("the connection was closed before an answer came".to_owned()),
            Err(error) => failed(error),
        },
    }
}

fn request(
    connector: &Connector<'_>,
    probe: &Probe,
    mark: Mark,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let is_grpc = probe.protocol == Protocol::Grpc;
    let body = match probe.method {
        _ if is_grpc => Bytes::from_static(EMPTY),
        "POST" => Bytes::from_static(b"{}"),
        _ => Bytes::new(),
    };
    let scheme = if connector.address.tls { "https" } else { "http" };
    let uri = format!("{scheme}://{}{}", connector.address.authority, connector.target(probe, mark));
    let mut request = Request::builder().method(probe.method).uri(uri).body(Full::new(body))?;
    let headers = request.headers_mut();
    let mut add = |field: Field| -> Result<(), http::Error> {
        let value = HeaderValue::from_str(field.value())?;
        headers.append(HeaderName::try_from(field.name.to_ascii_lowercase())?, value);
        Ok(())
    };
    add(Field::new(MARK, mark.to_string()))?;
    add(Field::new("user-agent", AGENT))?;
    if is_grpc {
        add(Field::new("content-type", "application/grpc"))?;
        add(Field::new("te", "trailers"))?;
    }
    for field in connector.extra.fields().chain(probe.fields(mark)) {
        add(field)?;
    }
    Ok(request)
}

async fn read(response: Response<Incoming>, probe: &Probe, mark: Mark) -> Result<Outcome, Outcome> {
    let (head, body) = response.into_parts();
    let fields = fields(&head.headers);
    let collected = Limited::new(body, MAX_ANSWER).collect().await;
    let collected = collected.map_err(|error| Outcome::Cut(error.to_string()))?;
    let trailers = collected.trailers().map(self::fields).unwrap_or_default();
    let body = collected.to_bytes();
    let status = head.status.as_u16();
    let message = grpc_text(&body);
    let native = match probe.protocol {
        Protocol::Grpc => message.is_some() && first(&trailers, "grpc-status") == Some("0"),
        _ => status == 200,
    };
    let answer = Answer { status, fields, native, page: String::new() };
    Ok(Outcome::of(answer, message.unwrap_or(&body), mark))
}

fn fields(headers: &HeaderMap) -> Vec<Field> {
    headers.iter().map(|(name, value)| Field::new(name.as_str(), text(value.as_bytes()))).collect()
}

/// The text inside a frame with one `google.protobuf.StringValue`.
fn grpc_text(body: &[u8]) -> Option<&[u8]> {
    let [0, _, _, _, _, 0x0a, rest @ ..] = body else { return None };
    let digits = rest.iter().position(|byte| byte & 0x80 == 0)?;
    rest.get(digits + 1..)
}
