//! The exporter `lake`: into the embedded store.

use std::sync::Arc;

use flow::component::BoxFuture;
use flow::config::{Finding, Node};
use flow::{Batch, BuildError, Ctx, ExportError, Exporter, Factory, Make, Signal};
use prometheus::IntCounter;
use tokio::sync::OnceCell;

use crate::door::{Settings, StoreDoor};
use crate::error::StoreError;
use crate::store::TraceStore;
use crate::to_spans::to_spans;

pub const OUT: Factory =
    Factory { name: "lake", aliases: &[], signals: &[Signal::Traces], check, make: Make::Exporter(make) };

fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    if let Some(settings) = settings {
        let at = |key| section.get(key).unwrap_or(section);
        if settings.memory_limit_mib < 8 {
            findings.push(Finding::error(at("memory_limit_mib"), "less than 8 MiB cannot hold a batch"));
        }
        if settings.flush_interval.is_zero() {
            let finding = Finding::error(at("flush_interval"), "an interval of zero");
            findings.push(
                finding.help("write `sync: true` to have every batch on disk before it is acknowledged"),
            );
        }
        if settings.retention.get().as_secs() < 60 {
            findings.push(Finding::error(at("retention"), "less than a minute"));
        }
    }
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Exporter>, BuildError> {
    let fail = |why: String| BuildError::new(&ctx.id, why);
    let settings: Settings =
        section.parse().map_err(|findings| fail(findings.iter().map(ToString::to_string).collect()))?;
    let door = ctx.get::<StoreDoor>().ok_or_else(|| fail("this binary offers no store".to_owned()))?;
    door.configure(&ctx.id, settings.clone()).map_err(|error| fail(error.to_string()))?;
    let counter = |name: &str, help: &str| {
        ctx.telemetry.counter(name, help, &["exporter"]).with_label_values(&[ctx.id.as_ref()])
    };
    Ok(Arc::new(Lake {
        id: Arc::clone(&ctx.id),
        settings,
        door,
        store: OnceCell::new(),
        duplicates: counter("throughline_store_duplicate_spans", "Spans that the store had already."),
        nameless: counter(
            "throughline_store_nameless_spans",
            "Spans without a trace id or a span id, left out.",
        ),
    }))
}

struct Lake {
    id: Arc<str>,
    settings: Settings,
    door: Arc<StoreDoor>,
    store: OnceCell<Arc<dyn TraceStore>>,
    duplicates: IntCounter,
    nameless: IntCounter,
}

impl Lake {
    async fn store(&self) -> Result<&Arc<dyn TraceStore>, StoreError> {
        self.store.get_or_try_init(|| self.door.open(&self.settings)).await
    }
}

impl Exporter for Lake {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async {
            let opened = self.store().await;
            opened.map(drop).map_err(|error| BuildError::new(&self.id, error.to_string()))
        })
    }

    fn replaces(&self) -> bool {
        true
    }

    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async {
            let spans = to_spans(&batch.payload);
            let appended = self.store().await?.append(spans.spans).await?;
            self.nameless.inc_by(spans.nameless as u64);
            self.duplicates.inc_by(appended.duplicates as u64);
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(store) = self.store.get()
                && let Err(error) = store.flush().await
            {
                tracing::error!(exporter = %self.id, %error, "spans in memory could not be written and are lost");
            }
        })
    }
}

#[cfg(test)]
mod tests;
