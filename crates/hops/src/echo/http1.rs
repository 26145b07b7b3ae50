//! HTTP/1.1: one request for each connection, its head kept byte for byte; WebSocket upgrades too.

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::Limits;
use crate::field::first;
use crate::http1::{Head, read_body, read_head};
use crate::seen::Seen;
use crate::websocket::accept;

/// No `Server` header: what a hop puts there names the hop.
const COMMON: &str =
    "Content-Type: application/json\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";

pub(super) async fn serve(mut stream: TcpStream, limits: Limits) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut reader = BufReader::new(read);
    let head = match read_head(&mut reader).await {
        Ok(head) => head,
        Err(error) => return refuse(&mut write, &error.to_string()).await,
    };
    let Some(seen) = seen(&head) else { return refuse(&mut write, "that is not a request").await };
    if let Some(key) = websocket_key(&head) {
        return websocket(&mut write, &seen, key).await;
    }
    if head.has_token("expect", "100-continue") {
        write.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    if let Err(error) = read_body(&mut reader, &head, false, limits.body).await {
        return refuse(&mut write, &error.to_string()).await;
    }
    let body = seen.to_json().to_string();
    let length = body.len();
    let start = format!("HTTP/1.1 200 OK\r\n{COMMON}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    write.write_all(start.as_bytes()).await?;
    if seen.method != "HEAD" {
        write.write_all(body.as_bytes()).await?;
    }
    write.shutdown().await
}

fn seen(head: &Head) -> Option<Seen> {
    let (method, target, protocol) = head.request()?;
    Some(Seen {
        protocol: protocol.to_owned(),
        method: method.to_owned(),
        target: target.to_owned(),
        fields: head.fields.clone(),
    })
}

fn websocket_key(head: &Head) -> Option<&str> {
    let upgrades = head.has_token("upgrade", "websocket") && head.has_token("connection", "upgrade");
    first(&head.fields, "sec-websocket-key").filter(|_| upgrades)
}

/// One text frame with what was seen, then the close frame.
async fn websocket(write: &mut (impl AsyncWriteExt + Unpin), seen: &Seen, key: &str) -> std::io::Result<()> {
    let accept = accept(key);
    let start = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    write.write_all(start.as_bytes()).await?;
    let body = seen.to_json().to_string();
    let mut frame = vec![0x81, 127];
    frame.extend((body.len() as u64).to_be_bytes());
    frame.extend(body.as_bytes());
    frame.extend([0x88, 0]);
    write.write_all(&frame).await?;
    write.shutdown().await
}

async fn refuse(write: &mut (impl AsyncWriteExt + Unpin), why: &str) -> std::io::Result<()> {
    let length = why.len();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{why}"
    );
    write.write_all(answer.as_bytes()).await?;
    write.shutdown().await
}
