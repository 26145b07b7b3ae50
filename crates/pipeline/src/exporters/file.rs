//! `file`: writes batches into a file, one record for each.

mod settings;
mod appender;
mod backups;

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Made, Make, Signal};
use tokio::sync::Mutex;

use super::otlp::packing::{Encoding, Packing};
use crate::net::coding::Coding;
use appender::Appender;
use settings::Settings;

pub static FACTORY: Factory = Factory {
    name: "file",
    aliases: &[],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Exporter(make),
};

fn make(section: &Node, ctx: &Ctx) -> Made<dyn Exporter> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(Files::new(&settings, Arc::clone(&ctx.id))))
}

struct Files {
    id: Arc<str>,
    packing: Packing,
    appender: Arc<Mutex<Appender>>,
}

impl Files {
    fn new(settings: &Settings, id: Arc<str>) -> Self {
        let appender = Arc::new(Mutex::new(Appender::new(settings.appending())));
        Self { id, packing: settings.packing(), appender }
    }

    async fn append(&self, batch: &Batch) -> Result<(), ExportError> {
        let record = self.packing.pack(batch.signal, &batch.payload).await?;
        let record = self.framed(record).ok_or_else(|| {
            ExportError::Permanent("the batch is larger than the 4 GiB that a record can say".into())
        })?;
        let written = self.on_the_disk(move |appender| appender.append(&record, SystemTime::now())).await;
        written.map_err(|why| ExportError::Retry { why, after: None })
    }

    /// JSON in lines; anything binary behind its length, as the collector writes it.
    fn framed(&self, mut record: Vec<Bytes>) -> Option<Vec<Bytes>> {
        if self.packing.encoding == Encoding::Json && self.packing.coding == Coding::Identity {
            record.push(Bytes::from_static(b"\n"));
        } else {
            let length: usize = record.iter().map(Bytes::len).sum();
            let length = u32::try_from(length).ok()?;
            record.insert(0, Bytes::copy_from_slice(&length.to_be_bytes()));
        }
        Some(record)
    }

    /// Disks may be slow: the runtime's own threads do not wait for them.
    async fn on_the_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Appender) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let mut appender = Arc::clone(&self.appender).lock_owned().await;
        let done = tokio::task::spawn_blocking(move || work(&mut appender)).await;
        done.map_err(|error| error.to_string()).flatten()
    }
}

impl Exporter for Files {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            let opened = self.on_the_disk(Appender::start).await;
            opened.map_err(|why| BuildError::new(&self.id, why))
        })
    }

    fn may_overlap(&self) -> bool {
        false
    }

    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(self.append(batch))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Err(why) = self.on_the_disk(Appender::finish).await {
                tracing::error!(exporter = %self.id, why, "what was written last may be lost");
            }
        })
    }
}

#[cfg(test)]
mod tests;
