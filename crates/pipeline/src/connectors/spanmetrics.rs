//! `spanmetrics`: how many spans there are, how many failed and how long they took, by service, name and dimensions.

mod settings;
mod layout;
mod aggregate;

use flow::config::Node;
use flow::{BuildError, Consumer, Ctx, Factory, Made, Make, Outlets, Signal};

use super::aggregating::Aggregating;
use aggregate::SpanMetrics;
use settings::Settings;
pub(super) use settings::{Exemplars, SERIES};

pub static FACTORY: Factory = Factory {
    name: "spanmetrics",
    aliases: &["span_metrics"],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Connector { gives: &[Signal::Metrics], make },
};

fn make(section: &Node, ctx: &Ctx, outlets: Outlets) -> Made<dyn Consumer> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let overflowed = ctx.telemetry.counter(
        "throughline_connector_overflowed_spans",
        "Spans that were counted in the overflow series, since there was no room for their own.",
        &["connector"],
    );
    let interval = settings.metrics_flush_interval.get();
    let metrics = SpanMetrics::new(&settings, overflowed.with_label_values(&[&ctx.id]));
    Ok(Aggregating::start(ctx, metrics, interval, outlets))
}

#[cfg(test)]
mod tests;
