//! `servicegraph`: who calls whom, how often, with what outcome and how long, from pairs of client and server spans.

mod settings;
mod store;
mod aggregate;

use flow::config::Node;
use flow::{BuildError, Consumer, Ctx, Factory, Made, Make, Outlets, Signal};

use super::aggregating::Aggregating;
use aggregate::{Counters, ServiceGraph};
use settings::Settings;

pub static FACTORY: Factory = Factory {
    name: "servicegraph",
    aliases: &["service_graph"],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Connector { gives: &[Signal::Metrics], make },
};

fn make(section: &Node, ctx: &Ctx, outlets: Outlets) -> Made<dyn Consumer> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let interval = settings.metrics_flush_interval.get();
    let graph = ServiceGraph::new(&settings, Counters::new(ctx));
    Ok(Aggregating::start(ctx, graph, interval, outlets))
}

#[cfg(test)]
mod tests;
