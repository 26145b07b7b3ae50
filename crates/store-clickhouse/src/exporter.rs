//! The exporter `clickhouse_store`: into the tables.

use std::sync::Arc;

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Make, Signal};
use prometheus::IntCounter;
use store_api::to_spans::to_spans;
use store_api::{StoreDoor, TraceStore, door};

use crate::settings::{Settings, check};
use crate::store::{ClickHouse, Unopened};

pub const OUT: Factory = Factory {
    name: "clickhouse_store",
    aliases: &[],
    signals: &[Signal::Traces],
    check,
    make: Make::Exporter(make),
};

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Exporter>, BuildError> {
    let fail = |why: String| BuildError::new(&ctx.id, why);
    let settings: Settings =
        section.parse().map_err(|findings| fail(findings.iter().map(ToString::to_string).collect()))?;
    let stores = ctx.get::<StoreDoor>().ok_or_else(|| fail("this binary offers no store".to_owned()))?;
    let beside = door::Settings {
        directory: settings.directory.clone(),
        retention: settings.retention,
        ..Default::default()
    };
    let store = Arc::new(ClickHouse::new(settings).map_err(fail)?);
    let shown = Arc::clone(&store) as Arc<dyn TraceStore>;
    stores.bring(&ctx.id, beside, &shown).map_err(|error| fail(error.to_string()))?;
    let counter = |name: &str, help: &str| {
        ctx.telemetry.counter(name, help, &["exporter"]).with_label_values(&[ctx.id.as_ref()])
    };
    Ok(Arc::new(ClickHouseStore {
        id: Arc::clone(&ctx.id),
        store,
        duplicates: counter("throughline_store_duplicate_spans", "Spans that the store had already."),
        nameless: counter(
            "throughline_store_nameless_spans",
            "Spans without a trace id or a span id, left out.",
        ),
    }))
}

struct ClickHouseStore {
    id: Arc<str>,
    store: Arc<ClickHouse>,
    duplicates: IntCounter,
    nameless: IntCounter,
}

impl Exporter for ClickHouseStore {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async {
            match self.store.open().await {
                Ok(()) => Ok(()),
                Err(Unopened::Wrong(error)) => Err(BuildError::new(&self.id, error.to_string())),
                Err(Unopened::Away(error)) => {
                    tracing::warn!(exporter = %self.id, %error, "the store is not there yet; spans wait for it");
                    Ok(())
                }
            }
        })
    }

    fn replaces(&self) -> bool {
        true
    }

    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async {
            let spans = to_spans(&batch.payload);
            let appended = self.store.append(spans.spans).await?;
            self.nameless.inc_by(spans.nameless as u64);
            self.duplicates.inc_by(appended.duplicates as u64);
            Ok(())
        })
    }
}
