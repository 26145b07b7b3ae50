//! HTTP/1.1 and the WebSocket upgrade, written byte for byte.

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};

use super::connect::Connector;
use crate::field::{Field, bytes, first};
use crate::http1::{Message, Problem, read_body, read_head};
use crate::outcome::{Answer, Outcome};
use crate::probe::{AGENT, MARK, Mark, Probe, Protocol};
use crate::websocket::accept;

/// Of an answer: JSON doubles backslashes and quotes, a probe has none of them.
const MAX_ANSWER: usize = 1024 * 1024;
/// The nonce of RFC 6455's example; nothing depends on its being secret.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub(super) async fn send(connector: &Connector<'_>, probe: &Probe, mark: Mark) -> Outcome {
    let Message { head, body } = match exchange(connector, &request(connector, probe, mark)).await {
        Ok(message) => message,
        Err(outcome) => return outcome,
    };
    let status = head.status().unwrap_or_default();
    let native = match probe.protocol {
        Protocol::WebSocket => {
            status == 101 && first(&head.fields, "sec-websocket-accept") == Some(&accept(KEY))
        }
        _ => status == 200,
    };
    Outcome::of(Answer { status, native, fields: head.fields, page: String::new() }, &body, mark)
}

fn request(connector: &Connector<'_>, probe: &Probe, mark: Mark) -> Vec<u8> {
    let body = if probe.method == "POST" { "{}" } else { "" };
    let target = connector.target(probe, mark);
    let mut head = format!("{} {target} HTTP/1.1\r\nHost: {}\r\n", probe.method, connector.address.authority)
        .into_bytes();
    let mut fields = vec![
        Field::new(MARK, format!(" {mark}")),
        Field::new("User-Agent", format!(" {AGENT}")),
        Field::new("Accept", " */*"),
    ];
    if !body.is_empty() {
        fields.push(Field::new("Content-Type", " application/json"));
        fields.push(Field::new("Content-Length", format!(" {}", body.len())));
    }
    if probe.protocol == Protocol::WebSocket {
        fields.push(Field::new("Upgrade", " websocket"));
        fields.push(Field::new("Connection", " Upgrade"));
        fields.push(Field::new("Sec-WebSocket-Version", " 13"));
        fields.push(Field::new("Sec-WebSocket-Key", format!(" {KEY}")));
    }
    fields.extend(connector.extra.fields());
    fields.extend(probe.fields(mark));
    for field in fields {
        head.extend(bytes(&field.name));
        head.push(b':');
        head.extend(bytes(&field.raw));
        head.extend(b"\r\n");
    }
    head.extend(b"\r\n");
    head.extend(body.as_bytes());
    head
}

async fn exchange(connector: &Connector<'_>, request: &[u8]) -> Result<Message, Outcome> {
    let stream = connector.open(false).await?;
    let (read, mut write) = tokio::io::split(stream);
    let mut reader = BufReader::new(read);
    // A hop may refuse before it has read everything: its answer counts, not the broken pipe.
    let write = async {
        let written = async {
            write.write_all(request).await?;
            write.flush().await
        };
        drop(written.await);
        std::future::pending::<Message>().await
    };
    tokio::select! {
        message = read_message(&mut reader) => message.map_err(|error| Outcome::Cut(error.to_string())),
        message = write => Ok(message),
    }
}

async fn read_message(reader: &mut BufReader<impl tokio::io::AsyncRead + Unpin>) -> Result<Message, Problem> {
    loop {
        let head = read_head(reader).await?;
        match head.status().ok_or(Problem::NotHttp)? {
            101 => {
                let body = read_frame(reader).await?;
                return Ok(Message { head, body });
            }
            100..=199 => {}
            _ => {
                let body = read_body(reader, &head, true, MAX_ANSWER).await?;
                return Ok(Message { head, body });
            }
        }
    }
}

/// One whole text message of a server, as the echo sends it.
async fn read_frame(reader: &mut BufReader<impl tokio::io::AsyncRead + Unpin>) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    loop {
        let first = reader.read_u8().await?;
        let length = match reader.read_u8().await? {
            126 => u64::from(reader.read_u16().await?),
            127 => reader.read_u64().await?,
            short @ ..126 => u64::from(short),
            _ => return Err(Problem::NotHttp),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_ANSWER.saturating_sub(body.len()) {
            return Err(Problem::TooLong("message", MAX_ANSWER));
        }
        let mut payload = vec![0; length];
        reader.read_exact(&mut payload).await?;
        match first & 0x0f {
            0 | 1 => body.append(&mut payload),
            8 => return Err(Problem::Closed),
            _ => continue,
        }
        if first & 0x80 != 0 {
            return Ok(body);
        }
    }
}
