//! Work in a span that goes to a collector, below the context that the environment hands in.

use std::process::ExitCode;

use opentelemetry::Context;
use opentelemetry::trace::FutureExt;
use throughline_sdk::genesys::calls::Calls;
use throughline_sdk::wire::Trust;
use throughline_sdk::{Guard, Propagator};

use super::platform::Through;
use super::report::{Done, Report};
use super::site::{Site, environment};

/// Names that OpenTelemetry gives to a context in the environment of a process.
const CARRIED: [(&str, &str); 2] = [("TRACEPARENT", "traceparent"), ("TRACESTATE", "tracestate")];

/// Does the work with a client, tells what became of it, and sends the spans.
pub(super) fn run<D: Done>(
    site: &Site,
    work: impl AsyncFnOnce(Calls<Through<'_>>) -> Result<D, throughline_sdk::genesys::calls::CallError>,
) -> ExitCode {
    let report = Report { json: site.json, dialect: site.dialect };
    let (platform, identity) = match site.open(&environment) {
        Ok(open) => open,
        Err(why) => return report.usage(&why),
    };
    let spans = match spans(site) {
        Ok(spans) => spans,
        Err(why) => return report.usage(&why),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report.failed(&format!("no runtime: {error}")),
    };
    let done = runtime.block_on(async {
        platform.log_in_first().await?;
        let calls = Calls::new(Through(&platform), site.dialect, identity);
        Ok(work(calls).with_context(surroundings(&environment)).await)
    });
    // Waits for the collector; a call that was placed is no less placed where there is none.
    let exported = spans.flush().map_err(|_| site.collector(&environment));
    match done {
        Ok(Ok(done)) => report.done(&done, exported),
        Ok(Err(error)) => report.error(&error, exported),
        Err(error) => report.login(&error),
    }
}

fn spans(site: &Site) -> Result<Guard, String> {
    let builder = throughline_sdk::builder().service_name("throughline-call");
    let builder = match &site.otlp {
        Some(url) => {
            let url = url.trim_end_matches('/');
            let path = if url.ends_with("/v1/traces") { "" } else { "/v1/traces" };
            builder.endpoint(format!("{url}{path}"))
        }
        None => builder,
    };
    builder.start().map_err(|error| error.to_string())
}

/// Whoever started this process may have a span.
fn surroundings(set: &impl Fn(&str) -> Option<String>) -> Context {
    let carried: Vec<(&str, String)> =
        CARRIED.into_iter().filter_map(|(variable, header)| Some((header, set(variable)?))).collect();
    let decision = Propagator::default().find(&carried).decide(Trust::Trusted);
    throughline_sdk::join(&Context::new(), &decision)
}
