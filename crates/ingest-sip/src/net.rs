//! Which addresses belong together.

use std::net::IpAddr;
use std::str::FromStr;

/// Addresses with the same first bits: `192.0.2.0/24`, or one address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Net {
    bits: u128,
    pub(crate) length: u32,
    four: bool,
}

impl Net {
    fn of(ip: IpAddr, length: Option<u32>) -> Option<Self> {
        let ip = ip.to_canonical();
        let whole = if ip.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(whole);
        (length <= whole).then(|| Self { bits: cut(bits(ip), length), length, four: ip.is_ipv4() })
    }

    /// Whether every address of its kind is in it.
    pub fn is_everybody(&self) -> bool {
        self.length == 0
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.four && cut(bits(ip), self.length) == self.bits
    }
}

impl FromStr for Net {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "neither an address nor a network such as `192.0.2.0/24`";
        let (ip, length) = match text.split_once('/') {
            Some((ip, length)) => (ip, Some(length.parse().map_err(|_| WRONG)?)),
            None => (text, None),
        };
        ip.parse().ok().and_then(|ip| Self::of(ip, length)).ok_or(WRONG)
    }
}

/// The first bits of an address, at the top of the number.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

fn cut(bits: u128, length: u32) -> u128 {
    bits & u128::MAX.checked_shl(128 - length).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        for (net, ip, inside) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("::/0", "2001:db8::1", true),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
        ] {
            let net: Net = net.parse().unwrap();
            assert_eq!(net.contains(ip.parse().unwrap()), inside, "{net:?} {ip}");
        }
        for wrong in ["", "192.0.2.0/33", "192.0.2", "example.com", "::/129", "1.2.3.4/x"] {
            assert!(wrong.parse::<Net>().is_err(), "{wrong}");
        }
    }
}
