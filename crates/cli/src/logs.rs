//! Structured logs on standard error, as `service.telemetry.logs` has them.

use pipeline::plan::{Encoding, Logs};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

/// For commands that have output of their own: only what is wrong.
pub(crate) fn start_quietly(logs: &Logs) {
    start(&Logs { level: tracing::Level::WARN, ..logs.clone() });
}

/// Sets the process's log output. `RUST_LOG` refines the level.
pub(crate) fn start(logs: &Logs) {
    let level = Directive::from(logs.level);
    let filter = EnvFilter::builder().with_default_directive(level).from_env_lossy();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match logs.encoding {
        Encoding::Json => builder.json().flatten_event(true).try_init(),
        Encoding::Console => builder.with_ansi(false).try_init(),
    };
    if let Err(error) = set {
        tracing::debug!(%error, "logs were set before");
    }
}
