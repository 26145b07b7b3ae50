//! The sockets, and the way to the pipeline.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use flow::Ctx;
use prometheus::IntCounterVec;
use subtle::ConstantTimeEq;
use tls::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::packet::{Packet, length};
use crate::beside::{Beside, Sighting};
use crate::call::Calls;
use crate::transport::now;
use crate::watch::Watched;

/// The longest packet: its length has 16 bits.
const LONGEST: usize = 65_535;
const CONNECTIONS: usize = 256;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A connection that says nothing for so long is closed.
const SILENCE: Duration = Duration::from_secs(600);

/// What agents show, and what becomes of it.
pub(super) struct Seen {
    pub(super) beside: Beside,
    pub(super) calls: Calls,
}

impl Watched for Seen {
    fn calls(&mut self) -> &mut Calls {
        &mut self.calls
    }

    fn turn(&mut self, now: u64) {
        self.beside.tick(&mut self.calls, now);
    }

    fn close(&mut self, now: u64) {
        self.beside.show(&mut self.calls, None);
        self.calls.close(now);
    }
}

/// Where packets of all agents come together.
pub(super) struct Desk {
    id: Arc<str>,
    key: Option<Box<[u8]>>,
    seen: Arc<Mutex<Seen>>,
    packets: IntCounterVec,
}

impl Desk {
    pub(super) fn new(ctx: &Ctx, key: Option<Box<[u8]>>, seen: Arc<Mutex<Seen>>) -> Self {
        let packets = ctx.telemetry.counter(
            "throughline_hep_packets",
            "Packets of HEP by what became of them",
            &["receiver", "result"],
        );
        Self { id: Arc::clone(&ctx.id), key, seen, packets }
    }

    /// Reads a packet.
    fn take(&self, bytes: &Bytes) {
        let result = match Packet::parse(bytes) {
            Err(_) => "unreadable",
            Ok(packet) if !self.admits(packet.key) => "refused",
            Ok(packet) => {
                let Packet { at, from, to, transport, agent, payload, .. } = packet;
                let bytes = bytes.slice_ref(payload);
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let Seen { beside, calls } = &mut *seen;
                beside.hear(Sighting { at, from, to, transport, agent, bytes }, now(), calls);
                "taken"
            }
        };
        self.packets.with_label_values(&[&*self.id, result]).inc();
    }

    fn admits(&self, key: Option<&[u8]>) -> bool {
        let Some(own) = &self.key else { return true };
        key.is_some_and(|key| bool::from(key.ct_eq(own)))
    }
}

pub(super) async fn datagrams(socket: UdpSocket, desk: Arc<Desk>, mut stopped: watch::Receiver<bool>) {
    let mut buffer = vec![0; LONGEST];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            _ = stopped.changed() => return,
        };
        match received {
            Ok((length, _)) => desk.take(&Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default())),
            Err(error) => tracing::debug!(%error, "a datagram was not received"),
        }
    }
}

pub(super) async fn streams(
    listener: TcpListener,
    tls: Option<Acceptor>,
    desk: Arc<Desk>,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            Some(_) = tasks.join_next() => continue,
            _ = stopped.changed() => return,
        };
        let (Ok((stream, _)), Ok(place)) = (accepted, place) else {
            tracing::warn!("cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (desk, tls) = (Arc::clone(&desk), tls.as_ref().map(Acceptor::now));
        tasks.spawn(async move {
            let _place = place;
            let Some(tls) = tls else { return packets(stream, &desk).await };
            match timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => packets(stream, &desk).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS with an agent"),
                Err(_) => tracing::debug!("no TLS with an agent in time"),
            }
        });
    }
}

/// Packets one after the other, until one cannot be told from the next.
async fn packets(mut stream: impl AsyncRead + Unpin, desk: &Desk) {
    let mut buffer = BytesMut::new();
    loop {
        match length(&buffer) {
            Ok(Some(length)) if buffer.len() >= length => desk.take(&buffer.split_to(length).freeze()),
            Ok(_) => match timeout(SILENCE, stream.read_buf(&mut buffer)).await {
                Ok(Ok(1..)) => {}
                _ => return,
            },
            Err(error) => {
                tracing::debug!(%error, "a connection is closed");
                buffer.advance(buffer.len());
                desk.packets.with_label_values(&[&*desk.id, "unreadable"]).inc();
                return;
            }
        }
    }
}
