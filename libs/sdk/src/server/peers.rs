//! The networks whose callers are believed.

use std::net::IpAddr;
use std::str::FromStr;

/// Networks, such as `10.0.0.0/8, 192.0.2.7, 2001:db8::/32`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Peers {
    networks: Vec<Network>,
}

/// Text that does not name networks.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no network; write an address, or an address with a length as in 10.0.0.0/8")]
pub struct UnknownPeers(String);

/// Addresses of IPv4 stand in `::ffff:0:0/96`, as they arrive at a socket of both families.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Network {
    bits: u128,
    length: u32,
}

impl Peers {
    /// Whether one of the networks holds this address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = wide(address);
        self.networks.iter().any(|network| same(network.bits, bits, network.length))
    }
}

impl FromStr for Peers {
    type Err = UnknownPeers;

    fn from_str(text: &str) -> Result<Self, UnknownPeers> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let networks = names.map(|name| network(name).ok_or_else(|| UnknownPeers(name.to_owned())));
        Ok(Self { networks: networks.collect::<Result<_, _>>()? })
    }
}

fn network(name: &str) -> Option<Network> {
    let (address, length) = match name.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
        None => (name, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let (all, before) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
    let length = length.unwrap_or(all);
    (length <= all).then(|| Network { bits: wide(address), length: before + length })
}

fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn same(network: u128, address: u128, length: u32) -> bool {
    (network ^ address).checked_shr(128 - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::{Peers, UnknownPeers};

    #[test]
    fn networks_hold_their_addresses() {
        for (networks, address, held) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "203.0.113.9", true),
            ("2001:db8::/32", "2001:db8:1::9", true),
            ("2001:db8::/32", "2001:db9::9", false),
            ("10.0.0.0/9, 2001:db8::1", "10.128.0.1", false),
            ("10.0.0.0/9, 2001:db8::1", "2001:db8::1", true),
            ("", "127.0.0.1", false),
        ] {
            let peers: Peers = networks.parse().unwrap();
            assert_eq!(peers.contains(address.parse().unwrap()), held, "{networks} {address}");
        }
    }

    #[test]
    fn what_names_no_network_is_refused() {
        for text in ["10.0.0.0/33", "::/129", "10.0.0/8", "localhost", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(text.parse::<Peers>(), Err(UnknownPeers(text.to_owned())));
        }
    }
}
