//! `groupbytrace`: keeps spans until their trace has had time to arrive, and passes it on in one piece.
//!
//! What it has taken it keeps until the next consumer takes it. Where there is no room, the oldest traces go early.

mod settings;
mod metrics;
mod table;

use std::sync::Arc;

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Drain, Factory, Make, Refusal, Signal};

use metrics::Metrics;
use table::Table;

pub static FACTORY: Factory = Factory {
    name: "groupbytrace",
    aliases: &[],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Processor(make),
};

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let settings = section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let accounts = ctx.get().unwrap_or_default();
    let metrics = Metrics::new(&ctx.telemetry);
    Ok(Arc::new(Processor { table: Arc::new(Table::new(settings, accounts, metrics, next)) }))
}

struct Processor {
    table: Arc<Table>,
}

impl Consumer for Processor {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.table.next_consumer().admit(bytes)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            self.table.start();
            self.table.take(batch).await
        })
    }

    fn drain(&self, end: Drain) -> BoxFuture<'_, ()> {
        Box::pin(self.table.drain(end.within))
    }

    fn in_flight(&self) -> u64 {
        self.table.items()
    }
}

#[cfg(test)]
mod tests;
