//! `file_storage`: where `sending_queue.storage` keeps the queues of exporters.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flow::config::{Finding, GoDuration, Node};
use flow::{BuildError, Ctx, Extension, Factory, Make};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::journal::{Journals, Keeping};

pub static FACTORY: Factory =
    Factory { name: "file_storage", aliases: &[], signals: &[], check, make: Make::Extension(make) };

/// The collector syncs never or at every write; here batches that come together are synced together.
const GROUP_WAIT: Duration = Duration::from_millis(5);
/// Keys of the collector's own file format.
const WITHOUT_EFFECT: [&str; 4] = ["timeout", "fsync", "recreate", "compaction"];

/// Keys and defaults of the collector's `filestorage`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    directory: PathBuf,
    create_directory: bool,
    /// Of the directory, in bytes; 0 is no limit.
    max_size: u64,
    directory_permissions: IgnoredAny,
    timeout: GoDuration,
    fsync: bool,
    recreate: bool,
    compaction: IgnoredAny,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/otelcol/file_storage"),
            create_directory: false,
            max_size: 0,
            directory_permissions: IgnoredAny,
            timeout: GoDuration::from_secs(1),
            fsync: false,
            recreate: false,
            compaction: IgnoredAny,
        }
    }
}

fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key: &str| section.get(key).unwrap_or(section);
    if settings.directory.as_os_str().is_empty() {
        findings.push(Finding::error(at("directory"), "`directory` is empty"));
    }
    if section.get("fsync").is_some() && !settings.fsync {
        let advice = Finding::advice(at("fsync"), "every batch is synced before it counts as queued");
        findings.push(advice.help("remove the key"));
    }
    for key in WITHOUT_EFFECT.into_iter().filter(|key| *key != "fsync") {
        if let Some(node) = section.get(key) {
            let advice = Finding::advice(node, "has no effect: segments of a log need none of it");
            findings.push(advice.help("remove the key"));
        }
    }
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let keeping = Keeping {
        directory: settings.directory,
        create: settings.create_directory,
        max_size: settings.max_size,
        max_age: Duration::ZERO,
        patience: GROUP_WAIT,
    };
    let home = ctx.get::<Journals>().unwrap_or_default().add_storage(ctx, keeping);
    Ok(home)
}
