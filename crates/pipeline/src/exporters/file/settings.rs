//! Keys and defaults of the collector's `fileexporter`, and what can be wrong with them.

use std::path::{Path, PathBuf};

use flow::config::{Finding, GoDuration, Node, Section};
use serde::Deserialize;

use super::appender::{Appending, Rotation};
use crate::engine::sending::{QueueSettings, RetrySettings};
use crate::exporters::otlp::packing::{Encoding, Packing};
use crate::exporters::unsupported;
use crate::net::coding::Coding;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) path: String,
    format: Encoding,
    append: bool,
    compression: String,
    rotation: Option<Section<RotationSettings>>,
    create_directory: bool,
    directory_permissions: Option<String>,
    /// Every batch is written before it counts as sent, so there is nothing to flush.
    flush_interval: GoDuration,
    group_by: GroupBy,
    encoding: Option<String>,
    retry_on_failure: RetrySettings,
    sending_queue: QueueSettings,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct RotationSettings {
    max_megabytes: u64,
    max_days: u64,
    max_backups: usize,
    localtime: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupBy {
    enabled: bool,
    resource_attribute: String,
    max_open_files: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: String::new(),
            format: Encoding::Json,
            append: false,
            compression: String::new(),
            rotation: None,
            create_directory: false,
            directory_permissions: None,
            flush_interval: GoDuration::from_secs(1),
            group_by: GroupBy::default(),
            encoding: None,
            retry_on_failure: RetrySettings::default(),
            sending_queue: QueueSettings::default(),
        }
    }
}

impl Default for RotationSettings {
    fn default() -> Self {
        Self { max_megabytes: DEFAULT_MEGABYTES, max_days: 0, max_backups: 100, localtime: false }
    }
}

const DEFAULT_MEGABYTES: u64 = 100;

impl Settings {
    fn coding(&self) -> Option<Coding> {
        Coding::from_name(&self.compression)
            .filter(|coding| matches!(coding, Coding::Identity | Coding::Zstd))
    }

    pub(super) fn packing(&self) -> Packing {
        Packing { encoding: self.format, coding: self.coding().unwrap_or(Coding::Identity), level: None }
    }

    pub(super) fn appending(&self) -> Appending {
        let packing = self.packing();
        Appending {
            path: PathBuf::from(&self.path),
            lines: packing.encoding == Encoding::Json && packing.coding == Coding::Identity,
            keep: self.append || self.rotation.is_some(),
            create_directory: self.create_directory,
            rotation: self.rotation.as_ref().map(|rotation| Rotation {
                max_bytes: match rotation.max_megabytes {
                    0 => DEFAULT_MEGABYTES << 20,
                    megabytes => megabytes.saturating_mul(1 << 20),
                },
                max_days: rotation.max_days,
                max_backups: rotation.max_backups,
            }),
        }
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    findings.extend(check_path(section, &settings));
    findings.extend(unsupported::idle(section, &["flush_interval"]));
    if settings.coding().is_none() {
        let at = section.get("compression").unwrap_or(section);
        let message = format!("`{}` is not a compression of files", settings.compression);
        findings.push(Finding::error(at, message).help("write zstd, or leave it out"));
    }
    if let (true, Some(at)) = (settings.group_by.enabled, section.get("group_by")) {
        let finding = Finding::error(at, "one file for each value of an attribute is not supported");
        findings.push(finding.help("remove `group_by`; everything goes into `path`"));
    }
    if let (Some(encoding), Some(at)) = (&settings.encoding, section.get("encoding")) {
        let finding =
            Finding::error(at, format!("encoding extensions are not supported: there is no `{encoding}`"));
        findings.push(finding.help("choose with `format: json` or `format: proto`"));
    }
    if let (Some(_), Some(at)) = (&settings.directory_permissions, section.get("directory_permissions")) {
        let advice = Finding::advice(at, "not used: the umask of this process decides");
        findings.push(advice.help("create the folder beforehand where that does not fit"));
    }
    let localtime = section.at(["rotation", "localtime"]);
    if let (Some(true), Some(at)) = (settings.rotation.map(|rotation| rotation.localtime), localtime) {
        let advice = Finding::advice(at, "the names of backups have the time in UTC");
        findings.push(advice.help("leave it out"));
    }
    findings
}

fn check_path(section: &Node, settings: &Settings) -> Option<Finding> {
    let at = section.get("path").unwrap_or(section);
    let path = Path::new(&settings.path);
    if settings.path.is_empty() {
        return Some(Finding::error(at, "`path` is required").help("write for example `path: spans.json`"));
    }
    if path.is_dir() {
        return Some(Finding::error(at, "this is a folder").help("name a file in it"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    if folder.is_dir() || settings.create_directory {
        return None;
    }
    let finding = Finding::error(at, format!("there is no folder `{}`", folder.display()));
    Some(finding.help("create it, or set `create_directory: true`"))
}
