//! Keys and defaults of the collector's `otlpexporter`, and what can be wrong with them.

use std::time::Duration;

use flow::config::{Finding, GoDuration, Node, Section};
use rustls::pki_types::ServerName;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::target::{Complaint, Target};
use crate::engine::sending::{QueueSettings, RetrySettings};
use crate::exporters::otlp::packing::{Encoding, Packing};
use crate::exporters::otlp::{credentials, headers};
use crate::exporters::unsupported;
use crate::net::coding::Coding;
use crate::net::serve::Auth;
use crate::net::tls::ClientTls;
use crate::transit;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) endpoint: String,
    /// For one attempt; 0 for no limit.
    pub(super) timeout: GoDuration,
    pub(super) compression: String,
    pub(super) tls: ClientTls,
    pub(super) headers: headers::Settings,
    pub(super) keepalive: Option<Section<Keepalive>>,
    pub(super) wait_for_ready: bool,
    pub(super) balancer_name: String,
    pub(super) authority: String,
    pub(super) user_agent: String,
    read_buffer_size: usize,
    write_buffer_size: usize,
    pub(super) auth: Option<Auth>,
    middlewares: Vec<IgnoredAny>,
    /// Measures how long batches are on their way.
    pub(super) transit: Option<Section<transit::Settings>>,
    retry_on_failure: RetrySettings,
    sending_queue: QueueSettings,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Keepalive {
    pub(super) time: GoDuration,
    pub(super) timeout: GoDuration,
    pub(super) permit_without_stream: bool,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            time: GoDuration::from_secs(10),
            timeout: GoDuration::from_secs(10),
            permit_without_stream: false,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            timeout: GoDuration::from_secs(5),
            compression: "gzip".into(),
            tls: ClientTls::default(),
            headers: headers::Settings::new(),
            keepalive: None,
            wait_for_ready: false,
            balancer_name: "round_robin".into(),
            authority: String::new(),
            user_agent: String::new(),
            read_buffer_size: 0,
            write_buffer_size: 512 << 10,
            auth: None,
            middlewares: Vec::new(),
            transit: None,
            retry_on_failure: RetrySettings::default(),
            sending_queue: QueueSettings::default(),
        }
    }
}

impl Settings {
    pub(super) fn target(&self) -> Result<Target, Complaint> {
        Target::read(&self.endpoint)
    }

    /// As in the collector: the address decides where it says so; else TLS, unless it is switched off.
    pub(super) fn is_secure(&self, target: &Target) -> bool {
        target.tls.unwrap_or_else(|| !self.tls.is_plain())
    }

    /// What calls name as their server.
    pub(super) fn authority(&self, target: &Target) -> String {
        match (self.authority.is_empty(), self.tls.server_name()) {
            (false, _) => self.authority.clone(),
            (true, Some(name)) => name.to_str().into_owned(),
            (true, None) => target.authority().to_owned(),
        }
    }

    /// The name that the server's certificate must bear.
    pub(super) fn server_name(&self, target: &Target) -> Option<ServerName<'static>> {
        let authority = self.authority.parse::<http::uri::Authority>().ok();
        let host = authority.as_ref().map_or(target.host(), |authority| authority.host());
        self.tls.server_name().or_else(|| ServerName::try_from(host.to_owned()).ok())
    }

    /// `None` for a compression that gRPC has no name for.
    pub(super) fn packing(&self) -> Option<Packing> {
        let coding = match Coding::from_name(&self.compression)? {
            // What gRPC calls snappy is the framed form.
            Coding::Snappy => Coding::SnappyFramed,
            known @ (Coding::Identity | Coding::Gzip | Coding::Zstd) => known,
            _ => return None,
        };
        Some(Packing { encoding: Encoding::Proto, coding, level: None })
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        Some(self.timeout.get()).filter(|timeout| !timeout.is_zero())
    }
}

/// Everything wrong with a section, and advice on it.
pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key: &str| section.get(key).unwrap_or(section);
    findings.extend(headers::check(section, &settings.headers));
    findings.extend(unsupported::extensions(section, settings.middlewares.is_empty()));
    findings.extend(unsupported::idle(section, &["read_buffer_size", "write_buffer_size"]));
    if let Some(transit) = &settings.transit {
        findings.extend(transit.check(at("transit")));
    }
    if settings.packing().is_none() {
        let message = format!("`{}` is not a compression of gRPC", settings.compression);
        findings.push(Finding::error(at("compression"), message).help("write gzip, snappy, zstd or none"));
    }
    for (key, value) in [("authority", &settings.authority), ("user_agent", &settings.user_agent)] {
        let fits = match key {
            "authority" => value.is_empty() || value.parse::<http::uri::Authority>().is_ok(),
            _ => value.parse::<http::HeaderValue>().is_ok(),
        };
        if !fits {
            findings.push(Finding::error(at(key), "it has characters that cannot be sent"));
        }
    }
    if !matches!(settings.balancer_name.as_str(), "" | "round_robin" | "pick_first") {
        let message = format!("there is no balancer `{}`; round_robin is used", settings.balancer_name);
        findings.push(Finding::advice(at("balancer_name"), message).help("write round_robin or pick_first"));
    }
    match settings.target() {
        Err((what, mend)) => findings.push(Finding::error(at("endpoint"), what).help(mend)),
        Ok(target) if settings.is_secure(&target) => {
            findings.extend(settings.tls.check(at("tls")));
            if settings.server_name(&target).is_none() {
                let message = format!("`{}` is not a name that a certificate can bear", target.host());
                let help = "set `tls::server_name_override`, or `tls: {insecure: true}` for plain text";
                findings.push(Finding::error(at("endpoint"), message).help(help));
            }
        }
        Ok(_) => findings.extend(credentials::check(section, false)),
    }
    findings
}
