//! The listener: tells HTTP/2 from HTTP/1.1 by the first bytes, and bounds everything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How much an echo takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections: usize,
    /// Of a request over HTTP/1; an HTTP/2 connection takes no new ones after it, since a hop uses it for many.
    pub time: Duration,
    /// Of a request; it is read and forgotten.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 64, time: Duration::from_secs(30), body: 1024 * 1024 }
    }
}

/// A bound listener; nothing is answered before [`Echo::serve`].
pub struct Echo {
    listener: TcpListener,
    limits: Limits,
}

/// How an HTTP/2 connection begins (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

impl Echo {
    pub async fn bind(address: SocketAddr, limits: Limits) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, limits })
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers for ever; ends with the future.
    pub async fn serve(self) {
        let permits = Arc::new(Semaphore::new(self.limits.connections));
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of file descriptors: those of the connections that end come back.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let limits = self.limits;
            tokio::spawn(async move {
                // A connection that fails or takes too long concerns its client alone. The second half is for what an
                // HTTP/2 connection has begun when its time is up.
                drop(timeout(limits.time * 2, connection(stream, limits)).await);
                drop(permit);
            });
        }
    }
}

async fn connection(stream: TcpStream, limits: Limits) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    match timeout(limits.time, is_http2(&stream)).await?? {
        true => super::http2::serve(stream, limits).await,
        false => timeout(limits.time, super::http1::serve(stream, limits)).await?,
    }
}

async fn is_http2(stream: &TcpStream) -> std::io::Result<bool> {
    let mut start = [0; PREFACE.len()];
    loop {
        let peeked = stream.peek(&mut start).await?;
        let seen = start.get(..peeked).unwrap_or_default();
        if seen.is_empty() || !PREFACE.starts_with(seen) {
            return Ok(false);
        }
        if seen == PREFACE {
            return Ok(true);
        }
        // A peek returns at once as long as there is anything, however little.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
