//! Messages that are written by hand, and sockets for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sim::sip::message::Message;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Datagrams that the other side's socket surely holds.
const BURST: u64 = 64;
/// An answer that has not come by then was lost.
const LOST: Duration = Duration::from_secs(1);

/// A request outside of any call, or in one that never was.
pub(crate) fn request(method: &str, uri: &str, own: SocketAddr, number: u64) -> Message {
    Message::request(method, uri)
        .with("Via", format!("SIP/2.0/UDP {own};rport;branch=z9hG4bK{number}"))
        .with("Max-Forwards", "70")
        .with("From", format!("<sip:eve@{own}>;tag=f{number}"))
        .with("To", format!("<{uri}>"))
        .with("Call-ID", format!("{number}@{own}"))
        .with("CSeq", format!("1 {method}"))
        .with("Contact", format!("<sip:eve@{own}>"))
}

pub(crate) async fn socket(ip: [u8; 4]) -> UdpSocket {
    UdpSocket::bind(SocketAddr::from((ip, 0))).await.unwrap()
}

/// As fast as it is taken, so that the system loses none.
pub(crate) async fn flood(socket: &UdpSocket, to: SocketAddr, count: u64, message: impl Fn(u64) -> Vec<u8>) {
    // A peer of its own, whose requests nobody else's use up.
    let pacer = self::socket([127, 0, 0, 3]).await;
    for number in 0..count {
        socket.send_to(&message(number), to).await.unwrap();
        if number % BURST == BURST - 1 {
            taken(&pacer, to).await;
        }
    }
}

/// Waits until what was sent before has been read: it stands in one queue with this.
async fn taken(pacer: &UdpSocket, by: SocketAddr) {
    let options = request("OPTIONS", &format!("sip:{by}"), pacer.local_addr().unwrap(), 0).bytes();
    let mut answer = [0; 2048];
    loop {
        pacer.send_to(&options, by).await.unwrap();
        if timeout(LOST, pacer.recv(&mut answer)).await.is_ok() {
            return;
        }
    }
}

/// Does something with each message that comes to an address.
pub(crate) struct Ear {
    pub(crate) address: SocketAddr,
    heard: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Ear {
    /// `answer` says what goes back to the sender.
    pub(crate) async fn new(answer: impl Fn(&Message) -> Option<Vec<u8>> + Send + 'static) -> Self {
        Self::on(socket([127, 0, 0, 1]).await, answer)
    }

    pub(crate) fn on(
        socket: UdpSocket,
        answer: impl Fn(&Message) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        let (address, heard) = (socket.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            let mut buffer = vec![0; 65_535];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                count.fetch_add(1, Ordering::SeqCst);
                let message = Message::parse(buffer.get(..length).unwrap_or_default());
                if let Some(bytes) = message.ok().and_then(|message| answer(&message)) {
                    socket.send_to(&bytes, from).await.ok();
                }
            }
        });
        Self { address, heard, task }
    }

    pub(crate) fn uri(&self) -> String {
        format!("sip:{}", self.address)
    }

    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::SeqCst)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}
