//! What this side offers in a handshake: versions, cipher suites, key exchange groups.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, SupportedCipherSuite, SupportedProtocolVersion};

use super::problem::{Problem, Problems};
use super::settings::Both;

/// The versions between `min_version` and `max_version`; the lower ones that rustls has not are passed over.
pub(super) fn versions(settings: &Both, problems: &mut Problems) -> Vec<&'static SupportedProtocolVersion> {
    let min = problems.note(number("min_version", &settings.min_version, 2)).unwrap_or(2);
    let max = problems.note(number("max_version", &settings.max_version, 3)).unwrap_or(3);
    if min > max {
        let what = format!("TLS 1.{min} is above `max_version` 1.{max}");
        problems.add(Problem::new("min_version", what, "give a range such as \"1.2\" to \"1.3\""));
    } else if max < 2 {
        let mend = "write \"1.2\" or \"1.3\", or leave the key out";
        problems.add(Problem::new("max_version", "TLS 1.0 and 1.1 are not offered", mend));
    }
    [(2, &TLS12), (3, &TLS13)]
        .into_iter()
        .filter(|(minor, _)| (min..=max).contains(minor))
        .map(|(_, version)| version)
        .collect()
}

fn number(key: &'static str, version: &str, default: u8) -> Result<u8, Problem> {
    match version {
        "" => Ok(default),
        "1.0" => Ok(0),
        "1.1" => Ok(1),
        "1.2" => Ok(2),
        "1.3" => Ok(3),
        _ => Err(Problem::new(key, format!("`{version}` is not a TLS version"), "write \"1.2\" or \"1.3\"")),
    }
}

/// The cryptography, narrowed to `cipher_suites` and `curve_preferences` where they are given.
pub(super) fn provider(settings: &Both, problems: &mut Problems) -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    let names: Vec<String> = provider.cipher_suites.iter().map(suite_name).collect();
    only_known("cipher_suites", &settings.cipher_suites, &names, problems);
    if !settings.cipher_suites.is_empty() {
        // As in the collector, the list is about TLS 1.2.
        provider
            .cipher_suites
            .retain(|suite| suite.version() == &TLS13 || settings.cipher_suites.contains(&suite_name(suite)));
    }
    only_known(
        "curve_preferences",
        &settings.curve_preferences,
        &CURVES.map(|(name, _)| name.to_owned()),
        problems,
    );
    if !settings.curve_preferences.is_empty() {
        let groups = std::mem::take(&mut provider.kx_groups);
        let wanted = settings.curve_preferences.iter().filter_map(|name| curve(name));
        provider.kx_groups =
            wanted.filter_map(|group| groups.iter().find(|known| known.name() == group).copied()).collect();
    }
    Arc::new(provider)
}

/// By the names of the collector.
const CURVES: [(&str, NamedGroup); 3] =
    [("X25519", NamedGroup::X25519), ("P256", NamedGroup::secp256r1), ("P384", NamedGroup::secp384r1)];

fn curve(name: &str) -> Option<NamedGroup> {
    CURVES.iter().find(|(known, _)| *known == name).map(|(_, group)| *group)
}

/// The registered name; rustls writes those of TLS 1.3 in a way of its own.
fn suite_name(suite: &SupportedCipherSuite) -> String {
    suite.suite().as_str().unwrap_or_default().replacen("TLS13_", "TLS_", 1)
}

fn only_known(key: &'static str, wanted: &[String], known: &[String], problems: &mut Problems) {
    for name in wanted.iter().filter(|name| !known.contains(name)) {
        let what = format!("`{name}` is not offered; there are {}", known.join(", "));
        problems.add(Problem::new(key, what, "leave it out of the list"));
    }
}
