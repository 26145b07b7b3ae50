//! `rate_limit`: so much of each tenant, as a middleware of listeners.

mod bucket;
mod settings;
mod tenants;

use std::sync::Arc;

use flow::config::Node;
use flow::{BuildError, Ctx, Extension, Factory, Make, Refusal};
use tokio::time::Instant;

use super::Passive;
use crate::auth::{Charge, Limit, Offer, Offers, Sender};
use bucket::Buckets;
use settings::{Settings, Tenant};
use tenants::Tenants;

pub static FACTORY: Factory = Factory {
    name: "rate_limit",
    aliases: &[],
    signals: &[],
    check: settings::check,
    make: Make::Extension(make),
};

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let wrong = || BuildError::new(&ctx.id, "the settings were not checked");
    let settings: Settings = section.parse().map_err(|_| wrong())?;
    let tenant = Tenant::read(&settings.tenant).ok_or_else(wrong)?;
    let limited = ctx.telemetry.counter(
        "throughline_rate_limit_refused_requests",
        "Requests that came beyond the limit of their tenant.",
        &["extension"],
    );
    let limiter =
        Limiter { tenant, tenants: Tenants::new(settings), refused: limited.with_label_values(&[&*ctx.id]) };
    Offers::add(ctx, Offer::Limit(Arc::new(limiter)));
    Ok(Arc::new(Passive))
}

struct Limiter {
    tenant: Tenant,
    tenants: Tenants,
    refused: prometheus::IntCounter,
}

impl Limit for Limiter {
    fn account(&self, sender: &Sender<'_>) -> Result<Arc<dyn Charge>, Refusal> {
        let name = self.tenant.of(sender);
        let buckets = self.tenants.get(&name, Instant::now());
        match buckets.enter(Instant::now()) {
            Ok(()) => Ok(buckets),
            Err(wait) => {
                self.refused.inc();
                let why = format!("the limit of {} is used up", self.tenant.described(&name));
                Err(Refusal::busy(why, wait))
            }
        }
    }
}

impl Charge for Buckets {
    fn charge(&self, bytes: usize, items: usize) {
        self.spend(bytes, items, Instant::now());
    }
}
