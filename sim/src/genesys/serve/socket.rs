//! One WebSocket after its handshake.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::Shared;
use crate::genesys::service::{Frame, Service};

/// Bytes of what a client may say.
const MAX_MESSAGE: usize = 256 << 10;

/// Who hears what the client says.
pub(super) enum Ear {
    Channel { id: String, generation: u64 },
    Events { number: u64 },
}

pub(super) async fn run(
    shared: Arc<Shared>,
    ear: Ear,
    mut frames: mpsc::Receiver<Frame>,
    upgrade: OnUpgrade,
) {
    if let Ok(upgraded) = upgrade.await {
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(MAX_MESSAGE);
        config.max_frame_size = Some(MAX_MESSAGE);
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        talk(&shared, &ear, &mut frames, socket).await;
    }
    match ear {
        Ear::Channel { id, generation } => shared.service().disconnected(&id, generation),
        Ear::Events { number } => shared.service().close_events(number),
    }
}

async fn talk(
    shared: &Shared,
    ear: &Ear,
    frames: &mut mpsc::Receiver<Frame>,
    mut socket: WebSocketStream<TokioIo<Upgraded>>,
) {
    let mut heartbeat = interval_at(Instant::now() + shared.heartbeat, shared.heartbeat);
    loop {
        let message = tokio::select! {
            frame = frames.recv() => match frame {
                Some(Frame::Text(text)) => Message::text(text),
                Some(Frame::Close(code)) => close(code, ""),
                // Dropped without a word.
                Some(Frame::Cut) => return,
                None => close(1000, ""),
            },
            _ = heartbeat.tick() => Message::text(Service::heartbeat()),
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => match hear(shared, ear, text.as_str()) {
                    Ok(Some(reply)) => Message::text(reply),
                    Ok(None) => continue,
                    Err(why) => close(1008, &why),
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
        };
        let last = message.is_close();
        if socket.send(message).await.is_err() || last {
            return;
        }
    }
}

fn hear(shared: &Shared, ear: &Ear, text: &str) -> Result<Option<String>, String> {
    match ear {
        Ear::Channel { id, .. } => Ok(shared.service().heard(id, text)),
        Ear::Events { number } => shared.service().heard_events(*number, text),
    }
}

fn close(code: u16, why: &str) -> Message {
    let reason: String = why.chars().take(60).collect();
    Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() }))
}
