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
    /// Of a connection, from the first byte to the last.
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
                // A connection that fails or takes too long concerns its client alone.
                drop(timeout(limits.time, connection(stream, limits)).await);
                drop(permit);
            });
        }
    }
}

async fn connection(stream: TcpStream, limits: Limits) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut start = [0; PREFACE.len()];
    loop {
        stream.readable().await?;
        let peeked = stream.peek(&mut start).await?;
        let Some(seen) = start.get(..peeked).filter(|seen| !seen.is_empty()) else { return Ok(()) };
        if !PREFACE.starts_with(seen) {
            return super::http1::serve(stream, limits).await;
        }
        if seen == PREFACE {
            super::http2::serve(stream, limits).await;
            return Ok(());
        }
        // A peek returns at once as long as there is anything, however little.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
