//! `host:port` as the collector reads it.

use std::net::IpAddr;

/// `host:port`, without the brackets of an IPv6 address; an empty host means every address.
pub fn split_port(endpoint: &str) -> Option<(&str, u16)> {
    let (host, port) = endpoint.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if bare.is_none() && host.contains(':') {
        return None;
    }
    Some((bare.unwrap_or(host), port.parse().ok()?))
}

/// Whether only programs on this machine can mean this host.
pub fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_in_go() {
        for (endpoint, expected) in [
            ("localhost:4317", Some(("localhost", 4317))),
            (":4317", Some(("", 4317))),
            ("[::1]:4317", Some(("::1", 4317))),
            ("::1:4317", None),
            ("localhost", None),
            ("localhost:http", None),
            ("localhost:65536", None),
            ("", None),
        ] {
            assert_eq!(split_port(endpoint), expected, "{endpoint}");
        }
    }

    #[test]
    fn hosts_that_only_this_machine_means() {
        for host in ["localhost", "LocalHost.", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(host), "{host}");
        }
        let others = ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example", "[::1]", "127.0.0.1:1", "0x7f.1"];
        for host in others {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
