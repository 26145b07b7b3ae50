//! The least that a system under test can do: pass bytes on, untouched.
//!
//! Its cost is that of the sockets alone. (A collector that batches can be below it for small requests, since it
//! sends fewer.) Its rate is what generator and sink allow on this machine.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};

/// Holds a request of 100 spans, and most batches.
const BUFFER: usize = 128 << 10;

/// Relays connections from both receivers' addresses to the sink, as the bench's environment names them.
pub async fn run(setting: impl Fn(&str) -> Option<String>) -> Result<()> {
    let address = |name: &str| -> Result<SocketAddr> {
        setting(name).with_context(|| format!("{name} is not set"))?.parse().with_context(|| name.to_owned())
    };
    let sink = address("BENCH_SINK")?;
    let grpc = TcpListener::bind(address("BENCH_GRPC")?).await?;
    let http = TcpListener::bind(address("BENCH_HTTP")?).await?;
    tokio::try_join!(relay(grpc, sink), relay(http, sink)).map(drop)
}

async fn relay(listener: TcpListener, to: SocketAddr) -> Result<()> {
    loop {
        let (mut near, _) = listener.accept().await?;
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(to).await else { return };
            if near.set_nodelay(true).and_then(|()| far.set_nodelay(true)).is_ok() {
                // Whoever hangs up first ends both.
                drop(copy_bidirectional_with_sizes(&mut near, &mut far, BUFFER, BUFFER).await);
            }
        });
    }
}
