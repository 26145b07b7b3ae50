//! Listens on `host:port` as the collector reads it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use flow::config::split_port;
use flow::{BuildError, Ctx};
use tokio::net::{TcpListener, TcpSocket};

use super::addresses::Addresses;

/// Connections that wait to be accepted; with more the system lets clients try again a second later.
const WAITING: u32 = 4096;

/// Listens, and notes where in the book of addresses.
///
/// Of several addresses the first one that this machine has is taken, IPv4 before IPv6; one that is taken by another
/// process is an error, since its clients would reach that process.
pub async fn bind(ctx: &Ctx, what: &'static str, endpoint: &str) -> Result<TcpListener, BuildError> {
    let fail = |why: String| BuildError::new(&ctx.id, why);
    let addresses = addresses(endpoint).await.map_err(|error| fail(format!("{endpoint}: {error}")))?;
    let mut last = fail(format!("{endpoint} stands for no address"));
    for address in addresses {
        match listen(address) {
            Ok(tcp) => {
                let address = tcp.local_addr().unwrap_or(address);
                tracing::info!(component = %ctx.id, %address, "listening for {what}");
                if let Some(book) = ctx.get::<Addresses>() {
                    book.note(&ctx.id, what, address);
                }
                return Ok(tcp);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(fail(format!(
                    "{endpoint} is taken by another process; stop that one, or set another address"
                )));
            }
            Err(error) => last = fail(format!("cannot listen on {endpoint}: {error}{}", mend(&error))),
        }
    }
    Err(last)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // For a restart at once: not while somebody listens.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

async fn addresses(endpoint: &str) -> io::Result<Vec<SocketAddr>> {
    let (host, port) = split_port(endpoint).ok_or_else(|| io::Error::other("not an address and a port"))?;
    let both = |v4: IpAddr, v6: IpAddr| vec![SocketAddr::new(v4, port), SocketAddr::new(v6, port)];
    match host {
        "localhost" => Ok(both(Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into())),
        // The IPv6 address stands for both, where this machine speaks IPv6.
        "" => Ok(both(Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into())),
        host => {
            let mut addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
            addresses.sort_by_key(SocketAddr::is_ipv6);
            Ok(addresses)
        }
    }
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; ports below 1024 need a right of their own: take a higher one",
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        _ => "",
    }
}
