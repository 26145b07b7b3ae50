//! Keys of `rate_limit`.

use std::collections::BTreeMap;

use flow::config::{Finding, GoDuration, Node};
use http::HeaderName;
use serde::Deserialize;

use crate::auth::Sender;

#[derive(Clone, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) tenant: String,
    pub(super) requests_per_second: u64,
    pub(super) items_per_second: u64,
    pub(super) bytes_per_second: u64,
    pub(super) burst: GoDuration,
    pub(super) tenants: BTreeMap<String, Own>,
    pub(super) max_tenants: usize,
}

/// The limits of one tenant; what is not said is that of everybody.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Own {
    requests_per_second: Option<u64>,
    items_per_second: Option<u64>,
    bytes_per_second: Option<u64>,
    burst: Option<GoDuration>,
}

/// 0 for no limit.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    pub(super) requests_per_second: u64,
    pub(super) items_per_second: u64,
    pub(super) bytes_per_second: u64,
    /// So many seconds' worth may come at once.
    pub(super) burst: GoDuration,
}

/// What tells tenants apart.
pub(super) enum Tenant {
    Address,
    Header(HeaderName),
    Authenticator(String),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenant: "client.address".to_owned(),
            requests_per_second: 0,
            items_per_second: 0,
            bytes_per_second: 0,
            burst: GoDuration::from_secs(2),
            tenants: BTreeMap::new(),
            max_tenants: 10_000,
        }
    }
}

impl Settings {
    pub(super) fn rates(&self, tenant: &str) -> Rates {
        let own = self.tenants.get(tenant).cloned().unwrap_or_default();
        Rates {
            requests_per_second: own.requests_per_second.unwrap_or(self.requests_per_second),
            items_per_second: own.items_per_second.unwrap_or(self.items_per_second),
            bytes_per_second: own.bytes_per_second.unwrap_or(self.bytes_per_second),
            burst: own.burst.unwrap_or(self.burst),
        }
    }
}

impl Tenant {
    /// By the names that `from_context` has.
    pub(super) fn read(name: &str) -> Option<Self> {
        match name.split_once('.')? {
            ("client", "address") => Some(Self::Address),
            ("metadata", name) => name.parse().ok().map(Self::Header),
            ("auth", name) if !name.is_empty() => Some(Self::Authenticator(name.to_owned())),
            _ => None,
        }
    }

    /// Whose request it is; those that do not say share one account.
    pub(super) fn of(&self, sender: &Sender<'_>) -> String {
        let said = match self {
            Self::Address => Some(sender.peer.ip().to_string()),
            Self::Header(name) => {
                sender.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
            }
            Self::Authenticator(name) => {
                sender.identity.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            }
        };
        said.unwrap_or_default()
    }

    /// For the client: never a value of a header, which may be a secret.
    pub(super) fn described(&self, name: &str) -> String {
        match self {
            Self::Address => format!("the address {name}"),
            Self::Header(header) => format!("this `{header}`"),
            Self::Authenticator(attribute) => format!("this `{attribute}`"),
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key: &str| section.get(key).unwrap_or(section);
    if Tenant::read(&settings.tenant).is_none() {
        let finding = Finding::error(at("tenant"), format!("`{}` tells no tenants apart", settings.tenant));
        findings.push(finding.help("write client.address, metadata.<header> or auth.<attribute>"));
    }
    if settings.burst.is_zero() {
        findings.push(Finding::error(at("burst"), "nothing could ever come in").help("write 2s"));
    }
    if settings.max_tenants == 0 {
        findings.push(Finding::error(at("max_tenants"), "there is room for nobody").help("write 10000"));
    }
    let limits = |rates: &Rates| rates.requests_per_second + rates.items_per_second + rates.bytes_per_second;
    let any = std::iter::once("").chain(settings.tenants.keys().map(String::as_str));
    if any.map(|tenant| settings.rates(tenant)).all(|rates| limits(&rates) == 0) {
        let finding = Finding::advice(section, "nothing is limited");
        findings.push(finding.help("set requests_per_second, items_per_second or bytes_per_second"));
    }
    findings
}
