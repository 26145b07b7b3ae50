//! Where the list of backends comes from.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use flow::{BoxFuture, Ctx};
use prometheus::IntCounterVec;
use tokio::time::timeout;

use super::settings::{Dns, Resolvers, with_port};
use crate::net::failure::chain;

/// What becomes of a question for the addresses of a name.
type Lookup = BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// Who is asked for them; offered through `Ctx` where it is not the system.
pub struct NameService(pub Box<dyn Fn(&str) -> Lookup + Send + Sync>);

impl Default for NameService {
    fn default() -> Self {
        Self(Box::new(|host| {
            let host = host.to_owned();
            Box::pin(async move {
                let found = tokio::net::lookup_host((host, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        }))
    }
}

/// Endpoints in order, none twice.
pub(super) type List = BTreeSet<Arc<str>>;

#[derive(Clone)]
pub(super) struct Resolver {
    id: Arc<str>,
    source: Source,
    resolutions: IntCounterVec,
}

#[derive(Clone)]
enum Source {
    Static(List),
    Dns { settings: Dns, port: u16, names: Arc<NameService> },
}

impl Resolver {
    /// `None` for settings that were not checked.
    pub(super) fn new(settings: &Resolvers, ctx: &Ctx) -> Option<Self> {
        let source = match (&settings.fixed, &settings.dns) {
            (Some(fixed), _) => {
                Source::Static(fixed.hostnames.iter().map(|host| Arc::from(with_port(host))).collect())
            }
            (None, Some(dns)) => {
                let names = ctx.get::<NameService>().unwrap_or_default();
                Source::Dns { settings: dns.0.clone(), port: dns.port.parse().ok()?, names }
            }
            (None, None) => return None,
        };
        let resolutions = ctx.telemetry.counter(
            "otelcol_loadbalancer_num_resolutions",
            "As in the OpenTelemetry Collector.",
            &["exporter", "resolver", "success"],
        );
        Some(Self { id: Arc::clone(&ctx.id), source, resolutions })
    }

    pub(super) fn name(&self) -> &'static str {
        match self.source {
            Source::Static(_) => "static",
            Source::Dns { .. } => "dns",
        }
    }

    pub(super) fn interval(&self) -> Option<Duration> {
        match &self.source {
            Source::Static(_) => None,
            Source::Dns { settings, .. } => Some(settings.interval.get()),
        }
    }

    /// The list as it is now. `None` where it cannot be had: whoever has one keeps it.
    pub(super) async fn resolve(&self) -> Option<List> {
        let (settings, port, names) = match &self.source {
            Source::Static(list) => return Some(list.clone()),
            Source::Dns { settings, port, names } => (settings, *port, names),
        };
        let host = settings.hostname.as_str();
        let found = match timeout(settings.timeout.get(), (names.0)(host)).await {
            Ok(Ok(found)) if found.is_empty() => Err("the name has no address".to_owned()),
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(chain(&error)),
            Err(_) => Err(format!("no answer within {:?}", settings.timeout.get())),
        };
        let success = if found.is_ok() { "true" } else { "false" };
        self.resolutions.with_label_values(&[&*self.id, self.name(), success]).inc();
        match found {
            Ok(found) => {
                Some(found.into_iter().map(|ip| Arc::from(SocketAddr::new(ip, port).to_string())).collect())
            }
            Err(why) => {
                tracing::warn!(host, why, "the backends' name cannot be resolved; the last list stays");
                None
            }
        }
    }
}
