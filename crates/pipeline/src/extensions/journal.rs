//! `journal`: what was accepted is on disk before the client hears so. One line switches it on for every pipeline.

use std::path::PathBuf;
use std::sync::Arc;

use flow::config::{Finding, GoDuration, Node};
use flow::{BuildError, Ctx, Extension, Factory, Make};
use serde::Deserialize;

use crate::journal::{Journals, Keeping};

pub static FACTORY: Factory =
    Factory { name: "journal", aliases: &[], signals: &[], check, make: Make::Extension(make) };

/// Below this there is no room for the segments of a pipeline and an exporter.
const LEAST_MIB: u64 = 16;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    directory: PathBuf,
    /// Of the directory; with more, clients are refused. 0 is no limit.
    max_size_mib: u64,
    /// What could not be delivered for so long is given up; 0 is never.
    max_age: GoDuration,
    /// How long an accepted request waits, at most, for others that are synced with it.
    group_wait: GoDuration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            directory: PathBuf::new(),
            max_size_mib: 4096,
            max_age: GoDuration::ZERO,
            group_wait: GoDuration::from_millis(5),
        }
    }
}

fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key: &str| section.get(key).unwrap_or(section);
    if settings.directory.as_os_str().is_empty() {
        let finding = Finding::error(at("directory"), "`directory` is missing");
        findings.push(finding.help("name a directory on a local disk, for this process alone"));
    }
    if (1..LEAST_MIB).contains(&settings.max_size_mib) {
        let finding = Finding::error(at("max_size_mib"), format!("less than {LEAST_MIB}"));
        findings.push(finding.help("4096 is the default; 0 is no limit"));
    }
    if settings.group_wait.get().as_millis() > 1000 {
        let finding = Finding::error(at("group_wait"), "longer than a second: every client waits for it");
        findings.push(finding.help("5ms is the default"));
    }
    if !settings.max_age.is_zero() {
        let advice = Finding::advice(
            at("max_age"),
            "what is older is given up, though a client was told that it is safe",
        );
        findings.push(advice.help("without `max_age` it waits until it can be delivered"));
    }
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let keeping = Keeping {
        directory: settings.directory,
        create: true,
        max_size: settings.max_size_mib << 20,
        max_age: settings.max_age.get(),
        patience: settings.group_wait.get(),
    };
    let home = ctx.get::<Journals>().unwrap_or_default().set_journal(ctx, keeping)?;
    Ok(home)
}
