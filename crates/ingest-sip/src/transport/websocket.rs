//! One connection over WebSocket (RFC 7118): each WebSocket message is one SIP message.

mod patient;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use throughline_sip::{Limits, Message, PONG, ParseError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::Shared;
use super::streams::Place;
use patient::Patient;

const PROTOCOL: &str = "sip";
const PROTOCOLS: &str = "sec-websocket-protocol";
/// For a peer to take what is written.
const WRITE: Duration = Duration::from_secs(10);

pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
) -> io::Result<WebSocketStream<Patient<S>>> {
    let largest = Limits::default().message;
    let config = WebSocketConfig::default().max_message_size(Some(largest)).max_frame_size(Some(largest));
    let config = config.read_buffer_size(8 << 10).max_write_buffer_size(4 * largest);
    accept_hdr_async_with_config(Patient::new(stream), agreed, Some(config)).await.map_err(io::Error::other)
}

/// The subprotocol has to be asked for.
#[expect(clippy::result_large_err, reason = "the library's own signature")]
fn agreed(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let asked = request.headers().get_all(PROTOCOLS).into_iter().filter_map(|value| value.to_str().ok());
    if asked.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case(PROTOCOL)) {
        response.headers_mut().insert(PROTOCOLS, HeaderValue::from_static(PROTOCOL));
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(Some("the subprotocol `sip` is needed".to_owned()));
    *refusal.status_mut() = StatusCode::BAD_REQUEST;
    Err(refusal)
}

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Arc<Shared>,
    mut place: Place,
    mut socket: WebSocketStream<Patient<S>>,
) -> io::Result<()> {
    let flow = place.flow;
    shared.with(&mut Vec::new(), |edge, _| edge.opened(flow));
    socket.get_mut().begin(shared.streams.idle());
    let talked = talk(shared, &mut place, &mut socket).await;
    // Who sees the connection closed may count on that nothing is sent over it any more.
    drop(place);
    if talked.is_ok() {
        _ = timeout(WRITE, socket.close(None)).await;
    }
    talked
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Arc<Shared>,
    place: &mut Place,
    socket: &mut WebSocketStream<Patient<S>>,
) -> io::Result<()> {
    let flow = place.flow;
    let mut out = Vec::new();
    loop {
        let message = tokio::select! {
            unsent = place.unsent.recv() => {
                let Some(unsent) = unsent else { return Ok(()) };
                let message = match Utf8Bytes::try_from(unsent.bytes.clone()) {
                    Ok(text) => tungstenite::Message::Text(text),
                    Err(_) => tungstenite::Message::Binary(unsent.bytes.clone()),
                };
                write(socket, message).await?;
                continue;
            }
            message = socket.next() => message,
        };
        let bytes = match message.transpose().map_err(io::Error::other)? {
            Some(tungstenite::Message::Text(text)) => text.into(),
            Some(tungstenite::Message::Binary(bytes)) => bytes,
            Some(tungstenite::Message::Close(_)) | None => return Ok(()),
            Some(_) => continue,
        };
        match Message::parse(bytes, &Limits::default()) {
            Ok(message) => shared.receive(flow, &message, &mut out),
            Err(ParseError::Empty) => {
                let pong = str::from_utf8(PONG).unwrap_or_default();
                write(socket, tungstenite::Message::text(pong)).await?;
            }
            Err(_) => shared.with(&mut out, |edge, _| edge.unreadable()),
        }
    }
}

async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<Patient<S>>,
    message: tungstenite::Message,
) -> io::Result<()> {
    timeout(WRITE, socket.send(message)).await?.map_err(io::Error::other)
}
