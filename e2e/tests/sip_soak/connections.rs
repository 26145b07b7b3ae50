//! Peers that hold connections and say nothing, or too slowly, or do not listen.

use sim::sip::Transport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::bed::{Bed, size};
use crate::raw::{flood, request, socket};

/// What a connection may take over which nothing whole comes, the buffers of TLS among it.
const CONNECTION: u64 = 12 << 10;
/// The beginning of a TLS handshake, which is never finished.
const HELLO: [u8; 6] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];

/// Scenario: HALF_OPEN connections that say nothing, the beginning of a message, or of a TLS handshake; more than one
/// address may have.
/// Guarantees: no address gets more than its share, others are served over each transport, all are closed in time.
pub(crate) async fn connections_that_wait() {
    let count: u64 = size("HALF_OPEN", 300);
    let share = count / 3;
    let limits = format!("connections: {}, connections_per_address: {share}", 2 * count);
    let bed = Bed::start(&limits, "sip:127.0.0.1:9").await;
    let mut held = Vec::new();
    for number in 0..count + count / 3 {
        // A third too many of one address, the rest of others.
        let ip = if number < 2 * share { [127, 0, 0, 9] } else { [127, 0, 1, (number % 100) as u8 + 1] };
        let to = if number % 3 == 2 { bed.tls } else { bed.plain };
        let mut stream = connect(ip, to).await;
        let begun: &[u8] = match number % 3 {
            0 => b"",
            1 => b"INVITE sip:raw@127.0.0.1 SIP/2.0\r\nVia: ",
            _ => &HELLO,
        };
        stream.write_all(begun).await.ok();
        held.push(stream);
    }
    bed.until("the places are taken", async || {
        bed.metric("throughline_sip_connections", &[]).await >= count
            && bed.unsent("connections").await == share
    })
    .await;
    bed.is_within(count * CONNECTION);
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        bed.call(transport).await;
    }
    bed.settles("connections that wait").await;
    for stream in &mut held {
        let read = stream.read(&mut [0; 1]).await;
        assert!(matches!(read, Ok(0) | Err(_)), "it is closed: {read:?}");
    }
}

/// Scenario: 20 MB for a peer over TCP that reads nothing.
/// Guarantees: what waits for it is bounded, the rest is lost and counted, and the connection given up; others are served.
#[tokio::test]
async fn a_peer_that_does_not_read() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bed = Bed::start("", &format!("sip:{};transport=tcp", deaf.local_addr().unwrap())).await;
    let (eve, uri) = (socket([127, 0, 0, 1]).await, format!("sip:raw@{}", bed.plain));
    let own = eve.local_addr().unwrap();
    let large = |number| request("OPTIONS", &uri, own, number).with("Subject", "x".repeat(20_000)).bytes();
    flood(&eve, bed.plain, 1_000, large).await;
    bed.until("what is too much is lost", async || bed.unsent("full").await > 0).await;
    bed.is_within(1 << 20);
    bed.call(Transport::Tcp).await;
    bed.is_quiet("a peer that does not read").await;
}

async fn connect(from: [u8; 4], to: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}
