//! Ports of loopback for what is started to be tried.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

/// Below what the system gives to whoever connects (`ip_local_port_range` begins at 32 768): a port that was free a moment ago
/// becomes no end of somebody's connection before it is used.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Each process begins elsewhere, and gives none twice until all were given.
static NEXT: LazyLock<AtomicU16> =
    LazyLock::new(|| AtomicU16::new((RandomState::new().hash_one(std::process::id()) >> 48) as u16));

/// A port that nobody has, neither for datagrams nor for streams.
pub fn free() -> Result<SocketAddr> {
    for _ in 0..COUNT {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port on loopback between {FIRST} and {}", FIRST + COUNT - 1)
}

/// As many as asked for.
pub fn several<const N: usize>() -> Result<[SocketAddr; N]> {
    let mut all = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for one in &mut all {
        *one = free()?;
    }
    Ok(all)
}
