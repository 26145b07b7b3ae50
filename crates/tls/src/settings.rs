//! The keys of a `tls` section, in three groups: for both sides, for clients, for servers.

use flow::config::{Finding, GoDuration, Node, Opaque};
use serde::Deserialize;

#[derive(Clone, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Both {
    pub(super) ca_file: String,
    pub(super) ca_pem: Opaque,
    pub(super) cert_file: String,
    pub(super) cert_pem: Opaque,
    pub(super) key_file: String,
    pub(super) key_pem: Opaque,
    pub(super) include_system_ca_certs_pool: bool,
    pub(super) min_version: String,
    pub(super) max_version: String,
    pub(super) cipher_suites: Vec<String>,
    pub(super) include_insecure_cipher_suites: bool,
    pub(super) curve_preferences: Vec<String>,
    pub(super) reload_interval: GoDuration,
    pub(super) tpm: Tpm,
}

#[derive(Clone, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct ForClients {
    pub(super) insecure: bool,
    pub(super) insecure_skip_verify: bool,
    pub(super) server_name_override: String,
}

#[derive(Clone, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct ForServers {
    pub(super) client_ca_file: String,
    pub(super) reload_client_ca_file: bool,
}

/// Keys in a hardware module: the keys are known, the module is not supported.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Tpm {
    pub(super) enabled: bool,
    pub(super) path: String,
    pub(super) owner_auth: Opaque,
    pub(super) auth: Opaque,
}

impl Both {
    pub(super) fn has_authority(&self) -> bool {
        !self.ca_file.is_empty() || !self.ca_pem.0.is_empty()
    }

    pub(super) fn has_certificate(&self) -> bool {
        !self.cert_file.is_empty() || !self.cert_pem.0.is_empty()
    }

    pub(super) fn has_key(&self) -> bool {
        !self.key_file.is_empty() || !self.key_pem.0.is_empty()
    }

    /// The files that `reload_interval` is about.
    pub(super) fn renewed(&self) -> Vec<&String> {
        if self.reload_interval.is_zero() { Vec::new() } else { vec![&self.cert_file, &self.key_file] }
    }

    /// What works otherwise than its key says.
    pub(super) fn advice(&self, section: &Node) -> Vec<Finding> {
        let mut advice = Vec::new();
        let mut advise = |key: &str, message: &str, help: &str| {
            let at = section.get(key).unwrap_or(section);
            advice.push(Finding::advice(at, message).help(help));
        };
        for (key, version) in [("min_version", &self.min_version), ("max_version", &self.max_version)] {
            if matches!(version.as_str(), "1.0" | "1.1") {
                advise(key, "TLS 1.0 and 1.1 are not offered", "write \"1.2\" or \"1.3\"");
            }
        }
        if self.include_insecure_cipher_suites {
            let help = "leave the key out; peers need a suite of `cipher_suites` or TLS 1.3";
            advise("include_insecure_cipher_suites", "insecure suites are never offered", help);
        }
        advice
    }
}
