//! `load_balancing`: the spans of one trace to one of several backends, each with a queue of its own.
//!
//! A balancer follows a list of backends (`resolver`), chooses by rendezvous hashing (`rendezvous`, `key`), and moves
//! what waits for a backend that is gone or does not answer to the others (`balancer`).

mod settings;
mod key;
mod rendezvous;
mod resolver;
mod metrics;
mod backend;
mod balancer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Made, Make, Signal};
use tokio::task::JoinSet;

use super::otlp_grpc;
use balancer::Balancer;
use resolver::Resolver;
use settings::Settings;

pub use resolver::NameService;

pub static FACTORY: Factory = Factory {
    name: "load_balancing",
    aliases: &["loadbalancing"],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Exporter(make),
};

/// How often it is looked after which backends answer.
const GLANCE: Duration = Duration::from_millis(500);

fn make(section: &Node, ctx: &Ctx) -> Made<dyn Exporter> {
    let unchecked = || BuildError::new(&ctx.id, "the settings were not checked");
    let settings: Settings = section.parse().map_err(|_| unchecked())?;
    let resolver = Resolver::new(&settings.resolver, ctx).ok_or_else(unchecked)?;
    let Make::Exporter(make) = otlp_grpc::FACTORY.make else { return Err(unchecked()) };
    let balancer = Balancer::new(section, &settings, resolver.name(), make, ctx)?;
    Ok(Arc::new(LoadBalancing { balancer: Arc::new(balancer), resolver, tasks: Mutex::default() }))
}

struct LoadBalancing {
    balancer: Arc<Balancer>,
    resolver: Resolver,
    tasks: Mutex<JoinSet<()>>,
}

impl Exporter for LoadBalancing {
    /// The list is there before the first batch, where the resolver has one; a name that cannot be resolved yet is not
    /// an error.
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async {
            if let Some(list) = self.resolver.resolve().await {
                self.balancer.install(&list)?;
            }
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.spawn(Arc::clone(&self.balancer).move_leftovers());
            tasks.spawn(glance(Arc::clone(&self.balancer)));
            if let Some(interval) = self.resolver.interval() {
                tasks.spawn(follow(self.resolver.clone(), interval, Arc::clone(&self.balancer)));
            }
            Ok(())
        })
    }

    fn hands_on(&self) -> bool {
        true
    }

    fn may_overlap(&self) -> bool {
        false
    }

    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async move {
            self.balancer
                .take(batch)
                .await
                .map_err(|refusal| ExportError::Retry { why: refusal.why, after: refusal.retry_after })
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            // The leftovers' task ends here as well: from now on they are dealt with in place.
            let mut tasks = tasks;
            tasks.shutdown().await;
            self.balancer.end().await;
        })
    }
}

async fn glance(balancer: Arc<Balancer>) {
    loop {
        tokio::time::sleep(GLANCE).await;
        balancer.look_after();
    }
}

async fn follow(resolver: Resolver, interval: Duration, balancer: Arc<Balancer>) {
    loop {
        tokio::time::sleep(interval).await;
        if let Some(list) = resolver.resolve().await
            && let Err(error) = balancer.install(&list)
        {
            tracing::error!(%error, "a backend of the new list cannot be used; the old list stays");
        }
    }
}

#[cfg(test)]
mod tests;
